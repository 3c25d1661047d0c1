"""Mixtures at every share against repeated points; what is linear in the share, and what is convex."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from synthmix_jax import distances, kernels
from synthmix_jax.distances import _shares

mixture = distances.mixture_wasserstein
SHARES = [0.0, 0.25, 0.5, 1.0]
MMD = functools.partial(distances.mixture_mmd, kernel=kernels.RBF(1.5))


def sliced(*args, **options):
    return distances.mixture_sliced_wasserstein(
        *args, key=jax.random.key(4), num_projections=20, **options
    )


LINEAR = {
    "mmd": (MMD, lambda x, y: np.sqrt(distances.mmd_squared(x, y, kernel=kernels.RBF(1.5), biased=True))),
    "energy": (distances.mixture_energy, distances.energy),
    "sliced": (
        sliced,
        lambda x, y: distances.sliced_wasserstein(x, y, key=jax.random.key(4), num_projections=20, p=1),
    ),
}  # fmt: skip


@pytest.fixture(name="x")
def _x(rng):
    return rng.normal(size=(12, 3))


@pytest.fixture(name="y")
def _y(rng):
    return 1.3 * rng.normal(size=(8, 3)) + [1.0, -0.5, 0.0]


@pytest.fixture(name="t")
def _t(rng):
    return rng.normal(size=(10, 3)) - 0.3


def realised(x, y, share):
    """Points each as often as 12 (1 - r) x / 12 and 12 r y / 8 say, times eight: masses in whole numbers."""
    often = lambda points, mass: np.repeat(points, round(96 * mass / len(points)), axis=0)
    return np.concatenate([often(x, 1.0 - share), often(y, share)])


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("targeted", [False, True])
def test_as_copies_of_points(x, y, t, p, targeted):
    """The same problem with 96 points of equal mass, at the same absolute epsilon."""
    t = t if targeted else None
    against = x if t is None else t
    found = mixture(x, y, SHARES, target=t, p=p, epsilon=0.05)
    scale = (cdist(y, against) ** p).mean()
    for share, value in zip(SHARES, found, strict=True):
        if t is None and p == 1:
            expected = share * distances.wasserstein(x, y, p=1, epsilon=0.05)
        else:
            points = realised(x, y, share)
            epsilon = 0.05 * scale / (cdist(points, against) ** p).mean()
            expected = distances.wasserstein(points, against, p=p, epsilon=float(epsilon))
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6)
    if t is None:
        assert found[0] == 0.0
        np.testing.assert_allclose(
            found[-1], distances.wasserstein(x, y, p=p, epsilon=0.05), rtol=1e-5
        )


@pytest.mark.parametrize("name", LINEAR)
def test_linear_in_the_share(x, y, name):
    mixed, plain = LINEAR[name]
    shares = np.linspace(0.0, 1.0, 6)
    np.testing.assert_allclose(mixed(x, y, shares), shares * plain(x, y), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LINEAR)
def test_against_a_target_as_copies_of_points(x, y, t, name):
    mixed, plain = LINEAR[name]
    found = mixed(x, y, SHARES, target=t)
    expected = [plain(realised(x, y, share), t) for share in SHARES]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_unbiased_mmd_against_a_target(x, y, t):
    """At the ends it is that of one sample; between, unbiased is not the estimate for copies, but the same sum."""
    found = MMD(x, y, SHARES, target=t, biased=False)
    ends = [distances.mmd(v, t, kernel=kernels.RBF(1.5)) for v in (x, y)]
    np.testing.assert_allclose(found[[0, -1]], ends, rtol=1e-9, atol=1e-12)
    k = lambda a, b: np.asarray(kernels.RBF(1.5)(a, b), np.float64)
    off = lambda a: (k(a, a).sum() - len(a)) / (len(a) * (len(a) - 1))
    r = 0.25
    squared = (1 - r) ** 2 * off(x) + r**2 * off(y) + 2 * r * (1 - r) * k(x, y).mean() + off(t)
    squared -= 2 * ((1 - r) * k(x, t).mean() + r * k(y, t).mean())
    np.testing.assert_allclose(found[1], np.sqrt(max(squared, 0.0)), rtol=1e-4, atol=1e-5)


def exact_power(x, y, shares, p):
    """W_p^p of the mixtures from x by POT's exact solver with weights."""
    C = cdist(np.concatenate([x, y]), x) ** p
    masses = [np.repeat([(1 - r) / len(x), r / len(y)], [len(x), len(y)]) for r in shares]
    return np.array([ot.emd2(a, np.full(len(x), 1 / len(x)), C) for a in masses])


def test_w1_is_linear_and_w2_squared_is_convex_below_a_line(x, y):
    shares = np.linspace(0.0, 1.0, 9)
    exact = exact_power(x, y, shares, 1)
    np.testing.assert_allclose(exact, shares * exact[-1], atol=1e-12)
    found = mixture(x, y, shares, p=1)
    np.testing.assert_allclose(found, shares * found[-1], rtol=1e-12)
    np.testing.assert_allclose(found, exact, rtol=0.05)

    exact = exact_power(x, y, shares, 2)
    found = mixture(x, y, shares, epsilon=0.005) ** 2
    for squares, slack in ((exact, 1e-12), (found, 1e-2 * exact[-1])):
        assert (squares <= shares * squares[-1] + slack).all()
        assert (np.diff(squares, 2) >= -slack).all()
    assert exact[4] < 0.95 * 0.5 * exact[-1], "it is not linear"
    np.testing.assert_allclose(found, exact, atol=0.02 * exact[-1])


