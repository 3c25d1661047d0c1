"""Which sweep this is: the network (traced, never run; whether it can take the data), and all settings."""

import dataclasses
import hashlib
import math
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from synthmix_jax._version import __version__
from synthmix_jax.dataset import Dataset

from . import _augment, _points
from ._plan import Plan
from ._sharding import Layout
from ._step import Points, Trainer
from ._workdir import FORMAT


def describe(trainer: Trainer, points: Points) -> dict[str, Any]:
    """A record of the network that another network, or another version of it, does not share.

    Args:
        trainer: With the model.
        points: The pool.

    Returns:
        Class name, number of parameters, and checksums of the traced programs (with their shapes and constants,
        without addresses in memory): how it begins, and what it does in training and in evaluation.

    Raises:
        ValueError: the model cannot be called with these inputs, its outputs are not what the targets need,
            or calling it changes its structure.
    """
    begins, (params, rest) = _trace(trainer.fresh, jax.ShapeDtypeStruct((), np.uint32))
    x = jax.ShapeDtypeStruct((2, *np.shape(points.x)[1:]), points.x.dtype)

    def forward(train: bool) -> Callable[..., Any]:
        def run(params, rest, x):
            inputs = _augment.standardized(x, points.mean, points.scale)
            return trainer.apply(params, rest, inputs, train=train)

        return run

    try:
        evaluates, (out, _) = _trace(forward(False), params, rest, x)
        trains, (_, rest_after) = _trace(forward(True), params, rest, x)
    except Exception as error:  # whatever the model raises on a wrong shape
        raise ValueError(
            f"model cannot be called with images or vectors of shape (n, "
            f"{', '.join(map(str, np.shape(points.x)[1:]))}): {error}"
        ) from error
    _check_outputs(trainer, points, out)
    if _structure(rest) != _structure(rest_after):
        raise ValueError(
            f"{trainer.name} changes its own structure when it is called (a variable comes, goes or changes "
            "its type): make all variables when the model is made."
        )
    return {
        "class": trainer.name,
        "parameters": sum(math.prod(p.shape) for p in jax.tree.leaves(params)),
        "initialization": begins,
        "training": trains,
        "evaluation": evaluates,
    }


def settings(
    plan: Plan,
    network: dict[str, Any],
    data: dict[str, Dataset | None],
    keep_models: bool,
    layout: Layout,
) -> dict[str, Any]:
    """All that the numbers of a sweep depend on. What it does without has no name: old records match."""
    config = dataclasses.asdict(plan.config)
    at_once = config.pop("models_at_once")
    draw, shares = plan.draws[0], plan.mix.requested
    if len(draw.target) == 0 or shares is not None:  # there it weighs nothing
        config.pop("target_weight")
    mixes = {"ratios": plan.ratios.tolist()} if shares is None else {"shares": shares.tolist()}
    return {
        "format": FORMAT,
        "config": config,
        **mixes,
        "counts": plan.counts.tolist(),
        "num_real": len(draw.real),
        **({"num_target": len(draw.target)} if len(draw.target) else {}),
        "num_validation": len(draw.validation),
        "seeds": {k: list(v) for k, v in dataclasses.asdict(plan.seeds).items()},
        "model": network,
        "data": {name: _points.fingerprint(d) for name, d in data.items()},
        "keep_models": bool(keep_models),
        "not_compared": {
            "models_at_once": at_once,
            "devices": f"{layout.num_devices} {layout.platform}",
            "processes": jax.process_count(),
            "versions": {"synthmix_jax": __version__, "jax": jax.__version__},
        },
    }


def _check_outputs(trainer: Trainer, points: Points, out: Any) -> None:
    pixels = points.y.shape[1:] if trainer.dense else ()
    wanted = (2, *pixels, trainer.classes or points.y.shape[-1])
    if out.shape != wanted:
        needs = "one score a class" if trainer.classes else "one output a target"
        needs += " and pixel, as smx.models.UNet gives" if trainer.dense else ""
        raise ValueError(
            f"model gives outputs of shape {out.shape} for 2 points, but {wanted} is needed ({needs}): "
            f"make it with num_outputs={wanted[-1]}."
        )


def _trace(function: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
    """Checksum of a function's program, and the shapes of what it gives."""
    closed, out = jax.make_jaxpr(function, return_shape=True)(*arguments)
    digest = hashlib.sha256(re.sub(r"0x[0-9a-f]+", "", str(closed)).encode())
    for constant in closed.consts:
        if jnp.issubdtype(constant.dtype, jax.dtypes.prng_key):
            constant = jax.random.key_data(constant)
        digest.update(np.asarray(constant).tobytes())
    return digest.hexdigest()[:16], out


def _structure(tree: Any) -> Any:
    return jax.tree.structure(tree), [(a.shape, a.dtype) for a in jax.tree.leaves(tree)]
