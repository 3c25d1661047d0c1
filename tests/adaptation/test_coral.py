"""CORAL against matrix square roots, in the limit of no shrinkage, and where features outnumber points."""

import jax
import numpy as np
import pytest
import scipy.linalg

from synthmix_jax import Dataset
from synthmix_jax.adaptation import coral


def points(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ (np.eye(d) + 0.4 * rng.normal(size=(d, d))) + rng.normal(
        size=d
    )


def by_square_roots(source, target, shrinkage, mean=True):
    """(x - m_s) C_s^(-1/2) C_t^(1/2) + m, with d by d matrices formed."""

    def root(x):
        covariance, d = np.cov(x.T), x.shape[1]
        shrunk = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / d * np.eye(d)
        return scipy.linalg.sqrtm(shrunk).real

    centre = source.mean(axis=0)
    moved = (source - centre) @ np.linalg.inv(root(source)) @ root(target)
    return moved + (target.mean(axis=0) if mean else centre)


@pytest.mark.parametrize(("n", "u"), [(60, 50), (9, 8)])
@pytest.mark.parametrize("flag", [False, True])
def test_agrees_with_square_roots(n, u, flag):
    d = 6 if n > 10 else 12
    source, target = points(0, n, d), points(1, u, d)
    data = Dataset(source, np.arange(n) % 3, class_names=("a", "b", "c"))
    with jax.enable_x64(flag):
        for shrinkage, mean in ((0.1, True), (0.5, False), (1.0, True)):
            moved = coral(data, target, shrinkage=shrinkage, mean=mean)
            expected = by_square_roots(source, target, shrinkage, mean)
            np.testing.assert_allclose(moved.x, expected, atol=1e-10)
        assert jax.config.jax_enable_x64 == flag
    assert moved.x.dtype == np.float64
    assert moved.class_names == data.class_names
    np.testing.assert_array_equal(moved.y, data.y)


def test_without_shrinkage_covariance_and_mean_are_the_targets():
    source, target = points(2, 60, 6), points(3, 50, 6)
    moved = coral(Dataset(source, np.zeros(60)), target, shrinkage=1e-12)
    np.testing.assert_allclose(np.cov(moved.x.T), np.cov(target.T), atol=1e-8)
    np.testing.assert_allclose(moved.x.mean(axis=0), target.mean(axis=0), atol=1e-12)


def test_the_same_domain_stays():
    source = points(4, 9, 12)
    data = Dataset(source, np.zeros(9))
    np.testing.assert_allclose(coral(data, source).x, source, atol=1e-10)


def test_images_keep_their_shape():
    rng = np.random.default_rng(0)
    source, target = (rng.integers(0, 256, (n, 2, 3, 1), np.uint8) for n in (60, 50))
    moved = coral(Dataset(source, np.arange(60) % 2), target, shrinkage=0.2)
    expected = by_square_roots(source.reshape(60, 6) / 255, target.reshape(50, 6) / 255, 0.2)
    assert moved.x.shape == source.shape
    np.testing.assert_allclose(moved.x.reshape(60, 6), expected, atol=1e-10)


@pytest.mark.parametrize(
    ("target", "shrinkage", "message"),
    [
        (np.ones((5, 2)), 0.1, "points of shape"),
        (points(0, 1, 3), 0.1, "at least 2 points, got 1"),
        (np.full((5, 3), np.nan), 0.1, "target_x holds 15 non-finite"),
        (np.ones((5, 3)), 0.1, "target_x is one point"),
        (points(0, 5, 3), 0.0, "shrinkage must be positive"),
        (points(0, 5, 3), -0.1, "shrinkage must be positive"),
        (points(0, 5, 3), 1.1, "shrinkage must lie in"),
    ],
)
def test_misuse(target, shrinkage, message):
    with pytest.raises(ValueError, match=message):
        coral(Dataset(points(1, 5, 3), np.zeros(5)), target, shrinkage=shrinkage)
