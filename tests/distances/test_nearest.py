"""The nearest-neighbour test of copies: values against independent code, and what it flags and passes."""

import jax
import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import NearestNeighbors

import synthmix_jax as smx
from synthmix_jax.distances import _nearest, _neighbours, nearest_neighbours

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def digits():
    return smx.load("digits", split="all")


def parts(digits, count, seed=0):
    """Points to fit on, held-out points, and fresh ones."""
    keys = jax.random.split(jax.random.key(seed), 2)
    training, rest = digits.split(count / len(digits), key=keys[0])
    held_out, fresh = rest.split(0.2, key=keys[1])
    return training, held_out, fresh


def memorised(training, honest, rng, *, share=1.0, noise=0.0):
    """Honest samples, a share of them replaced by training points with noise."""
    chosen = rng.integers(0, len(training), len(honest))
    copied = np.asarray(training)[chosen] + noise * rng.normal(size=np.shape(honest))
    at = rng.random(len(honest)) < share
    return np.where(at.reshape(-1, *[1] * (np.ndim(honest) - 1)), copied, honest)


@pytest.mark.parametrize(
    ("n", "m", "d", "dtype"),
    [(700, 333, 20, np.float32), (400, 90, 1, float), (3, 11, 2, float), (500, 150, 70, "float32")],
)
def test_neighbours_are_those_of_scikit_learn(rng, n, m, d, dtype):
    training, points = (rng.normal(size=(k, d)).astype(dtype) + 10 for k in (n, m))
    originals = _neighbours.Originals.of(training, np.dtype(float if d < 64 else dtype))
    found = _neighbours.nearest(points, originals, rows_at_once=100, columns_at_once=256)
    distance, index = NearestNeighbors(n_neighbors=2).fit(training).kneighbors(points)
    np.testing.assert_array_equal(found.index, index[:, 0])
    np.testing.assert_allclose(found.distance, distance[:, 0], rtol=2e-5)
    np.testing.assert_allclose(found.second, distance[:, 1], rtol=2e-5)


def test_many_points_of_one_feature_in_single_precision(rng):
    training, held_out, synthetic = (rng.random((k, 1)).astype("float32") for k in (9000, 50, 80))
    found = nearest_neighbours(training, held_out, synthetic)
    apart = np.abs(synthetic - training.T.astype(float)).min(axis=1)
    np.testing.assert_allclose(found.distance, np.where(apart < 5e-7 * synthetic[:, 0], 0, apart))


def test_values_are_those_of_brute_force(rng):
    training, held_out, synthetic = (
        np.round(2 * rng.normal(size=(k, 3))) / 2 for k in (60, 39, 50)
    )
    found = nearest_neighbours(training, held_out, synthetic)
    distinct = np.unique(training, axis=0)

    def two(points):
        apart = np.linalg.norm(points[:, None] - distinct[None], axis=2)
        return np.sort(apart, axis=1)[:, :2].T

    (first, second), (normal, normal_second) = two(synthetic), two(held_out)
    u = stats.mannwhitneyu(normal, first).statistic
    assert found.nearer == pytest.approx(u / (39 * 50))
    near = first < np.sort(normal)[1]  # the second of 39: 2 / 40 = 0.05
    alone = first / second < min(0.4, np.sort(normal / normal_second)[1])
    assert (found.near, found.close) == (near.mean(), (near & alone).mean())
    assert found.expected == 2 / 40
    chance = stats.betabinom.sf(round(50 * found.close) - 1, 50, 2, 38)
    assert found.p_value == pytest.approx(chance)
    assert found.identical == (first == 0).mean()
    again = sum((training == row).all(axis=1).sum() > 1 for row in training)
    assert found.identical_real == ((normal == 0).sum() + again) / 99
    np.testing.assert_allclose(np.linalg.norm(training[found.index] - synthetic, axis=1), first)


