"""Endless streams of batches: every pass whole, wherever a table starts and whoever asks."""

import numpy as np
import pytest

from synthmix_jax.mixing import Streams, _streams, group_places, places


def test_every_pass_holds_each_row_once(rng):
    rows = rng.choice(50, 17, replace=False)
    stream = Streams(3, 50).table(rows, width=5, first=0, last=68).reshape(-1)
    orders = [tuple(part) for part in stream.reshape(-1, 17)]
    assert all(sorted(order) == sorted(rows) for order in orders)
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("held", [1, 8 * 2**20])
def test_tables_do_not_depend_on_their_start_or_on_others(rng, monkeypatch, held):
    monkeypatch.setattr(_streams, "_HELD", held)
    rows, others = np.arange(0, 40, 3), np.arange(25)
    whole = Streams(1, 40).table(rows, width=4, first=0, last=60)
    stream = Streams(1, 40)
    for first, last in ((50, 60), (0, 1), (7, 20), (20, 20)):
        stream.table(others, width=7, first=first, last=last)
        part = stream.table(rows, width=4, first=first, last=last)
        np.testing.assert_array_equal(part, whole[first:last])
    assert len(stream._held) <= max(1, held // 40)


def test_rows_in_common_are_in_one_order():
    streams = Streams(0, 30)
    few, all_ = np.arange(10), np.arange(30)
    short = streams.table(few, width=10, first=0, last=4)
    long = streams.table(all_, width=30, first=0, last=4)
    for a, b in zip(short, long, strict=True):
        np.testing.assert_array_equal(a, b[b < 10])


def test_order_is_that_of_the_seed_alone():
    rows = np.arange(20)
    tables = [Streams(seed, 20).table(rows, width=20, first=0, last=2) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(tables[0], tables[1])
    assert (tables[0] != tables[2]).any()


def test_every_order_is_as_likely():
    rows = np.arange(3)
    table = Streams(5, 3).table(rows, width=3, first=0, last=6000)
    _, counts = np.unique(table @ [9, 3, 1], return_counts=True)
    assert len(counts) == 6
    assert ((counts - 1000) ** 2 / 1000).sum() < 20.5  # chi-squared, 5 degrees: one in a thousand


def test_no_rows_or_no_width_is_an_empty_or_idle_table():
    streams = Streams(0, 10)
    assert streams.table(np.arange(0), width=4, first=2, last=5).tolist() == [[0] * 4] * 3
    assert streams.table(np.arange(5), width=0, first=2, last=5).shape == (3, 0)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, (8, 0)), (0.01, (7, 1)), (0.5, (4, 4)), (0.3, (6, 2)), (0.31, (6, 2)), (0.999, (1, 7))],
)
def test_places(share, expected):
    assert places(8, share) == expected


def test_impossible_places_are_refused():
    with pytest.raises(ValueError, match=r"share must lie in \[0, 1\), got 1.0"):
        places(8, 1.0)
    with pytest.raises(ValueError, match="batch_size is 1"):
        places(1, 0.5)
    assert places(1, 0.0) == (1, 0)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((0.5, 0.2, 0.3), (4, 2, 2)),  # 4, 1.6, 2.4
        ((0.01, 0.01, 0.98), (1, 1, 6)),  # one place each, from the group that has most
        ((0.0, 0.0, 1.0), (0, 0, 8)),
        ((0.0, 0.45, 0.55), (0, 4, 4)),
        ((0.125, 0.4375, 0.4375), (1, 3, 4)),  # equal remainders: the later group
        ((0.3, 0.3, 0.3, 0.1), (2, 2, 3, 1)),
    ],
)
def test_places_of_groups(shares, expected):
    assert group_places(8, np.array(shares)) == expected


def test_places_of_groups_are_near_the_shares_and_of_two_the_old_ones(rng):
    for _ in range(300):
        batch, groups = int(rng.integers(4, 70)), int(rng.integers(2, 5))
        shares = rng.dirichlet(np.ones(groups)) * (rng.random(groups) < 0.8) + 1e-12
        shares = np.where(shares > 1e-9, shares, 0.0)
        if shares.sum() == 0:
            continue
        shares = shares / shares.sum()
        found = np.array(group_places(batch, shares))
        assert found.sum() == batch
        assert ((found > 0) == (shares > 0)).all()
        if (shares * batch >= 1)[shares > 0].all():
            assert (abs(found - shares * batch) < 1).all()
    for share in (0.0, 0.01, 0.3, 0.31, 0.3125, 0.5, 0.999):
        for batch in (2, 8, 13):
            assert group_places(batch, np.array([1 - share, share])) == places(batch, share)


def test_impossible_places_of_groups_are_refused():
    with pytest.raises(ValueError, match=r"sum to one, got \[0.5, 0.2\]: divide"):
        group_places(8, np.array([0.5, 0.2]))
    with pytest.raises(ValueError, match="zero or more"):
        group_places(8, np.array([1.5, -0.5]))
    with pytest.raises(ValueError, match="batch_size is 2, but a batch of 3 groups"):
        group_places(2, np.full(3, 1 / 3))
