"""Sliced Wasserstein distance: optimal transport in one dimension, averaged over random directions.

    SW_p(P, Q)^p = E W_p(theta . X, theta . Y)^p,   theta uniform on the unit sphere

In one dimension optimal transport pairs quantiles: W_p^p is the integral over t of |F^-1(t) - G^-1(t)|^p. The
quantile functions of n and m points are constant between the breakpoints i / n and j / m, so the integral is a
finite sum over the merged breakpoints, exact for unequal sizes.

Arrays on the host are projected by blocks of rows, which holds n + m numbers a direction, and sorted by NumPy, on a
CPU with AVX-512 nine times as fast as XLA. Anything else goes through XLA by blocks of directions.

References:
    Bonneel et al. (2015), Sliced and Radon Wasserstein barycenters of measures. [bonneel2015]
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.distances import _samples

NUMBERS_AT_ONCE = 2**22
"""Numbers in a block of rows or of projections: 16 MB in float32."""


def sliced_wasserstein(
    x: Shaped[Array, "n ..."],
    y: Shaped[Array, "m ..."],
    *,
    key: Key,
    num_projections: int = 512,
    p: float | int = 2,
) -> Float[Array, ""]:
    """The sliced Wasserstein distance, (mean over directions of W_p^p of the projections)^(1/p).

    A translation by v is |v| / sqrt(d) away for p = 2: a direction sees one dimension in d, so values shrink with
    the number of features and compare only at one d. Two errors: that of the directions, in the p-th power their
    spread over sqrt(num_projections) (one key gives the same directions whatever the dtype); and that of the
    samples, upwards, at a rate in n that does not depend on d, unlike the Wasserstein distance's n^(-1/d).

    Unit: that of the data. Cost: (n + m) d operations a direction, and two sorts. Memory beside the data: (n + m)
    num_projections numbers for arrays on the host (memory maps and bytes are read block by block), and blocks of
    2^22 numbers otherwise. A gradient flows to both samples; it is zero where the distance is.

    Args:
        x: Points (n, ...); one dimension means n points of one feature; images are flattened, uint8 counts as
            x / 255.
        y: Points (m, ...) with as many features; n and m may differ.
        key: PRNG key that draws the directions.
        num_projections: Directions. Static.
        p: Order, at least 1. Static.

    Returns:
        A scalar, float32 if both samples are float32 or narrower, else float64.

    Raises:
        ValueError: the samples do not fit, are empty, or hold text or non-finite values; `num_projections` or `p`
            below 1.

    References:
        Bonneel et al. (2015). [bonneel2015]
    """
    if not (isinstance(num_projections, int | np.integer) and num_projections >= 1):
        raise ValueError(
            f"num_projections must be a whole number of at least 1, got {num_projections!r}. "
            "The default is 512."
        )
    if not 1.0 <= p < math.inf:
        raise ValueError(f"p must be at least 1 and finite, got {p}. Use 1 or 2.")
    a, b, dtype = _samples.uncast(_on_host(x), _on_host(y))
    directions = _directions(key, int(num_projections), a.shape[1])
    if (
        isinstance(a, np.ndarray)
        and isinstance(b, np.ndarray)
        and not _samples.is_traced(directions)
    ):
        u, v = (_host_projections(rows, directions, dtype) for rows in (a, b))
        return np.asarray(_host_power(u, v, p) ** (1.0 / p), dtype)
    a, b = _samples.cast(a, dtype), _samples.cast(b, dtype)
    with _samples.precision(a):
        return _samples.number(_samples.root(_sliced_power(a, b, directions, p), p), a, b)


def _directions(key: Any, count: int, d: int) -> Float[Array, "k d"]:
    """Normal vectors, whose directions are uniform; float32 whatever the flag, and not yet of unit length."""
    if not isinstance(key, jax.Array):
        raise ValueError(f"key must be a PRNG key such as jax.random.key(0), got {key!r}.")
    return jax.random.normal(key, (count, d), np.float32)


@functools.partial(jax.jit, static_argnames=("p", "numbers_at_once"))
def _sliced_power(
    a: Float[Array, "n d"],
    b: Float[Array, "m d"],
    directions: Float[Array, "k d"],
    p: float | int,
    *,
    numbers_at_once: int = NUMBERS_AT_ONCE,
) -> Float[Array, ""]:
    """Mean of W_p^p over directions, by blocks of them; traceable and differentiable."""
    count = directions.shape[0]
    units = jnp.asarray(directions, a.dtype)
    units = units / jnp.linalg.norm(units, axis=1, keepdims=True)
    i, j, widths = _merged(a.shape[0], b.shape[0])

    def one_direction(unit: Array) -> Array:
        project = functools.partial(jnp.matmul, precision=_numerics.HIGHEST)
        u, v = jnp.sort(project(a, unit)), jnp.sort(project(b, unit))
        return jnp.dot(_power(u[i] - v[j], p), widths.astype(a.dtype))

    size = min(count, max(1, numbers_at_once // len(widths)))
    # Under differentiation the sorted projections are computed again, not kept.
    return jax.lax.map(jax.checkpoint(one_direction), units, batch_size=size).mean()


def _host_projections(
    rows: Shaped[Array, "n d"],
    directions: Float[Array, "k d"],
    dtype: Any,
    *,
    numbers_at_once: int = NUMBERS_AT_ONCE,
) -> Float[np.ndarray, "k n"]:
    """Projections of the points on unit directions, in the order of the points; rows are cast block by block."""
    rows, units = np.asarray(rows), np.asarray(directions, dtype)
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    n, d = rows.shape
    out = np.empty((units.shape[0], n), dtype)
    size = max(1, numbers_at_once // d)
    for start in range(0, n, size):
        out[:, start : start + size] = units @ _samples.cast(rows[start : start + size], dtype).T
    return out


def _host_power(
    u: Float[np.ndarray, "k n"], v: Float[np.ndarray, "k m"], p: float | int
) -> np.floating:
    """Mean of W_p^p over directions, of `_host_projections`, sorted here in copies one direction at a time."""
    i, j, widths = _merged(u.shape[1], v.shape[1])
    widths = widths.astype(u.dtype)
    powers = [
        np.dot(_power(np.sort(first)[i] - np.sort(second)[j], p), widths)
        for first, second in zip(u, v, strict=True)
    ]
    return np.mean(powers, dtype=np.float64)


@functools.lru_cache(maxsize=8)
def _merged(n: int, m: int) -> tuple[Any, Any, np.ndarray]:
    """Pieces on which both quantile functions are constant: ranks in either sample, and widths that sum to one.

    In units of 1 / (n m) all breakpoints are whole numbers, so equal ones are found equal.
    """
    if n == m:
        return slice(None), slice(None), np.full(n, 1.0 / n)
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    starts = np.concatenate([[0], ends[:-1]])
    ranks = (starts // m).astype(np.int32), (starts // n).astype(np.int32)
    return *ranks, (ends - starts) / (n * m)


def _power(difference: Array, p: float | int) -> Array:
    """|difference|^p; squares and absolute values without a logarithm."""
    if p == 2:
        return difference * difference
    return abs(difference) if p == 1 else abs(difference) ** p


def _on_host(x: Any) -> Any:
    """The same numbers for NumPy where JAX holds them in the memory of the CPU: a view, reshaped without a copy."""
    if not isinstance(x, jax.Array) or _samples.is_traced(x) or not isinstance(x.dtype, np.dtype):
        return x
    return np.asarray(x) if all(d.platform == "cpu" for d in x.devices()) else x