@pytest.mark.parametrize("offset", [1e5, 1e6])
def test_far_from_zero_rounding_makes_no_copies(rng, offset):
    """Within four roundings of float32 many fresh points equal some other one there."""
    training, held_out, fresh = (offset + rng.normal(size=(k, 2)) for k in (400, 100, 400))
    found = nearest_neighbours(training, held_out, fresh)
    assert found.identical > 0.05
    assert not found.copies


def test_chance_is_that_of_simulated_draws(rng):
    m, h, place, share = 60, 39, 2, 0.15
    draws = np.sort(rng.random((20_000, h)), axis=1)[:, place - 1]
    below = rng.binomial(m, draws) >= share * m
    chance = stats.betabinom.sf(share * m - 1, m, place, h + 1 - place)
    assert chance == pytest.approx(below.mean(), abs=0.005)


@pytest.mark.parametrize(("shift", "m", "h"), [(0.0, 60, 40), (1.0, 60, 40), (1.0, 300, 30)])
def test_interval_of_pairs_covers(rng, shift, m, h):
    truth = stats.norm.cdf(shift / np.sqrt(2))
    covered = 0
    for _ in range(300):
        share = _nearest._share_of_pairs(rng.normal(size=m), rng.normal(size=h) + shift)
        low, high = _nearest.pairs_interval(share, m, h, 0.9)
        covered += low <= truth <= high
    assert covered / 300 == pytest.approx(0.9, abs=0.06)


def test_intervals_at_the_ends_have_a_width():
    low, high = _nearest.pairs_interval(1.0, 50, 40, 0.95)
    assert (low < 0.99, high) == (True, 1.0)
    assert _nearest.pairs_interval(0.0, 50, 40, 0.95) == pytest.approx((0.0, 1 - low))
    exact = stats.binomtest(7, 20).proportion_ci(0.95, method="exact")
    assert _nearest.share_interval(7, 20, 0.95) == pytest.approx(tuple(exact))
    assert _nearest.share_interval(0, 20, 0.95)[0] == 0.0


@pytest.mark.parametrize(
    ("count", "share", "noise"),
    [(50, 1.0, 0.0), (50, 1.0, 0.06), (50, 0.2, 0.0), (50, 0.2, 0.03), (900, 0.2, 0.03)],
)
def test_copies_are_found(digits, rng, count, share, noise):
    training, held_out, _ = parts(digits, count)
    generator = smx.generators.ClassGaussian.fit(training, rank=5)
    honest = smx.generators.draw(generator, 1000, key=KEY).x
    samples = memorised(training.x, honest, rng, share=share, noise=noise)
    found = nearest_neighbours(training.x, held_out.x, samples)
    assert found.copies
    assert str(found).startswith(f"The generator {'nearly ' if noise else ''}copies: ")
    assert found.p_value < 1e-3
    if share == 1.0:
        assert found.nearer > 0.95


@pytest.mark.parametrize("count", [50, 900])
def test_honest_gaussians_pass(digits, count):
    training, held_out, _ = parts(digits, count, seed=count)
    for rank in (0, 1, 5):
        generator = smx.generators.ClassGaussian.fit(training, rank=rank)
        samples = smx.generators.draw(generator, 1000, key=KEY).x
        found = nearest_neighbours(training.x, held_out.x, samples)
        assert not found.copies, (rank, found)
        assert found.identical == 0.0


DIALS = ({"blur": 1.3}, {"offset": 0.3}, {"scale": -0.7}, {"contrast": -0.5}, {"noise": 0.2})


def test_shifted_generators_pass(digits):
    training, held_out, _ = parts(digits, 50)
    generator = smx.generators.ClassGaussian.fit(training, rank=5)
    for dials in DIALS:
        samples = smx.generators.draw(smx.generators.Shifted(generator, **dials), 1000, key=KEY).x
        assert not nearest_neighbours(training.x, held_out.x, samples).copies, dials


def normal(rng, k):
    return rng.normal(size=(k, 4))


