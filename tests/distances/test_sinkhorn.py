"""The solver against POT and OTT, with masses of zero, annealed, and with costs held or in blocks."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest
from ott.geometry import costs, geometry, pointcloud
from ott.solvers import linear
from ott.tools import sinkhorn_divergence
from scipy.spatial.distance import cdist

from synthmix_jax import distances
from synthmix_jax.distances import _cost, _sinkhorn

TIGHT = _sinkhorn.Stopping(1e-10, 100_000)
"""Where both sides of a comparison are solved to rounding."""

EPS = 1.5
"""Large enough for POT to solve a sample against itself, which it does slowly."""


@pytest.fixture(name="x")
def _x(rng):
    return rng.normal(size=(24, 3))


@pytest.fixture(name="y")
def _y(rng):
    return 1.3 * rng.normal(size=(16, 3)) + [1.0, -0.5, 0.0]


def even(points):
    return np.full(len(points), 1 / len(points))


def solved_by_pot(a, b, C, eps):
    """Plan and dual value; the error of the latter is of second order in that of the marginals."""
    P, log = ot.sinkhorn(
        a, b, C, eps, method="sinkhorn_log", stopThr=1e-7, numItermax=20_000, log=True
    )
    f, g = eps * (log["log_u"] - np.log(a)), eps * (log["log_v"] - np.log(b))
    return P, a @ f + b @ g - eps * (P.sum() - 1.0)


def entropic(a, b, C, eps):
    """min <P, C> + eps KL(P | a b')."""
    return solved_by_pot(a, b, C, eps)[1]


@pytest.mark.parametrize("p", [1, 2])
def test_plain_transport_cost_is_that_of_pot(x, y, p):
    found = distances.transport(x, y, p=p, epsilon=0.05, debiased=False, threshold=1e-8)
    C = cdist(x, y) ** p
    np.testing.assert_allclose(found.epsilon, 0.05 * C.mean(), rtol=1e-12)
    expected = np.sum(solved_by_pot(even(x), even(y), C, float(found.epsilon))[0] * C)
    np.testing.assert_allclose(found.transport_cost, expected, rtol=1e-6)
    np.testing.assert_array_equal(found.cost, found.transport_cost)
    np.testing.assert_allclose(found.value, found.cost ** (1 / p), rtol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
def test_divergence_is_that_of_three_solutions_of_pot(x, y, p):
    """At the usual threshold: its error is of second order in S, so 1e-3 leaves 1e-5."""
    found = distances.transport(x, y, p=p, epsilon=0.05)
    eps = float(found.epsilon)
    a, b = even(x), even(y)
    value = lambda u, v, mass, other: entropic(mass, other, cdist(u, v) ** p, eps)
    expected = value(x, y, a, b) - (value(x, x, a, a) + value(y, y, b, b)) / 2
    np.testing.assert_allclose(found.cost, expected, rtol=1e-5)
    assert found.marginal_error < 1e-3
    assert found.status == "ok"


def test_divergence_is_that_of_ott(x, y):
    found = distances.transport(x, y, epsilon=0.05)
    with jax.enable_x64(True):
        expected, _ = sinkhorn_divergence.sinkhorn_divergence(
            pointcloud.PointCloud, jnp.asarray(x), jnp.asarray(y), cost_fn=costs.SqEuclidean(),
            epsilon=float(found.epsilon), solve_kwargs={"threshold": 1e-8},
        )  # fmt: skip
    np.testing.assert_allclose(found.cost, expected, rtol=1e-5)


@pytest.mark.parametrize("p", [1, 2])
def test_blocks_are_the_whole(x, y, p, monkeypatch):
    """Blocks of five rows leave a rest of four; both stop at the same errors, not at the same iterates."""
    monkeypatch.setattr(_cost, "BLOCK_BYTES", 5 * 16 * 8)
    held, blocked = (
        distances.transport(x, y, p=p, epsilon=0.05, threshold=1e-9, memory_limit=limit)
        for limit in (2**31, 1)
    )
    assert held.held
    assert not blocked.held
    for name in ("value", "cost", "transport_cost", "epsilon"):
        np.testing.assert_allclose(getattr(blocked, name), getattr(held, name), rtol=1e-8)


def test_over_blocks_is_a_map(monkeypatch, rng):
    monkeypatch.setattr(_cost, "BLOCK_BYTES", 4 * 10 * 3)
    rows = rng.normal(size=(11, 2)).astype(np.float32), np.arange(11.0, dtype=np.float32)
    function = lambda part: part[0].sum(axis=1) * part[1]
    out = _cost.over_blocks(function, rows, 10)
    np.testing.assert_allclose(out, function(rows), rtol=1e-6)


@pytest.mark.parametrize("cost", [_cost.HeldCost, _cost.BlockedCost])
def test_points_without_mass_are_not_there(x, y, cost):
    a, b = np.array([0.0, 0.0, 0.5, 0.2, 0.3]), np.array([0.6, 0.0, 0.4, 0.0])
    x, y = x[:5], y[:4]
    with jax.enable_x64(True):

        def solved(x, y, a, b):
            x, y, a, b = map(jnp.asarray, (x, y, a, b))
            between = of_points(cost, x, y)
            return _sinkhorn.solve(between, a, b, jnp.asarray(EPS), TIGHT)

        whole, part = solved(x, y, a, b), solved(x[a > 0], y[b > 0], a[a > 0], b[b > 0])
        np.testing.assert_allclose(whole.cost, part.cost, rtol=1e-9)
        assert whole.converged
        assert np.isfinite(whole.f).all()
        assert np.isfinite(whole.g).all()
        expected = entropic(a[a > 0], b[b > 0], cdist(x[a > 0], y[b > 0]) ** 2, EPS)
        np.testing.assert_allclose(whole.cost, expected, rtol=1e-9)

        own = _sinkhorn.solve_self(of_points(cost, x, x), jnp.asarray(a), jnp.asarray(EPS), TIGHT)
        expected = entropic(a[a > 0], a[a > 0], cdist(x[a > 0], x[a > 0]) ** 2, EPS)
        assert own.converged
        np.testing.assert_allclose(own.cost, expected, rtol=1e-9, atol=1e-12)


def of_points(cost, x, y):
    if cost is _cost.BlockedCost:
        return cost(x, y, 2)
    return cost(_cost.cost_matrix(x, y, 2))


def test_derivatives_in_masses_and_epsilon(x, y, rng):
    """The envelope theorem in all arguments, also where a mass is zero (then from the right)."""
    with jax.enable_x64(True):
        C = jnp.asarray(cdist(x[:5], y[:4]))
        a, b = jnp.asarray([0.0, 0.1, 0.3, 0.2, 0.4]), jnp.asarray([0.4, 0.3, 0.2, 0.1])
        eps = jnp.asarray(0.2)
        value = lambda C, a, b, eps: _sinkhorn.solve(_cost.HeldCost(C), a, b, eps, TIGHT).cost
        da = jnp.asarray([0.3, -0.1, -0.1, 0.1, -0.2])
        db = jnp.asarray([0.1, -0.3, 0.1, 0.1])
        directions = (jnp.asarray(rng.normal(size=C.shape)), da, db, jnp.asarray(1.0))
        slopes = jax.grad(value, argnums=(0, 1, 2, 3))(C, a, b, eps)
        for i, (slope, along) in enumerate(zip(slopes, directions, strict=True)):
            step = 1e-5
            at = [C, a, b, eps]
            ends = []
            for k in (0, 1, 2):
                moved = list(at)
                moved[i] = at[i] + k * step * along
                ends.append(value(*moved))
            differences = (-3 * ends[0] + 4 * ends[1] - ends[2]) / (2 * step)
            np.testing.assert_allclose(jnp.sum(slope * along), differences, rtol=1e-6)


@pytest.mark.parametrize("cost", [_cost.HeldCost, _cost.BlockedCost])
def test_annealed_is_the_long_run(rng, monkeypatch, cost):
    """Line segments far from each other, at 1e-3 of the mean cost: the first round comes nowhere near.

    Stages are at least as many as factors of four lie between, and the solution is that without any.
    """
    x = np.concatenate([rng.uniform(size=(12, 1)), 30.0 + rng.uniform(size=(12, 1))])
    y = np.concatenate([rng.uniform(size=(5, 1)), 29.0 + rng.uniform(size=(11, 1))])
    stages = []
    iterate = cost.iterate
    see = lambda eps: stages.append(float(eps))

    def seen(self, a, b, eps, f, g, threshold):
        jax.debug.callback(see, eps)
        return iterate(self, a, b, eps, f, g, threshold)

    monkeypatch.setattr(cost, "iterate", seen)
    with jax.enable_x64(True):
        x, y = jnp.asarray(x), jnp.asarray(y)
        a, b = jnp.full(24, 1 / 24), jnp.full(16, 1 / 16)
        between = of_points(cost, x, y)
        eps = 1e-3 * between.mean()
        run = jax.jit(
            functools.partial(_sinkhorn._solve.__wrapped__)
        )  # traced anew, with what is watched
        found = run(between, a, b, eps, 1e-6, jnp.zeros_like(a), 1_000_000)
        jax.effects_barrier()
        assert found.converged
        assert stages[0] == pytest.approx(float(eps))
        assert max(stages) == pytest.approx(float(between.mean()))
        cooling = stages[1:]
        assert all(late <= early for early, late in itertools.pairwise(cooling))
        problem = geometry.Geometry(cost_matrix=_cost.cost_matrix(x, y, 2), epsilon=eps)
        long = linear.solve(problem, a=a, b=b, threshold=1e-6, max_iterations=400_000)
        assert long.converged
        assert long.n_iters > 2 * found.iterations
        np.testing.assert_allclose(found.cost, long.kl_reg_cost, rtol=1e-6)


def test_iterations_end_where_they_must(x, y):
    with jax.enable_x64(True):
        between = _cost.HeldCost(jnp.asarray(cdist(x, y)))
        a, b = jnp.full(24, 1 / 24), jnp.full(16, 1 / 16)
        stopping = _sinkhorn.Stopping(1e-12, 1)
        found = _sinkhorn.solve(between, a, b, jnp.asarray(1e-3), stopping)
        assert not found.converged
        assert 1 <= found.iterations <= _cost.ROUND + 1
        own = _sinkhorn.solve_self(
            _cost.HeldCost(jnp.asarray(cdist(x, x))), a, jnp.asarray(1e-3), stopping
        )
        assert own.iterations == _cost.CHECK_EVERY + 1


def test_a_little_mass_that_must_go_far(x, y):
    """An outlier on both sides, in samples of unequal sizes: 1/16 - 1/24 of the mass goes 1e4.

    Without annealing from the largest cost the potential needs 25,000 iterations, 0.4 eps in each, to get there.
    """
    x[0], y[0] = 1e4, 1e4 + 1.0
    found = distances.transport(x, y, epsilon=0.001)
    assert found.converged
    assert found.iterations < 3000
    np.testing.assert_allclose(found.value, distances.exact_wasserstein(x, y), rtol=1e-3)
