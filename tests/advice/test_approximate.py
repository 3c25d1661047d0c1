"""`recommend` on features: the same answer as the exact method, one set of features, and what is refused."""

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.advice import (
    _approximation,
    _copies,
    _evidence,
    _explain,
    _intervals,
    _kernel_choice,
    _recommend,
    _tables,
    _verdict,
)
from synthmix_jax.generators import ClassGaussian, Shifted, draw

KEY = jax.random.key(0)
KERNEL = smx.kernels.RBF(3.0)
GRID = dict(ridges=[0.03, 0.3], weights=[0.1, 1.0], num_bootstrap=200, distances=False, key=KEY)


@pytest.fixture(scope="module")
def digits():
    """60 real digits, and pools of a good and of a bad generator that saw others."""
    everything = smx.load("digits", split="all")
    real, rest = everything.split(60 / len(everything), key=KEY)
    seen, _ = rest.split(400 / len(rest), key=KEY)
    good = ClassGaussian.fit(seen, rank=10)
    bad = Shifted(ClassGaussian.fit(seen, rank=5), label_shift=0.5)
    return real, *(draw(g, 600, key=KEY) for g in (good, bad))


@pytest.fixture(scope="module")
def pairs(digits):
    """Exact and Nystrom advice for both pools."""
    real, *pools = digits
    options = dict(kernel=KERNEL, counts=[0, 60, 200, 600], num_features=192, num_orders=2, **GRID)
    return [
        [smx.recommend(real, pool, method=method, **options) for method in ("exact", "nystrom")]
        for pool in pools
    ]


@pytest.mark.parametrize(("which", "verdict"), [(0, "use all"), (1, "use none")])
def test_nystrom_advice_is_the_exact_one(pairs, which, verdict):
    exact, fast = pairs[which]
    assert fast.verdict == exact.verdict == verdict
    assert max(fast.interval[0], exact.interval[0]) <= min(fast.interval[1], exact.interval[1])
    assert fast.gain_interval[0] <= exact.gain <= fast.gain_interval[1]
    # Not by chance: all real points being landmarks, without synthetic data it is the same regression.
    np.testing.assert_allclose(
        fast.sweep.loo_residuals[:, :, 0], exact.sweep.loo_residuals[:, :, 0], rtol=1e-6
    )
    assert fast.settings["real_only"] is None
    assert not any("features" in warning for warning in fast.warnings)


def test_a_gain_of_too_few_features_is_no_claim(digits, pairs):
    """With 24 features the best mix is worse than the kernel's real-only regression; with 192 the claim stands."""
    real, pool, _ = digits
    options = dict(kernel=KERNEL, counts=[0, 600], num_orders=1, method="nystrom", **GRID)
    advice = smx.recommend(real, pool, num_features=24, **options)
    exact_alone = pairs[0][0].real_only_error
    assert advice.settings["real_only"]["exact"] == pytest.approx(exact_alone, rel=1e-6)
    assert advice.gain_interval[0] > 0  # as measured
    assert exact_alone < advice.error < advice.real_only_error
    assert advice.verdict == "no clear optimum"
    assert (advice.settings["withheld"], advice.interval) == ("use all", (0, 600))
    (warning,) = (w for w in advice.warnings if w.startswith("Too few features"))
    assert 'so "use all" is not said' in warning
    for text in (advice.summary(), warning, *_explain.would_change(advice)[1:2]):
        assert "--num-features" in text
        assert "method='exact'" in text
    assert "24 features are too few" in advice.summary()
    enough = pairs[0][1]
    assert enough.settings["withheld"] is None
    assert enough.verdict == "use all"


