"""The whole of `recommend` on small problems: what it must find, keep invariant, and refuse."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.advice import _evidence, _intervals

KEY = jax.random.key(0)
KERNEL = smx.kernels.RBF(1.0)
N, M = 24, 48
GRID = dict(kernel=KERNEL, ridges=[0.01, 0.1, 1.0], weights=[0.3, 1.0], counts=[0, 12, 48])
QUICK = dict(**GRID, num_orders=1, num_bootstrap=100, distances=False)


def regression(seed=0, sizes=(N, M), shift=0.0, noise=0.3, outputs=None):
    """Noisy sines of two features; `shift` moves the synthetic targets away from the truth."""
    rng = np.random.default_rng(seed)
    data = []
    for size, moved in zip(sizes, (0.0, shift), strict=True):
        x = rng.uniform(-2, 2, size=(size, 2))
        y = np.sin(2 * x).sum(axis=1) + moved * x[:, 0] + noise * rng.normal(size=size)
        data.append(smx.Dataset(x, np.stack([y, -y], axis=1) if outputs else y))
    return data


def classification(seed=0, sizes=(N, M), classes=3, distance=1.5):
    rng = np.random.default_rng(seed)
    data = []
    for size in sizes:
        y = np.arange(size) % classes
        x = rng.normal(size=(size, 2))
        x += distance * np.stack([np.cos(2 * y), np.sin(2 * y)], axis=1)
        data.append(smx.Dataset(x, y))
    return data


def recommend(real, synthetic, **changes):
    return smx.recommend(real, synthetic, **{"key": KEY, **QUICK, **changes})


def same(a, b, rtol=0.0):
    assert (a.verdict, a.count, a.weight, a.ridge) == (b.verdict, b.count, b.weight, b.ridge)
    assert a.interval == b.interval
    np.testing.assert_allclose(a.sweep.loo_error, b.sweep.loo_error, rtol=rtol)
    np.testing.assert_allclose(a.gain, b.gain, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(a.gain_interval, b.gain_interval, rtol=rtol, atol=rtol)


def test_good_synthetic_data_is_used():
    real, synthetic = regression(sizes=(N, 200))
    advice = recommend(real, synthetic, counts=[0, 10, 50, 200])
    assert advice.verdict == "use all"
    assert (advice.count, advice.pool, advice.num_real) == (200, 200, N)
    assert advice.ratio == 200 / N
    assert advice.gain_interval[0] > 0
    assert advice.interval[1] == 200
    assert advice.error < advice.real_only_error
    x = np.random.default_rng(1).uniform(-2, 2, size=(100, 2))
    alone = smx.krr.fit(real, kernel=KERNEL, ridge=0.1).predict(x)
    truth = np.sin(2 * x).sum(axis=1)
    assert ((advice.predict(x) - truth) ** 2).mean() < 0.5 * ((alone - truth) ** 2).mean()


def test_bad_synthetic_data_is_left():
    real, synthetic = regression(shift=4.0, noise=0.1)
    advice = recommend(real, synthetic, weights=[1.0, 10.0], ridges=[0.01, 0.1])
    assert advice.verdict == "use none"
    assert (advice.count, advice.ratio) == (0, 0.0)
    assert advice.interval[0] == 0
    assert advice.error == advice.real_only_error
    alone = smx.krr.fit(
        smx.Dataset(real.x, real.y - real.y.mean()), kernel=KERNEL, ridge=advice.ridge
    )
    np.testing.assert_allclose(
        advice.predict(real.x), alone.predict(real.x) + real.y.mean(), rtol=1e-9
    )


def test_numbers_are_those_of_the_sweep():
    real, synthetic = classification()
    advice = recommend(real, synthetic)
    sweep = advice.sweep
    w, l = (
        int(np.flatnonzero(values == value)[0])
        for values, value in ((sweep.weights, advice.weight), (sweep.ridges, advice.ridge))
    )
    c = int(np.flatnonzero(sweep.counts == advice.count)[0])
    assert advice.error == pytest.approx(sweep.loo_error[w, l, c], rel=1e-12)
    assert advice.real_only_error == pytest.approx(sweep.loo_error[:, :, 0].min(), rel=1e-9)
    np.testing.assert_allclose(advice.curve.error, sweep.loo_error[w, l], rtol=1e-12)
    np.testing.assert_array_equal(advice.curve.misclassified, sweep.loo_misclassified[w, l])
    assert advice.curve.frequencies.sum() == pytest.approx(1.0)
    best = int(advice.curve.error.argmin())
    difference = sweep.loo_residuals[w, l] - sweep.loo_residuals[w, l, best]
    half = 1.64 * difference.std(axis=1, ddof=1) / np.sqrt(N)
    np.testing.assert_allclose(advice.curve.high - advice.curve.error, half, atol=1e-12)
    np.testing.assert_allclose(advice.curve.error - advice.curve.low, half, atol=1e-12)


def test_the_sweep_is_krr_sweep_in_the_seeded_order():
    real, synthetic = classification()
    advice = recommend(real, synthetic, num_orders=2)
    orders = _evidence.nested_orders(synthetic, 2, key=jax.random.split(KEY, 3)[0])
    arguments = {k: QUICK[k] for k in ("kernel", "ridges", "weights", "counts")}
    parts = [smx.krr.sweep(real, synthetic[order], **arguments) for order in orders]
    np.testing.assert_allclose(
        advice.sweep.loo_error, np.mean([p.loo_error for p in parts], axis=0), rtol=1e-11
    )


@pytest.mark.parametrize("targets", ["scalar", "outputs", "labels"])
def test_predictions_are_an_explicit_average_of_fits(targets):
    real, synthetic = (
        classification()
        if targets == "labels"
        else regression(outputs=2 if targets == "outputs" else None)
    )
    advice = recommend(real, synthetic, num_orders=2)
    order_key, _, bootstrap_key = jax.random.split(KEY, 3)
    words = np.asarray(jax.random.key_data(bootstrap_key))
    bagging = _intervals.bag(
        advice.sweep.loo_residuals,
        num_bootstrap=100,
        rng=np.random.default_rng([int(w) for w in words]),
    )
    frequencies = bagging.frequencies
    if advice.verdict == "use none":
        frequencies = np.zeros_like(frequencies)
        frequencies[0, np.argmin(advice.sweep.loo_error[0, :, 0]), 0] = 1.0
    frequencies = np.where(frequencies.sum(axis=2, keepdims=True) >= 0.02, frequencies, 0.0)
    frequencies = frequencies / frequencies.sum()
    centre = 0.0 if targets == "labels" else real.y.mean(axis=0)
    less = lambda d: d if targets == "labels" else smx.Dataset(d.x, d.y - centre)
    x = real.x[:5] + 0.1
    wanted = 0.0
    for order in _evidence.nested_orders(synthetic, 2, key=order_key):
        for w, l, c in np.argwhere(frequencies):
            count = QUICK["counts"][c]
            fit = smx.krr.fit(
                less(real),
                less(synthetic)[order[:count]] if count else None,
                kernel=KERNEL,
                ridge=QUICK["ridges"][l],
                weight=QUICK["weights"][w],
            )
            wanted = wanted + frequencies[w, l, c] / 2 * (fit.predict(x) + centre)
    np.testing.assert_allclose(advice.predict(x), wanted, rtol=1e-9, atol=1e-10)
    assert advice.predict(x).shape == {"scalar": (5,), "outputs": (5, 2), "labels": (5, 3)}[targets]


def test_a_function_of_the_key():
    real, synthetic = classification()
    first = recommend(real, synthetic)
    same(first, recommend(real, synthetic))
    same(first, recommend(real, synthetic, key=jax.random.PRNGKey(0)))  # the raw form of this key
    other = recommend(real, synthetic, key=jax.random.key(1))
    assert (first.sweep.loo_error[:, :, 1:-1] != other.sweep.loo_error[:, :, 1:-1]).all()
    # The whole pool and no pool at all have no order.
    np.testing.assert_allclose(
        first.sweep.loo_error[:, :, [0, -1]], other.sweep.loo_error[:, :, [0, -1]], rtol=1e-9
    )


def test_the_callers_precision_and_arrays_change_nothing():
    real, synthetic = classification()
    first = recommend(real, synthetic)
    assert not jax.config.jax_enable_x64
    x = np.float32(real.x[:4])
    with jax.enable_x64(True):
        wide = recommend(real, synthetic)
        np.testing.assert_array_equal(wide.predict(x), first.predict(x))
        assert jax.config.jax_enable_x64
    same(first, wide)
    on_device = [smx.Dataset(jnp.asarray(d.x), jnp.asarray(d.y)) for d in (real, synthetic)]
    on_host = [smx.Dataset(np.float32(d.x), d.y) for d in (real, synthetic)]
    same(recommend(*on_device), recommend(*on_host))


def test_relabelling_the_classes_changes_nothing():
    real, synthetic = classification()
    order = np.array([2, 0, 1])
    renamed = [smx.Dataset(d.x, order[d.y]) for d in (real, synthetic)]
    whole = dict(counts=[0, M])  # other labels, other seeded orders in between
    first, second = recommend(real, synthetic, **whole), recommend(*renamed, **whole)
    same(first, second, rtol=1e-8)
    np.testing.assert_allclose(
        second.predict(real.x)[:, order], first.predict(real.x), rtol=1e-8, atol=1e-9
    )


@pytest.mark.parametrize("offset", [1e3, -7.0])
@pytest.mark.parametrize("outputs", [None, 2])
def test_a_constant_added_to_the_targets_moves_predictions_only(offset, outputs):
    real, synthetic = regression(outputs=outputs)
    moved = [smx.Dataset(d.x, d.y + offset) for d in (real, synthetic)]
    first, second = recommend(real, synthetic), recommend(*moved)
    same(first, second, rtol=1e-8)
    np.testing.assert_allclose(second.predict(real.x), first.predict(real.x) + offset, atol=1e-8)


def test_the_scale_of_the_targets_changes_nothing():
    real, synthetic = regression()
    scaled = [smx.Dataset(d.x, 1e-3 * d.y) for d in (real, synthetic)]
    first, second = recommend(real, synthetic), recommend(*scaled)
    assert (first.verdict, first.count) == (second.verdict, second.count)
    np.testing.assert_allclose(second.gain, first.gain, rtol=1e-8)


def test_the_order_of_the_real_points_and_of_the_pool():
    """The whole pool has no order; another bootstrap of the real points moves the gain a little."""
    real, synthetic = regression()
    rng = np.random.default_rng(0)
    whole = dict(counts=[0, M], num_bootstrap=200)
    first = recommend(real, synthetic, **whole)
    same(first, recommend(real, synthetic[rng.permutation(M)], **whole), rtol=1e-8)
    shuffled = recommend(real[rng.permutation(N)], synthetic, **whole)
    np.testing.assert_allclose(shuffled.sweep.loo_error, first.sweep.loo_error, rtol=1e-8)
    assert (shuffled.verdict, shuffled.count) == (first.verdict, first.count)


def test_the_kernel_is_chosen_on_the_real_data_alone():
    real, synthetic = classification()
    options = dict(kernel=None, ridges=None)
    steps = []
    first = recommend(real, synthetic, progress=lambda *step: steps.append(step), **options)
    total = 20 + 2 + 2  # kernels, weights, and two more
    assert [step[:2] for step in steps] == [(done, total) for done in range(1, total + 1)]
    elsewhere = smx.Dataset(5.0 - 3.0 * synthetic.x, synthetic.y)
    second = recommend(real, elsewhere, **options)
    assert repr(first.kernel) == repr(second.kernel)
    assert first.settings["kernel_grid"] == second.settings["kernel_grid"]
    errors = [row["loo_error"] for row in first.settings["kernel_grid"]]
    assert errors == sorted(errors)
    assert len(errors) == 20  # two shapes, five lengthscales, raw and standardised
    np.testing.assert_array_equal(first.sweep.ridges, [0.001, 0.01, 0.1, 1.0])
    best = smx.krr.sweep(real, None, kernel=first.kernel, ridges=first.sweep.ridges).best()
    assert best.error == pytest.approx(errors[0]) == first.real_only_error


def test_regression_with_a_chosen_kernel_finds_its_intercept():
    """Targets about 1,000 with features far from the origin: the error is that of the noise."""
    real, synthetic = regression(noise=0.1)
    moved = [smx.Dataset(1e4 + d.x, 1e3 + d.y) for d in (real, synthetic)]
    advice = recommend(*moved, kernel=None)
    assert advice.error < 0.2
    assert abs(advice.predict(moved[0].x) - moved[0].y).max() < 1.0
    assert "Constant" in repr(advice.kernel)


def test_a_callable_kernel_and_ridges_from_its_diagonal():
    real, synthetic = classification()
    kernel = lambda a, b: 4.0 * jnp.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / 2)
    ours = recommend(real, synthetic, kernel=4.0 * KERNEL, ridges=None)
    np.testing.assert_allclose(ours.sweep.ridges, [0.004, 0.04, 0.4, 4.0], rtol=1e-12)
    theirs = recommend(real, synthetic, kernel=kernel, ridges=None)
    same(ours, theirs, rtol=1e-9)
    assert theirs.kernel is kernel


def test_default_counts_reach_the_pool():
    real, synthetic = classification(sizes=(12, 90))
    advice = recommend(real, synthetic, counts=None, weights=1.0, ridges=0.1)
    np.testing.assert_array_equal(advice.sweep.counts, smx.mixing.geometric_counts(90, 60))
    assert advice.sweep.loo_error.shape == (1, 1, len(advice.sweep.counts))


def leaky(fold):
    """The worst generator: it returns what it saw, thrice, a little jittered."""
    rng = np.random.default_rng(len(fold))
    x, y = np.tile(fold.x, (3, 1)), np.tile(fold.y, 3)
    return smx.Dataset(x + 0.01 * rng.normal(size=x.shape), y)


def test_a_leaky_generator_looks_good_until_it_is_cross_fitted():
    real, _ = regression(seed=1, noise=1.0)
    with pytest.warns(UserWarning, match="suspiciously close to real ones"):
        naive = recommend(real, leaky(real))
    crossed = recommend(real, leaky, fitted_on="real")
    assert naive.verdict in ("use all", "use part")
    assert naive.gain > 0.2
    assert crossed.verdict not in ("use all", "use part")
    assert crossed.gain < 0.1
    assert naive.error < 0.7 * crossed.error
    assert naive.copies.suspicious
    assert crossed.copies is None
    assert any("suspiciously close" in warning for warning in naive.warnings)
    assert (naive.settings["fitted_on"], crossed.settings["fitted_on"]) == ("other", "real")
    assert crossed.settings["folds"] == 5


def test_a_callable_is_always_cross_fitted_and_its_pool_is_the_smallest():
    real, _ = regression()
    sizes = []

    def recipe(fold):
        sizes.append(len(fold))
        rng = np.random.default_rng(len(sizes))
        return smx.Dataset(rng.normal(size=(len(fold), 2)), rng.normal(size=len(fold)))

    advice = recommend(real, recipe, counts=None, folds=4, weights=1.0, ridges=[0.1])
    assert sizes == [N, 18, 18, 18, 18]
    assert advice.pool == 18
    assert advice.sweep.counts[-1] == 18
    assert advice.settings["fitted_on"] == "real"
    assert np.isfinite(advice.predict(real.x)).all()


def test_refit_cross_fits_a_gaussian():
    real, _ = classification(distance=3.0)
    recipe = smx.generators.refit(
        lambda fold: smx.generators.ClassGaussian.fit(fold, rank=2), 48, key=KEY
    )
    advice = recommend(real, recipe, fitted_on="real")
    assert advice.pool == 48
    assert advice.predict(real.x).shape == (N, 3)
    same(advice, recommend(real, recipe, fitted_on="real"))


@pytest.mark.parametrize("cross_fit", [False, True])
def test_progress_reaches_its_total(cross_fit):
    real, synthetic = regression()
    steps = []
    advice = recommend(
        real,
        (lambda fold: synthetic) if cross_fit else synthetic,
        num_orders=3,
        folds=4,
        distances=cross_fit,
        progress=lambda done, total, what: steps.append((done, total, what)),
    )
    total = 3 + 2 * 4 if cross_fit else 2 + 2 * 3
    assert [done for done, *_ in steps] == list(range(1, total + 1))
    assert {of for _, of, _ in steps} == {total}
    assert all(isinstance(what, str) and what for *_, what in steps)
    assert advice.settings["num_orders"] == (1 if cross_fit else 3)


def test_few_points_of_a_class_are_warned_of():
    real, synthetic = classification()
    few = real[np.r_[np.flatnonzero(real.y != 1), np.flatnonzero(real.y == 1)[:2]]]
    with pytest.warns(
        UserWarning, match="Fewer than 3 real points in class 1: .* at most 1 to learn"
    ):
        advice = recommend(few, synthetic)
    assert len(advice.warnings) >= 1
    assert "Collect at least 3" in advice.warnings[0]


def test_two_real_points_are_enough():
    real, synthetic = regression(sizes=(2, M))
    with pytest.warns(UserWarning, match="Only 2 real points"):
        advice = recommend(real, synthetic)
    assert "Only 2" in advice.warnings[0]
    assert np.isfinite([advice.gain, *advice.gain_interval]).all()
    assert np.isfinite(advice.predict(real.x)).all()


def test_copies_are_warned_of_with_the_remedy():
    real, synthetic = classification()
    copies = smx.Dataset(np.tile(real.x, (2, 1)), np.tile(real.y, 2))
    with pytest.warns(UserWarning, match='callable with fitted_on="real"'):
        advice = recommend(real, copies)
    assert advice.copies.identical == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not recommend(real, synthetic).copies.suspicious


def test_failed_cells_are_counted_and_left_out():
    real, synthetic = regression()
    repeated = smx.Dataset(np.tile(synthetic.x[:4], (12, 1)), np.tile(synthetic.y[:4], 12))
    advice = recommend(
        real, repeated, kernel=smx.kernels.Polynomial(1, offset=1.0), ridges=[1e-300, 0.1]
    )
    failed = advice.sweep.status == 2
    assert failed.any()
    assert advice.ridge == 0.1
    assert any(
        w.startswith(f"{failed.sum()} of {failed.size} fits failed") for w in advice.warnings
    )
    assert np.isfinite(advice.predict(real.x)).all()


def test_settings_are_plain(tmp_path):
    import json

    real, synthetic = classification()
    settings = recommend(real, synthetic).settings
    again = json.loads(json.dumps(settings))
    assert again["counts"] == QUICK["counts"]
    assert again["ridges"] == QUICK["ridges"]
    assert again["key"] == np.asarray(jax.random.key_data(KEY)).tolist()
