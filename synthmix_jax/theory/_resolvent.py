"""Any number of synthetic points from one pool: fewer points act as larger ridges on all of them.

Rows are n real points with ridge d and a pool of M synthetic ones with ridges D_i: G = (K + D)^-1. What the fit
is on average depends on the synthetic points through their pull a_i = G_ii = 1 / (D_i + tau_i), tau_i being the
variance left at point i when it is left out. A random choice of m points at the ridge d' = d / w gives each the
mean pull (m / M) / (d' + tau_i), so the whole pool stands for it at

    D_i + tau_i = (M / m) (d' + tau_i).

tau_i at m = M fixes how D_i varies over the points, D_i = d' + x (d' + tau_i), and the sum of the pulls fixes x for
each m. Beyond the pool D_i is one number below d'. At these ridges all is read off G. The squared
leave-one-out residuals (c_i / G_ii)^2, c = G y, have group means l = e + s + v = (I - M)^-1 (e + s), in the
letters of `_group_risk`, where M_kl = a_l^2 T_kl / N_l with a_l the sum of pulls and T_kl = tr(Sig_k Q Sig_l
Q). Entries off the diagonal of G show T: the variances tr(Sig_k B^-1 Sig_l B^-1) are to T as l is to e + s, so
that up to fluctuations

    H_kl = (N_k / a_k^2) sum_{i in k, j in l, i != j} G_ij^2 = ((I - M)^-1 M)_kl,      (I - M)^-1 = I + H.

With m in place of M synthetic points M becomes M' = M diag(1, M / m), and

    expected squared error on left-out points = (I - M')^-1 (I + H)^-1 l                          [derived here].

At m = 0 and m = M this is the leave-one-out error itself. For real points alone, "fewer points act as a larger
ridge" is patil2023.

With the real rows eliminated, P = K_ss - K_sr (K_rr + d)^-1 K_rs, an eigendecomposition of S (P + base) S =
V diag(e) V^T serves all x, since P + base + x / S^2 = (S V diag(1 / (e + x)) V^T S)^-1: every count is a few
products.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from synthmix_jax import _numerics
from synthmix_jax._typing import Array

_matmul = partial(jnp.matmul, precision=_numerics.HIGHEST)

_KNOTS = 96
_CHUNK = 16
# Below this part of d' the fit all but interpolates points that are to stand for several: predictions beyond
# the pool are too low there.
_LEAST_RIDGE = 0.3
# Largest spectral radius of M' that is let through: up to it predictions are good to 7 % on average, and soon
# after to nothing (experiments/predicted_curve/radius.py).
_LARGEST_RADIUS = 0.7


class Reduced(NamedTuple):
    """One ridge: the real rows, and what they leave of the pool. n real rows, M synthetic, k outputs."""

    inverse: Array  # A = (K_rr + d)^-1 (n, n)
    learned: Array  # A K_rs (n, M)
    posterior: Array  # P (M, M)
    start: Array  # A y_r (n, k)
    missed: Array  # y_s - K_sr A y_r (M, k)


class Family(NamedTuple):
    """Ridges base + x / scale^2 of the pool for all x >= 0, in the eigenvectors of scale (P + base) scale."""

    base: Array
    scale: Array  # (M,)
    values: Array  # e (M,)
    vectors: Array  # scale V (M, M)
    pulls: Array  # vectors^T missed (M, k)
    spread: Array  # F = learned vectors (n, M)
    products: tuple[
        Array, Array, Array
    ]  # (F^T F)^2, F^T F * vectors^T vectors, (vectors^T vectors)^2
    bent: Array  # diagonal of F^T A F (M,)
    diagonal: Array  # of A (n,)
    size: Array  # sum of squares of A
    start: Array  # (n, k)


class Curves(NamedTuple):
    """Over counts (c,): predicted error, its standard error, the spectral radius of M', and the x that was used."""

    error: Array
    standard_error: Array
    radius: Array
    x: Array


