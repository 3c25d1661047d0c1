"""Debiased transport: closed forms, limits, hard inputs, gradients, and what a failure to converge says."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from synthmix_jax import distances
from synthmix_jax.distances import _cost, _wasserstein

wasserstein, transport = distances.wasserstein, distances.transport


@pytest.fixture(name="x")
def _x(rng):
    return rng.normal(size=(24, 3))


@pytest.fixture(name="y")
def _y(rng):
    return 1.3 * rng.normal(size=(16, 3)) + [1.0, -0.5, 0.0]


@pytest.mark.parametrize("p", [1, 2])
def test_zero_on_itself(x, p):
    for dtype in (np.float64, np.float32):
        points = x.astype(dtype)
        assert 0.0 <= wasserstein(points, points, p=p) <= 1e-6
    assert wasserstein(x, x[::-1].copy(), p=p) <= 1e-6


def test_symmetric_and_never_negative(x, y, rng):
    np.testing.assert_allclose(wasserstein(x, y), wasserstein(y, x), rtol=1e-5)
    for step in (1e-9, 1e-6, 1e-3):
        assert wasserstein(x, x + step * rng.normal(size=x.shape)) >= 0.0


@pytest.mark.parametrize("epsilon", [0.01, 0.3])
def test_a_translation_is_its_length(x, epsilon):
    """At any epsilon: moving y by v adds |v|^2 - 2 v . (x - y) to the cost, whose mean over a plan is fixed.

    So S(x, x + v) = |v|^2 exactly, and what is left is where the iterations stop.
    """
    shift = np.array([3.0, 0.0, -4.0])
    np.testing.assert_allclose(wasserstein(x, x + shift, epsilon=epsilon), 5.0, rtol=1e-5)


def test_gaussians_within_sampling_error():
    """W2 of N(0, 1) and N(2, 1.5^2) squared is 4 + 0.25, +- 3 standard errors of means of 500 points."""
    draws = np.random.default_rng(3).normal(size=(2, 500, 1))
    found = wasserstein(draws[0], 2.0 + 1.5 * draws[1], epsilon=0.02) ** 2
    error = 3 * 2 * 2.0 * np.sqrt((1 + 1.5**2) / 500)
    assert abs(found - 4.25) < error
    u, v = draws[0, :, 0], 2.0 + 1.5 * draws[1, :, 0]
    empirical = np.mean((np.sort(u) - np.sort(v)) ** 2)
    np.testing.assert_allclose(found, empirical, rtol=1e-3)


def test_smaller_epsilon_is_nearer_to_the_exact(x, y):
    for p in (1, 2):
        exact = distances.exact_wasserstein(x, y, p=p)
        errors = [abs(wasserstein(x, y, p=p, epsilon=e) - exact) for e in (0.5, 0.1, 0.02)]
        assert errors[0] > errors[1] > errors[2]
        assert errors[2] < 0.03 * exact
    u, v = x[:, 0], y[:, 0]
    flat = [np.pad(v[:, :1], ((0, 0), (0, 2))) for v in (x, y)]
    found = wasserstein(*flat, p=1, epsilon=0.001)
    np.testing.assert_allclose(found, wasserstein_distance(u, v), rtol=0.01)


def test_single_points_and_copies(x, y):
    one, other = np.array([[1.0, 2.0, 2.0]]), np.zeros((1, 3))
    for p in (1, 2):
        np.testing.assert_allclose(wasserstein(one, other, p=p), 3.0, rtol=1e-12)
    ones, others = np.repeat(one, 24, axis=0), np.repeat(other, 16, axis=0)
    np.testing.assert_allclose(wasserstein(ones, others), 3.0, rtol=1e-10)
    # One point against many: all plans are one.
    expected = np.mean(np.sum((x - one) ** 2, axis=1))
    found = transport(x, np.repeat(one, 16, axis=0), debiased=False)
    np.testing.assert_allclose(found.cost, expected, rtol=1e-10)
    twice = np.repeat(x[:12], 2, axis=0)
    np.testing.assert_allclose(wasserstein(twice, y), wasserstein(x[:12], y), rtol=1e-5)


def test_all_points_identical(x):
    same = np.full_like(x, 7.0)
    found = transport(same, same[:16])
    assert found.value == 0.0
    assert found.converged
    assert np.isfinite(found.epsilon)


def test_epsilon_is_relative_to_the_mean_cost(x, y):
    found = transport(x, y, epsilon=0.02)
    np.testing.assert_allclose(found.epsilon, 0.02 * (cdist(x, y) ** 2).mean(), rtol=1e-12)
    scaled = transport(1e3 * x, 1e3 * y, epsilon=0.02)
    np.testing.assert_allclose(scaled.value, 1e3 * found.value, rtol=1e-9)
    assert scaled.iterations == found.iterations


@pytest.mark.parametrize("memory_limit", [2**31, 1])
def test_clusters_far_apart_in_float32(memory_limit):
    """exp(-C / eps) is zero for every pair of clusters: the kernel by itself says nothing."""
    rng = np.random.default_rng(7)
    x = 0.1 * rng.normal(size=(24, 3)) + 1e3 * np.repeat(np.eye(3), 8, axis=0)
    y = 0.1 * rng.normal(size=(16, 3)) + 1e3 * np.eye(3)[np.repeat([0, 1, 2], [4, 6, 6])]
    C = cdist(x, y) ** 2
    assert np.exp(-C.max() / np.float32(0.01 * C.mean())) < 1e-38
    found = transport(
        x.astype(np.float32), y.astype(np.float32), epsilon=0.01, memory_limit=memory_limit
    )
    assert found.converged
    # A twelfth of the mass moves, half of it to each other cluster; entropies are those of the three clusters.
    a, b = np.full(3, 1 / 3), np.array([4, 6, 6]) / 16
    P = np.array([[1 / 4, 1 / 24, 1 / 24], [0, 1 / 3, 0], [0, 0, 1 / 3]])
    relative = np.sum(P[P > 0] * np.log(P[P > 0] / np.outer(a, b)[P > 0]))
    own = -np.sum(a * np.log(a)), -np.sum(b * np.log(b))
    expected = 2e6 / 12 + found.epsilon * (relative - sum(own) / 2)
    np.testing.assert_allclose(found.cost, expected, rtol=3e-4)


def test_no_convergence_is_said(x, y):
    hard = dict(epsilon=0.001, threshold=1e-9, max_iterations=20)
    message = r"wasserstein: no convergence after \d+ iterations.*Raise epsilon or max_iterations"
    with pytest.raises(distances.ConvergenceError, match=message):
        wasserstein(x, y, **hard)
    found = transport(x, y, **hard)
    assert np.isnan(found.value)
    assert np.isnan(found.cost)
    assert not found.converged
    assert found.marginal_error > 1e-9
    assert f"{int(found.iterations)} iterations" in found.status
    assert np.isnan(jax.jit(functools.partial(wasserstein, **hard))(x, y))


def test_not_a_number_inside_a_trace_is_one_outside(x, y):
    x[3, 1] = np.nan
    found = jax.jit(lambda x, y: transport(x, y)[:3])(x, y)
    assert np.isnan(found[0])
    assert np.isnan(found[1])


def test_vmap_is_one_by_one(x, y):
    with jax.enable_x64(True):
        x, y = jnp.asarray(x), jnp.asarray(y)
        batch = jnp.stack([x, x + 1.0])
        together = jax.vmap(lambda x: wasserstein(x, y))(batch)
        np.testing.assert_allclose(together, [wasserstein(one, y) for one in batch], rtol=1e-6)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("memory_limit", [2**31, 1])
def test_gradient_is_that_of_differences(x, y, rng, p, memory_limit, monkeypatch):
    """Epsilon moves with the mean cost, so its part of the derivative is in there too."""
    monkeypatch.setattr(_cost, "BLOCK_BYTES", 5 * 16 * 8)
    with jax.enable_x64(True):
        x, y = jnp.asarray(x), jnp.asarray(y)
        dx, dy = jnp.asarray(rng.normal(size=x.shape)), jnp.asarray(rng.normal(size=y.shape))
        options = dict(p=p, epsilon=0.1, threshold=1e-9, memory_limit=memory_limit)
        value = jax.jit(jax.value_and_grad(functools.partial(wasserstein, **options), (0, 1)))
        _, slopes = value(x, y)
        along = jnp.sum(slopes[0] * dx) + jnp.sum(slopes[1] * dy)
        ends = [value(x + s * dx, y + s * dy)[0] for s in (1e-4, -1e-4)]
        np.testing.assert_allclose(along, (ends[0] - ends[1]) / 2e-4, rtol=1e-5)
        if p == 2:
            # x to itself: the distance has no derivative there, and ours is zero, not infinite.
            same = jnp.concatenate([x[:14], x[:2]])
            assert np.isfinite(value(x, same)[1][0]).all()
        for slope in value(x, x[:16] * 0.0 + x[0])[1]:
            assert np.isfinite(slope).all()


@pytest.mark.parametrize("p", [1, 2])
def test_gradient_where_samples_coincide(x, p):
    with jax.enable_x64(True):
        x = jnp.asarray(x)
        for slope in jax.grad(functools.partial(wasserstein, p=p), (0, 1))(x, x):
            np.testing.assert_array_equal(slope, 0.0)


@pytest.mark.parametrize("memory_limit", [2**31, 1])
def test_gradient_of_the_plain_cost_holds_the_plan(x, y, memory_limit):
    """With squared costs d<P, C>/dx_i = 2 (a_i x_i - sum_j P_ij y_j), so over all x it is 2 (mean x - mean y)."""
    with jax.enable_x64(True):
        options = dict(debiased=False, epsilon=0.1, threshold=1e-8, memory_limit=memory_limit)
        slope = jax.grad(lambda x: transport(x, jnp.asarray(y), **options).cost)(jnp.asarray(x))
        np.testing.assert_allclose(
            slope.sum(axis=0), 2 * (x.mean(axis=0) - y.mean(axis=0)), atol=1e-6
        )


def test_memory_limit_decides(x, y):
    """Three matrices, and a kernel and a temporary of the largest: 8 (384 + 576 + 256 + 2 * 576) bytes."""
    need = 8 * (24 * 16 + 24 * 24 + 16 * 16 + 2 * 24 * 24)
    assert _wasserstein._fits(x, y, need, True)
    assert not _wasserstein._fits(x, y, need - 1, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 0.5}, "p must be a number of at least 1, got 0.5"),
        ({"p": np.inf}, "p must be"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": np.nan}, "epsilon"),
        ({"threshold": 0.0}, "threshold must lie between 0 and 1"),
        ({"threshold": 1.0}, "threshold must lie between 0 and 1"),
        ({"max_iterations": 0}, "max_iterations must be at least 1, got 0"),
        ({"memory_limit": 0}, "memory_limit must be a positive number of bytes"),
    ],
)
def test_refusals(x, y, options, message):
    for function in (wasserstein, transport):
        with pytest.raises(ValueError, match=message):
            function(x, y, **options)
