"""Which network this is, and whether it can take the data: traced, never run."""

import hashlib
import math
import re
from typing import Any

import jax
import numpy as np

from . import _augment
from ._step import Points, Trainer


def describe(trainer: Trainer, points: Points) -> dict[str, Any]:
    """A record of the network that another network, or another version of it, does not share.

    Args:
        trainer: With the model.
        points: The pool.

    Returns:
        Class name, number of parameters, and a checksum of the traced program (with its shapes, and without
        addresses in memory).

    Raises:
        ValueError: the model cannot be called with these inputs, or its outputs are not what the targets need.
    """
    params, rest = jax.eval_shape(trainer.fresh, jax.ShapeDtypeStruct((), np.uint32))
    x = jax.ShapeDtypeStruct((2, *np.shape(points.x)[1:]), points.x.dtype)

    def forward(params, rest, x):
        return trainer.predict(params, rest, _augment.standardized(x, points.mean, points.scale))

    try:
        traced = jax.make_jaxpr(forward, return_shape=True)(params, rest, x)
    except Exception as error:  # whatever the model raises on a wrong shape
        raise ValueError(
            f"model cannot be called with images or vectors of shape (n, "
            f"{', '.join(map(str, np.shape(points.x)[1:]))}): {error}"
        ) from error
    program, out = traced
    wanted = (2, trainer.classes or points.y.shape[-1])
    if out.shape != wanted:
        needs = "one score a class" if trainer.classes else "one output a target"
        raise ValueError(
            f"model gives outputs of shape {out.shape} for 2 points, but {wanted} is needed ({needs}): "
            f"make it with num_outputs={wanted[1]}."
        )
    text = re.sub(r"0x[0-9a-f]+", "", str(program))
    return {
        "class": trainer.name,
        "parameters": sum(math.prod(p.shape) for p in jax.tree.leaves(params)),
        "program": hashlib.sha256(text.encode()).hexdigest()[:16],
    }
