"""Density ratios against refits by brute force, a ratio known in closed form, and laws."""

import jax
import numpy as np
import pytest

from synthmix_jax.adaptation import density_ratio, effective_sample_size

KEY = jax.random.key(0)
N, U = 40, 30


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(5)
    return rng.normal(size=(N, 3)), rng.normal(size=(U, 3)) * 0.8 + 0.7


@pytest.fixture(scope="module")
def ratio(points):
    return density_ratio(*points, key=KEY)


def refit(source, target, centres, lengthscale, ridge):
    """The same function by normal equations with a column of ones that is not penalised."""

    def columns(x):
        squared = np.sum((x[:, None] - centres[None]) ** 2, axis=2)
        return np.hstack([np.ones((len(x), 1)), np.exp(-0.5 * squared / lengthscale**2)])

    penalty = np.full(len(centres) + 1, ridge * len(centres))
    penalty[0] = 0.0
    gram = columns(source).T @ columns(source) / len(source) + np.diag(penalty)
    coefficients = np.linalg.solve(gram, columns(target).mean(axis=0))
    return lambda x: np.maximum(columns(x) @ coefficients, 0.0)


def test_leaving_out_is_refitting(points):
    source, target = points
    # Ridges at which the normal equations of the brute force keep ten digits.
    lengthscales, ridges = (0.6, 1.5), (1e-4, 1e-2, 1.0)
    ours = density_ratio(source, target, key=KEY, lengthscales=lengthscales, ridges=ridges)
    scores, errors = np.zeros((2, 2, 3))
    for place in np.ndindex(2, 3):
        choice = lengthscales[place[0]], ridges[place[1]]
        without = [
            refit(np.delete(source, i, 0), target, target, *choice)(source[i : i + 1])[0]
            for i in range(N)
        ]
        there = [
            refit(source, np.delete(target, j, 0), target, *choice)(target[j : j + 1])[0]
            for j in range(U)
        ]
        halves = np.square(without) / 2
        scores[place] = np.mean(halves) - np.mean(there)
        errors[place] = np.sqrt(np.var(halves) / N + np.var(there) / U)
        if choice == (ours.lengthscale, ours.ridge):
            np.testing.assert_allclose(ours.values, without / np.mean(without), atol=1e-10)
            coverage = np.mean(np.square(without)) / np.mean(there)
            np.testing.assert_allclose(ours.coverage, min(coverage, 1.0), rtol=1e-10)
            new = np.linspace(-3.0, 3.0, 15).reshape(5, 3)
            expected = refit(source, target, target, *choice)(new)
            np.testing.assert_allclose(ours.at(new), expected, atol=1e-10)
    np.testing.assert_allclose(ours.scores, scores, atol=1e-10)
    best = np.unravel_index(np.argmin(scores + errors), scores.shape)
    assert (ours.lengthscale, ours.ridge) == (lengthscales[best[0]], ridges[best[1]])
    np.testing.assert_allclose(
        [ours.score, ours.score_error], [scores[best], errors[best]], atol=1e-10
    )


def test_two_gaussians(rng):
    source = rng.normal(size=2000)
    target = 1.0 + 0.7 * rng.normal(size=2000)
    ours = density_ratio(source, target, key=KEY, num_centres=60)
    true = np.exp(-0.5 * ((source - 1.0) / 0.7) ** 2 + 0.5 * source**2) / 0.7
    true /= true.mean()
    assert np.corrcoef(true, ours.values)[0, 1] > 0.98
    # The constant ratio is off by 1.3; the rate of the estimate leaves a few hundredths of it.
    assert np.mean((true - ours.values) ** 2) < 0.04 * np.var(true)
    expected = effective_sample_size(true)
    assert abs(ours.effective_sample_size - expected) < 0.1 * expected
    # -(1 + chi^2)/2 within its errors, and the source covers the target.
    assert abs(ours.score + np.mean(true**2) / 2) < 4.0 * ours.score_error
    assert ours.coverage > 0.9


