"""`recommend` for domain adaptation: the three cases, what they must find, keep invariant, say and refuse."""

import dataclasses
import json
import re
import warnings

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import _numerics
from synthmix_jax.advice import (
    _adapt_bound,
    _adapt_labelled,
    _adapt_options,
    _evidence,
    _explain,
    _intervals,
    _json,
    _verdict,
)
from tests.advice.adaptation_cases import KERNEL, KEY, QUICK, recommend, three, turned

# Said in every advice without a target.
pytestmark = pytest.mark.filterwarnings("ignore:No point of the target is known")


@pytest.fixture(scope="module")
def labelled():
    source, target, synthetic = three()
    return source, target, synthetic, recommend(source, synthetic, target_validation=target)


def test_labelled_target_points_alone_are_scored_and_exactly_so(labelled):
    source, target, synthetic, advice = labelled
    about = advice.adaptation
    assert about.case == "labelled target"
    assert not about.conditional
    assert (about.num_source, about.num_target, advice.num_real) == (30, 20, 50)
    assert advice.sweep.loo_residuals.shape == (2 * 2 + 2, 2, 3, 20)
    order = _evidence.nested_orders(synthetic, 1, key=_order_key())[0]
    for w in (1, 2, 5):
        mix = about.mixes[w]
        counts = {"source": 30 if mix.source else 0, "synthetic": 20}
        weights = {"target": mix.target_weight, "synthetic": mix.synthetic_weight}
        left_out = []
        for i in range(20):
            others = np.delete(np.arange(20), i)
            fit = smx.krr.fit_groups(
                {"source": source, "target": target[others], "synthetic": synthetic[order]},
                kernel=KERNEL,
                ridge=0.3,
                counts=counts,
                weights=weights,
            )
            truth = np.eye(3)[target.y[i]] - 1 / 3
            left_out.append(((fit.predict(target.x[i : i + 1])[0] - truth) ** 2).sum())
        np.testing.assert_allclose(advice.sweep.loo_residuals[w, 1, 1], left_out, rtol=1e-8)


def _order_key():
    options = dict.fromkeys(_adapt_options.Options._fields)
    return _adapt_options.Options(**{**options, "key": KEY}).keys()["order"]


def test_a_generator_of_the_target_is_used_and_one_of_the_source_is_not():
    source = turned(0, 30)
    more = turned(5, 24, 0.9)
    good = recommend(source, turned(2, 200, 0.9), target_validation=more, counts=[0, 50, 200])
    assert good.verdict in ("use all", "use part")
    assert good.gain_interval[0] > 0
    useless = turned(2, 60, -1.0)
    bad = recommend(source, useless, target_validation=turned(5, 120, 0.9))
    assert bad.verdict == "use none"
    assert bad.count == 0
    # The source is turned far from the target: target points alone are better than with it.
    assert bad.adaptation.baselines["source alone"] > bad.adaptation.baselines["target alone"]
    test = turned(9, 500, 0.9)
    wrong = (good.predict(test.x).argmax(axis=1) != test.y).mean()
    alone = smx.krr.fit(source, kernel=KERNEL, ridge=0.3).predict(test.x).argmax(axis=1)
    assert wrong < (alone != test.y).mean() - 0.2


def test_baselines_are_those_of_single_regressions(labelled):
    source, target, synthetic, advice = labelled
    options = {"kernel": KERNEL, "ridges": QUICK["ridges"]}
    found = advice.adaptation.baselines
    alone = smx.krr.sweep(target, None, **options).best().error
    np.testing.assert_allclose(found["target alone"], alone, rtol=1e-9)
    for name, data in (("source alone", source), ("synthetic alone", synthetic)):
        error = smx.krr.sweep(data, None, test=target, loo=False, **options).best("test").error
        np.testing.assert_allclose(found[name], error, rtol=1e-9)
    assert advice.real_only_error == pytest.approx(
        min(found["target alone"], found["source and target"])
    )


def test_prediction_averages_the_fits_that_were_chosen(labelled):
    source, target, synthetic, _ = labelled
    one = {"ridges": [0.3], "weights": [0.5], "target_weights": [2.0], "counts": [0, 60]}
    advice = recommend(source, synthetic, target_validation=target, **one)
    x = turned(3, 7).x
    order = _evidence.nested_orders(synthetic, 1, key=_order_key())[0]
    groups = {"source": source, "target": target, "synthetic": synthetic[order]}
    expected = 0.0
    bag = _intervals.bag(
        advice.sweep.loo_residuals,
        num_bootstrap=100,
        rng=_numerics.host_generator(
            _adapt_options.Options(
                **{**dict.fromkeys(_adapt_options.Options._fields), "key": KEY}
            ).keys()["bootstrap"]
        ),
        every_weight=True,
    ).frequencies
    if advice.verdict == "use none":
        pytest.fail("the case was made so that synthetic points help")
    bag = np.where(bag >= 0.02, bag, 0.0)
    for (w, _, c), share in np.ndenumerate(bag / bag.sum()):
        if share:
            mix = advice.adaptation.mixes[w]
            fit = smx.krr.fit_groups(
                groups,
                kernel=KERNEL,
                ridge=0.3,
                counts={"source": 30 * mix.source, "synthetic": [0, 60][c]},
                weights={"target": mix.target_weight, "synthetic": mix.synthetic_weight},
            )
            expected = expected + share * fit.predict(x)
    np.testing.assert_allclose(advice.predict(x), expected, rtol=1e-9)


