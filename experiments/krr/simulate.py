"""Simulation in the coefficients of the eigenfunctions, where test errors are exact sums: no test points.

One sample, with features Phi (n, j), Gram matrix K = Phi diag(mu) Phi^T = U diag(e) U^T, B = diag(mu) Phi^T U:
targets y give the coefficients B (U^T y) / (e + d), for every ridge d from one decomposition. Errors of the
coefficients are expanded as |v|^2 - 2 c^T B^T v + c^T (B^T B) c.

Two samples, with A = G_r + w G_s + d diag(1/mu), G the sums of squares of the features: the fit misses the
truth f by u0 + delta u1 + noise, u0 = -d A^-1 (f / mu), u1 = w A^-1 G_s b, for a generator f + delta b. Hence
the mean over the noise,

    error = |u0|^2 + 2 delta u0 u1 + delta^2 |u1|^2 + s2 tr(A^-1 (G_r + w^2 G_s) A^-1),

is known for every discrepancy delta and noise variance s2 from one fit.
"""

import itertools
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

BATCH = 10


class Spectral(NamedTuple):
    """One sample, decomposed."""

    values: jax.Array  # e (n,)
    vectors: jax.Array  # U (n, n)
    to_coefficients: jax.Array  # B (j, n)
    squares: jax.Array  # B^T B (n, n)


def decompose(features: jax.Array, mu: jax.Array) -> Spectral:
    """Of features (n, j)."""
    scaled = features * mu
    values, vectors = jnp.linalg.eigh(scaled @ features.T)
    to_coefficients = scaled.T @ vectors
    return Spectral(
        jnp.maximum(values, 0.0), vectors, to_coefficients, to_coefficients.T @ to_coefficients
    )


def bias_and_variance(one: Spectral, features: jax.Array, v: jax.Array, ridges: jax.Array):
    """Squared bias for coefficients v (j,), and variance for unit noise, given the points: both (l,)."""
    bias = errors(one, features @ v, v, ridges)
    inverse = 1.0 / (one.values + ridges[:, None])
    return bias, inverse**2 @ jnp.diagonal(one.squares)


def errors(one: Spectral, targets: jax.Array, v: jax.Array, ridges: jax.Array) -> jax.Array:
    """Squared errors of the fits to `targets` (n,) of coefficients v (j,), at all ridges (l,)."""
    c = (one.vectors.T @ targets) / (one.values + ridges[:, None])
    return jnp.sum(v**2) - 2.0 * c @ (one.to_coefficients.T @ v) + jnp.sum((c @ one.squares) * c, 1)


def leave_one_out(one: Spectral, targets: jax.Array, ridges: jax.Array) -> jax.Array:
    """Mean squared leave-one-out residual at all ridges (l,)."""
    inverse = 1.0 / (one.values + ridges[:, None])
    c = ((one.vectors.T @ targets) * inverse) @ one.vectors.T
    return jnp.mean((c / (inverse @ (one.vectors**2).T)) ** 2, axis=1)


class Mixed(NamedTuple):
    """The terms of the error of two samples, by generator b; for unit noise."""

    plain: jax.Array | np.ndarray
    cross: jax.Array | np.ndarray
    square: jax.Array | np.ndarray
    noise: jax.Array | np.ndarray

    def at(self, delta, noise_variance):
        """The mean error at discrepancies delta and noise variances."""
        return (
            self.plain + delta * self.cross + delta**2 * self.square + noise_variance * self.noise
        )


@partial(jax.jit, static_argnames=("design", "n", "counts", "weights", "repetitions"))
def mixed(key, truth, gaps, ridge, *, design, n, counts, weights, repetitions) -> Mixed:
    """Terms of each draw of the points: plain and noise (draws, w, c), the others (draws, w, c, generators).

    Args:
        key: PRNG key.
        truth: Coefficients f (j,).
        gaps: Coefficients b of g - f (j, generators).
        ridge: Absolute ridge.
        design: Law of the points and its eigenfunctions.
        n: Real points.
        counts: Synthetic counts, rising; each takes the first of one set of points.
        weights: Of a synthetic point.
        repetitions: Draws.
    """
    mu = jnp.asarray(design.eigenvalues)

    def draw(key):
        x = design.features(design.sample(key, n + counts[-1]))
        grams = prefix_grams(x, n, counts)
        real = x[:n].T @ x[:n]
        return jax.vmap(lambda w: jax.vmap(lambda gram: one(real, gram, w))(grams))(
            jnp.asarray(weights)
        )

    def one(real, gram, weight):
        inverse = jnp.linalg.inv(real + weight * gram + ridge * jnp.diag(1.0 / mu))
        u0 = -ridge * inverse @ (truth / mu)
        u1 = weight * inverse @ (gram @ gaps)
        noise = jnp.sum((inverse @ (real + weight**2 * gram)) * inverse)
        return Mixed(jnp.sum(u0**2), 2.0 * u0 @ u1, jnp.sum(u1**2, axis=0), noise)

    return jax.lax.map(draw, jax.random.split(key, repetitions), batch_size=BATCH)


def prefix_grams(x: jax.Array, n: int, counts: tuple[int, ...], y: jax.Array | None = None):
    """Sums x^T x (or x^T y) over the first m synthetic rows, for each count m (c, j, .)."""
    y = x if y is None else y
    ends = [n, *(n + m for m in counts)]
    parts = [x[a:b].T @ y[a:b] for a, b in itertools.pairwise(ends)]
    return jnp.cumsum(jnp.stack(parts), axis=0)
