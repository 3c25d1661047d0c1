"""Two samples, checked and cast once: the door every distance goes through.

Numbers are computed in float64 if either sample is float64 (or of whole numbers other than bytes), and in float32
if both are float32 or narrower, or bytes (which count as x / 255): the data say how precise an answer they ask for.
Inside a caller's `jit` with x64 off there is no float64, so there it is float32.
"""

import contextlib
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Float, Shaped

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array

_NARROW = ("uint8", "float16", "bfloat16", "float32")


def paired(
    x: Any, y: Any, *, names: tuple[str, str] = ("x", "y")
) -> tuple[Float[Array, "n d"], Float[Array, "m d"]]:
    """Rows of both samples in one dtype, where they are: NumPy arrays stay on the host.

    Args:
        x: Points (n, ...); one dimension means n points of one feature.
        y: Points (m, ...) with as many features.
        names: What the errors call them.

    Returns:
        Both as (n, d) and (m, d); arrays of float32 are not copied.

    Raises:
        ValueError: no numbers, non-finite values, no points, or other numbers of features.
    """
    a, b, dtype = uncast(x, y, names=names)
    return cast(a, dtype), cast(b, dtype)


def uncast(
    x: Any, y: Any, *, names: tuple[str, str] = ("x", "y")
) -> tuple[Shaped[Array, "n d"], Shaped[Array, "m d"], Any]:
    """What `paired` checks and flattens, before `cast`, and the dtype to cast to: no copies.

    Raises:
        ValueError: as `paired`.
    """
    a, b = _flat(names[0], x), _flat(names[1], y)
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{names[0]} {np.shape(x)} and {names[1]} {np.shape(y)} have {a.shape[1]} and {b.shape[1]} "
            "features a point. Compare points of one kind, image sizes included."
        )
    return a, b, _dtype(a, b)


def cast(rows: Shaped[Array, "n d"], dtype: Any) -> Float[Array, "n d"]:
    """Rows as numbers of the dtype to compute in, bytes as x / 255."""
    if rows.dtype == dtype:
        return rows
    if np.dtype(dtype) == np.float64 and not is_traced(rows):
        rows = np.asarray(rows)  # a JAX array outside x64 cannot hold float64
    wide = rows.astype(dtype)
    return wide / np.asarray(255.0, dtype) if rows.dtype == np.uint8 else wide


def rows(name: str, x: Any) -> Array:
    """One sample as rows (n, d) of float32 or float64; an array of float32 is not copied.

    Raises:
        ValueError: no numbers, non-finite values, no points or no features.
    """
    flat = _flat(name, x)
    return cast(flat, _dtype(flat))


def centre(x: Array) -> Array:
    """The median of at most 256 rows, feature by feature: a few far points do not move it, as they do a mean.

    Expanded squared distances are exact to rounding of the squares as measured from here.
    """
    part = x[:: max(1, x.shape[0] // 256)]
    if isinstance(part, np.ndarray):
        return np.median(part, axis=0).astype(x.dtype)
    return jax.lax.stop_gradient(jnp.median(part, axis=0))


def precision(x: Array) -> Any:
    """A context in which JAX computes in the dtype of `x`: float64 needs x64, float32 needs nothing."""
    return _numerics.x64() if x.dtype == np.float64 else contextlib.nullcontext()


def number(value: Any, *samples: Array) -> Array:
    """A result as a 0-d NumPy array, so that float64 survives outside x64; a tracer stays one.

    Inside a trace `paired` cannot refuse samples with NaN or infinity, and `kernels.squared_distances` counts what
    is no number as zero. So there the result is NaN if `samples` hold any.
    """
    if not isinstance(value, Tracer):
        return np.asarray(value)
    for sample in samples:
        # Not isfinite(sample).all(): XLA on a CPU holds its n x d booleans.
        finite = jnp.isfinite(sample.max()) & jnp.isfinite(sample.min())
        value = jnp.where(finite, value, jnp.nan)
    return value


def root(power: Float[Array, "*shape"], p: float | int = 2) -> Float[Array, "*shape"]:
    """power ** (1 / p), zero below zero; its derivative at zero is zero there, not infinite.

    A distance has no derivative where the samples coincide; zero is the one that stops a descent.
    """
    none = power <= 0.0  # false for NaN, which comes through
    safe = jnp.where(none, 1.0, power)
    return jnp.where(none, 0.0, jnp.sqrt(safe) if p == 2 else safe ** (1.0 / p))


def is_traced(*arrays: Any) -> bool:
    """Whether any of the arrays is a tracer: then nothing can be raised about values."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(arrays))


def _flat(name: str, x: Any) -> Array:
    x = _checks.numeric_array(name, x)
    if x.ndim == 0 or 0 in x.shape:
        raise ValueError(
            f"{name} has shape {x.shape}: it holds no points to compare. Give at least one row."
        )
    if not is_traced(x):
        _checks.finite(name, x)
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def _dtype(*arrays: Array) -> np.dtype:
    wide = any(a.dtype.name not in _NARROW for a in arrays)
    if is_traced(*arrays):
        return np.dtype(jnp.result_type(float)) if wide else np.dtype(np.float32)
    return np.dtype(np.float64 if wide else np.float32)
