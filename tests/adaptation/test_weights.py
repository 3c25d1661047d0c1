"""Effective sample size in closed form."""

import numpy as np
import pytest

from synthmix_jax.adaptation import effective_sample_size


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (np.full(7, 0.3), 7.0),
        ([0.0, 2.0, 0.0], 1.0),
        ([1, 1, 0, 0], 2.0),
        ([1.0, 3.0], 16.0 / 10.0),
        (np.float32([4.0, 0.0, 4.0]), 2.0),
        ([1e-200, 1e-200], 2.0),
        ([1e200, 1e200, 1e200], 3.0),
        # Sums of 1..n and of their squares: n (n + 1)/2 and n (n + 1)(2 n + 1)/6.
        (np.arange(1, 101), 1.5 * 100 * 101 / 201),
    ],
)
def test_closed_forms(weights, expected):
    assert effective_sample_size(np.asarray(weights)) == pytest.approx(expected, rel=1e-12)


def test_it_is_the_number_of_points_of_a_mean_as_noisy(rng):
    weights = rng.exponential(size=30)
    noise = rng.normal(size=(20_000, 30))
    variance = (noise @ (weights / weights.sum())).var()
    # The variance of 20,000 draws is known to 1 %.
    assert effective_sample_size(weights) == pytest.approx(1.0 / variance, rel=0.05)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(3), "all zero"),
        (np.array([1.0, -0.1]), "zero or more, got -0.1"),
        (np.array([1.0, np.nan]), "non-finite"),
        (np.ones(0), "one a point"),
    ],
)
def test_misuse(weights, message):
    with pytest.raises(ValueError, match=message):
        effective_sample_size(weights)