def test_a_callable_is_cross_fitted_over_the_target_points():
    source, target, _ = three()
    seen = []

    def recipe(points):
        seen.append(len(points))
        # A generator that hands out what it saw: the fold that it did not see is not in there.
        return points[np.resize(np.arange(len(points)), 60)]

    advice = recommend(source, recipe, target_validation=target, fitted_on="real", folds=4)
    assert seen == [20, 15, 15, 15, 15]
    assert advice.settings["fitted_on"] == "real"
    assert np.isfinite(advice.sweep.loo_error).all()
    # Copies of the other target points carry no news: with honest scores the gain is not large.
    assert advice.gain < 0.3
    # The pool of all target points is scored nowhere: it would be nearly perfect.
    assert "synthetic alone" not in advice.adaptation.baselines


def test_unlabelled_target_points_weigh_the_sources_errors():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 1))
    source = smx.Dataset(x, np.sin(2 * x[:, 0]) + 0.1 * rng.normal(size=80))
    synthetic_x = rng.normal(size=(60, 1)) + 1.0
    synthetic = smx.Dataset(synthetic_x, np.sin(2 * synthetic_x[:, 0]))
    target = 0.6 * rng.normal(size=(100, 1)) + 0.7
    advice = recommend(source, synthetic, target_validation=target)
    about = advice.adaptation
    assert about.case == "unlabelled target"
    assert about.conditional
    assert 10 < about.effective_sample_size < 80
    plain = smx.krr.sweep(
        smx.Dataset(x, source.y - source.y.mean()),
        None,
        kernel=KERNEL,
        ridges=QUICK["ridges"],
        residuals=True,
    )
    keys = _adapt_options.Options(**{**dict.fromkeys(_adapt_options.Options._fields), "key": KEY})
    ratio = smx.adaptation.density_ratio(x, target, key=keys.keys()["ratio"])
    np.testing.assert_allclose(
        advice.sweep.loo_residuals[0, :, 0],
        plain.loo_residuals[0, :, 0] * ratio.values,
        rtol=1e-9,
        atol=1e-15,  # residuals of 1e-6 squared
    )
    assert advice.real_only_error == pytest.approx(advice.sweep.loo_error[0, :, 0].min())
    assert "ratios of densities" in " ".join(_explain.rests_on(advice))


def test_a_target_beyond_the_source_claims_nothing():
    source, _, synthetic = three()
    with pytest.warns(UserWarning, match="where there is no source point|too few to claim"):
        advice = recommend(source, synthetic, target_validation=turned(1, 40).x + 30.0)
    assert advice.verdict == "no clear optimum"
    assert advice.interval[0] == 0
    assert not advice.adaptation.sufficient
    assert "Nothing is claimed" in advice.summary()
    assert "falls by" not in " ".join(_explain.rests_on(advice))


def test_without_a_target_there_is_a_bound_and_no_number():
    source, _, synthetic = three()
    with pytest.warns(UserWarning, match="No point of the target is known"):
        advice = recommend(source, synthetic, adapt=True)
    about = advice.adaptation
    assert (about.case, about.conditional, advice.verdict) == (
        "no target",
        True,
        "no clear optimum",
    )
    assert (advice.count, advice.weight, advice.interval) == (60, 1.0, (0, 60))
    assert np.isnan([advice.gain, advice.error, advice.real_only_error]).all()
    # A grid over shares, independent of the closed form.
    grid = np.linspace(0, 1, 4001)
    for constant in _adapt_bound.CONSTANTS:
        for fraction in _adapt_bound.FRACTIONS:
            bound = smx.theory.adaptation_bound(
                grid,
                n=30,
                m=60,
                source_distance=1.0 - fraction,
                synthetic_distance=fraction,
                lipschitz=1.0,
                stability=30 / constant,
            )
            share = about.shares[_adapt_bound.assumption(fraction, constant)]
            assert abs(share - grid[np.argmin(bound)]) < 1e-3
            if fraction != 0.5:
                assert (share > 60 / 90) == (fraction < 0.5)
    assert advice.predict(source.x).shape == (30, 3)