def test_one_by_one_is_together(x, y, t, monkeypatch):
    """With no iterations together every share goes alone."""
    together = mixture(x, y, SHARES, target=t, epsilon=0.05)
    monkeypatch.setattr(_shares, "SHARED", 0)
    grid = jax.jit(_shares.grid.__wrapped__, static_argnames="p")
    monkeypatch.setattr("synthmix_jax.distances._mixtures.grid", grid)
    alone = mixture(x, y, SHARES, target=t, epsilon=0.05)
    np.testing.assert_allclose(alone, together, rtol=1e-5)


def test_far_apart_in_float32(rng):
    """Kernels underflow and scalings overflow; two points of mass r apart by L are W2^2 = r L^2 apart."""
    x = 0.1 * rng.normal(size=(12, 3))
    y = 0.1 * rng.normal(size=(8, 3)) + [1e3, 0.0, 0.0]
    shares = np.array([0.0, 0.001, 0.3, 1.0])
    found = mixture(x.astype(np.float32), y.astype(np.float32), shares, epsilon=0.002)
    assert found.dtype == np.float32
    assert found[0] == 0.0
    # Between the two blobs the mixture has entropy, which debiasing does not take away: S = r L^2 - eps H(r) / 2.
    r = shares[1:]
    entropy = -r * np.log(r) - (1 - r) * np.log(np.where(r < 1, 1 - r, 1.0))
    eps = 0.002 * (cdist(y, x) ** 2).mean()
    apart = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    np.testing.assert_allclose(found[1:] ** 2, r * apart - eps * entropy / 2, rtol=1e-3)


def test_gradients(x, y, t, rng):
    """In the points and in the shares, at an end too, where some points have no mass.

    The mean cost between y and the target sets epsilon, and moves with them.
    """
    with jax.enable_x64(True):
        x, y, t = map(jnp.asarray, (x, y, t))
        shares = jnp.asarray([0.0, 0.3, 1.0])
        weights = jnp.asarray([1.0, 2.0, 3.0])

        @jax.jit
        def value(x, y, shares):
            out = mixture(x, y, shares, target=t, epsilon=0.1, threshold=1e-9)
            return jnp.dot(weights, out)

        directions = (
            *(jnp.asarray(rng.normal(size=v.shape)) for v in (x, y)),
            jnp.asarray([0.0, -0.5, -1.0]),
        )
        slopes = jax.jit(jax.grad(value, (0, 1, 2)))(x, y, shares)
        for i, step in enumerate((1e-4, 1e-4, 1e-6)):
            ends = []
            for k in range(3):
                at = [x, y, shares]
                at[i] = at[i] + k * step * directions[i]
                ends.append(value(*at))
            difference = (-3 * ends[0] + 4 * ends[1] - ends[2]) / (2 * step)
            np.testing.assert_allclose(
                jnp.sum(slopes[i] * directions[i]), difference, rtol=1e-4, err_msg=str(i)
            )
            assert np.isfinite(slopes[i]).all()


def test_inside_a_trace(x, y, t):
    with jax.enable_x64(True):
        functions = (mixture, MMD, distances.mixture_energy, sliced)
        for function in functions:
            traced = jax.jit(functools.partial(function, target=t))
            got = traced(x, y, jnp.asarray(SHARES))
            np.testing.assert_allclose(got, function(x, y, SHARES, target=t), rtol=1e-8)
            broken = x.copy()
            broken[2, 1] = np.nan
            assert np.isnan(traced(broken, y, jnp.asarray(SHARES))).all()


def test_refusals(x, y, t):
    for function in (mixture, MMD, distances.mixture_energy, sliced):
        for bad, shown in (([0.5, 1.5], "1.5"), ([-0.1], "-0.1"), ([np.nan], "nan")):
            with pytest.raises(ValueError, match=rf"between 0 and 1, got {shown}"):
                function(x, y, bad)
        with pytest.raises(ValueError, match="shares must be one number or a list"):
            function(x, y, [])
        with pytest.raises(ValueError, match="3 and 2 features"):
            function(x, y[:, :2], SHARES)
        with pytest.raises(ValueError, match=r"target.*3 and 2 features|3 and 2 features"):
            function(x, y, SHARES, target=t[:, :2])
    with pytest.raises(ValueError, match="needs a target"):
        MMD(x, y, SHARES, biased=False)
    with pytest.raises(ValueError, match="at least two points"):
        MMD(x, y[:1], SHARES, target=t, biased=False)
    with pytest.raises(ValueError, match=r"12 and 8 points need .* above the memory_limit"):
        mixture(x, y, SHARES, memory_limit=1000)
    with pytest.raises(distances.ConvergenceError, match=r"no convergence at \d shares, the first"):
        mixture(x, y, SHARES, target=t, epsilon=0.001, threshold=1e-9, max_iterations=10)


def test_one_share_is_a_list_of_one(x, y):
    np.testing.assert_array_equal(
        distances.mixture_energy(x, y, 0.5), distances.mixture_energy(x, y, [0.5])
    )
