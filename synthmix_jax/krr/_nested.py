"""Every synthetic count from one factorisation.

With rows [real; synthetic], A = K + D, D = mu on real rows and mu / w on synthetic ones, L = chol(A),
z = L^-1 y, W = L^-1[:, :n] and V = L^-1 K(X, X_test), the fit on the first r rows has

    predictions   sum_{j<r} V_j z_j
    coefficients  c_i(r) = sum_{j<r} W_ji z_j          for the real points i
    inverse       (A_r^-1)_ii = sum_{j<r} W_ji^2

because the leading block of L is the factor of the leading block of A. Leave-one-out residuals follow as
c_i(r) / (A_r^-1)_ii. So all counts cost one factorisation, two triangular solves and prefix sums.

Derived here from textbook algebra (Rasmussen & Williams 2006, section 5.4.2, for the leave-one-out step).
"""

import itertools
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax.linalg import triangular_solve
from jaxtyping import Bool, Float

from synthmix_jax import _numerics
from synthmix_jax._typing import Array

from . import _cholesky
from ._problem import Problem

_matmul = partial(jnp.matmul, precision=_numerics.HIGHEST)


class Curves(NamedTuple):
    """Errors at every requested count; leading axes are added by mapping over cells.

    Attributes:
        loo_error: Mean over the real points of loo_residuals (c,), or None.
        loo_residuals: Squared leave-one-out error of each real point, summed over outputs (c, n).
        loo_misclassified: Share of real points misclassified when left out (c,), or None.
        loo_wrong: Which real points those are, 1.0 or 0.0 (c, n), or None.
        test_error: Mean over test points of the squared error, summed over outputs (c,), or None.
        test_misclassified: Share of test points misclassified (c,), or None.
    """

    loo_error: Float[Array, " c"] | None = None
    loo_misclassified: Float[Array, " c"] | None = None
    loo_residuals: Float[Array, "c n"] | None = None
    loo_wrong: Float[Array, "c n"] | None = None
    test_error: Float[Array, " c"] | None = None
    test_misclassified: Float[Array, " c"] | None = None


def noise_diagonal(n: int, total: int, ridge: Array, weight: Array) -> jax.Array:
    """D (N,): the ridge mu on real rows, mu / w on synthetic ones."""
    return jnp.where(jnp.arange(total) < n, ridge, ridge / weight)


def factor(problem: Problem, diagonal: Float[Array, " N"], used: Bool[Array, " N"]) -> jax.Array:
    """Lower Cholesky factor (N, N) of K + D; rows that are not used become those of the identity.

    NaN throughout when the rows that are used have a matrix that is not positive definite.
    """
    total = problem.gram.shape[0]
    if _cholesky.pays(total):
        return _cholesky.factor(problem.gram, diagonal, used)
    index = jnp.arange(total)
    # LAPACK wants columns: the transpose of a symmetric matrix in rows is that, without a copy.
    matrix = jnp.where(used[:, None] & used[None, :], problem.gram.T, 0.0)
    on_diagonal = index[:, None] == index[None, :]
    matrix = matrix + jnp.where(on_diagonal, jnp.where(used, diagonal, 1.0), 0.0)
    return jnp.linalg.cholesky(matrix, symmetrize_input=False)


def curves(
    problem: Problem,
    ridge: Array,
    weight: Array,
    rows: Array,
    *,
    n: int,
    counts: tuple[int, ...],
    loo: bool = True,
    residuals: bool = False,
) -> Curves:
    """Leave-one-out and test errors of one (ridge, weight) at all `counts`; pure, in float64.

    Args:
        problem: Arrays of the problem.
        ridge: Absolute ridge mu.
        weight: Weight w of a synthetic point.
        rows: Number of leading rows that may be used; counts beyond give NaN.
        n: Number of real points.
        counts: Strictly increasing synthetic counts.
        loo: Whether to compute leave-one-out errors.
        residuals: Whether to return them point by point.
    """
    scored = n if loo else 0
    lower = _prefix_factor(problem, n, ridge, weight, rows)
    result = prefixes(problem, lower, n=n, counts=counts, scored=scored, residuals=residuals)
    within = n + jnp.asarray(counts) <= rows
    return jax.tree.map(
        lambda a: jnp.where(within.reshape(-1, *[1] * (a.ndim - 1)), a, jnp.nan), result
    )