@pytest.mark.parametrize("case", ["labelled", "unlabelled", "none"])
def test_reports_say_the_case(case, labelled, tmp_path):
    source, target, synthetic, advice = labelled
    if case != "labelled":
        given = {"target_validation": target.x} if case == "unlabelled" else {"adapt": True}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            advice = recommend(source, synthetic, **given)
    folder = advice.save(tmp_path)
    numbers = json.loads((folder / "advice.json").read_text())
    page = (folder / "report.html").read_text()
    assert numbers["adaptation"]["case"] == advice.adaptation.case
    assert advice.adaptation.case in page
    assert (folder / "curve.png").stat().st_size > 10_000
    assert "left-out real points" not in page + numbers["summary"]
    words = {"labelled": "target points", "unlabelled": "Conditional", "none": "bound"}[case]
    assert words in page
    assert _json.text(advice) == _json.text(advice)


def test_a_conditional_advice_says_so_at_once():
    source, target, synthetic = three()
    advice = recommend(source, synthetic, target_validation=target.x)
    assert "labels must depend on inputs in the target as they do in the source" in advice.summary()


def test_which_is_nearer_is_said_where_intervals_are_apart(labelled):
    advice = labelled[-1]
    words = {
        ((3.0, 2.5, 3.5), (1.0, 0.5, 1.5)): "synthetic points the nearer.*above one",
        ((1.0, 0.5, 1.5), (3.0, 2.5, 3.5)): "source the nearer.*below one",
        ((1.0, 0.5, 1.5), (1.2, 0.7, 1.7)): "cannot be told",
    }
    for (source, synthetic), expected in words.items():
        about = dataclasses.replace(
            advice.adaptation,
            source_distance=source,
            synthetic_distance=synthetic,
            distance_metric="wasserstein",
        )
        said = _explain.rests_on(dataclasses.replace(advice, adaptation=about))[-1]
        assert re.search(expected, said)
    bound = recommend(labelled[0], labelled[2], adapt=True)
    about = dataclasses.replace(bound.adaptation, source_distance=(3.0, 2.5, 3.5))
    said = _explain.rests_on(dataclasses.replace(bound, adaptation=about))
    assert any("lie 3 from the source" in line for line in said)


def test_copies_of_the_source_are_told_where_the_source_is_scored():
    source, target, _ = three()
    twice = source[np.resize(np.arange(30), 60)]
    with pytest.warns(UserWarning, match="suspiciously close"):
        advice = recommend(source, twice, target_validation=target.x)
    assert advice.copies.suspicious


def test_target_points_that_repeat_each_other_are_told():
    source, target, synthetic = three()
    with pytest.warns(UserWarning, match="20 of the 40 target points are copies of others"):
        recommend(source, synthetic, target_validation=target[np.resize(np.arange(20), 40)])


def test_use_none_spans_mixes_that_are_the_same_without_synthetic_points():
    rng = np.random.default_rng(0)
    counts = np.array([0, 10, 30])
    good = np.array([1.0, 1.5, 2.0])[:, None] + 0.01 * rng.normal(size=(3, 40))
    bad = np.array([3.0, 2.0, 1.8])[:, None] + 0.01 * rng.normal(size=(3, 40))
    residuals = np.stack([good, bad])[:, None]
    bagging = _intervals.bag(residuals, num_bootstrap=100, rng=rng, every_weight=True)
    choice = _verdict.decide(residuals, counts, 30, bagging, alike=np.array([0.0, 1.0]))
    assert (choice.verdict, choice.interval) == ("use none", (0, 0))


def test_an_ordinary_advice_has_no_word_of_it():
    _, target, synthetic = three()
    advice = recommend(target, synthetic)
    assert advice.adaptation is None
    assert "adaptation" not in json.loads(_json.text(advice))


def test_mixes_hold_the_source_and_its_absence():
    mixes = _adapt_labelled.mixes_of(np.array([0.1, 1.0]), np.array([1.0, 5.0]))
    assert [m.source for m in mixes] == [True] * 4 + [False] * 2
    assert [(m.target_weight, m.synthetic_weight) for m in mixes[2:5]] == [
        (5.0, 0.1),
        (5.0, 1.0),
        (1.0, 0.1),
    ]


def test_values_from_a_short_list_may_coincide():
    rng = np.random.default_rng(0)

    def whole(size):
        x = rng.integers(0, 4, size=(size, 2)).astype(float)
        return smx.Dataset(x, (x.sum(axis=1) > 3).astype(int))

    source, target, synthetic = whole(60), whole(20), whole(60)
    advice = recommend(source, synthetic, target_validation=target)
    assert advice.adaptation.num_target == 20
