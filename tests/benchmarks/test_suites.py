"""`python -m benchmarks`: a quick run of all suites is whole; fits and shares are right; bad input is refused."""

import importlib.util
import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import linregress

from benchmarks import __main__ as command
from benchmarks import _rates, _suite, _table, krr

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_quick_run_of_all_suites_is_whole(tmp_path, capsys):
    assert command.main(["--quick", "--out", str(tmp_path)]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert set(summary["suites"]) == set(command.SUITES)
    assert summary["command"] == "python -m benchmarks --quick"
    assert {"date", "machine", "versions"} <= set(summary)
    numbers = [leaf for leaf in leaves(summary) if isinstance(leaf, float | int)]
    assert len(numbers) > 300
    assert np.isfinite(numbers).all()
    assert {path.name for path in tmp_path.iterdir()} == {"summary.json", "summary.png"}
    printed = capsys.readouterr().out
    for name, suite in summary["suites"].items():
        check_suite(suite)
        assert printed.count(f"│ {name} ") >= 6
    check_peers(summary["suites"])


def check_suite(suite):
    assert suite["work"]
    assert suite["ratios"]
    assert suite["curves"]
    for row in suite["ratios"]:
        assert 0 < row["least"] <= row["times_faster"] <= row["largest"]
    for row in suite["work"]:
        assert 0 < row["min_s"] <= row["median_s"] <= row["max_s"]
    for row in suite["curves"]:
        assert row["exponent"] == pytest.approx(linregress(*logs(row)).slope)
        assert row["standard_error"] >= 0
    shares = [v for row in suite["work"] for k, v in row.items() if k.startswith("share_of")]
    assert shares
    assert min(shares) > 0
    assert suite["machine"]["seconds"] > 0


def check_peers(suites):
    """The peers solve the same problem: to rounding where both do linear algebra in float64."""
    krr, scale = (suites[name]["ratios"][0]["difference"] for name in ("krr", "scale"))
    assert krr < 1e-10
    # Both factor the kernel matrix of 32 landmarks, whose condition is a few thousand.
    assert scale < 1e-10
    distances = {(row["name"], row["peer"]): row for row in suites["distances"]["ratios"]}
    assert distances["exact_wasserstein", "POT emd2"]["difference"] < 1e-10
    # Transport costs agree to the threshold of the marginals; other random directions only roughly.
    assert distances["wasserstein, float32", "OTT"]["difference"] < 1e-3
    assert distances["sliced_wasserstein", "POT, other directions"]["difference"] < 0.3
    torch = importlib.util.find_spec("torch") is not None
    assert any("PyTorch" in text for text in suites["training"]["left_out"]) != torch


def logs(row):
    return np.log(row["sizes"]), np.log(row["median_s"])


def leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    return (
        [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, list) else [tree]
    )


def test_exponents_and_their_errors_are_those_of_a_regression(rng):
    sizes = np.array([100, 200, 400, 800, 1600])
    slope, error = _suite.exponent(sizes, 3e-9 * sizes**2.5)
    assert slope == pytest.approx(2.5)
    assert error == pytest.approx(0.0, abs=1e-12)
    noisy = sizes**1.5 * rng.lognormal(0.0, 0.2, 5)
    reference = linregress(np.log(sizes), np.log(noisy))
    assert _suite.exponent(sizes, noisy) == pytest.approx((reference.slope, reference.stderr))
    with pytest.raises(ValueError, match="three different sizes"):
        _suite.exponent([1, 2], [0.1, 0.2])


def test_shares_are_of_the_rates_around_the_suite():
    times = {"median_s": 2.0, "min_s": 1.0, "max_s": 3.0}
    found = _suite.record(work=[_suite.work("x", times, flops=30e9, bytes_moved=8e9)])
    (row,) = _suite.with_shares(found, rates(20.0, 4.0), rates(40.0, 12.0))["work"]
    assert row["share_of_product_rate"] == pytest.approx(15 / 30)
    assert row["share_of_bandwidth"] == pytest.approx(4 / 8)


def rates(product, memory):
    kinds = {"float32_gflops": 2 * product, "float64_gflops": product, "bandwidth_gb_s": memory}
    return {name: {"median": value} for name, value in kinds.items()}


def test_ratios_hold_the_least_favourable_calls():
    ours = {"median_s": 2.0, "min_s": 1.0, "max_s": 4.0}
    theirs = {"median_s": 20.0, "min_s": 16.0, "max_s": 30.0}
    row = _suite.ratio("a", "b", ours, theirs)
    assert (row["least"], row["times_faster"], row["largest"]) == (4.0, 10.0, 30.0)


@pytest.fixture
def stub(monkeypatch):
    """A suite named krr that does what it is told, and rates that take no time."""
    measured = {**rates(50.0, 10.0), "product_size": 1, "moved_megabytes": 1}
    monkeypatch.setattr(_rates, "measure", lambda quick: measured)
    module = types.ModuleType("benchmarks.krr")
    monkeypatch.setitem(sys.modules, "benchmarks.krr", module)
    return module


def test_a_suite_that_fails_is_told_and_the_others_stand(stub, tmp_path, capsys):
    stub.run = lambda quick: _suite.record(left_out=["nothing was done"])
    run = ["--suite", "krr", "--quick", "--out", str(tmp_path)]
    assert command.main(run) == 0
    earlier = json.loads((tmp_path / "summary.json").read_text())
    kept = earlier["suites"].pop("krr")
    earlier["suites"]["training"] = kept
    (tmp_path / "summary.json").write_text(json.dumps(earlier))
    stub.run = lambda quick: 1 / 0
    assert command.main(run) == 1
    suites = json.loads((tmp_path / "summary.json").read_text())["suites"]
    assert "ZeroDivisionError" in suites["krr"]["failed"]
    assert suites["training"] == kept
    assert "krr: failed" in capsys.readouterr().out
    earlier["machine"]["processor"] = "another one"
    (tmp_path / "summary.json").write_text(json.dumps(earlier))
    assert command.main(run) == 1
    assert set(json.loads((tmp_path / "summary.json").read_text())["suites"]) == {"krr"}


def test_a_suite_whose_peer_is_not_installed_is_left_out(stub):
    def run(quick):
        raise ModuleNotFoundError("No module named 'ot'", name="ot")

    stub.run = run
    found = _suite.run_suite("krr", True, _rates.measure(True))
    assert found["left_out"] == ["POT is not installed: suite left out"]


def test_an_unknown_suite_and_a_device_that_is_not_there_are_refused(capsys):
    assert command.main(["--suite", "krr", "spelling"]) == 2
    error = capsys.readouterr().err
    assert error == ("unknown suite 'spelling'; choose from krr, distances, training, scale.\n")
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--device", "gpu", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if "CUDA" not in child.stderr and child.returncode != 2:
        pytest.skip("there is a GPU")
    assert child.returncode == 2
    assert child.stderr.splitlines()[-1].startswith("no gpu here: JAX started on cpu.")


def test_the_head_of_the_page_is_what_the_last_run_wrote(tmp_path):
    page = ROOT / "benchmarks" / "README.md"
    path = command.RESULTS / "summary.json"
    copy = tmp_path / "README.md"
    copy.write_text(page.read_text())
    _table.write_head(copy, json.loads(path.read_text()))
    assert copy.read_text() == page.read_text()
    copy.write_text("no marks")
    with pytest.raises(ValueError, match="lacks the marks"):
        _table.write_head(copy, json.loads(path.read_text()))


def test_operations_of_a_sweep_grow_as_the_cube_of_its_rows():
    small, large = (krr.needed_flops(krr.Config(synthetic=n))[1] for n in (10**6, 2 * 10**6))
    assert large / small == pytest.approx(8, rel=1e-2)