@partial(jax.jit, static_argnames="n")
def reduce(gram: Array, targets: Array, ridge: Array, *, n: int) -> Reduced:
    """Eliminate the real rows; rows are [real; synthetic]."""
    real, cross, pool = gram[:n, :n], gram[:n, n:], gram[n:, n:]
    factor = jax.scipy.linalg.cho_factor(real + ridge * jnp.eye(n), lower=True)
    inverse = jax.scipy.linalg.cho_solve(factor, jnp.eye(n))
    learned = jax.scipy.linalg.cho_solve(factor, cross)
    return Reduced(
        inverse=inverse,
        learned=learned,
        posterior=pool - _matmul(cross.T, learned),
        start=_matmul(inverse, targets[:n]),
        missed=targets[n:] - _matmul(learned.T, targets[:n]),
    )


@jax.jit
def uniform(reduced: Reduced) -> Family:
    """One ridge x for all of the pool."""
    return _family(reduced, jnp.zeros(()), jnp.ones(len(reduced.posterior)))


@jax.jit
def thinned(reduced: Reduced, alike: Family, own: Array) -> Family:
    """Ridges that stand for fewer points at the ridge `own`; x is about M / m - 1."""
    pulls = _matmul(alike.vectors**2, 1.0 / (alike.values + own))
    return _family(reduced, own, jnp.sqrt(pulls))


def _family(reduced: Reduced, base: Array, scale: Array) -> Family:
    matrix = reduced.posterior + base * jnp.eye(len(scale))
    values, vectors = jnp.linalg.eigh(scale[:, None] * matrix * scale)
    vectors = scale[:, None] * vectors
    spread = _matmul(reduced.learned, vectors)
    real, pool = _matmul(spread.T, spread), _matmul(vectors.T, vectors)
    return Family(
        base=base,
        scale=scale,
        values=jnp.maximum(values, 0.0),
        vectors=vectors,
        pulls=_matmul(vectors.T, reduced.missed),
        spread=spread,
        products=(real**2, real * pool, pool**2),
        bent=jnp.sum(spread * _matmul(reduced.inverse, spread), axis=0),
        diagonal=jnp.diag(reduced.inverse),
        size=jnp.sum(reduced.inverse**2),
        start=reduced.start,
    )


@jax.jit
def below(family: Family, own: Array, counts: Array) -> Curves:
    """Predictions for counts of at most the pool, from its `thinned` family."""
    total = len(family.values)
    # More than enough to leave less than a quarter of a point; at the largest P is a bound of all tau.
    largest = own + jnp.sum(family.values / jnp.min(family.scale) ** 2)
    knots = jnp.linspace(jnp.log(0.01 / total), jnp.log(4.0 * total * largest / own), _KNOTS)
    wanted = jnp.clip(counts, 0.25, total - 1e-3)
    x = _solve(partial(_log_thinning, family, own), knots, jnp.log(total / wanted - 1.0))
    x = jnp.where(counts == total, 0.0, x)
    # Without points the ridges are infinite; these leave nothing of them either.
    x = jnp.where(counts == 0, 1e12 * jnp.exp(knots[-1]), x)
    return _predict(family, x, counts)


@jax.jit
def beyond(family: Family, own: Array, counts: Array) -> tuple[Curves, Array]:
    """Predictions for counts above the pool, from the `uniform` family, and the largest count it can tell of."""
    total = len(family.values)
    knots = jnp.linspace(jnp.log(own), jnp.log(_LEAST_RIDGE * own), _KNOTS)
    reach = jnp.exp(_log_count(family, own, jnp.exp(knots[-1])))
    log_count = lambda log_x: _log_count(family, own, jnp.exp(log_x))
    x = _solve(log_count, knots, jnp.log(jnp.clip(counts, total, reach)))
    curves = _predict(family, x, counts)
    lost = jnp.where(counts > reach, jnp.nan, 0.0)
    error, deviation, radius, _ = curves
    return Curves(error + lost, deviation + lost, radius + lost, x), reach


