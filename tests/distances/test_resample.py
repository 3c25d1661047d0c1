"""Random halves and quarters: disjoint, of the right sizes, fair to every point, with the spread claimed."""

import numpy as np
import pytest

from synthmix_jax.distances import _resample


def rows(*sizes):
    """Rows of a pool, one range a sample."""
    ends = np.cumsum(sizes)
    return [np.arange(end - size, end) for end, size in zip(ends, sizes, strict=True)]


@pytest.mark.parametrize(
    ("n", "m", "first", "other"),
    [(10, 10, 5, 5), (11, 20, 5, 6), (30, 8, 15, 4), (30, 40, 15, 15), (4, 5, 2, 2)],
)
def test_halves(n, m, first, other):
    real, synthetic = rows(n, m)
    parts = _resample.halves(real, synthetic, count=25, seed=[0])
    assert [draw.rows.shape for draw in parts.real] == [(25, first), (25, other)]
    assert [draw.size for draw in parts.synthetic] == [other]
    check_disjoint(parts, real, synthetic)


@pytest.mark.parametrize(("n", "m", "size"), [(16, 16, 4), (19, 40, 4), (40, 8, 4), (40, 30, 10)])
def test_quarters(n, m, size):
    real, synthetic = rows(n, m)
    parts = _resample.quarters(real, synthetic, count=25, seed=[0])
    assert [draw.rows.shape for draw in parts.real] == [(25, size)] * 4
    assert [draw.size for draw in parts.synthetic] == [size, size]
    check_disjoint(parts, real, synthetic)


def check_disjoint(parts, *samples):
    for draws, own in zip(parts, samples, strict=True):
        together = np.concatenate([draw.rows for draw in draws], axis=1)
        assert np.isin(together, own).all()
        assert all(len(set(row)) == together.shape[1] for row in together), "a point drawn twice"
    assert len(np.unique(parts.real[0].rows, axis=0)) > 1


def test_every_point_is_used_equally_often():
    """Counts are binomial with mean 2,000 times a half (a third, ...): within five standard deviations."""
    real, synthetic = rows(12, 9)
    for build in (_resample.halves, _resample.quarters):
        parts = build(real, synthetic, count=2000, seed=[0])
        for draws, own in ((parts.real, real), (parts.synthetic, synthetic)):
            for draw in draws:
                share = draw.size / len(own)
                counts = np.bincount(draw.rows.ravel() - own[0], minlength=len(own))
                assert np.abs(counts - 2000 * share).max() < 5 * np.sqrt(2000 * share * (1 - share))


def test_spread_over_halves_is_the_error_of_the_whole():
    """Variance of a mean over halves without replacement: s^2 / n; of a difference of means: of both samples."""
    values = np.concatenate([np.random.default_rng(1).gumbel(size=40), [10.0] * 20])
    values[40:] += np.random.default_rng(2).normal(size=20)
    real, synthetic = rows(40, 20)
    parts = _resample.halves(real, synthetic, count=20_000, seed=[0])
    ours = lambda own: np.var(values[own], ddof=1)
    half = values[parts.real[0].rows].mean(axis=1)
    # The error of a variance of 20,000 numbers is 1 %.
    np.testing.assert_allclose(np.var(half), ours(real) / 40, rtol=0.04)
    half = values[parts.synthetic[0].rows].mean(axis=1)
    np.testing.assert_allclose(np.var(half), ours(synthetic) / 20, rtol=0.04)
    assert abs(np.corrcoef(half, values[parts.real[0].rows].mean(axis=1))[0, 1]) < 0.03
    # Disjoint parts of one sample repel each other: they differ as independent samples of 20 and 10 do.
    between = values[parts.real[0].rows].mean(axis=1) - values[parts.real[1].rows].mean(axis=1)
    np.testing.assert_allclose(np.var(between), ours(real) * (1 / 20 + 1 / 10), rtol=0.04)


def test_draws_are_paired_across_generators():
    """The halves of the real points are the same for all; draws from generators of one size too."""
    real, one, two, small = rows(12, 12, 12, 8)
    first, second, third = (_resample.halves(real, v, count=5, seed=[3]) for v in (one, two, small))
    for a, b in zip(first.real, second.real, strict=True):
        np.testing.assert_array_equal(a.rows, b.rows)
    np.testing.assert_array_equal(first.real[0].rows, third.real[0].rows)
    np.testing.assert_array_equal(first.synthetic[0].rows - 12, second.synthetic[0].rows - 24)
    other = _resample.halves(real, one, count=5, seed=[4])
    assert (other.real[0].rows != first.real[0].rows).any()
