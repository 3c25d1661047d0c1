"""Paired intervals and the bootstrap against loops written out, and against pure noise."""

import numpy as np
import pytest

from synthmix_jax.advice import _intervals


def residuals_of(rng, w=2, l=3, c=4, n=15):
    """Squared errors with the same real-only column at every weight, as a sweep has them."""
    residuals = rng.chisquare(1, size=(w, l, c, n))
    residuals[:, :, 0] = residuals[0, :, 0]
    return residuals


def slow_t(a, b):
    d = [x - y for x, y in zip(a, b, strict=True)]
    mean = sum(d) / len(d)
    variance = sum((x - mean) ** 2 for x in d) / (len(d) - 1)
    return mean / (variance / len(d)) ** 0.5


def test_paired_t_against_a_loop(rng):
    a, b = rng.normal(size=(5, 12)), rng.normal(size=12)
    wanted = [slow_t(row, b) for row in a]
    np.testing.assert_allclose(_intervals.paired_t(a, b), wanted, rtol=1e-12)


def test_paired_t_of_constants():
    a = np.arange(6.0)
    t = _intervals.paired_t(np.stack([a, a + 1.0, a - 1.0]), a)
    assert t.tolist() == [0.0, np.inf, -np.inf]


def test_hull_against_a_loop(rng):
    for _ in range(50):
        curve = rng.chisquare(1, size=(9, 20)) + rng.uniform(0, 1.5, size=(9, 1))
        best = int(curve.mean(axis=1).argmin())
        inside = [
            c for c in range(9) if c == best or slow_t(curve[c], curve[best]) <= _intervals.QUANTILE
        ]
        assert _intervals.hull(curve, best) == (min(inside), max(inside))
        assert _intervals.hull(curve, best, keep=(0,)) == (0, max(inside))
        assert _intervals.hull(curve, best, keep=(8,)) == (min(inside), 8)


def test_hull_leaves_failed_counts_out():
    curve = np.tile(np.arange(1.0, 7.0), (4, 1))
    curve[1] += np.array([0.1, -0.1, 0.1, -0.1, 0.0, 0.0])
    curve[3] = np.nan
    assert _intervals.hull(curve, 0) == (0, 2)


def test_best_cell(rng):
    residuals = residuals_of(rng)
    residuals[1, 2, 3] = 0.0
    residuals[0, 1, 2, 4] = np.nan  # one point is enough to fail a cell
    residuals[0, 0, 1] = np.nan
    assert _intervals.best_cell(residuals) == (1, 2, 3)
    with pytest.raises(ValueError, match="no cell of the sweep succeeded"):
        _intervals.best_cell(np.full((1, 1, 2, 5), np.nan))


def slow_bag(residuals, num_bootstrap, rng):
    """The procedure as its docstring tells it, one bootstrap sample and one point at a time."""
    w, l, c, n = residuals.shape
    cells = [i for i in np.ndindex(w, l, c) if np.isfinite(residuals[i]).all()]
    bases = [(0, r, 0) for r in range(l) if (0, r, 0) in cells]
    draws = rng.multinomial(n, np.full(n, 1.0 / n), size=num_bootstrap)
    frequencies = np.zeros((w, l, c))
    saved, spent = [[] for _ in range(n)], [[] for _ in range(n)]
    for times in draws:
        sample = np.repeat(np.arange(n), times)
        chosen = min(cells, key=lambda i: residuals[i][sample].mean())
        base = min(bases, key=lambda i: residuals[i][sample].mean())
        frequencies[chosen] += 1 / num_bootstrap
        for point in set(range(n)) - set(sample.tolist()):
            saved[point].append(residuals[base][point] - residuals[chosen][point])
            spent[point].append(residuals[base][point])
    gains = np.array([np.mean(s) for s in saved if s])
    scale = np.mean([np.mean(s) for s in spent if s])
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return frequencies, gains.mean() / scale, error / scale, gains.mean() / error


@pytest.mark.parametrize("failed", [False, True])
def test_bag_against_loops(failed, rng):
    residuals = residuals_of(rng)
    if failed:
        residuals[:, 0, 0] = np.nan
        residuals[1, 1, 3] = np.nan
        residuals[0, 2, 2, 7] = np.nan
    bagging = _intervals.bag(residuals, num_bootstrap=150, rng=np.random.default_rng(1))
    frequencies, value, error, t = slow_bag(residuals, 150, np.random.default_rng(1))
    np.testing.assert_allclose(bagging.frequencies, frequencies, atol=1e-12)
    np.testing.assert_allclose(bagging.gain, (value, error, t), rtol=1e-10)
    assert bagging.frequencies.sum() == pytest.approx(1.0)
    assert (bagging.frequencies[~np.isfinite(residuals).all(axis=-1)] == 0).all()
    low, high = bagging.gain.interval
    np.testing.assert_allclose(low, value - 1.64 * error, rtol=1e-10)
    np.testing.assert_allclose(bagging.gain.upper, value + 1.64 * error, rtol=1e-10)
    assert high == min(max(bagging.gain.upper, 0.0), 1.0)