def one_feature(rng, k):
    return rng.exponential(size=k)


def whole_numbers(rng, k):
    return rng.poisson(3.0, size=(k, 2))


def yes_or_no(rng, k):
    return rng.integers(0, 2, size=(k, 8))


def clusters(rng, k):
    return 20.0 * rng.integers(0, 5, size=(k, 1)) + rng.normal(size=(k, 3)) * [1.0, 0.1, 0.01]


LAWS = (normal, one_feature, whole_numbers, yes_or_no, clusters)


@pytest.mark.parametrize("law", LAWS)
def test_false_alarms_are_rare(rng, law):
    alarms, below = 0, 0
    for _ in range(15):
        found = nearest_neighbours(law(rng, 80), law(rng, 40), law(rng, 100))
        alarms += found.copies
        below += found.close <= found.expected
    assert alarms <= 1
    assert below >= 8


@pytest.mark.parametrize("law", [normal, one_feature, clusters])
def test_copies_are_found_whatever_the_law(rng, law):
    training, held_out, honest = law(rng, 300), law(rng, 150), law(rng, 400)
    assert not nearest_neighbours(training, held_out, honest).copies
    scale = 1e-5 * np.std(training, axis=0)
    samples = memorised(training, honest, rng, share=0.3, noise=scale)
    found = nearest_neighbours(training, held_out, samples)
    assert found.copies
    assert found.identical < 0.05


def test_concentrated_samples_of_whole_numbers_pass_and_copies_do_not(rng):
    training, held_out = (rng.poisson(3.0, size=(k, 6)) for k in (300, 100))
    concentrated = rng.poisson(3.0, size=(500, 6)) * 0.5 + 1.5
    assert not nearest_neighbours(training, held_out, np.round(concentrated)).copies
    copied = memorised(training, rng.poisson(3.0, size=(500, 6)), rng, share=0.2)
    assert nearest_neighbours(training, held_out, copied).copies


def test_every_training_point_twice_changes_nothing(rng):
    training, held_out, honest = normal(rng, 100), normal(rng, 60), normal(rng, 200)
    noisy = memorised(training, honest, rng, share=0.5, noise=1e-3)
    once, twice = (
        nearest_neighbours(x, held_out, noisy) for x in (training, np.repeat(training, 2, axis=0))
    )
    assert once.copies
    assert (once.close, once.nearer, once.p_value) == (twice.close, twice.nearer, twice.p_value)
    np.testing.assert_array_equal(once.ratio, twice.ratio)


def test_one_copy_in_a_hundred_is_found_where_it_is_exact(rng):
    training, held_out, honest = normal(rng, 500), normal(rng, 200), normal(rng, 2000)
    honest[:40] = training[:40]
    found = nearest_neighbours(training, held_out, honest.astype(np.float32))  # rounded copies
    assert (found.copies, found.identical) == (True, 0.02)


def test_bytes_are_images_on_the_unit_interval(rng):
    x = [rng.integers(0, 256, size=(k, 4, 4), dtype=np.uint8) for k in (40, 20, 30)]
    as_bytes = nearest_neighbours(*x)
    as_floats = nearest_neighbours(*(part / 255.0 for part in x))
    np.testing.assert_allclose(as_bytes.distance, as_floats.distance)


def test_misuse_is_met_with_the_remedy(rng):
    x = normal(rng, 50)
    with pytest.raises(ValueError, match="held_out has 9 points; give at least 10"):
        nearest_neighbours(x, x[:9], x)
    with pytest.raises(ValueError, match="no two that differ"):
        nearest_neighbours(np.ones((5, 4)), x, x)
    with pytest.raises(ValueError, match=r"training .* and synthetic .* features"):
        nearest_neighbours(x, x, x[:, :2])
    with pytest.raises(ValueError, match="synthetic has shape"):
        nearest_neighbours(x, x, x[:0])
    with pytest.raises(ValueError, match="level"):
        nearest_neighbours(x, x, x, level=95)
