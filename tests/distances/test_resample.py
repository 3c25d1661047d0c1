"""Random halves and quarters: disjoint, of the right sizes, fair to every point, with the spread claimed."""

import numpy as np
import pytest

from synthmix_jax.distances import _resample


def generators(count, seed=0):
    return [np.random.default_rng([seed, i]) for i in range(count)]


def rows(*sizes):
    """Rows of a pool, one range a sample."""
    ends = np.cumsum(sizes)
    return [np.arange(end - size, end) for end, size in zip(ends, sizes, strict=True)]


@pytest.mark.parametrize(
    ("n", "sizes", "first", "other"),
    [(10, [10], 5, 5), (11, [20], 5, 6), (30, [8], 15, 4), (30, [40, 12], 15, 6), (4, [5], 2, 2)],
)
def test_halves(n, sizes, first, other):
    real, *synthetic = rows(n, *sizes)
    parts = _resample.halves(real, synthetic, count=25, rngs=generators(1 + len(sizes)))
    assert [draw.rows.shape for draw in parts.real] == [(25, first), (25, other)]
    assert [draw.size for draws in parts.synthetic for draw in draws] == [other] * len(sizes)
    check_disjoint(parts, real, synthetic)


@pytest.mark.parametrize(
    ("n", "sizes", "size"), [(16, [16], 4), (19, [40], 4), (40, [8], 4), (40, [30, 10], 5)]
)
def test_quarters(n, sizes, size):
    real, *synthetic = rows(n, *sizes)
    parts = _resample.quarters(real, synthetic, count=25, rngs=generators(1 + len(sizes)))
    assert [draw.rows.shape for draw in parts.real] == [(25, size)] * 4
    assert all([d.size for d in draws] == [size, size] for draws in parts.synthetic)
    check_disjoint(parts, real, synthetic)


def check_disjoint(parts, real, synthetic):
    for draws, own in zip((parts.real, *parts.synthetic), (real, *synthetic), strict=True):
        together = np.concatenate([draw.rows for draw in draws], axis=1)
        assert np.isin(together, own).all()
        assert all(len(set(row)) == together.shape[1] for row in together), "a point drawn twice"
    assert len(np.unique(parts.real[0].rows, axis=0)) > 1


def test_every_point_is_used_equally_often():
    """Counts are binomial with mean 2,000 times a half (a third, ...): within five standard deviations."""
    real, synthetic = rows(12, 9)
    for build in (_resample.halves, _resample.quarters):
        parts = build(real, [synthetic], count=2000, rngs=generators(2))
        for draws, own in ((parts.real, real), (parts.synthetic[0], synthetic)):
            for draw in draws:
                share = draw.size / len(own)
                counts = np.bincount(draw.rows.ravel() - own[0], minlength=len(own))
                assert np.abs(counts - 2000 * share).max() < 5 * np.sqrt(2000 * share * (1 - share))


def test_spread_over_halves_is_the_error_of_the_whole():
    """Variance of a mean over halves without replacement: s^2 / n; of a difference of means: of both samples."""
    values = np.concatenate([np.random.default_rng(1).gumbel(size=40), [10.0] * 20])
    values[40:] += np.random.default_rng(2).normal(size=20)
    real, synthetic = rows(40, 20)
    parts = _resample.halves(real, [synthetic], count=20_000, rngs=generators(2))
    ours = lambda own: np.var(values[own], ddof=1)
    half = values[parts.real[0].rows].mean(axis=1)
    # The error of a variance of 20,000 numbers is 1 %.
    np.testing.assert_allclose(np.var(half), ours(real) / 40, rtol=0.04)
    half = values[parts.synthetic[0][0].rows].mean(axis=1)
    np.testing.assert_allclose(np.var(half), ours(synthetic) / 20, rtol=0.04)
    assert abs(np.corrcoef(half, values[parts.real[0].rows].mean(axis=1))[0, 1]) < 0.03
    # Disjoint parts of one sample repel each other: they differ as independent samples of 20 and 10 do.
    between = values[parts.real[0].rows].mean(axis=1) - values[parts.real[1].rows].mean(axis=1)
    np.testing.assert_allclose(np.var(between), ours(real) * (1 / 20 + 1 / 10), rtol=0.04)


def test_each_sample_has_its_own_numbers():
    """Another generator of the same size changes nothing in the draws of the others."""
    real, one, two = rows(12, 12, 12)
    alone = _resample.halves(real, [one], count=5, rngs=generators(2))
    beside = _resample.halves(real, [one, two], count=5, rngs=generators(3))
    for a, b in zip(
        (*alone.real, *alone.synthetic[0]), (*beside.real, *beside.synthetic[0]), strict=True
    ):
        np.testing.assert_array_equal(a.rows, b.rows)