def test_a_failed_cell_is_never_chosen_though_its_other_points_are_perfect(rng):
    residuals = residuals_of(rng) + 1.0
    residuals[0, 1, 2] = 0.0
    residuals[0, 1, 2, 3] = np.nan
    bagging = _intervals.bag(residuals, num_bootstrap=100, rng=rng)
    assert bagging.frequencies[0, 1, 2] == 0.0
    assert bagging.frequencies.sum() == pytest.approx(1.0)


def test_a_clear_winner_takes_all(rng):
    residuals = residuals_of(rng) + 1.0
    residuals[1, 0, 2] = 0.5 * residuals[:, :, 0].mean(axis=(0, 1))
    bagging = _intervals.bag(residuals, num_bootstrap=100, rng=rng)
    assert bagging.frequencies[1, 0, 2] == 1.0
    assert bagging.gain.t > 1.64
    assert bagging.gain.value > 0.3


def test_equal_cells_gain_nothing():
    residuals = np.tile(np.arange(1.0, 11.0), (1, 2, 3, 1))
    gain = _intervals.bag(residuals, num_bootstrap=100, rng=np.random.default_rng(0)).gain
    assert gain == (0.0, 0.0, 0.0)
    zero = _intervals.bag(np.zeros((1, 1, 2, 9)), num_bootstrap=100, rng=np.random.default_rng(0))
    assert zero.gain == (0.0, 0.0, 0.0)


def test_two_points(rng):
    gain = _intervals.bag(residuals_of(rng, n=2), num_bootstrap=100, rng=rng).gain
    assert np.isfinite(gain).all()


def test_every_cell_failed():
    with pytest.raises(ValueError, match="no cell of the sweep succeeded: raise the ridges"):
        _intervals.bag(
            np.full((1, 2, 3, 5), np.nan), num_bootstrap=100, rng=np.random.default_rng(0)
        )


def test_the_gain_pays_for_its_selection(rng):
    """Exchangeable cells: nothing helps, yet the least of 60 errors always seems to.

    The naive gain of the argmin is positive throughout, by many of its standard errors on average, and its
    paired t exceeds 1.64 in about a quarter of the data sets. The corrected t does in about a tenth: more than
    the nominal one-sided 5 %, since its standard error leaves out that all points share the bootstrap choices.
    Bound: 12 % (theory.md, T9) and two binomial standard deviations.
    """
    naive, naive_t, corrected = [], [], []
    for _ in range(200):
        residuals = rng.chisquare(1, size=(1, 3, 20, 40))
        best = residuals[_intervals.best_cell(residuals)]
        real_only = residuals[_intervals.best_cell(residuals[:, :, :1])[:2]][0]
        naive.append(real_only.mean() - best.mean())
        naive_t.append(float(_intervals.paired_t(real_only, best)))
        corrected.append(_intervals.bag(residuals, num_bootstrap=100, rng=rng).gain)
    naive, t = np.array(naive), np.array([g.t for g in corrected])
    assert (naive >= 0).all()
    assert naive.mean() > 20 * naive.std() / np.sqrt(200)
    assert np.mean(np.array(naive_t) > _intervals.QUANTILE) > 0.2
    assert np.mean(t > _intervals.QUANTILE) <= 0.12 + 2 * np.sqrt(0.12 * 0.88 / 200)
    # The mean corrected gain is zero or slightly less: within four standard errors above zero.
    values = np.array([g.value for g in corrected])
    assert values.mean() < 4 * values.std() / np.sqrt(200)


def test_a_true_gain_is_found(rng):
    """Half the error at every count but zero: the corrected gain is near one half."""
    found = []
    for _ in range(50):
        residuals = rng.chisquare(1, size=(1, 2, 6, 80))
        residuals[:, :, 1:] *= 0.5
        found.append(_intervals.bag(residuals, num_bootstrap=100, rng=rng).gain.value)
    assert abs(np.mean(found) - 0.5) < 0.1
