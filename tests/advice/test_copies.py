"""Copies are found, fresh draws are not, and odd real data does no harm."""

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.advice._copies import _ratios, look_for_copies


def of(x):
    return smx.Dataset(x, np.zeros(len(x)))


@pytest.fixture
def real(rng):
    return rng.normal(size=(60, 6))


def slow(real, synthetic):
    """Shares of identical points and of ratios below the bound, from distances one by one."""
    distance = lambda a, b: np.sqrt(((a - b) ** 2).sum())
    ratio = lambda d: sorted(d)[0] / sorted(d)[1]
    normal = [
        ratio([distance(a, b) for j, b in enumerate(real) if j != i]) for i, a in enumerate(real)
    ]
    ratios = [ratio([distance(a, b) for b in real]) for a in synthetic]
    bound = min(0.5, 0.1 ** (1 / real.shape[1]), np.quantile(normal, 0.1))
    return np.mean(np.array(ratios) == 0.0), np.mean(np.array(ratios) < bound)


def test_against_a_loop(real, rng):
    synthetic = np.concatenate([real[:5], real[:30] + 0.2 * rng.normal(size=(30, 6))])
    found = look_for_copies(of(real), of(synthetic))
    identical, close = slow(real, synthetic)
    assert found.identical == pytest.approx(identical) == 5 / 35
    assert found.close == pytest.approx(close)


@pytest.mark.parametrize("jitter", [0.0, 1e-3, 0.05])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_copies_and_noisy_copies_are_suspicious(jitter, offset, real, rng):
    rows = rng.integers(0, 60, size=200)
    synthetic = real[rows] + jitter * rng.normal(size=(200, 6)) + offset
    found = look_for_copies(of(real + offset), of(synthetic))
    assert found.suspicious
    assert found.close > 0.9
    assert found.identical == (jitter == 0.0)


def test_a_few_exact_copies_are_enough(real, rng):
    fresh = rng.normal(size=(200, 6))
    fresh[:6] = real[:6]
    found = look_for_copies(of(real), of(fresh))
    assert found.suspicious
    assert found.identical == 0.03


@pytest.mark.parametrize("n", [10, 40])
@pytest.mark.parametrize("d", [1, 2, 6, 40])
def test_fresh_draws_are_not(d, n):
    """100 honest draws: at most one alarm, and about a tenth of the points or less are close."""
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        found.append(look_for_copies(of(rng.normal(size=(n, d))), of(rng.normal(size=(80, d)))))
    assert sum(f.suspicious for f in found) <= 1
    assert np.mean([f.close for f in found]) < 0.11
    assert max(f.identical for f in found) == 0.0


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_law_behind_the_bound(d):
    """Among uniform points, (nearest / second nearest)^d is uniform: mean 1/2, a tenth below 0.1."""
    rng = np.random.default_rng(0)
    real, points = rng.uniform(size=(8_000, d)), rng.uniform(0.2, 0.8, size=(1_000, d))
    u = np.concatenate([_ratios(p, real) for p in np.split(points, 10)]) ** d
    # Five standard errors of a mean of uniforms and of a share.
    assert abs(u.mean() - 0.5) < 5 / np.sqrt(12 * 1_000)
    assert abs((u < 0.1).mean() - 0.1) < 5 * np.sqrt(0.09 / 1_000)


def test_a_blurred_or_shifted_generator_is_not_a_copier(real, rng):
    for synthetic in (0.5 * rng.normal(size=(200, 6)), 3.0 + rng.normal(size=(200, 6))):
        assert not look_for_copies(of(real), of(synthetic)).suspicious


@pytest.mark.parametrize("times", [2, 3])
def test_duplicates_inside_the_real_data(times, real, rng):
    found = look_for_copies(of(np.tile(real, (times, 1))), of(rng.normal(size=(50, 6))))
    assert found.identical == 0.0
    assert not found.suspicious
    same = look_for_copies(of(np.tile(real, (times, 1))), of(real))
    assert same.identical == 1.0
    # Where real points repeat each other, a repetition says nothing.
    assert same.suspicious == (times == 1)


def test_values_from_a_short_list_raise_no_alarm(rng):
    real, synthetic = (of(rng.integers(0, 5, size=(k, 2)).astype(float)) for k in (50, 400))
    found = look_for_copies(real, synthetic)
    assert found.identical > 0.5
    assert not found.suspicious


def test_all_real_points_the_same():
    found = look_for_copies(of(np.ones((5, 3))), of(np.ones((4, 3))))
    assert found.identical == 1.0


def test_fewer_than_three_real_points(rng):
    assert look_for_copies(of(rng.normal(size=(2, 3))), of(rng.normal(size=(9, 3)))) is None
    assert look_for_copies(of(rng.normal(size=(3, 3))), of(rng.normal(size=(9, 3)))) is not None


@pytest.mark.parametrize("block_size", [1, 7, 1000])
def test_blocks_change_nothing(block_size, real, rng):
    synthetic = of(np.concatenate([real[:9], rng.normal(size=(40, 6))]))
    whole = look_for_copies(of(real), synthetic)
    assert look_for_copies(of(real), synthetic, block_size=block_size) == whole


def test_images(rng):
    pixels = rng.integers(0, 256, size=(20, 4, 4), dtype=np.uint8)
    found = look_for_copies(of(pixels), of((pixels / 255).astype(np.float32)))
    assert found.close == 1.0
    assert look_for_copies(of(pixels), of(pixels)).identical == 1.0