def prefixes(
    problem: Problem,
    lower: Float[Array, "N N"],
    *,
    n: int,
    counts: tuple[int, ...],
    scored: int,
    residuals: bool = False,
) -> Curves:
    """Scores of the first n + m rows for every m of `counts`, from the factor of all rows.

    Args:
        problem: Arrays of the problem; targets are zero in rows that the factor leaves out.
        lower: Factor of `factor`.
        n: Rows that every fit has.
        counts: Strictly increasing numbers of rows beyond those.
        scored: The first so many rows are scored by leave-one-out; none for 0.
        residuals: Whether to return these scores point by point.
    """
    z = _solve(lower, problem.targets)
    # Shapes alone decide which way is cheaper, so the choice is made while tracing.
    way = _by_segments if len(counts) <= SEGMENTS else _by_scan
    return way(problem, lower, z, n, counts, scored, residuals)


def averaged_coefficients(
    problem: Problem, ridge: Array, weight: Array, mass: Float[Array, " N"], *, n: int
) -> Float[Array, "N k"]:
    """Coefficients sum_m pi_m c(m) of an average over counts, from one factorisation.

    The fit on the first r rows is L^-T applied to z with its rows from r on set to zero, so an average of
    fits needs the same average of masks: row j keeps the total frequency of the counts that include it.

    Args:
        problem: Arrays of the problem.
        ridge: Absolute ridge mu.
        weight: Weight w of a synthetic point.
        mass: Total frequency of the counts that include each row (N,).
        n: Number of real points.
    """
    lower = _prefix_factor(problem, n, ridge, weight, jnp.asarray(problem.gram.shape[0]))
    return _solve(lower, _solve(lower, problem.targets) * mass[:, None], transpose=True)


def usable_rows(problem: Problem, ridge: Array, weight: Array, *, n: int) -> jax.Array:
    """Largest number of leading rows whose matrix still has a Cholesky factor, by bisection."""
    total = problem.gram.shape[0]

    def halve(bounds):
        good, bad = bounds
        middle = (good + bad) // 2
        fine = jnp.isfinite(_prefix_factor(problem, n, ridge, weight, middle)[-1, -1])
        return jnp.where(fine, middle, good), jnp.where(fine, bad, middle)

    start = (jnp.asarray(0), jnp.asarray(total + 1))
    return jax.lax.while_loop(lambda b: b[1] - b[0] > 1, halve, start)[0]


def back_substitutes(total: int, outputs: int, tests: int, counts: int) -> bool:
    """Whether solving for the coefficients of each count takes fewer operations than solving for V."""
    return counts * outputs * (total + 2 * tests) < tests * (total + 2 * outputs)


def _prefix_factor(problem: Problem, n: int, ridge: Array, weight: Array, rows: Array) -> jax.Array:
    """The factor of the first `rows` rows, n of them real."""
    total = problem.gram.shape[0]
    return factor(problem, noise_diagonal(n, total, ridge, weight), jnp.arange(total) < rows)


def _solve(lower: Array, right: Array, transpose: bool = False) -> jax.Array:
    if _cholesky.pays(lower.shape[0]):
        return _cholesky.solve(lower, right, transpose)
    return triangular_solve(lower, right, left_side=True, lower=True, transpose_a=transpose)


# Above this many counts, prefix sums row by row beat one product for each stretch of rows between counts.
SEGMENTS = 128


def _by_segments(problem, lower, z, n, counts, scored, residuals) -> Curves:
    """Prefix sums at a few counts: one product for each stretch of rows, added up over the stretches."""
    (total, outputs), queries = z.shape, 0 if problem.cross is None else problem.cross.shape[1]
    back = queries > 0 and back_substitutes(total, outputs, queries, len(counts))
    tests = problem.cross is not None and not back
    solved = _solved_columns(problem, lower, scored, tests)
    edges = [0, *(n + count for count in counts)]
    stretches = [slice(*pair) for pair in itertools.pairwise(edges)]
    sums = jnp.cumsum(jnp.stack([_matmul(solved[rows].T, z[rows]) for rows in stretches]), axis=0)
    squares = jnp.stack([jnp.sum(solved[rows, :scored] ** 2, axis=0) for rows in stretches])
    score = partial(_score, problem, scored, residuals, tests)
    result = jax.vmap(score)(sums, jnp.cumsum(squares, axis=0))
    if back:
        result = result._replace(**_test_by_back_substitution(problem, lower, z, n, counts))
    return result


