"""The quick preset on digits: predictions agree with leave-one-out, and runs resume or are refused."""

import json

import pytest

from experiments.predicted_curve import run as experiment


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("predicted")
    experiment.main(["--preset", "quick", "--out", str(out)])
    return out


def test_quick_preset(finished):
    result = json.loads((finished / "results.json").read_text())
    (row,) = result["rows"]
    # Two orders of the pool differ from their mean by about as much as the prediction does.
    assert row["apart"]["predicted"] < 0.02
    assert row["apart"]["beyond the part"] < 0.1
    assert row["regret_of_count"]["predicted"] < 0.05
    assert row["regret_of_count"]["predicted"] <= row["regret_of_count"]["none"]
    assert result["summary"][0]["regret"]["predicted"][0] == row["regret"]["predicted"]
    assert (finished / "curves.png").stat().st_size > 10_000


def test_a_finished_run_is_not_made_again(finished, monkeypatch):
    before = json.loads((finished / "results.json").read_text())["rows"]
    monkeypatch.setattr(experiment, "run", None)  # calling it would fail
    experiment.main(["--preset", "quick", "--out", str(finished)])
    assert json.loads((finished / "results.json").read_text())["rows"] == before


def test_other_settings_are_refused(finished):
    with pytest.raises(SystemExit, match="results of other settings"):
        experiment.main(["--preset", "digits", "--out", str(finished)])