def test_one_law_has_ratio_one(points):
    source, _ = points
    other = np.random.default_rng(6).normal(size=(U, 3))
    ours = density_ratio(source, other, key=KEY)
    assert ours.effective_sample_size > 0.95 * N
    assert ours.score > ours.constant_score - 2.0 * ours.score_error
    np.testing.assert_allclose(ours.values.mean(), 1.0, rtol=1e-12)


def test_a_target_out_of_reach_is_seen(points, ratio):
    source, target = points
    assert ratio.coverage > 0.5
    assert density_ratio(source, target + 20.0, key=KEY).coverage < 0.01


def test_scale_and_order_change_nothing(points, ratio):
    source, target = points
    order = np.random.default_rng(1).permutation(N)
    for x, y in (
        (100.0 * source[order], 100.0 * target),
        (source[order] + 7.0, target[::-1] + 7.0),
    ):
        np.testing.assert_allclose(
            density_ratio(x, y, key=KEY).values, ratio.values[order], rtol=1e-7
        )


@pytest.mark.parametrize("flag", [False, True])
def test_float64_inside_whatever_the_flag(points, ratio, flag):
    with jax.enable_x64(flag):
        ours = density_ratio(*points, key=KEY)
        assert jax.config.jax_enable_x64 == flag
    np.testing.assert_allclose(ours.values, ratio.values, rtol=1e-10)
    assert ours.values.dtype == np.float64


def test_images_count_as_fractions_and_centres_follow_the_key(rng):
    source, target = (rng.integers(0, 256, (count, 4, 4, 1), np.uint8) for count in (N, U))
    choices = dict(lengthscales=1.0, ridges=1e-3, num_centres=5)
    ours = density_ratio(source, target, key=KEY, **choices)
    rows = [x.reshape(len(x), 16) / 255 for x in (source, target)]
    flat = density_ratio(*rows, key=KEY, **choices)
    np.testing.assert_allclose(ours.values, flat.values, rtol=1e-12)
    np.testing.assert_allclose(ours.at(source), flat.at(rows[0]), rtol=1e-12)
    other = density_ratio(source, target, key=jax.random.key(1), **choices)
    assert not np.allclose(other.values, ours.values)


def test_cap(points, ratio):
    highest = ratio.values.max()
    ours = density_ratio(*points, key=KEY, cap=1.5)
    assert highest > 1.6
    assert ours.at(points[0]).max() == 1.5
    # All that was above the cap is alike; the mean is one again.
    assert np.isclose(ours.values, ours.values.max()).sum() > 1
    np.testing.assert_allclose(ours.values.mean(), 1.0, rtol=1e-12)
    assert ours.effective_sample_size > ratio.effective_sample_size


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_x": np.ones((5, 2))}, "points of shape"),
        ({"target_x": np.ones((2, 3))}, "at least 3 points, got 2"),
        ({"source_x": np.full((5, 3), np.nan)}, "source_x holds 15 non-finite"),
        ({"source_x": np.ones((5, 0)), "target_x": np.ones((5, 0))}, "no features"),
        ({"source_x": np.ones((5, 3)), "target_x": np.ones((5, 3))}, "one and the same point"),
        ({"ridges": [0.1, 0.0]}, "ridges must be positive"),
        ({"ridges": -1.0}, "ridges must be positive"),
        ({"lengthscales": 0.0}, "lengthscales must be positive"),
        ({"lengthscales": []}, "lengthscales must be"),
        ({"cap": -1.0}, "cap must be positive"),
        ({"num_centres": 0}, "num_centres must be"),
    ],
)
def test_misuse(points, changes, message):
    given = {"source_x": points[0], "target_x": points[1], "key": KEY, **changes}
    with pytest.raises(ValueError, match=message):
        density_ratio(**given)


def test_misuse_of_a_ratio(ratio):
    with pytest.raises(ValueError, match="2 features a point and the source 3"):
        ratio.at(np.ones((4, 2)))
    with pytest.raises(ValueError, match="non-finite"):
        ratio.at(np.full((4, 3), np.inf))