@pytest.mark.parametrize(
    ("lost", "withheld"),
    # Alone every point errs by about 1; the best mix saves 0.3, corrected for selection 0.2 +- 1.64 * 0.05.
    [(0.0, None), (0.1, None), (0.13, "use part"), (0.25, "use part"), (0.35, "use part")],
)
def test_what_the_features_cost_is_deducted_from_the_gain(rng, lost, withheld):
    noise = 0.01 * rng.normal(size=(1, 1, 3, 50))
    residuals = np.array([1.0, 0.7, 0.9])[:, None] + noise
    bagging = _intervals.Bagging(np.ones((1, 1, 3)) / 3, _intervals.Gain(0.2, 0.05, 4.0))
    choice = _verdict.decide(residuals, np.array([0, 10, 20]), 20, bagging, lost=lost)
    assert choice.withheld == withheld
    assert choice.verdict == ("use part" if withheld is None else "no clear optimum")
    assert choice.cell == (0, 0, 1)
    assert choice.interval == ((1, 1) if withheld is None else (0, 1))
    sure = bagging._replace(gain=_intervals.Gain(0.2, 1e-3, 200.0))
    again = _verdict.decide(residuals, np.array([0, 10, 20]), 20, sure, lost=lost)
    assert (again.withheld is None) == (lost < 0.2)
    # An error that falls by less than the features cost, whatever the bootstrap says.
    large = bagging._replace(gain=_intervals.Gain(0.6, 0.01, 60.0))
    again = _verdict.decide(residuals, np.array([0, 10, 20]), 20, large, lost=lost)
    assert (again.withheld is None) == (lost < 0.3)


def test_predictions_are_an_explicit_average_of_regressions_on_the_features(digits, pairs):
    real, pool, _ = digits
    advice = pairs[0][1]
    sweep, orders = (
        advice.sweep,
        _evidence.nested_orders(pool, 2, key=jax.random.split(KEY, 3)[0]),
    )
    phi = lambda x: gram(x, sweep.features.landmarks) @ np.asarray(sweep.features.mix)
    encoded = lambda y: np.eye(10)[y] - 0.1
    frequencies = _bootstrap(advice)
    x = real.x[:5] + 0.05
    wanted = 0.0
    for order in orders:
        for w, l, c in np.argwhere(frequencies):
            rows = order[: sweep.counts[c]]
            inputs = np.concatenate([phi(real.x), phi(pool.x[rows])])
            targets = np.concatenate([encoded(real.y), encoded(pool.y[rows])])
            weight = np.r_[np.ones(60), np.full(len(rows), sweep.weights[w])][:, None]
            matrix = inputs.T @ (weight * inputs) + sweep.ridges[l] * np.eye(192)
            beta = np.linalg.solve(matrix, inputs.T @ (weight * targets))
            wanted = wanted + frequencies[w, l, c] / 2 * phi(x) @ beta
    np.testing.assert_allclose(advice.predict(x), wanted, rtol=1e-6, atol=1e-8)


def gram(a, b):
    a, b = (np.asarray(v, np.float64).reshape(len(v), -1) for v in (a, b))
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * 3.0**2))


def _bootstrap(advice):
    """The shares that the bootstrap gave each cell, without the rare ones."""
    words = np.asarray(jax.random.key_data(jax.random.split(KEY, 3)[2]))
    rng = np.random.default_rng([int(word) for word in words])
    found = _intervals.bag(advice.sweep.loo_residuals, num_bootstrap=200, rng=rng).frequencies
    found = np.where(found.sum(axis=2, keepdims=True) >= 0.02, found, 0.0)
    return found / found.sum()


def test_words_say_what_was_done(pairs):
    exact, fast = pairs[0]
    rows = dict(_tables.key_numbers(fast))
    assert rows["kernel approximated by"].startswith("192 Nyström features; left-out errors")
    assert "kernel approximated by" not in dict(_tables.key_numbers(exact))
    assert any("approximated by 192 features" in line for line in _explain.rests_on(fast))
    assert not any("features" in line for line in _explain.rests_on(exact))
    told = {k: fast.settings[k] for k in ("method", "method_asked", "num_features")}
    assert told == {"method": "nystrom", "method_asked": "nystrom", "num_features": 192}
    assert exact.settings["method"] == "exact"


