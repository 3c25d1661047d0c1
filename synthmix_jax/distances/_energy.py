"""Energy distance: a distance between laws that needs no bandwidth, only Euclidean distances of points.

    d(P, Q)^2 = 2 E|X - Y| - E|X - X'| - E|Y - Y'|

with X, X' from P and Y, Y' from Q. It is the MMD of the kernel -|a - b|, zero only where P = Q.

References:
    Székely and Rizzo (2013), Energy statistics: a class of statistics based on distances. [szekely2013]
"""

import functools

import jax
from jaxtyping import Float, Shaped

from synthmix_jax import kernels
from synthmix_jax._typing import Array
from synthmix_jax.distances import _samples
from synthmix_jax.distances._pairs import PAIRS_AT_ONCE, mean_over_pairs


def energy(x: Shaped[Array, "n ..."], y: Shaped[Array, "m ..."]) -> Float[Array, ""]:
    """The energy distance between two samples, sqrt(2 E|X - Y| - E|X - X'| - E|Y - Y'|).

    Every mean is over all pairs, a point with itself included (a V-statistic): it is the exact distance between the
    two empirical laws, so never negative and zero on itself. As an estimate of the distance between the laws
    behind the samples it is too large, by about 1 / n + 1 / m in the square. In float32 it cancels: below about
    3e-4 of the spread of the data it is noise.

    Unit: the square root of the data's; scaling the data by s scales it by sqrt(s). Cost: (n + m)^2 d operations,
    in blocks: memory is a few copies of the data, not n m. A gradient flows to both samples; it is zero where the
    distance is.

    Args:
        x: Points (n, ...); one dimension means n points of one feature; images are flattened, uint8 counts as
            x / 255.
        y: Points (m, ...) with as many features; n and m may differ.

    Returns:
        A scalar, float32 if both samples are float32 or narrower, else float64.

    Raises:
        ValueError: the samples do not fit, are empty, or hold text or non-finite values.

    References:
        Székely and Rizzo (2013). [szekely2013]
    """
    a, b = _samples.paired(x, y)
    with _samples.precision(a):
        return _samples.number(_samples.root(_squared(a, b)), a, b)


@functools.partial(jax.jit, static_argnames="pairs_at_once")
def _squared(a: Array, b: Array, pairs_at_once: int = PAIRS_AT_ONCE) -> Array:
    """The square of `energy`, of rows already cast; may be negative by rounding."""

    def mean(u: Array, v: Array) -> Array:
        return mean_over_pairs(_distances, u, v, pairs_at_once=pairs_at_once)

    return 2.0 * mean(a, b) - mean(a, a) - mean(b, b)


def _distances(a: Array, b: Array) -> Array:
    return _samples.root(kernels.squared_distances(a, b))
