"""The quick preset of the kernel regression experiment: its findings hold, it resumes, settings do not mix."""

import csv
import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import synthmix_jax as smx
from experiments.krr import phase, run, simulate
from experiments.krr.config import PRESETS
from experiments.krr.designs import discrepancy

QUICK = PRESETS["quick"]
PARTS = ("figure1", "heatmap", "ucurves", "phase", "validation")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("krr")
    run.main(["--preset", "quick", "--out", str(folder)])
    return folder


def result(out, name):
    return json.loads((out / f"{name}.json").read_text())["result"]


@pytest.mark.parametrize("name", PARTS)
def test_pictures(out, name):
    assert 10_000 < (out / f"{name}.png").stat().st_size < 150_000


def test_sharp_optimum_of_figure1_costs_little_and_the_papers_much(out):
    summary = result(out, "figure1")["summary"]
    assert summary["regret"]["sharp"] < 0.02
    assert summary["regret"]["paper"] > 0.2
    assert summary["error"]["toward the generator"] < min(
        summary["error"]["generator"], summary["error"]["real only"]
    )


def test_error_of_figure1_without_data_is_that_of_the_generator(out):
    one = result(out, "figure1")
    # At the largest lambda nearly nothing is learned.
    assert one["mean"][0][-1] == pytest.approx(one["summary"]["error"]["generator"], rel=0.05)


def test_heatmap_sharp_beats_paper(out):
    for said in result(out, "heatmap")["summary"].values():
        regret = said["regret"]
        assert regret["sharp"]["median"] < 0.02
        assert regret["paper"]["median"] > 10 * regret["sharp"]["median"]
        ratios = said["ratio_measured_over"]["sharp"]
        assert 0.8 < ratios[1] < 1.25


def test_ucurves_follow_the_formula(out):
    curves = result(out, "ucurves")["curves"]
    assert len(curves) == 30
    for curve in curves:
        mean, error, formula = (np.array(curve[k]) for k in ("mean", "standard_error", "formula"))
        assert np.all(np.abs(formula - mean) < 4.0 * error + 0.03 * mean)
    summary = result(out, "ucurves")["summary"]
    assert summary["best_inside"] >= 5
    assert summary["largest_regret"] < 0.02


def test_phase_agrees_with_simulation(out):
    for panel in result(out, "phase")["panels"]:
        assert panel["agreement"] > 0.9
        assert panel["regret"]["mean"] < 0.02
        fraction = panel["fraction"]
        assert sum(fraction.values()) == pytest.approx(1.0, abs=1e-3)
    none = {(p["row"], p["n"]): p["fraction"]["none"] for p in result(out, "phase")["panels"]}
    assert none["tuned", 60] < none["weight 1", 60]


def test_phase_terms_are_the_formula():
    config = replace(QUICK.phase, sizes=(20,))
    design, f, b = phase.problem(config)
    terms = phase.formula(config, 20, (0, 5, 80), (0.1, 1.0))
    direct = smx.theory.mixed_risk(
        design.eigenvalues,
        f,
        f + 0.7 * b,
        n=20,
        m=np.array([0, 5, 80]),
        ridge=config.ridge,
        weight=np.array([[0.1], [1.0]]),
        noise_variance=2.0,
    )
    np.testing.assert_allclose(terms.at(0.7, 2.0), direct, rtol=1e-9)


def test_errors_in_coefficients_are_those_of_the_library_on_test_points():
    with jax.enable_x64(True):
        design = smx.theory.fourier_design(10, r=2.0)
        points, noise = jax.random.split(jax.random.key(0))
        x = design.sample(points, 12)
        features = design.features(x)
        v = jnp.arange(1.0, 22.0) ** -1.5
        y = features @ v + 0.1 * jax.random.normal(noise, (12,))
        one = simulate.decompose(features, jnp.asarray(design.eigenvalues))
        ridges = jnp.array([1e-3, 0.1, 1.0])
        errors = simulate.errors(one, y, v, ridges)
        left_out = simulate.leave_one_out(one, y, ridges)
        path = smx.krr.toward(
            smx.Dataset(np.asarray(x), np.asarray(y)),
            lambda x: np.zeros(len(x)),
            kernel=design.kernel,
            ridges=ridges,
        )
        # Sums over 64 equally spaced points are exact for frequencies below 32.
        grid = np.arange(64) / 64
        apart = path.predict(grid) - np.asarray(design.features(grid) @ v)
    np.testing.assert_allclose(errors, np.mean(apart**2, axis=1), rtol=1e-8)
    np.testing.assert_allclose(left_out, path.loo_error, rtol=1e-8)


def test_discrepancy_sums_its_tail():
    # zeta(2) - 2 zeta(3) + zeta(4), twice.
    assert discrepancy(1.0, 2.0) == pytest.approx(
        2 * (np.pi**2 / 6 - 2 * 1.2020569031595942 + np.pi**4 / 90), rel=1e-9
    )


def test_validation(out):
    groups = result(out, "validation")["summary"]["groups"]
    assert groups["gaussian, 80 features"]["mean_relative_error"] < 0.03
    assert groups["gaussian, 80 features"]["within_one_step"] > 0.9
    with open(out / "validation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(groups[d]["cells"] for d in QUICK.validation.designs)


def test_interpolation_has_variance_two_thirds_not_one(out):
    rough = result(out, "validation")["interpolation"][0]
    assert rough["mean"][0] == pytest.approx(2 / 3, rel=0.1)
    assert rough["formula"][0] == pytest.approx(1.0, rel=0.15)


def test_finished_parts_are_not_done_again(out, monkeypatch):
    before = (out / "phase.json").stat().st_mtime_ns
    monkeypatch.setattr(phase, "run", lambda config: pytest.fail("done again"))
    run.main(["--preset", "quick", "--part", "phase", "--out", str(out)])
    assert (out / "phase.json").stat().st_mtime_ns == before


def test_other_settings_are_refused_by_name(out, monkeypatch):
    other = replace(QUICK, phase=replace(QUICK.phase, tolerance=0.1))
    monkeypatch.setitem(PRESETS, "quick", other)
    with pytest.raises(SystemExit, match=r"tolerance is 0\.005, wanted 0\.1.*--out.*--fresh"):
        run.main(["--preset", "quick", "--part", "phase", "--out", str(out)])