def _log_count(family: Family, own: Array, x: Array) -> Array:
    """Logarithm of the number of points at the ridge `own` that the pool with these ridges stands for."""
    pulls = _matmul(family.vectors**2, 1.0 / (family.values + x))
    alone = 1.0 / (own - family.base - x / family.scale**2 + 1.0 / pulls)
    return jnp.log(len(pulls) * jnp.sum(pulls) / jnp.sum(alone))


def _log_thinning(family: Family, own: Array, log_x: Array) -> Array:
    """log(M / m - 1): about log x, whatever m."""
    log_count = _log_count(family, own, jnp.exp(log_x))
    return jnp.log(jnp.expm1(jnp.maximum(jnp.log(len(family.values)) - log_count, 1e-15)))


def _solve(function, knots: Array, wanted: Array) -> Array:
    """x with an increasing function(log x) = wanted (c,): from a table, then by Newton's method."""
    known = jax.lax.map(function, knots, batch_size=_CHUNK)
    found = jnp.interp(wanted, known, knots)

    def improve(pair):
        value, goal = pair
        for _ in range(2):
            there, slope = jax.jvp(function, (value,), (jnp.ones_like(value),))
            value = value - (there - goal) / slope
        return value

    return jnp.exp(jax.lax.map(improve, (found, wanted), batch_size=_CHUNK))


def _predict(family: Family, x: Array, counts: Array) -> Curves:
    cells = jax.lax.map(lambda cell: _cell(family, *cell), (x, counts), batch_size=_CHUNK)
    return Curves(cells[0], cells[1], cells[2], x)


def _cell(family: Family, x: Array, count: Array) -> tuple[Array, Array, Array]:
    """Predicted error, its standard error, and the spectral radius of M'."""
    n, total = family.spread.shape
    shrunk = 1.0 / (family.values + x)
    pulled = family.pulls * shrunk[:, None]
    diagonals = (
        family.diagonal + _matmul(family.spread**2, shrunk),
        _matmul(family.vectors**2, shrunk),
    )
    coefficients = family.start - _matmul(family.spread, pulled), _matmul(family.vectors, pulled)
    residuals = [
        jnp.sum((c / g[:, None]) ** 2, axis=1) for c, g in zip(coefficients, diagonals, strict=True)
    ]
    forms = [jnp.sum(shrunk * _matmul(matrix, shrunk)) for matrix in family.products]
    real = family.size + 2.0 * jnp.sum(family.bent * shrunk) + forms[0]
    off = [real - jnp.sum(diagonals[0] ** 2), forms[2] - jnp.sum(diagonals[1] ** 2)]
    seen = jnp.array([[off[0], forms[1]], [forms[1], off[1]]])
    points, pull = jnp.array([n, total]), jnp.array([jnp.sum(g) for g in diagonals])
    seen = seen * (points / pull**2)[:, None]  # H

    bare = jnp.linalg.inv(jnp.eye(2) + seen)  # (I + H)^-1 = I - M
    more = jnp.array([1.0, jnp.where(count > 0, total / jnp.maximum(count, 1e-9), 0.0)])
    thinned = _matmul(bare, seen) * more  # M'
    half = 0.5 * (thinned[0, 0] + thinned[1, 1])
    apart = 0.5 * (thinned[0, 0] - thinned[1, 1])
    radius = half + jnp.sqrt(apart**2 + thinned[0, 1] * thinned[1, 0])
    row = _matmul(jnp.linalg.inv(jnp.eye(2) - thinned), bare)[0]
    # At both ends no equivalent is needed.
    sound = (radius <= _LARGEST_RADIUS) | (count == 0) | (count == total)
    row = jnp.where(sound, row, jnp.nan)
    means = jnp.array([jnp.mean(r) for r in residuals])
    spreads = jnp.array([jnp.var(r, ddof=1) / len(r) for r in residuals])
    return jnp.sum(row * means), jnp.sqrt(jnp.sum(row**2 * spreads)), radius
