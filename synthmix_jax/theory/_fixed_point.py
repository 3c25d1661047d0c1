"""The effective regularisation kappa of two samples with one law of inputs.

Of n real and m synthetic points with weights 1 and w and ridge d, tau = sum_j 1 / (a + d / mu_j) with a = a1 + a2,
a1 = n / (1 + tau), a2 = w m / (1 + w tau) [derived here; m = 0 is that of simon2021 and canatar2021]. In the
unknown kappa = d / a, with u = 1 / tau and the learnabilities L_j = mu_j / (mu_j + kappa), it reads

    sum_j L_j = n1 + n2,    n1 = n / (1 + u),    n2 = m w / (w + u),    u = d / (kappa sum_j L_j):

what the eigenfunctions learn is what the points teach. The left side falls with kappa and the right side rises,
so the root is the only one; and no ridge at all (u = 0, tau infinite) is no special case as long as
eigenfunctions outnumber points.

Differences from the formula: 1. Let c be the number of mu_j above kappa, and c' that of points mostly taught: n if
u < 1, plus m if u < w. What is near its number is written as that number minus a small rest,

    (c - c')+ + sum_{mu_j <= kappa} L_j + rest  =  (c' - c)+ + sum_{mu_j > kappa} (1 - L_j) + part,

with the rests n - n1, m - n2 of points mostly taught and the parts n1, n2 of the others: all are positive and
nothing cancels. At interpolation (n + m = j) kappa is small and decides the height of the peak. The logarithm of
the ratio of the two sides is solved for log kappa. 2. The sums depend on kappa only: a table of them brackets the
roots of all cells of a grid, and two or three Newton steps remain.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from synthmix_jax._typing import Array

from ._roots import decreasing_root

_KNOTS = 128


class Cell(NamedTuple):
    """One cell of a grid, or all of them as arrays (cells,)."""

    n: Array
    m: Array
    ridge: Array
    weight: Array


class _Sums(NamedTuple):
    """Sums over eigenvalues at one kappa."""

    above: Array
    learned: Array  # L_j of those not above kappa
    missed: Array  # 1 - L_j of those above
    trace: Array  # kappa sum_j L_j


def bracket(eigenvalues: Array, cell: Cell) -> tuple[Array, Array]:
    """Two numbers that log kappa lies between.

    Below: a <= n + w m, and sum_j L_j >= J mu_min / (mu_min + kappa) over the J positive eigenvalues.
    Above: kappa sum_j L_j <= sum_j mu_j bounds u from below, and kappa = d / a falls with u.
    """
    n, m, ridge, weight = cell
    total = jnp.sum(eigenvalues)
    rank = jnp.sum(eigenvalues > 0)
    least = jnp.min(jnp.where(eigenvalues > 0, eigenvalues, jnp.inf))
    low = jnp.maximum(ridge / (n + weight * m), least * (rank / (n + m) - 1.0))
    u = ridge / total
    high = total / (n / (1.0 + u) + m * weight / (weight + u))
    # A margin for rounding.
    return jnp.log(low) - 1e-6, jnp.maximum(jnp.log(high), jnp.log(low)) + 1e-6


def taught(cell: Cell, u: Array) -> tuple[Array, Array]:
    """The effective numbers of real and of synthetic points n1, n2."""
    return cell.n / (1.0 + u), cell.m * cell.weight / (cell.weight + u)


def _sums(eigenvalues: Array, x: Array) -> _Sums:
    kappa = jnp.exp(x)
    inverse = 1.0 / (eigenvalues + kappa)
    is_above = eigenvalues > kappa
    learned = jnp.sum(jnp.where(is_above, 0.0, eigenvalues * inverse))
    missed = jnp.sum(jnp.where(is_above, kappa * inverse, 0.0))
    above = jnp.sum(is_above.astype(eigenvalues.dtype))
    return _Sums(above, learned, missed, kappa * (learned + (above - missed)))


def _excess(cell: Cell, sums: _Sums) -> Array:
    """log of the left side over the right side: falls through zero at the root."""
    n, m, ridge, weight = cell
    u = ridge / sums.trace
    counts, scales = jnp.stack([n, m]), jnp.stack([jnp.ones_like(weight), weight])
    mostly = u < scales
    of_points = jnp.sum(jnp.where(mostly, counts, 0.0))
    rest = jnp.sum(jnp.where(mostly, counts * u, 0.0) / (scales + u))
    part = jnp.sum(jnp.where(mostly, 0.0, counts * scales) / (scales + u))
    left = jnp.maximum(sums.above - of_points, 0.0) + sums.learned + rest
    right = jnp.maximum(of_points - sums.above, 0.0) + sums.missed + part
    return jnp.log(left / right)


class Table(NamedTuple):
    """Sums at values of log kappa that span the brackets of all cells."""

    x: Array
    sums: _Sums


def table(eigenvalues: Array, cells: Cell) -> Table:
    """The table for these cells, arrays (cells,)."""
    eigenvalues, cells = jax.lax.stop_gradient((eigenvalues, cells))
    low, high = jax.vmap(bracket, in_axes=(None, 0))(eigenvalues, cells)
    x = jnp.linspace(jnp.min(low), jnp.max(high), _KNOTS)
    return Table(x, jax.vmap(_sums, in_axes=(None, 0))(eigenvalues, x))


def log_kappa(eigenvalues: Array, cell: Cell, known: Table) -> Array:
    """log kappa of one cell; differentiable for the eigenvalues and for what the cell holds."""
    values = jax.vmap(_excess, in_axes=(None, 0))(jax.lax.stop_gradient(cell), known.sums)
    place = jnp.clip(jnp.sum(values > 0), 1, _KNOTS - 1)
    low, high = known.x[place - 1], known.x[place]
    before, after = values[place - 1], values[place]
    start = low + (high - low) * jnp.clip(before / (before - after), 0.0, 1.0)
    return decreasing_root(lambda x: _excess(cell, _sums(eigenvalues, x)), low, high, start)
