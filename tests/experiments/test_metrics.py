"""The quick preset on built-in data; and the statistics on cases whose answers are known."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import stats

from experiments.metrics import components, config, networks, ranks, report, rules, sources
from experiments.metrics import run as experiment
from experiments.metrics.catalogue import AGAIN, OTHER_REAL, families
from experiments.metrics.cells import cells
from experiments.metrics.data import material


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("metrics")
    experiment.main(["--preset", "quick", "--out", str(out)])
    return out


@pytest.fixture(scope="module")
def found(finished):
    rows = json.loads((finished / "results.json").read_text())["rows"]
    return cells(rows, config.QUICK)


def test_quick_preset(finished):
    result = json.loads((finished / "summary.json").read_text())
    best = {(o["data"], o["source"]): o for o in result["optima"]}
    # Other real points always help; labels that are half wrong never do.
    assert best["digits", "other real points"]["count"] == 120
    assert best["digits", "half the labels shifted"]["count"] < 30
    assert best["diabetes", "opposite targets"]["count"] < 30
    for o in best.values():
        assert o["count_interval"][0] <= o["count"] <= o["count_interval"][1]
        assert o["gain_interval"][0] <= o["gain"] <= o["gain_interval"][1]
    # What sees targets tells shifted labels; what sees inputs alone cannot.
    order = result["ranking"]
    for metric in ("energy", "gaussian_wasserstein"):
        joint, inputs = (
            order[f"{view}: {metric}, excess"]["count"] for view in ("joint", "inputs")
        )
        assert joint["mean"][0] > inputs["mean"][0]
    regret = {name: r["regret"][0] for name, r in result["regret"].items()}
    assert regret["leave-one-out"] < min(regret["none"], regret["all"])
    assert (finished / "picture.png").stat().st_size > 10_000
    assert "leave-one-out" in (finished / "table.csv").read_text()


def test_a_finished_run_is_not_made_again(finished, monkeypatch):
    before = json.loads((finished / "results.json").read_text())["rows"]
    monkeypatch.setattr(experiment, "repetition", None)  # calling it would fail
    (finished / "results.json").unlink()  # the packed rows will do
    experiment.main(["--preset", "quick", "--out", str(finished)])
    assert json.loads((finished / "results.json").read_text())["rows"] == before


def test_other_settings_are_refused(finished):
    with pytest.raises(SystemExit, match="results of other settings"):
        experiment.main(["--preset", "cpu", "--out", str(finished)])


def test_users_of_one_cell_share_real_points_and_only_those(found):
    cell = found[0]
    # No synthetic points: neither source nor fit nor sample matters, the real points do.
    base = cell.test[..., 0]
    assert np.ptp(base, axis=(0, 1, 3)).max() == 0.0
    assert np.ptp(base, axis=2).min() > 0.0
    # Samples differ, but for the one source that has no more than its thirty points to give.
    varies = np.ptp(cell.test[..., -1], axis=3).max(axis=(1, 2)) > 0.0
    assert varies.tolist() == [name != AGAIN.name for name in cell.sources]


def test_reference_distances_are_of_the_same_sources(found):
    for cell in found:
        assert set(cell.reference) == {name for name, form in cell.distances if form == "debiased"}
        for values in cell.reference.values():
            assert values.shape == (len(cell.sources), 2, 1)
            assert (values > 0).all()


def test_families_hold_one_kind_of_damage_and_what_it_spoils():
    names = tuple(source.name for source in config.DIALS.studies[1].sources)
    got = {dial: [names[i] for i in places] for dial, places in families(names).items()}
    assert got["offset"] == ["Gaussian", *(f"offset = {v:g}" for v in (0.2, 0.4, 0.8, 1.6))]
    assert got["target_scale"][0] == "other real points"
    assert all(len(members) == 5 for members in got.values())


def test_order_within_a_family_is_that_of_its_cells(found):
    names = ("Gaussian", "offset = 1", "offset = 2", "offset = 3")
    cell = dataclasses.replace(found[0], sources=names)
    got = report.by_dial([cell], dataclasses.replace(config.QUICK, resamples=20))
    want = ranks.ranking(
        [cell],
        [ranks.targets(cell)],
        report.predictors([cell]),
        ranks.Resamples.of([cell], 20),
    )
    for name, by_target in want.items():
        assert got["ranking"][name]["count"]["mean"] == by_target["count"]["mean"]
    assert list(got["best counts"]) == ["digits: offset, n = 30"]


def test_rank_correlation_is_spearmans_also_of_resamples(rng):
    x, y = rng.integers(0, 5, size=(2, 9, 3)).astype(float)  # with ties
    times = np.stack([np.ones(9, int), rng.multinomial(9, np.full(9, 1 / 9))])
    got = ranks.correlation(x, y, times)
    for b, at in enumerate([np.arange(9), np.repeat(np.arange(9), times[1])]):
        want = [stats.spearmanr(x[at, u], y[at, u])[0] for u in range(3)]
        np.testing.assert_allclose(got[b], want, atol=1e-12)


def test_rank_correlation_of_what_does_not_vary_is_not_known():
    x, y = np.arange(4.0)[:, None], np.ones((4, 1))
    assert np.isnan(ranks.correlation(x, y, np.ones((1, 4))))


def test_rules_find_the_share_of_theory():
    c = rules.CONSTANTS[60]
    got = rules.shares_of("quadratic", np.array([[[0.7]]]), 50, 0.9)[60]
    np.testing.assert_allclose(got, min(0.9, 1 / (2 * 50 * c * 0.7**2)))
    got = rules.shares_of("linear", np.array([[[0.7]]]), 50, 0.9)[60]
    np.testing.assert_allclose(got, 0.9 * max(0.0, 1 - 50 * c * 0.7))
    for rule in rules.RULES:  # no distance, no reason to hold back
        assert (rules.shares_of(rule, np.zeros((1, 1, 1)), 50, 0.9) == 0.9).all()


def test_regret_is_none_at_the_best_count_and_known_elsewhere():
    cost = np.broadcast_to([2.0, 1.0, 1.5], (1, 2, 2, 3))
    chosen = np.stack([np.full((1, 2, 2), k) for k in range(3)])
    np.testing.assert_allclose(rules.regret(cost, chosen)[:, 0], [0.5, 0.0, 0.25])


def test_components_of_variance_are_found(rng):
    shape, wanted = (4000, 3, 4, 2), np.array([4.0, 2.0, 1.0, 0.5])
    normal = lambda *s: rng.standard_normal((4000, *s))
    y = (
        2.0 * normal(1, 4, 1)
        + np.sqrt(2.0) * normal(3, 1, 1)
        + normal(3, 4, 1)
        + np.sqrt(0.5) * normal(*shape[1:])
    )
    np.testing.assert_allclose(components.variances(y).mean(axis=0), wanted, rtol=0.15)
    spread = y.mean(axis=(1, 2, 3)).std()
    np.testing.assert_allclose(
        np.sqrt((components.standard_error(y) ** 2).mean()), spread, rtol=0.1
    )


def test_networks_see_other_real_points_help():
    study = dataclasses.replace(config.QUICK.studies[0], networks=(0.0, 2.0), network_real=30)
    settings = dataclasses.replace(config.QUICK, network_seeds=1, network_steps=100)
    pools = sources.Pools(study.data, material(study))
    got = networks.perceptrons(study, pools, OTHER_REAL, 30, 0, settings)
    assert got["counts"] == [0, 60]
    assert got["test"][1][0] < got["test"][0][0]


def test_optima_of_networks_are_read_from_their_rows(found):
    cell = found[0]
    rows = [
        {"kind": "network", "data": cell.data, "n": cell.n, "fit": 0, "draw": name}
        | {"counts": [0, 30], "test": [[0.4, 0.4], [0.1 * g, 0.1 * g + 0.1]]}
        for g, name in enumerate(cell.sources)
    ]
    got = report.network_targets(rows, cell)
    assert got["count"][:, 0].tolist() == [30, 30, 30, 30]
    np.testing.assert_allclose(got["gain"][:, 0], 1 - np.array([0.05, 0.15, 0.25, 0.35]) / 0.4)
