"""Models by name, for configurations and the command line."""

import difflib
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from ._cnn import SmallCNN
from ._inputs import positive
from ._mlp import MLP
from ._resnet import ResNet9, ResNet18
from ._vit import ViTTiny

NAMES = ("mlp", "small_cnn", "resnet9", "resnet18", "vit_tiny")
"""The names that `named` knows."""


def named(
    name: str, *, input_shape: Sequence[int], num_outputs: int, dtype: DTypeLike | None = None
) -> Callable[[nnx.Rngs], nnx.Module]:
    """A function that builds a model by name, with everything else at its default.

    Args:
        name: One of `NAMES`.
        input_shape: Of one point: (height, width, channels), (height, width) for grey images, or for "mlp"
            any shape.
        num_outputs: Classes, or regression targets.
        dtype: Of the computation; None for bfloat16 on accelerators and float32 on CPUs.

    Returns:
        A callable `rngs` -> model. Nothing is allocated before it is called.

    Raises:
        ValueError: an unknown name, or a shape that the model cannot take.
    """
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"name must be one of {', '.join(map(repr, NAMES))}, got {name!r}.{hint}")
    shape = tuple(input_shape)
    for side in shape:
        positive(input_shape=side)
    if not shape or (name != "mlp" and len(shape) not in (2, 3)):
        raise ValueError(
            f"input_shape must be (height, width, channels) for {name!r}, got {shape}. "
            "Use 'mlp' for vectors."
        )
    build = _builder(name, shape, num_outputs, dtype)
    # Traced, not run: whatever the model says about the shape is said now.
    jax.eval_shape(lambda x: build(nnx.Rngs(0))(x), jax.ShapeDtypeStruct((2, *shape), jnp.float32))
    return build


def _builder(
    name: str, shape: tuple[int, ...], num_outputs: int, dtype: DTypeLike | None
) -> Callable[[nnx.Rngs], nnx.Module]:
    if name == "mlp":
        size = math.prod(shape)
        return lambda rngs: MLP(num_outputs, in_features=size, dtype=dtype, rngs=rngs)
    channels = shape[2] if len(shape) == 3 else 1
    if name == "vit_tiny":
        size = (shape[0], shape[1])
        return lambda rngs: ViTTiny(
            num_outputs, image_size=size, in_channels=channels, dtype=dtype, rngs=rngs
        )
    model = {"small_cnn": SmallCNN, "resnet9": ResNet9, "resnet18": ResNet18}[name]
    return lambda rngs: model(num_outputs, in_channels=channels, dtype=dtype, rngs=rngs)