def points(rng, sizes, noise=0.3):
    data = []
    for size in sizes:
        x = rng.uniform(-2, 2, size=(size, 2))
        data.append(smx.Dataset(x, np.sin(2 * x).sum(axis=1) + noise * rng.normal(size=size)))
    return data


def test_with_all_rows_as_landmarks_nothing_is_approximated(rng):
    """Also cross-fitted, and predictions: the span of the features holds every fit."""
    real, pool = points(rng, (24, 40))
    options = dict(kernel=smx.kernels.RBF(0.7), counts=[0, 10, 40], folds=2, num_orders=1, **GRID)
    for synthetic in (pool, lambda seen: pool):
        exact = smx.recommend(real, synthetic, method="exact", **options)
        fast = smx.recommend(real, synthetic, method="nystrom", num_features=64, **options)
        assert (fast.verdict, fast.count, fast.weight) == (exact.verdict, exact.count, exact.weight)
        for name in ("loo_error", "loo_residuals"):
            wanted = getattr(exact.sweep, name)
            np.testing.assert_allclose(getattr(fast.sweep, name), wanted, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(fast.gain_interval, exact.gain_interval, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(fast.predict(real.x), exact.predict(real.x), atol=1e-6)


def test_random_features_of_a_mapped_pool_and_too_few_of_them(rng, tmp_path):
    real, pool = points(rng, (24, 90), noise=0.1)
    np.save(tmp_path / "x.npy", pool.x)
    mapped = smx.Dataset(np.load(tmp_path / "x.npy", mmap_mode="r"), pool.y)
    steps = []
    options = dict(kernel=smx.kernels.RBF(0.3), method="random_features", num_features=4, **GRID)
    options |= dict(counts=[0, 20, 90], num_orders=1)
    advice = smx.recommend(real, mapped, progress=lambda *step: steps.append(step), **options)
    alone = advice.settings["real_only"]
    assert alone["features"] == pytest.approx(advice.sweep.loo_error[:, :, 0].min(), rel=1e-6)
    exact = smx.krr.sweep(real_centred(real), None, kernel=options["kernel"], ridges=[0.03, 0.3])
    assert alone["exact"] == pytest.approx(exact.loo_error.min(), rel=1e-9)
    assert any(w.startswith("Too few features: on them real") for w in advice.warnings) == (
        alone["features"] > 1.05 * alone["exact"]
    )
    assert (steps[-1][0], {step[1] for step in steps}) == (2 + 1, {2 + 1})
    assert any("%" in what for *_, what in steps)
    assert np.isfinite(advice.predict(real.x)).all()


def real_centred(real):
    return smx.Dataset(real.x, real.y - real.y.mean())


def test_landmarks_are_half_real_and_none_comes_twice(rng):
    real, pool = points(rng, (30, 50))
    for number, mine in ((20, 10), (64, 30), (70, 30), (80, 30)):
        drawn = _approximation.draw_landmarks(real, pool, number, key=KEY)
        assert len(np.unique(drawn, axis=0)) == number
        assert sum(row.tolist() in real.x.tolist() for row in drawn) == mine
    few = _approximation.draw_landmarks(
        real, pool[:5], 30, key=KEY
    )  # 5 of 30 at most are synthetic
    assert sum(row.tolist() in real.x.tolist() for row in few) == 25


def test_auto_is_exact_where_that_fits(rng):
    real, pool = points(rng, (30, 50))
    decide = lambda limit, counts, features=2048: _approximation.decide(
        "auto", features, real, pool, np.asarray(counts), 4, 3, limit
    )
    assert decide(1e9, [0, 50])[0] == "exact"
    assert decide(1e9, [0, 20_000]) == ("nystrom", 2048)
    with pytest.raises(ValueError, match="80 features of nystrom, which auto takes because exact"):
        decide(1e4, [0, 50])
    assert [_approximation.orders_for(None, "nystrom", m) for m in (50_000, 50_001)] == [3, 1]
    assert [_approximation.num_counts(method) for method in ("exact", "nystrom")] == [60, 20]
    assert _approximation.orders_for(2, "nystrom", 10**6) == 2


def test_a_stream_in_order_is_the_pool_in_order(rng, monkeypatch):
    monkeypatch.setattr(_approximation, "_BLOCK", 16)
    _, pool = points(rng, (1, 50))
    order = rng.permutation(50)
    blocks = list(_approximation.in_order(pool, order).blocks())
    np.testing.assert_array_equal(np.concatenate([b.x for b in blocks]), pool.x[order])
    assert [len(b) for b in blocks] == [16, 16, 16, 2]


def test_the_kernel_is_chosen_on_a_part_of_many_points(rng, monkeypatch):
    real, _ = points(rng, (24, 1))
    monkeypatch.setattr(_kernel_choice, "FACTORS", (0.5, 1.0))
    ridges, importance = np.array([0.1]), rng.uniform(size=24)
    rows = _kernel_choice._some(24, 12, KEY)
    ticks = []
    found, wanted = (
        _kernel_choice.choose_kernel(data, ridges, key=KEY, importance=share, most=12, tick=tick)
        for data, share, tick in (
            (real, importance, lambda: ticks.append(1)),
            (real[rows], importance[rows], None),
        )
    )
    assert found.grid == wanted.grid
    assert len(found.grid) == len(ticks) == _kernel_choice.num_candidates(real) == 8
    assert len(set(rows.tolist())) == 12


def test_copies_are_looked_for_among_a_part(rng, monkeypatch):
    real, pool = points(rng, (40, 400))
    copied = smx.Dataset(
        np.where(np.arange(400)[:, None] % 2, real.x[np.arange(400) % 40], pool.x), pool.y
    )
    every = _copies.look_for_copies(real, copied)
    monkeypatch.setattr(_copies, "MOST_POINTS", 200)
    some = _copies.look_for_copies(real, copied, key=KEY)
    assert every.identical == 0.5
    assert some.identical != every.identical == pytest.approx(some.identical, abs=0.15)
    assert some.suspicious
    monkeypatch.setattr(_copies, "MOST_POINTS", 20)  # also of the real points
    assert _copies.look_for_copies(real, copied, key=KEY).suspicious
    assert not _copies.look_for_copies(real, pool, key=KEY).suspicious


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(method="fast"), "method must be one of"),
        (dict(num_features=0), "num_features must be a whole number of at least 1, got 0"),
        (dict(num_features=1, method="random_features"), "at least 2, got 1"),
        (dict(num_features=33, method="random_features"), "even for random_features, got 33.*34"),
        (dict(num_features=41, method="nystrom"), "41 landmarks and there are 40 rows"),
        (dict(method="nystrom", adapt=True), "which domain adaptation cannot: leave method out"),
    ],
)
def test_what_is_refused(rng, changes, message):
    real, pool = points(rng, (10, 30))
    with pytest.raises(ValueError, match=message):
        smx.recommend(real, pool, kernel=KERNEL, **GRID | changes)


def test_a_stream_is_refused_with_the_way_out(rng):
    real, pool = points(rng, (10, 30))
    stream = smx.krr.Stream(lambda: iter([pool]), 30)
    with pytest.raises(ValueError, match=r"Stream, which .* order.*krr\.sweep\(real, stream"):
        _recommend._check_options(real, stream, "other", None, 100)


def test_inexact_left_out_errors_are_warned_of():
    assert _approximation.cautions({"leverage_error": 1e-3}) == []
    assert "off by 1.0 %" in _approximation.cautions({"leverage_error": 5e-3})[0]
