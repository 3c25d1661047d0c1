"""The median heuristic against SciPy's pairwise distances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import pdist

from synthmix_jax import kernels
from synthmix_jax.kernels import _bandwidth


@pytest.mark.parametrize("n", [2, 3, 10, 600])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_against_scipy(n, offset, rng):
    x = rng.normal(size=(n, 4)) + offset
    median = kernels.median_lengthscale(x)
    assert isinstance(median, float)
    np.testing.assert_allclose(median, np.median(pdist(x)), rtol=1e-10)


def test_float64_whatever_the_flag(rng):
    x = rng.normal(size=(50, 4))
    assert kernels.median_lengthscale(x) == kernels.median_lengthscale(x.copy())
    with jax.enable_x64(True):
        assert kernels.median_lengthscale(x) == kernels.median_lengthscale(jnp.asarray(x))
    assert not jax.config.jax_enable_x64


def test_images_of_bytes(rng):
    x = rng.integers(0, 256, size=(20, 3, 3), dtype=np.uint8)
    expected = np.median(pdist(x.reshape(20, 9) / 255.0))
    np.testing.assert_allclose(kernels.median_lengthscale(x), expected, rtol=1e-12)


def test_a_key_draws_a_subsample(rng):
    x = rng.normal(size=(3000, 2))
    key = jax.random.key(0)
    drawn = kernels.median_lengthscale(x, key=key)
    assert drawn == kernels.median_lengthscale(x, key=key)
    assert drawn != kernels.median_lengthscale(x, key=jax.random.key(1))
    np.testing.assert_allclose(drawn, np.median(pdist(x)), rtol=0.02)


def test_a_key_changes_nothing_for_few_points(rng):
    x = rng.normal(size=(100, 2))
    assert kernels.median_lengthscale(x, key=jax.random.key(0)) == kernels.median_lengthscale(x)


def test_median_of_the_distances_that_are_not_zero_where_most_are():
    x = np.zeros((10, 2))
    x[0], x[1] = [3.0, 4.0], [30.0, 40.0]
    distances = pdist(x)
    assert np.median(distances) == 0.0
    expected = np.median(distances[distances > 0])
    np.testing.assert_allclose(kernels.median_lengthscale(x), expected, rtol=1e-12)


def test_some_repeated_points_count_as_pairs(rng):
    x = rng.normal(size=(20, 2))
    x[10:14] = x[0]
    np.testing.assert_allclose(kernels.median_lengthscale(x), np.median(pdist(x)), rtol=1e-10)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.ones((1, 3)), "needs at least two points, got 1. Set the lengthscale by hand"),
        (np.ones((0, 3)), "at least two points, got 0"),
        (np.full((5, 3), 7.3), "all points of x are identical.*set the lengthscale by hand"),
        (np.array([[1.0], [np.nan]]), "x holds 1 non-finite values"),
    ],
)
def test_bad_input(x, said):
    with pytest.raises(ValueError, match=said):
        kernels.median_lengthscale(x)


def test_too_many_points_without_a_key(monkeypatch, rng):
    monkeypatch.setattr(_bandwidth, "LARGEST", 50)
    with pytest.raises(ValueError, match=r"x has 51 points.*up to 50.*key=jax.random.key"):
        kernels.median_lengthscale(rng.normal(size=(51, 2)))


def test_a_number_is_no_key(rng):
    with pytest.raises(Exception, match="key"):
        kernels.median_lengthscale(rng.normal(size=(2001, 1)), key=0)
