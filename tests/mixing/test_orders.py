"""Nested orders are permutations whose every prefix is fair; count grids keep their promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthmix_jax import mixing

KEY = jax.random.key(3)


def prefix_counts(y, order, classes):
    """Class counts of every prefix (m + 1, k)."""
    one_hot = np.eye(classes, dtype=int)[np.asarray(y)[order]]
    return np.concatenate([np.zeros((1, classes), int), one_hot.cumsum(axis=0)])


@settings(deadline=None, max_examples=50)
@given(y=st.lists(st.integers(0, 4), min_size=1, max_size=60), seed=st.integers(0, 2**31))
def test_every_prefix_is_balanced_within_one(y, seed):
    y = np.array(y)
    order = mixing.nested_order(y, key=jax.random.key(seed))
    np.testing.assert_array_equal(np.sort(order), np.arange(len(y)))
    classes = y.max() + 1
    counts, sizes = prefix_counts(y, order, classes), np.bincount(y, minlength=classes)
    for prefix in counts:
        # A class that has run out no longer limits the others, which stay level among themselves.
        left = prefix < sizes
        if left.any():
            assert prefix[left].max() - prefix[left].min() <= 1
            assert prefix.max() <= prefix[left].min() + 1


@settings(deadline=None, max_examples=50)
@given(
    proportions=st.lists(st.floats(0.05, 20.0), min_size=1, max_size=6),
    seed=st.integers(0, 2**31),
)
def test_proportions_are_apportioned_by_websters_method(proportions, seed):
    """Dealt as parliaments deal seats: the next to the class of the largest p / (2 s + 1)."""
    p, each = np.array(proportions), 12
    y = np.repeat(np.arange(len(p)), each)
    order = mixing.nested_order(y, key=jax.random.key(seed), proportions=p)
    for prefix in prefix_counts(y, order, len(p)):
        # So no seat yet to be dealt has a larger quotient than one that was dealt.
        weakest = min((p[c] / (2 * prefix[c] - 1) for c in np.flatnonzero(prefix)), default=np.inf)
        assert weakest >= (p / (2 * prefix + 1)).max() * (1 - 1e-12)
        if prefix.max() == each:
            break  # a class has run out


def test_two_classes_stay_within_one_of_their_due():
    y = np.repeat([0, 1], [300, 100])
    order = mixing.nested_order(y, key=KEY, proportions=np.array([3.0, 1.0]))
    for size, prefix in enumerate(prefix_counts(y, order, 2)):
        assert np.abs(prefix - size * np.array([0.75, 0.25])).max() <= 1.0


def test_an_absent_class_may_have_no_proportion():
    order = mixing.nested_order(
        np.array([0, 2, 0, 2]), key=KEY, proportions=np.array([1.0, 0.0, 1.0])
    )
    assert sorted(order) == [0, 1, 2, 3]


@pytest.mark.parametrize("y", [np.arange(40) % 4, np.arange(40.0), np.zeros((40, 2))])
def test_a_function_of_the_key(y):
    order = mixing.nested_order(y, key=KEY)
    np.testing.assert_array_equal(order, mixing.nested_order(jnp.asarray(y), key=KEY))
    raw = jax.random.key_data(KEY)
    np.testing.assert_array_equal(order, mixing.nested_order(y, key=raw))
    assert (order != mixing.nested_order(y, key=jax.random.key(4))).any()


def test_targets_are_permuted_at_random():
    """Each of 6 rows stands first in about a sixth of 600 orders: within four standard errors."""
    for y in (np.zeros(6), jnp.zeros(6, jnp.bfloat16)):
        first = [mixing.nested_order(y, key=jax.random.key(s))[0] for s in range(600)]
        share = np.bincount(first, minlength=6) / 600
        assert np.abs(share - 1 / 6).max() < 4 * np.sqrt(1 / 6 * 5 / 6 / 600)


def test_no_class_and_no_row_is_favoured():
    y = np.arange(6) % 3
    first = [mixing.nested_order(y, key=jax.random.key(s))[0] for s in range(600)]
    share = np.bincount(first, minlength=6) / 600
    assert np.abs(share - 1 / 6).max() < 4 * np.sqrt(1 / 6 * 5 / 6 / 600)


def test_an_empty_pool():
    assert mixing.nested_order(np.zeros(0, int), key=KEY).shape == (0,)


@settings(deadline=None)
@given(largest=st.integers(0, 10**6), number=st.integers(2, 80))
def test_geometric_counts(largest, number):
    counts = mixing.geometric_counts(largest, number)
    assert counts[0] == 0
    assert counts[-1] == largest
    assert (np.diff(counts) > 0).all()
    assert len(counts) <= number
    assert np.issubdtype(counts.dtype, np.integer)
    if largest < number:
        assert len(counts) == largest + 1
    else:
        assert len(counts) >= 0.8 * number  # "about": merging small counts costs a few
        large = counts[counts > 2 * number]
        if len(large) > 2:  # evenly spaced in logarithm, up to rounding
            steps = np.diff(np.log(large))
            assert steps.max() - steps.min() < 4.0 / large[0]


BAD = {
    "labels above": (
        lambda: mixing.nested_order(np.array([0, 5]), key=KEY, num_classes=2),
        r"0\.\.1, got 0 to 5",
    ),
    "labels below": (lambda: mixing.nested_order(np.array([-1, 0]), key=KEY), "got -1 to 0"),
    "too few proportions": (
        lambda: mixing.nested_order(np.array([0, 1]), key=KEY, proportions=np.ones(3)),
        r"must hold 2 numbers, got shape \(3,\)",
    ),
    "zero proportion": (
        lambda: mixing.nested_order(np.array([0, 1]), key=KEY, proportions=np.array([1.0, 0.0])),
        "positive for every class that is present",
    ),
    "nan proportion": (
        lambda: mixing.nested_order(np.array([0, 1]), key=KEY, proportions=np.array([1.0, np.nan])),
        "positive for every class that is present",
    ),
    "negative largest": (lambda: mixing.geometric_counts(-1), "largest must be >= 0 .* got -1"),
    "one count": (lambda: mixing.geometric_counts(9, 1), "number >= 2, got 9 and 1"),
    "several keys": (
        lambda: mixing.nested_order(np.array([0]), key=jax.random.split(KEY, 2)),
        "one PRNG key",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()
