"""Convolution of volumes as a convolution of their planes.

A kernel that reaches over p planes sees, in each plane, the channels of p neighbours. So the volume becomes a stack
of planes whose channels are those of their neighbours side by side, and `conv2d` does the rest in any of its forms:
with "patches" it is one product of all p q r slices, with "winograd" a quarter of the multiplications within each
plane.
"""

from typing import get_args

import jax
import jax.numpy as jnp
from jaxtyping import Float

from synthmix_jax import _checks

from ._conv import Method, _padding, conv2d


def conv3d(
    x: Float[jax.Array, "b h w d i"],
    kernel: Float[jax.Array, "p q r i o"],
    *,
    stride: int = 1,
    method: str = "auto",
) -> Float[jax.Array, "b y x z o"]:
    """Cross-correlate volumes with a kernel, SAME padding.

    Args:
        x: Volumes (b, h, w, d, i).
        kernel: (p, q, r, i, o), of the dtype of `x`.
        stride: Voxels from one output to the next, the same in all directions.
        method: "native" (XLA's convolution), or one of the other forms of `conv2d` for the planes (w, d).

    Returns:
        (b, ceil(h / stride), ceil(w / stride), ceil(d / stride), o), the same for every method up to rounding.

    Raises:
        ValueError: unknown method, or "winograd" with another kernel within the planes than 3 x 3 at stride 1.
    """
    _checks.one_of("method", method, get_args(Method))
    if method == "native":
        layout = ("NHWDC", "HWDIO", "NHWDC")
        return jax.lax.conv_general_dilated(
            x, kernel, (stride,) * 3, "SAME", dimension_numbers=layout
        )
    p, q, r, i, o = kernel.shape
    planes = _with_neighbours(x, p, stride)
    flat = jnp.moveaxis(kernel, 0, 2).reshape(q, r, p * i, o)
    y = conv2d(planes.reshape(-1, *planes.shape[2:]), flat, stride=stride, method=method)
    return y.reshape(*planes.shape[:2], *y.shape[1:])


def _with_neighbours(x: jax.Array, planes: int, stride: int) -> jax.Array:
    """(b, y, w, d, planes i): each plane (w, d) that is kept, and its neighbours, channels side by side."""
    before, after, outputs = _padding(x.shape[1], planes, stride)
    if planes == 1:
        return jnp.asarray(x[:, ::stride])
    x = jnp.pad(x, ((0, 0), (before, after), (0, 0), (0, 0), (0, 0)))
    last = stride * (outputs - 1) + 1
    return jnp.concatenate([x[:, a : a + last : stride] for a in range(planes)], axis=-1)
