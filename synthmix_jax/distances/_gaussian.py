"""Wasserstein distance between Gaussians (Fréchet, Bures) without a matrix square root.

    d^2 = |mean difference|^2 + tr S1 + tr S2 - 2 tr (S1^(1/2) S2 S1^(1/2))^(1/2)

With S1 = A^T A and S2 = B^T B (centred rows over sqrt(n)) the last trace is the nuclear norm |A B^T|_*. With
A B^T = P D Q^T and U = P Q^T, the rotation of rows that brings B closest to A, the part of the covariances is

    tr S1 + tr S2 - 2 |A B^T|_* = |A - U B|^2 + |B - U^T U B|^2

Differences from the textbook: 1. No covariance is formed, rooted or inverted, so more features than points,
constant features and single points need no care. 2. No difference of large numbers is taken: beside zero the result
keeps the digits that the textbook's difference loses. 3. Derivatives: U is optimal, so to first order it does not
move, and nothing is differentiated through the SVD (first derivatives only; where A B^T is singular there is no
derivative, and this is one of the one-sided ones).

References:
    Dowson and Landau (1982), The Fréchet distance between multivariate normal distributions. [dowson1982]
    Heusel et al. (2017), GANs trained by a two time-scale update rule converge to a local Nash equilibrium.
    [heusel2017]
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics
from synthmix_jax._typing import Array
from synthmix_jax.distances import _samples


def gaussian_wasserstein(x: Shaped[Array, "n ..."], y: Shaped[Array, "m ..."]) -> Float[Array, ""]:
    """The W2 distance between two Gaussians with the samples' means and covariances: Fréchet distance.

    Only means and covariances are compared (the latter with 1 / n): two laws that share both are at zero. It is a
    lower bound of W2 between the samples. Its square on features of a network is the "FID". Biased upwards: two
    samples of one law are some way apart, the more so the more features (in the square, about tr S (1 / n + 1 / m)
    for the means alone); compare only at equal sample sizes.

    Unit: that of the data. Cost: about n d^2 + m d^2 + d^3 operations, or n m d where there are fewer points than
    features; memory of two copies of the data. A gradient flows to both samples, of first order only.

    Args:
        x: Points (n, ...); one dimension means n points of one feature; images are flattened, uint8 counts as
            x / 255.
        y: Points (m, ...) with as many features; n and m may differ, one point is enough.

    Returns:
        A scalar, float32 if both samples are float32 or narrower, else float64.

    Raises:
        ValueError: the samples do not fit, are empty, or hold text or non-finite values.

    References:
        Dowson and Landau (1982). [dowson1982] Heusel et al. (2017). [heusel2017]
    """
    a, b = _samples.paired(x, y)
    with _samples.precision(a):
        return _samples.number(_samples.root(_squared(a, b)), a, b)


@jax.jit
def _squared(a: Array, b: Array) -> Array:
    """The square of `gaussian_wasserstein`, of rows already cast."""
    # A sum of 50,000 float32 numbers far from zero loses digits that the difference of two means would miss.
    centre = jax.lax.stop_gradient(a.mean(axis=0))
    return _squared_between(_moments(a - centre), _moments(b - centre))


def _moments(
    rows: Float[Array, "n d"],
) -> tuple[Float[Array, " d"], Float[Array, "r d"]]:
    """Mean, and a factor with covariance = factor^T factor; r = min(n, d).

    Rows of zeros may be added to a factor, to give several of them one shape.
    """
    mean = rows.mean(axis=0)
    centred = rows - mean
    n, d = rows.shape
    scaled = centred / math.sqrt(n)
    return mean, _triangle(scaled) if n > d else scaled


def _squared_between(
    first: tuple[Float[Array, " d"], Float[Array, "r d"]],
    second: tuple[Float[Array, " d"], Float[Array, "q d"]],
) -> Float[Array, ""]:
    """Squared W2 between two Gaussians given by `_moments`; never negative."""
    (mean1, a), (mean2, b) = first, second
    if a.shape[0] > b.shape[0]:
        a, b = b, a
    u = jax.lax.stop_gradient(_rotation(a, b))
    turned = _product(u, b)
    covariances = jnp.sum((a - turned) ** 2)
    if a.shape[0] < b.shape[0]:
        covariances = covariances + jnp.sum((b - _product(u.T, turned)) ** 2)
    return jnp.sum((mean1 - mean2) ** 2) + covariances


def _rotation(a: Array, b: Array) -> Array:
    """U (r, q), r <= q, with orthonormal rows, that brings U b closest to a (orthogonal Procrustes)."""
    p, _, q = jnp.linalg.svd(_product(a, b.T), full_matrices=False)
    return _product(p, q)


@jax.custom_jvp
def _triangle(a: Float[Array, "n d"]) -> Float[Array, "d d"]:
    """R of a = Q R: the same covariance from d rows instead of n."""
    return jnp.linalg.qr(a, mode="r")


@_triangle.defjvp
def _triangle_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    # R^T (Q^T da) = a^T da: this tangent changes R^T R as da changes a^T a, which is all that counts here. The
    # textbook's derivative of R differs from it by a rotation and divides by R, which may be singular.
    (a,), (da,) = primals, tangents
    q, r = jnp.linalg.qr(a, mode="reduced")
    return r, _product(q.T, da)


def _product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=_numerics.HIGHEST)
