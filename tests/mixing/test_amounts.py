"""Conversions between count, ratio, weight and share; the two objectives have the same minimiser."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmix_jax import mixing

sizes = st.integers(1, 10**6)
weights = st.floats(1e-4, 1e4)


@settings(deadline=None)
@given(n=sizes, m=sizes, weight=weights)
def test_share_and_weight_are_inverses(n, m, weight):
    share = mixing.share(n, m, weight)
    assert 0.0 < share < 1.0 or share == pytest.approx(1.0)
    if share < 1.0:
        # w = alpha n / ((1 - alpha) m) loses digits to 1 - alpha as alpha tends to one.
        back = mixing.weight_for_share(n, m, share)
        assert back == pytest.approx(weight, rel=4e-16 / (1.0 - share) + 1e-14)


@settings(deadline=None)
@given(n=sizes, m=sizes, share=st.floats(1e-6, 1.0 - 1e-6))
def test_weight_and_share_are_inverses(n, m, share):
    assert mixing.share(n, m, mixing.weight_for_share(n, m, share)) == pytest.approx(
        share, rel=1e-9
    )


@settings(deadline=None)
@given(n=sizes, m=st.integers(0, 10**6), weight=weights, ridge=st.floats(1e-9, 1e9))
def test_ridges_are_inverses(n, m, weight, ridge):
    normalised = mixing.normalised_ridge(n, m, ridge, weight)
    assert mixing.absolute_ridge(n, m, normalised, weight) == pytest.approx(ridge, rel=1e-14)


def test_known_values():
    assert mixing.share(10, 30) == 0.75
    assert mixing.share(10, 0) == 0.0
    assert mixing.share(10, 30, 0.5) == 0.6
    assert mixing.weight_for_share(10, 30, 0.6) == pytest.approx(0.5)
    assert mixing.weight_for_share(10, 0, 0.0) == 0.0
    assert mixing.normalised_ridge(10, 30, 5.0, 0.5) == 0.2
    assert [mixing.count_for_ratio(7, r) for r in (0.0, 0.5, 1.0, 0.07, 0.08)] == [0, 4, 7, 0, 1]


@pytest.mark.parametrize("weight", [0.1, 1.0, 10.0])
def test_both_objectives_have_the_same_minimiser(weight, rng):
    """Normal equations of each objective as it is written, in the coefficients of 5 features."""
    n, m, ridge = 12, 17, 0.7
    a, b = rng.normal(size=(n, 5)), rng.normal(size=(m, 5))
    y, z = rng.normal(size=n), rng.normal(size=m)
    absolute = np.linalg.solve(
        a.T @ a + weight * b.T @ b + ridge * np.eye(5), a.T @ y + weight * b.T @ z
    )
    share = mixing.share(n, m, weight)
    normalised = np.linalg.solve(
        (1 - share) / n * a.T @ a
        + share / m * b.T @ b
        + mixing.normalised_ridge(n, m, ridge, weight) * np.eye(5),
        (1 - share) / n * a.T @ y + share / m * b.T @ z,
    )
    np.testing.assert_allclose(normalised, absolute, rtol=1e-12, atol=1e-13)


def test_plan_keeps_what_was_asked_and_what_it_became():
    amounts = mixing.plan(7, 14, [0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(amounts.requested, [0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(amounts.counts, [0, 4, 7, 14])
    np.testing.assert_array_equal(amounts.ratios, amounts.counts / 7)
    assert amounts.counts.dtype == np.int64


@settings(deadline=None)
@given(n=st.integers(1, 10**5), ratios=st.lists(st.floats(0.0, 50.0), min_size=1, max_size=5))
def test_realised_ratios_are_the_nearest_there_are(n, ratios):
    amounts = mixing.plan(n, 100 * n, ratios)
    assert (np.abs(amounts.ratios - amounts.requested) <= 0.5 / n * (1 + 1e-9)).all()


NAN = float("nan")
BAD = {
    "no real point": (lambda: mixing.share(0, 3), "n must be a positive number .* got 0"),
    "infinite n": (lambda: mixing.share(np.inf, 3), "n must be a positive number .* got inf"),
    "negative m": (lambda: mixing.share(3, -1), "m must be zero or more .* got -1"),
    "nan m": (lambda: mixing.share(3, NAN), "m must be zero or more .* got nan"),
    "zero weight": (lambda: mixing.share(3, 3, 0.0), "weight must be positive and finite, got 0"),
    "nan weight": (lambda: mixing.share(3, 3, NAN), "weight must be positive and finite, got nan"),
    "share one": (lambda: mixing.weight_for_share(3, 3, 1.0), r"\[0, 1\), got 1.0.*synthetic"),
    "share negative": (lambda: mixing.weight_for_share(3, 3, -0.1), r"\[0, 1\), got -0.1"),
    "share nan": (lambda: mixing.weight_for_share(3, 3, NAN), r"\[0, 1\), got nan"),
    "share of none": (lambda: mixing.weight_for_share(3, 0, 0.5), "m must be positive"),
    "sizes of a weight": (lambda: mixing.weight_for_share(-3, 3, 0.5), "got -3"),
    "negative ratio": (lambda: mixing.count_for_ratio(3, -0.5), "ratio must be zero .* got -0.5"),
    "nan ratio": (lambda: mixing.count_for_ratio(3, NAN), "ratio must be zero .* got nan"),
    "ratio of no point": (lambda: mixing.count_for_ratio(0, 0.5), "n must be"),
    "plan beyond the pool": (
        lambda: mixing.plan(10, 15, [0.5, 2.0]),
        "ratio 2 of 10 real points needs 20 .* holds 15. The largest ratio it allows is 1.5",
    ),
    "plan of a negative ratio": (lambda: mixing.plan(10, 15, [-1.0]), "got -1"),
    "normalised from n": (lambda: mixing.normalised_ridge(0, 1, 1.0), "n must be"),
    "normalised from ridge": (lambda: mixing.normalised_ridge(1, 1, 0.0), "ridge must be positive"),
    "normalised weight": (lambda: mixing.normalised_ridge(1, 1, 1.0, -1.0), "weight must be"),
    "absolute from m": (lambda: mixing.absolute_ridge(1, -1, 1.0), "m must be"),
    "absolute ridge": (lambda: mixing.absolute_ridge(1, 1, -1.0), "normalised must be positive"),
    "absolute weight": (lambda: mixing.absolute_ridge(1, 1, 1.0, np.inf), "weight must be"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()
