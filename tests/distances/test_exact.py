"""Exact transport against POT, SciPy's assignment, and one dimension; what it refuses."""

import sys

import jax
import numpy as np
import ot
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from synthmix_jax import distances

exact = distances.exact_wasserstein


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
@pytest.mark.parametrize("m", [12, 7])
def test_pot(rng, p, m):
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(m, 3)) + 0.5
    moved = ot.emd2(np.full(12, 1 / 12), np.full(m, 1 / m), cdist(x, y) ** p)
    np.testing.assert_allclose(exact(x, y, p=p) ** p, moved, rtol=1e-10)


def test_assignment(rng):
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    costs = cdist(x, y) ** 2
    expected = costs[linear_sum_assignment(costs)].mean()
    np.testing.assert_allclose(exact(x, y) ** 2, expected, rtol=1e-10)


def test_one_dimension(rng):
    u, v = rng.normal(size=20), rng.normal(size=31) - 1.0
    np.testing.assert_allclose(exact(u, v, p=1), wasserstein_distance(u, v), rtol=1e-10)
    ranked = np.mean((np.sort(u) - np.sort(v[:20])) ** 2)
    np.testing.assert_allclose(exact(u, v[:20], p=2) ** 2, ranked, rtol=1e-10)


@pytest.mark.parametrize("p", [1, 2])
def test_a_translation_is_its_length(rng, p):
    x = rng.normal(size=(15, 3))
    np.testing.assert_allclose(exact(x, x + np.array([3.0, 0.0, -4.0]), p=p), 5.0, rtol=1e-10)
    assert exact(x, rng.permutation(x), p=p) == 0.0


def test_copies_and_float32(rng):
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(6, 3))
    np.testing.assert_allclose(exact(np.repeat(x, 3, axis=0), y), exact(x, y), rtol=1e-10)
    single = exact(x.astype(np.float32), y.astype(np.float32))
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, exact(x, y), rtol=1e-6)


def test_a_point_far_away(rng):
    """Costs of 1e8 beside those of 1: what the differences of squares lose is below 1e-6 of what is near."""
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 3))
    x[0], y[0] = 1e4, 1e4 + 1.0
    costs = cdist(x, y) ** 2
    np.testing.assert_allclose(
        exact(x, y) ** 2, costs[linear_sum_assignment(costs)].mean(), rtol=1e-6
    )


def test_refusals(rng, monkeypatch):
    x = rng.normal(size=(5, 2))
    with pytest.raises(ValueError, match=r"cannot be traced.*Use wasserstein"):
        jax.jit(exact)(x, x)
    with pytest.raises(ValueError, match=r"4,004,000 pairs.*up to 4,000,000"):
        exact(np.zeros((2002, 1)), np.zeros((2000, 1)))
    with pytest.raises(ValueError, match=r"p must be a number of at least 1, got 0\.5"):
        exact(x, x, p=0.5)
    with pytest.raises(ValueError, match="2 and 3 features"):
        exact(x, np.zeros((5, 3)))
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ImportError, match=r"synthmix-jax\[exact\]"):
        exact(x, x)
