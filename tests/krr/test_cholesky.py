"""The blocked factor against LAPACK: as accurate, NaN where there is none, and the same sweep from it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import synthmix_jax as smx
from synthmix_jax import _numerics
from synthmix_jax.krr import _cholesky, _nested, _problem

N = 300  # two blocks of 128 rows, and one of 44 that no step of 64 divides
EPS = np.finfo(float).eps


@pytest.fixture(scope="module")
def factor():
    """The jitted factor of a matrix with rows masked, in small blocks."""
    whole = _cholesky.blocks
    _cholesky.blocks = lambda total: [(b, min(b + 128, total)) for b in range(0, total, 128)]
    with _numerics.x64():
        # Beneath the rule for derivatives: the primal alone.
        yield jax.jit(lambda a, used: _cholesky.factor(a, jnp.zeros(N), used))
    _cholesky.blocks = whole


def gram(rng, copies=1):
    """Points of a plane, each `copies` times over up to 1e-7."""
    x = np.repeat(rng.normal(size=(N // copies, 2)), copies, axis=0)
    x = x + 1e-7 * rng.normal(size=x.shape)
    return np.exp(-((x[:, None] - x[None]) ** 2).sum(axis=-1) / 2)


ALL = np.ones(N, bool)


def test_factor_is_lapacks(factor, rng):
    matrix = gram(rng) + 0.1 * np.eye(N)
    lower = np.asarray(factor(matrix, ALL))
    known = scipy.linalg.cholesky(matrix, lower=True)
    assert np.array_equal(lower, np.tril(lower))
    # Perturbation of a factor: a few units of round-off times the condition number.
    np.testing.assert_allclose(lower, known, atol=4 * EPS * np.linalg.cond(matrix))
    right = rng.normal(size=(N, 3))
    with _numerics.x64():
        for transpose in (False, True):
            found = _cholesky.solve(jnp.asarray(lower), jnp.asarray(right), transpose)
            expected = scipy.linalg.solve_triangular(known, right, lower=True, trans=transpose)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("ridge", [1e-6, 1e-10, 1e-11])
def test_factor_times_its_transpose_is_the_matrix_even_if_nearly_singular(factor, rng, ridge):
    # Inverses of triangles without refinement are wrong by 1e-12 here, and have no factor at the last ridge.
    matrix = gram(rng, copies=4) + ridge * np.eye(N)
    lower = np.asarray(factor(matrix, ALL))
    assert np.max(np.abs(lower @ lower.T - matrix)) < 20 * EPS


def test_rows_that_are_not_used_are_those_of_the_identity(factor, rng):
    used = rng.random(N) < 0.5
    matrix = gram(rng) + 0.1 * np.eye(N)
    known = np.where(used[:, None] & used[None, :], matrix, np.eye(N))
    expected = scipy.linalg.cholesky(known, lower=True)
    np.testing.assert_allclose(factor(matrix, used), expected, atol=1e-12)


@pytest.mark.parametrize("row", [0, 70, 200, N - 1])
def test_nan_spreads_from_the_row_without_a_factor(factor, rng, row):
    matrix = gram(rng) + 0.1 * np.eye(N)
    matrix[row, row] = -1.0
    lower = np.asarray(factor(matrix, ALL))
    assert np.isnan(lower[-1, -1])
    assert np.isfinite(lower[:, : row // 64 * 64]).all()
    # A row that is left out does no harm.
    assert np.isfinite(factor(matrix, np.arange(N) != row)).all()


def test_derivative_is_that_of_lapacks_factor(rng):
    size = 40
    with _numerics.x64():
        matrix = jnp.asarray(gram(rng)[:size, :size] + 0.1 * np.eye(size))
        weights = jnp.asarray(rng.normal(size=(size, size)))
        loss = lambda how, a: jnp.sum(weights * how(a))
        found = jax.jit(jax.grad(partial(loss, _cholesky.cholesky)))(matrix)
        expected = jax.jit(jax.grad(partial(loss, jnp.linalg.cholesky)))(matrix)
        # LAPACK's reads both triangles' mean, ours the lower one: the same along symmetric directions.
        np.testing.assert_allclose(found + found.T, expected + expected.T, atol=1e-9)


def test_sweep_by_blocks_is_the_sweep(rng, monkeypatch):
    real, pool, test = (
        smx.Dataset(rng.normal(size=(k, 3)), rng.normal(size=k)) for k in (20, 61, 6)
    )
    with _numerics.x64():
        problem = _problem.build(real, pool, smx.kernels.RBF(1.5), test, classes=None)
        found = []
        for smallest in (10**9, 1):
            monkeypatch.setattr(_cholesky, "SMALLEST", smallest)
            one = jax.jit(partial(_nested.curves, n=20, counts=(0, 30, 61), residuals=True))
            found.append(one(problem, 0.1, 2.0, np.asarray(81)))
        for a, b in zip(*found, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-11)


@pytest.mark.parametrize("size", [513, 700, 1024])
def test_narrow_blocks_factor_what_features_leave(size, rng):
    half = rng.normal(size=(size, size))
    matrix = half @ half.T + size * np.eye(size)
    above = np.triu(np.full((size, size), 7.0), 1)  # only the lower triangle may be read
    with jax.enable_x64(True):
        lower = np.asarray(jax.jit(_cholesky.narrow)(np.tril(matrix) + above))
        broken = np.asarray(jax.jit(_cholesky.narrow)(np.tril(matrix) - 4.0 * size * np.eye(size)))
    # Condition number below 10: a few units of rounding.
    np.testing.assert_allclose(lower, np.linalg.cholesky(matrix), atol=1e-12 * size)
    assert np.isnan(broken[-1, -1])
