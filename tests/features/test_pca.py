"""Principal components against scikit-learn, and where there is little to find."""

import numpy as np
import pytest
from sklearn import decomposition

from synthmix_jax.features import PCA


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize(("n", "d"), [(40, 7), (9, 30), (8, 8)])
def test_agrees_with_scikit_learn(rng, n, d, whiten):
    x = rng.normal(size=(n, d)) * np.linspace(1.0, 3.0, d) + 5.0
    rank = min(n - 1, d) - 1
    ours = PCA.fit(x, rank, whiten=whiten)
    peer = decomposition.PCA(rank, whiten=whiten, svd_solver="full").fit(x)
    # Both are backward stable; gaps between singular values of order 0.1 cost a digit or two.
    np.testing.assert_allclose(ours.explained, peer.explained_variance_ratio_, rtol=1e-10)
    np.testing.assert_allclose(ours.deviations**2, peer.explained_variance_, rtol=1e-10)
    signs = np.sign(np.sum(ours.directions * peer.components_, axis=1))
    np.testing.assert_allclose(ours.directions, signs[:, None] * peer.components_, atol=1e-10)
    new = rng.normal(size=(5, d))
    np.testing.assert_allclose(ours(new), signs * peer.transform(new), atol=1e-9)


def test_signs_are_fixed(rng):
    x = rng.normal(size=(20, 6))
    directions = PCA.fit(x, 4).directions
    largest = np.argmax(np.abs(directions), axis=1)
    assert (directions[np.arange(4), largest] > 0).all()
    # The mirrored points have the same components, and an algorithm free to choose would flip some.
    np.testing.assert_allclose(PCA.fit(-x, 4).directions, directions, atol=1e-12)
    np.testing.assert_allclose(PCA.fit(x[::-1], 4).directions, directions, atol=1e-12)


def test_whitened_coordinates_have_unit_covariance(rng):
    x = rng.normal(size=(50, 4)) @ np.diag([10.0, 1.0, 0.1, 1e-3])
    rows = PCA.fit(x, 4, whiten=True)(x)
    np.testing.assert_allclose(np.cov(rows.T), np.eye(4), atol=1e-9)


def test_small_variances_survive_beside_large_ones(rng):
    """The eigenvalues of X' X would lose all below 1e-8 of the largest."""
    x = rng.normal(size=(60, 2)) * np.array([1.0, 1e-10])
    deviations = PCA.fit(x, 2).deviations
    assert 0.7e-10 < deviations[1] < 1.4e-10


def test_all_components_keep_distances(rng):
    x = rng.normal(size=(10, 3, 2))
    rows = PCA.fit(x, 6)(x)
    flat = x.reshape(10, 6)
    distances = lambda a: np.linalg.norm(a[:, None] - a, axis=-1)
    np.testing.assert_allclose(distances(rows), distances(flat), atol=1e-12)


@pytest.mark.parametrize("whiten", [False, True])
def test_constant_features(rng, whiten):
    x = np.concatenate([rng.normal(size=(20, 2)), np.full((20, 2), 0.1)], axis=1)
    pca = PCA.fit(x, 4, whiten=whiten)
    np.testing.assert_allclose(pca.explained.sum(), 1.0)
    np.testing.assert_allclose(pca.explained[2:], 0.0, atol=1e-20)
    rows = pca(x)
    assert np.isfinite(rows).all()
    # Rounding of 0.1 is not blown up to unit variance.
    np.testing.assert_allclose(rows[:, 2:], 0.0, atol=1e-12)


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("n", [5, 7, 11, 30])
def test_points_that_are_all_the_same(n, whiten):
    """Their mean is rounded for some n, and that is no variance."""
    same = PCA.fit(np.full((n, 3), 0.1), 2, whiten=whiten)
    np.testing.assert_allclose(same(np.full((2, 3), 0.1)), 0.0, atol=1e-12)


def test_far_from_the_origin_in_single_precision(rng):
    x = rng.normal(size=(30, 4)) + 1000.0
    pca = PCA.fit(x, 3)
    # Inputs are rounded by 1000 * 6e-8; the product adds little to that.
    np.testing.assert_allclose(pca(x.astype(np.float32)), pca(x), atol=5e-4)


def test_says_what_it_explains(rng):
    x = rng.normal(size=(50, 2)) * np.array([3.0, 1.0])
    pca = PCA.fit(x, 1)
    share = 100 * np.var(x @ pca.directions[0]) / np.var(x, axis=0).sum()
    assert repr(pca) == f"PCA(rank=1: {share:.1f} % of the variance of 50 points)"
    assert "whiten=True" in repr(PCA.fit(x, 1, whiten=True))


@pytest.mark.parametrize("rank", [0, -1, 5, 2.5, True, "3", None])
@pytest.mark.parametrize("shape", [(5, 30), (30, 4)])
def test_ranks_out_of_bounds(rng, rank, shape):
    with pytest.raises(ValueError, match=f"rank must be a whole number from 1 to 4, got {rank!r}"):
        PCA.fit(rng.normal(size=shape), rank)


def test_points_that_cannot_be_fitted(rng):
    with pytest.raises(ValueError, match="1 point; principal components need at least two"):
        PCA.fit(np.ones((1, 3)), 1)
    x = rng.normal(size=(5, 3))
    x[1, 2] = np.inf
    with pytest.raises(ValueError, match=r"x holds 1 non-finite.*\(1, 2\)"):
        PCA.fit(x, 1)


def test_points_of_another_shape(rng):
    pca = PCA.fit(rng.normal(size=(10, 4, 4, 3)), 2)
    with pytest.raises(ValueError, match=r"\(4, 4, 1\).*fitted on points of shape \(4, 4, 3\)"):
        pca(np.ones((2, 4, 4, 1)))
