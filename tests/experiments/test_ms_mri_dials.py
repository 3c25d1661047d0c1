"""Real lesions beside synthetic ones: the statistics, by hand, and the whole of it on a made-up brain."""

import json

import numpy as np
import pytest

from experiments.ms_mri import dials, phantom
from experiments.ms_mri.data import PHANTOM, Cohort


def test_statistics_of_a_square_in_a_chequered_field():
    x = 1.0 + 0.1 * (np.indices((25, 25)).sum(axis=0) % 2)
    shown = np.zeros((25, 25), bool)
    shown[10:14, 10:14] = True
    shown[1:3, 1:3] = True  # another lesion, not the one in the middle
    x[10:14, 10:14] = 1.5
    found = dials._of_patch(x, shown)
    np.testing.assert_array_equal(found["contrast"], np.full(16, 1.5))
    assert found["shape"] == 16 / 4  # the outline over the root of the area
    assert found["texture"] == 0.0
    np.testing.assert_allclose(found["noise"], 0.1)
    np.testing.assert_allclose(found["placement"], 0.05, atol=2e-3)
    np.testing.assert_allclose(found["edge"], 1.0, atol=0.02)  # a step: all of the contrast at once
    distance = dials.apart([found], [{**found, "noise": 0.4}])
    np.testing.assert_allclose([distance["noise"], distance["shape"]], [0.3, 0.0])


def test_each_dial_moves_its_own_statistic(tmp_path):
    brains = Cohort(phantom.write(tmp_path / "brains"), PHANTOM)
    plan = dials.Plan(pairs=(("26", "26"),), count=60, splits=4)
    (row,) = dials.run({"26": brains.patient("26")}, brains.library, plan, tmp_path, PHANTOM)
    for name in ("contrast", "noise", dials.TOGETHER):
        own = row["distances"][name]["contrast" if name == dials.TOGETHER else name]
        assert own[-1] > own[2] > own[0], name
        assert own[-1] > row["floor (mean, 95 %)"]["contrast"][1]
    starts = {tuple(v[0] for v in by.values()) for by in row["distances"].values()}
    assert len(starts) == 1  # at 0 all dials are the same generator, with the same draws
    assert json.loads((tmp_path / "dials.json").read_text())["data"] == PHANTOM
    assert (tmp_path / "dials.png").stat().st_size > 10_000


def test_without_a_folder_it_says_so(capsys, monkeypatch):
    monkeypatch.delenv("SYNTHMIX_DATA_DIR", raising=False)
    with pytest.raises(SystemExit):
        dials.main([])
    assert "give --data-dir" in capsys.readouterr().err
