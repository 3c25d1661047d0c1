"""MMD against loops over pairs; unbiasedness, mixtures, and what stands for the kernel."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics.pairwise

from synthmix_jax import kernels
from synthmix_jax.distances import _mmd, mmd, mmd_squared

RBF = kernels.RBF(1.5)


def k(a, b):
    return np.exp(-((a - b) ** 2).sum() / (2 * 1.5**2))


@pytest.fixture(name="x")
def _x(rng):
    return rng.normal(size=(9, 3))


@pytest.fixture(name="y")
def _y(rng):
    return rng.normal(size=(7, 3)) + 1.0


def test_loops_over_pairs(x, y):
    cross = np.mean([k(a, b) for a in x for b in y])
    own = [np.mean([k(a, b) for a, b in itertools.permutations(z, 2)]) for z in (x, y)]
    unbiased = sum(own) - 2 * cross
    np.testing.assert_allclose(mmd_squared(x, y, kernel=RBF), unbiased, rtol=1e-12)
    np.testing.assert_allclose(mmd(x, y, kernel=RBF), np.sqrt(unbiased), rtol=1e-12)
    full = [np.mean([k(a, b) for a in z for b in z]) for z in (x, y)]
    biased = mmd_squared(x, y, kernel=RBF, biased=True)
    np.testing.assert_allclose(biased, sum(full) - 2 * cross, rtol=1e-12)


def test_the_linear_kernel_compares_means(x, y):
    """V-statistic: |mean difference|^2; unbiased: less the variances of the means."""
    offset = x.mean(axis=0) - y.mean(axis=0)
    linear = kernels.Polynomial(1, offset=0.0)
    biased = mmd_squared(x, y, kernel=linear, biased=True)
    np.testing.assert_allclose(biased, offset @ offset, rtol=1e-12)
    noise = sum(z.var(axis=0, ddof=1).sum() / len(z) for z in (x, y))
    unbiased = mmd_squared(x, y, kernel=linear)
    np.testing.assert_allclose(unbiased, offset @ offset - noise, rtol=1e-11)


def test_two_points_against_two():
    """All by hand: values 1, e = exp(-1/2) at distance one, 0 at infinity."""
    x, y = np.array([[0.0], [1.0]]), np.array([[1e3], [1e3 + 1.0]])
    e = np.exp(-0.5)
    unbiased = mmd_squared(x, y, kernel=kernels.RBF(1.0))
    np.testing.assert_allclose(unbiased, 2 * e, rtol=1e-9)
    biased = mmd_squared(x, y, kernel=kernels.RBF(1.0), biased=True)
    np.testing.assert_allclose(biased, 1 + e, rtol=1e-9)


def test_unbiased_and_biased_on_average(rng):
    """Over 4,000 pairs of samples from N(0, 1) and N(s, 1), for which MMD^2 is known."""
    shift, length, n, m, repeats = 0.7, 1.2, 5, 4, 4_000
    x = rng.normal(size=(repeats, n, 1)).astype(np.float32)
    y = rng.normal(size=(repeats, m, 1)).astype(np.float32) + np.float32(shift)
    kernel = kernels.RBF(length)
    run = lambda biased: np.asarray(
        jax.vmap(lambda x, y: mmd_squared(x, y, kernel=kernel, biased=biased))(x, y), np.float64
    )
    # E k of a difference of variance 2: sqrt(l^2 / (l^2 + 2)) exp(-s^2 / (2 (l^2 + 2))).
    own = np.sqrt(length**2 / (length**2 + 2))
    truth = 2 * own * (1 - np.exp(-(shift**2) / (2 * (length**2 + 2))))
    unbiased, biased = run(False), run(True)
    error = unbiased.std() / np.sqrt(repeats)
    assert abs(unbiased.mean() - truth) < 4 * error
    assert (unbiased < 0).mean() > 0.1
    assert 0.1 * truth > error, "the test could see a bias of 0.4 of the truth"
    excess = (1 - own) * (1 / n + 1 / m)
    assert abs(biased.mean() - truth - excess) < 4 * biased.std() / np.sqrt(repeats)
    assert excess > 8 * error


def test_zero_where_the_estimate_is_negative(x):
    assert mmd_squared(x, x, kernel=RBF) < -0.01
    assert mmd(x, x, kernel=RBF) == 0.0


def test_the_v_statistic_is_linear_in_the_share_of_a_mixture(rng):
    """Its root, between P and (1 - r) P + r Q; the weights are repeated points."""
    p, q = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)) + 1.0
    distance = lambda x, y: np.sqrt(mmd_squared(x, y, kernel=RBF, biased=True))
    for share in (0.25, 0.5, 0.75):
        copies = int(4 * share)
        mixed = np.concatenate([np.tile(p, (4 - copies, 1)), np.tile(q, (copies, 1))])
        np.testing.assert_allclose(distance(p, mixed), share * distance(p, q), rtol=1e-12)


def test_none_is_the_median_distance_of_both_together(x, y):
    length = kernels.median_lengthscale(np.concatenate([x, y]))
    np.testing.assert_array_equal(mmd(x, y), mmd(x, y, kernel=kernels.RBF(length)))
    lengths = [length * c for c in (0.25, 0.5, 1.0, 2.0, 4.0)]
    mixture = np.mean([mmd_squared(x, y, kernel=kernels.RBF(l)) for l in lengths])
    np.testing.assert_allclose(mmd_squared(x, y, kernel="mixture"), mixture, rtol=1e-12)


def test_the_median_in_a_trace(x, y):
    many = np.concatenate([np.zeros((20, 3)), y])  # most pairs coincide: the median of the others
    with jax.enable_x64(True):
        median = jax.jit(_mmd._median)
        for a, b in ((x, y), (x, many), (many, many)):
            pooled = kernels.median_lengthscale(np.concatenate([a, b]))
            np.testing.assert_allclose(median(a, b), pooled, rtol=1e-12)
            np.testing.assert_allclose(_mmd._median(a, b), pooled, rtol=1e-15)
        same = np.ones((3, 2))
        assert median(same, same) == _mmd._median(same, same) == 1.0


@pytest.mark.parametrize("name", [None, "mixture"])
def test_no_gradient_flows_through_the_median(x, y, name):
    with jax.enable_x64(True):
        kernel = _mmd._resolve_kernel(name, x, y)
        slope = jax.grad(mmd_squared)(jnp.asarray(x), y, kernel=kernel)
        own = jax.grad(lambda x: mmd_squared(x, y, kernel=name))(jnp.asarray(x))
    np.testing.assert_allclose(own, slope, atol=1e-14)


def test_many_rows_are_drawn_down_to_the_same_ones(rng, monkeypatch):
    monkeypatch.setattr(_mmd, "SUBSAMPLE", 50)
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(100, 2)) + 1.0
    length = _mmd._median(x, y)
    assert length == _mmd._median(x, y)
    full = kernels.median_lengthscale(np.concatenate([x, y]))
    assert length != full
    assert abs(length / full - 1.0) < 0.2  # 50 points: a spread of about 5 %
    with jax.enable_x64(True):
        traced = jax.jit(lambda x, y: _mmd._median(x, y))(x, y)
    np.testing.assert_allclose(traced, length, rtol=1e-12)
    # Rows of both samples are among them in proportion: 4 / 9 of the pairs lie across, all others within.
    assert _mmd._median(x, y + 1e6) < 10.0


def test_functions_are_kernels_of_points_of_their_own_shape(x, y):
    rbf = lambda a, b: sklearn.metrics.pairwise.rbf_kernel(a, b, gamma=1 / (2 * 1.5**2))
    expected = mmd_squared(x, y, kernel=RBF)
    np.testing.assert_allclose(mmd_squared(x, y, kernel=rbf), expected, rtol=1e-12)
    shapes = []

    def images(a, b):
        shapes.append((a.shape[1:], b.shape[1:]))
        return RBF(a, b)

    a, b = x.reshape(9, 3, 1), y.reshape(7, 3, 1)
    np.testing.assert_allclose(mmd_squared(a, b, kernel=images), expected, rtol=1e-12)
    assert set(shapes) == {((3, 1), (3, 1))}
    mmd_squared(a, y, kernel=images)  # of two shapes neither fits both
    mmd_squared(x[:, 0], y[:, 0], kernel=images)
    assert set(shapes[3:]) == {((3,), (3,)), ((1,), (1,))}
    with jax.enable_x64(True):
        value = jax.jit(lambda x, y: mmd_squared(x, y, kernel=images))(a, b)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize("name", [None, "mixture", RBF, lambda a, b: RBF(a, b)])
def test_a_resolved_kernel_is_an_argument_of_compiled_functions(x, y, name):
    with jax.enable_x64(True):
        kernel = _mmd._resolve_kernel(name, x, y)
        assert isinstance(kernel, kernels.Kernel)
        traces = []

        @jax.jit
        def run(kernel, x, y):
            traces.append(None)
            return _mmd._mmd_squared(kernel, x, y, False)

        first = run(kernel, x, y)
        np.testing.assert_allclose(first, mmd_squared(x, y, kernel=name), rtol=1e-12)
        run(kernel, x + 1.0, y)
        assert len(traces) == 1


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("pairs", [1, 30, 100])
def test_blocks_change_nothing(x, y, biased, pairs):
    with jax.enable_x64(True):
        whole = _mmd._mmd_squared(RBF, x, y, biased)
        blocks = _mmd._mmd_squared(RBF, x, y, biased, pairs_at_once=pairs)
        np.testing.assert_allclose(blocks, whole, rtol=1e-13)
        slope = jax.grad(_mmd._mmd_squared, argnums=(0, 1))(RBF, x, y, biased)
        other = jax.grad(_mmd._mmd_squared, argnums=(0, 1))(RBF, x, y, biased, pairs_at_once=pairs)
    for got, wanted in zip(jax.tree.leaves(other), jax.tree.leaves(slope), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-14)


def test_misuse(x, y):
    with pytest.raises(ValueError, match=r"kernel must be None, .mixture., .*got 'rbf'"):
        mmd(x, y, kernel="rbf")
    with pytest.raises(ValueError, match=r"y holds one point.*biased=True"):
        mmd_squared(x, y[:1], kernel=RBF)
    assert mmd_squared(x, y[:1], kernel=RBF, biased=True) > 0.0
    with pytest.raises(ValueError, match="2 lengthscales, but a point has 3 features"):
        mmd(x, y, kernel=kernels.RBF(np.ones(2)))
    with pytest.raises(ValueError, match=r"must return shape \(9, 9\)"):
        mmd(x, y, kernel=lambda a, b: np.ones(3))
