"""Energy distance against SciPy in one dimension, loops in several, and its behaviour under mixing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import scipy.stats

from synthmix_jax.distances import _energy, energy


@pytest.mark.parametrize("sizes", [(8, 8), (9, 5), (1, 6)])
def test_one_feature_is_that_of_scipy(rng, sizes):
    """SciPy's is sqrt(2) times the L2 distance of distribution functions, the same as the root of 2E - E - E."""
    x, y = rng.normal(size=sizes[0]), rng.normal(size=sizes[1]) + 0.5
    np.testing.assert_allclose(energy(x, y), scipy.stats.energy_distance(x, y), rtol=1e-12)


def test_several_features_by_differences(rng):
    x, y = rng.normal(size=(9, 5)), rng.normal(size=(7, 5)) + 0.5
    mean = lambda a, b: scipy.spatial.distance.cdist(a, b).mean()
    expected = np.sqrt(2 * mean(x, y) - mean(x, x) - mean(y, y))
    np.testing.assert_allclose(energy(x, y), expected, rtol=1e-12)


def test_point_masses(rng):
    """Two points at distance r: 2 r - 0 - 0."""
    x, y = rng.normal(size=(1, 5)), rng.normal(size=(1, 5))
    expected = np.sqrt(2 * np.linalg.norm(x - y))
    np.testing.assert_allclose(energy(x, y), expected, rtol=1e-14)


def test_linear_in_the_share_of_a_mixture(rng):
    """Between P and (1 - r) P + r Q it is r times that of P and Q; the weights are repeated points."""
    p, q = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)) + 1.0
    whole = energy(p, q)
    for share in (0.25, 0.5, 0.75):
        copies = int(4 * share)
        mixed = np.concatenate([np.tile(p, (4 - copies, 1)), np.tile(q, (copies, 1))])
        np.testing.assert_allclose(energy(p, mixed), share * whole, rtol=1e-12)


def test_far_from_the_origin_in_single_precision(rng):
    """Distances are measured from the common centre: an offset of 1,000 costs what float32 lost of the data."""
    x, y = rng.normal(size=(60, 4)), rng.normal(size=(50, 4)) + 0.5
    x, y = ((z + 1_000.0).astype(np.float32) for z in (x, y))
    exact = energy(x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(energy(x, y), exact, rtol=1e-5)


@pytest.mark.parametrize("pairs", [1, 60, 300])
def test_blocks_change_nothing(rng, pairs):
    x, y = (jnp.asarray(rng.normal(size=(n, 3)), np.float32) for n in (23, 17))
    whole, blocks = _energy._squared(x, y), _energy._squared(x, y, pairs_at_once=pairs)
    np.testing.assert_allclose(blocks, whole, rtol=1e-5)
    slope = jax.grad(_energy._squared)(x, y)
    other = jax.grad(_energy._squared)(x, y, pairs_at_once=pairs)
    np.testing.assert_allclose(other, slope, atol=1e-6)