def _by_scan(problem, lower, z, n, counts, scored, residuals) -> Curves:
    """Prefix sums at every count: a scan over the rows that keeps the running sums only."""
    tests = problem.cross is not None
    solved = _solved_columns(problem, lower, scored, tests)
    score = partial(_score, problem, scored, residuals, tests)

    def add_row(state, row):
        (sums, squares), (v, z_row) = state, row
        state = sums + v[:, None] * z_row[None, :], squares + v[:scored] ** 2
        return state, score(*state)

    always = _matmul(solved[:n].T, z[:n]), jnp.sum(solved[:n, :scored] ** 2, axis=0)
    _, later = jax.lax.scan(add_row, always, (solved[n:], z[n:]))
    wanted = np.asarray(counts)
    return jax.tree.map(
        lambda first, rest: jnp.concatenate([first[None], rest])[wanted], score(*always), later
    )


def _solved_columns(problem: Problem, lower: Array, scored: int, tests: bool) -> jax.Array:
    """[W, V]: L^-1 of the columns that leave-one-out and the test points need."""
    columns = jnp.eye(lower.shape[0], scored, dtype=lower.dtype)
    if tests:
        assert problem.cross is not None
        columns = jnp.concatenate([columns, problem.cross], axis=1)
    return _solve(lower, columns)


def _test_by_back_substitution(problem, lower, z, n, counts) -> dict[str, Array | None]:
    """Coefficients of each count: L_r^-T z_r is L^-T of z with its rows from r on set to zero."""
    total, outputs = z.shape
    included = (np.arange(total)[:, None] < n + np.asarray(counts)[None, :]).astype(float)
    masked = (z[:, None, :] * included[:, :, None]).reshape(total, -1)
    coefficients = _solve(lower, masked, transpose=True)
    predicted = _matmul(problem.cross.T, coefficients).reshape(-1, len(counts), outputs)
    return jax.vmap(partial(_score_test, problem), in_axes=1)(predicted)


def _score(problem: Problem, n: int, residuals: bool, tests: bool, sums, squares) -> Curves:
    """Scores of one count from its prefix sums: n rows of coefficients, then test predictions."""
    result = _score_loo(problem, residuals, sums[:n] / squares[:, None]) if n else Curves()
    return result._replace(**_score_test(problem, sums[n:])) if tests else result


def _score_loo(problem: Problem, residuals: bool, left_out: Float[Array, "n k"]) -> Curves:
    """Scores from leave-one-out residuals y_i - f_{-i}(x_i)."""
    squared = jnp.sum(left_out**2, axis=1)
    result = Curves(jnp.mean(squared), loo_residuals=squared if residuals else None)
    if problem.labels is None:
        return result
    wrong = _wrong(problem.targets[: left_out.shape[0]] - left_out, problem.labels)
    return result._replace(
        loo_misclassified=jnp.mean(wrong), loo_wrong=wrong if residuals else None
    )


def _score_test(problem: Problem, predicted: Float[Array, "t k"]) -> dict[str, Array | None]:
    assert problem.test_targets is not None
    error = jnp.mean(jnp.sum((predicted - problem.test_targets) ** 2, axis=1))
    wrong = None
    if problem.test_labels is not None:
        wrong = jnp.mean(_wrong(predicted, problem.test_labels))
    return {"test_error": error, "test_misclassified": wrong}


def _wrong(scores: Float[Array, "t k"], labels: Array) -> jax.Array:
    """1.0 where the largest score is of another class, NaN where scores are not finite."""
    wrong = (jnp.argmax(scores, axis=1) != labels).astype(scores.dtype)
    return jnp.where(jnp.isfinite(jnp.sum(scores, axis=1)), wrong, jnp.nan)
