"""The constant kernel and matrices computed elsewhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax import kernels


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(name="matrix")
def _matrix(rng):
    a = rng.normal(size=(6, 8))
    return a @ a.T


def test_constant_is_an_intercept(rng):
    kernel = kernels.Constant(2.5)
    assert (np.asarray(kernel(rng.normal(size=(3, 2)), rng.normal(size=(4, 2)))) == 2.5).all()
    assert repr(kernel) == "Constant(variance=2.5)"


@pytest.mark.parametrize("variance", [0.0, -1.0, np.nan])
def test_bad_variance(variance):
    with pytest.raises(ValueError, match=f"variance must be positive and finite, got {variance:g}"):
        kernels.Constant(variance)


@pytest.mark.parametrize(
    "cast",
    [
        lambda i: i,
        lambda i: i[:, None],
        lambda i: i.astype(float),
        lambda i: jnp.asarray(i, jnp.float32),
        jnp.asarray,
        lambda i: i.astype(np.int8),
    ],
)
def test_entries_of_the_matrix(matrix, cast):
    kernel = kernels.Precomputed(matrix)
    i, j = np.array([4, 0, 5]), np.array([1, 1])
    np.testing.assert_array_equal(kernel(cast(i), cast(j)), matrix[np.ix_(i, j)])
    np.testing.assert_array_equal(kernel.diagonal(cast(i)), np.diag(matrix)[i])
    blocks = kernels.gram(kernel, cast(i), cast(j), block_size=2)
    np.testing.assert_array_equal(blocks, matrix[np.ix_(i, j)])


def test_pairs_jit_sums_and_gradients(matrix):
    kernel, i = kernels.Precomputed(matrix), jnp.arange(6)
    assert kernel.pair(jnp.array([2.0]), jnp.array([3.0])) == matrix[2, 3]
    np.testing.assert_array_equal(jax.jit(lambda k, i: k(i, i))(kernel, i), matrix)
    both = 2.0 * kernel + kernels.Constant(1.0)
    np.testing.assert_allclose(both(i, i), 2.0 * matrix + 1.0)
    np.testing.assert_allclose(both.diagonal(i), 2.0 * np.diag(matrix) + 1.0)
    gradient = jax.grad(lambda k: k(i[:2], i[:3]).sum())(kernel).matrix
    expected = np.zeros((6, 6))
    expected[:2, :3] = 1.0
    np.testing.assert_array_equal(gradient, expected)


def test_readable(matrix):
    assert repr(kernels.Precomputed(matrix)) == "Precomputed(matrix 6 x 6)"
    assert repr(jax.tree.map(lambda _: object(), kernels.Precomputed(matrix)))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (np.array([0, 6]), "has rows 0 to 5, got row 6"),
        (np.array([-1, 0]), "got row -1"),
        (np.array([0.0, 2.5]), "takes whole row numbers, got 2.5"),
        (np.array([0.0, np.nan]), "takes whole row numbers, got nan"),
        (np.array([0, 3], np.uint8), "got 0.0117647.*int32; uint8 is read as an image"),
        (np.zeros((3, 2)), r"takes row numbers \(n,\) or \(n, 1\), got 2 features a point"),
    ],
)
def test_bad_row_numbers(matrix, rows, said):
    kernel = kernels.Precomputed(matrix)
    good = np.zeros((2, *rows.shape[1:]), int)
    calls = [
        lambda k: k(rows, good),
        lambda k: k(good, rows),
        lambda k: k.diagonal(rows),
        lambda k: kernels.gram(k, rows, block_size=1),
        lambda k: (2.0 * k + kernels.Constant())(rows, rows),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=said):
            call(kernel)


@pytest.mark.parametrize("row", [6, -1, 1000])
def test_bad_row_numbers_inside_jit_are_nan(matrix, row):
    values = jax.jit(kernels.Precomputed(matrix).__call__)(jnp.array([0, row]), jnp.array([1]))
    assert values[0, 0] == matrix[0, 1]
    assert np.isnan(values[1, 0])


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.ones((3, 2)), r"must be square \(N, N\).*got \(3, 2\)"),
        (np.ones(3), r"got \(3,\)"),
        (np.ones((0, 0)), r"got \(0, 0\)"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "2 non-finite values"),
        (np.array([[1.0, 0.5], [0.2, 1.0]]), "must be symmetric.*up to 0.3"),
    ],
)
def test_bad_matrix(matrix, said):
    with pytest.raises(ValueError, match=said):
        kernels.Precomputed(matrix)
