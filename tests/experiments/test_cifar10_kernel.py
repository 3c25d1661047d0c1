"""The quick preset on real CIFAR-10: the advice is inside its interval and costs little on the test set."""

import json

import pytest

from experiments.cifar10_kernel.run import main


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quick_preset(data_dir, small_cifar10, tmp_path):
    main(["--preset", "quick", "--data-dir", str(data_dir), "--out", str(tmp_path)])
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [row["source"] for row in rows] == ["rank 20", "rank 5, brighter by 0.2"]
    for row in rows:
        assert row["within_interval"]
        assert row["interval"][0] <= row["count"] <= row["interval"][1]
        assert row["excess_of_squared_error"] <= 0.03
        # Useful synthetic images: one hundred real ones alone leave some 73 % wrong.
        assert row["misclassified"]["bagged"] < row["misclassified"]["real only"]
    assert (tmp_path / "curves.png").stat().st_size > 10_000
