"""Points checked at the door, and taken through a compiled function in blocks of rows.

Blocks are a loop of Python over one compiled function: XLA's convolutions on CPU are slow inside its own loops, and
what is held besides input and output is that of one block.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Float, Shaped

from synthmix_jax import _checks
from synthmix_jax._typing import Array

Whole: TypeAlias = Any
"""A whole number from the caller, of any type until it is checked."""

_NARROW = ("float16", "bfloat16", "float32")


def checked(x: Any, *, shape: tuple[int, ...] | None = None) -> Shaped[Array, "n ..."]:
    """Points (n, ...) as an array of finite numbers; values of tracers are not looked at.

    Args:
        x: The points.
        shape: The shape every point must have; any if None.

    Raises:
        ValueError: no numbers, no rows, no features, non-finite values, or points of another shape.
    """
    x = _checks.numeric_array("x", x)
    if x.ndim == 0 or 0 in x.shape:
        raise ValueError(
            f"x has shape {x.shape}; features need points (n, ...) with at least one row and one "
            "value. Give x[None] for a single point."
        )
    if shape is not None and x.shape[1:] != shape:
        raise ValueError(
            f"x has points of shape {x.shape[1:]} and these features were fitted on points of shape "
            f"{shape}. Give points of one kind, image sizes and channels included."
        )
    if not isinstance(x, Tracer):
        _checks.finite("x", x)
    return x


def flattened(x: Shaped[Array, "n ..."]) -> Float[Array, "n d"]:
    """Rows (n, d) where they are: float32 for bytes and narrow floats, else the widest float."""
    flat = x.reshape(x.shape[0], math.prod(x.shape[1:]))
    if flat.dtype == np.uint8 or flat.dtype.name in _NARROW:
        return single(flat)
    return flat.astype(np.float64 if isinstance(flat, np.ndarray) else jnp.result_type(float))


def single(x: Array) -> Array:
    """Points in float32, bytes as x / 255."""
    wide = x.astype(np.float32)
    return wide * np.float32(1.0 / 255.0) if x.dtype == np.uint8 else wide


def in_blocks(
    function: Callable[[Array], jax.Array], x: Shaped[Array, "n ..."], size: int
) -> Float[Array, "n d"]:
    """`function` of points in float32, `size` rows at a time; a tracer goes through as a whole.

    Args:
        function: Maps points (b, ...) in float32 to features (b, d) in float32, row by row.
        x: Points (n, ...).
        size: Rows of a block. Fewer points make one block, of a power of two so that calls with
            few points compile few programs.
    """
    if isinstance(x, Tracer):
        return function(single(x))
    on_host = np.asarray(x)
    n = len(on_host)
    size = min(size, 1 << (n - 1).bit_length())
    starts = range(0, n, size)
    blocks = [_block(function, on_host[start : start + size], size) for start in starts]
    out = np.concatenate(blocks)
    return out if isinstance(x, np.ndarray) else jnp.asarray(out)


def _block(function: Callable[[Array], jax.Array], rows: np.ndarray, size: int) -> np.ndarray:
    """One block; the last one is filled up with its last row, so that nothing compiles anew."""
    rows = np.asarray(single(rows))
    missing = size - len(rows)
    if missing:
        filled = np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)])
        return np.asarray(function(filled))[: len(rows)]
    return np.asarray(function(rows))


def whole(name: str, value: Whole, *, least: int, most: int | None = None, remedy: str) -> int:
    """Return a whole number within bounds.

    Raises:
        ValueError: not a whole number, or out of bounds.
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {bounds}, got {value!r}. {remedy}")
    return int(value)
