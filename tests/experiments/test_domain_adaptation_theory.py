"""The quick preset: formulas near drawn fits, distances against sampling, and runs that resume or are refused."""

import json

import numpy as np
import pytest

from experiments.domain_adaptation.theory import bound, config, problems, run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("theory")
    run.run("quick", out)
    return out


def test_quick_preset(finished):
    result = json.loads((finished / "results.json").read_text())
    three = result["summary"]["group_risk"]
    # A hundred draws: their own error is 3 to 4 %, the same for all weights of a problem.
    assert three["mean_error"] < 3.0 * three["mean_monte_carlo"]
    assert three["loo_mean"] < 0.15
    assert three["grid_within_one_step"] == 1.0
    moved = result["summary"]["adaptation_bound"]["coefficients"]
    assert moved["formula"]["ranks"]["difference"][0] > 0.8
    assert moved["formula"]["order"]["source"]["against"] == 0.0
    assert moved["regret"]["bound"] <= moved["regret"]["weight one"]
    assert (finished / "picture.png").stat().st_size > 10_000


def test_a_finished_run_is_not_made_again(finished, monkeypatch):
    before = json.loads((finished / "results.json").read_text())["rows"]
    for part in (run.risk, run.bound):
        monkeypatch.setattr(part, "rows", lambda *_: pytest.fail("made again"))
    monkeypatch.setattr(run, "picture", lambda *_: None)
    assert run.run("quick", finished)["rows"] == before


def test_other_settings_are_refused(finished):
    with pytest.raises(SystemExit, match="results of other settings"):
        run.run("cpu", finished)


def test_distances_are_those_of_gaussians(rng):
    """One dimension has a formula of its own; a law is at no distance from itself."""
    study = config.Bound(features=4)
    groups = problems.moved(study, "all", rng)[1][2]
    assert problems.distance(groups, 1, 1) == pytest.approx(0.0, abs=1e-6)
    assert problems.distance(groups, 0, 2) == pytest.approx(problems.distance(groups, 2, 0))
    # A mean alone moves points by its length, and the targets by its product with the coefficients.
    apart = problems.moved(study, "mean", rng)[0][3]
    step = apart.means[2] - apart.means[1]
    length = np.sqrt(step @ step + (step @ apart.coefficients[1]) ** 2)
    assert problems.distance(apart, 1, 2) == pytest.approx(length)
    # Coefficients that go to a multiple: of the variances of the targets alone no more can be had.
    scaled = apart._replace(
        coefficients=apart.coefficients * [[1.0], [1.0], [2.0]], means=0 * apart.means
    )
    deviations = [
        np.sqrt(t @ c @ t + s)
        for t, c, s in zip(scaled.coefficients, scaled.spreads, scaled.noises, strict=True)
    ]
    assert problems.distance(scaled, 1, 2) >= deviations[2] - deviations[1]


def test_moves_are_counted_by_the_order_of_the_bound():
    study = config.Bound(dials=(0.0, 1.0), bases=1)
    shares = {(0.0, 0.0): 0.5, (1.0, 0.0): 0.9, (0.0, 1.0): 0.7, (1.0, 1.0): 0.9}
    rows = [
        {
            "kind": "all",
            "base": 0,
            "dials": list(d),
            "source": d[0],
            "synthetic": d[1],
            "best_formula": s,
        }
        for d, s in shares.items()
    ]
    found = bound.order(study, rows, "formula")
    assert found["source"] == {"moves": 2, "with": 1.0, "none": 0.0, "against": 0.0}
    assert found["synthetic"] == {"moves": 2, "with": 0.0, "none": 0.5, "against": 0.5}
