"""The exact sweep: every cell (ridge, weight) by a factorisation of its own, all counts from each."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from . import _nested, _problem


@partial(jax.jit, static_argnames=("n", "counts", "loo", "residuals"))
def grid(
    problem: _problem.Problem,
    ridges: Float[jax.Array, " cells"],
    weights: Float[jax.Array, " cells"],
    rows: Int[jax.Array, " cells"],
    *,
    n: int,
    counts: tuple[int, ...],
    loo: bool = True,
    residuals: bool = False,
) -> _nested.Curves:
    """Curves of every cell (ridge, weight), one compiled program; pure, for use under transformations.

    Cells run one after the other (`lax.map`): a batched Cholesky of large matrices is slow on GPUs and
    takes the memory of all cells at once. Small matrices are batched, where that pays.

    Args:
        problem: Arrays of the problem, float64.
        ridges: Absolute ridge of each cell.
        weights: Weight of each cell.
        rows: Leading rows each cell may use; n + m normally.
        n: Number of real points.
        counts: Synthetic counts.
        loo: Whether to compute leave-one-out errors.
        residuals: Whether to keep them point by point.
    """
    one = partial(_nested.curves, n=n, counts=counts, loo=loo, residuals=residuals)
    small = problem.gram.shape[0] <= 512 and jax.default_backend() != "cpu"
    return jax.lax.map(
        lambda cell: one(problem, *cell), (ridges, weights, rows), batch_size=8 if small else None
    )


def solve(problem, ridges, weights, n, counts, loo, residuals) -> _nested.Curves:
    """All cells; those whose full matrix has no factor are solved again on the rows that have one."""
    total = problem.gram.shape[0]
    flat = [a.ravel() for a in np.meshgrid(weights, ridges, indexing="ij")]
    w, l = flat
    run = partial(grid, problem, n=n, counts=counts, loo=loo, residuals=residuals)
    result = jax.tree.map(np.asarray, run(l, w, np.full(len(w), total)))
    errors = result.loo_error if loo else result.test_error
    failed = np.flatnonzero(~np.isfinite(errors).any(axis=1))
    for cell in failed:
        rows = _usable_rows(problem, l[cell], w[cell], n=n)
        if rows >= n:
            again = run(l[cell : cell + 1], w[cell : cell + 1], np.asarray(rows)[None])
            result = jax.tree.map(partial(_put, cell), result, again)
    return jax.tree.map(lambda a: a.reshape(len(weights), len(ridges), *a.shape[1:]), result)


@jax.jit
def row_sum_bound(gram: jax.Array) -> jax.Array:
    """The largest absolute row sum, an upper bound of the largest eigenvalue (Gershgorin)."""
    return jnp.max(jnp.sum(jnp.abs(gram), axis=1))


_usable_rows = jax.jit(_nested.usable_rows, static_argnames="n")


def _put(cell: np.integer, whole: np.ndarray, part: jax.Array) -> np.ndarray:
    whole = np.array(whole)
    whole[cell] = np.asarray(part)[0]
    return whole
