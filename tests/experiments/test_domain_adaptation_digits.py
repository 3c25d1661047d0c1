"""MNIST to USPS: images, parts that share nothing, the quick preset on real digits, and what is made of numbers."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest

import synthmix_jax as smx
from experiments.domain_adaptation import run as frame
from experiments.domain_adaptation.digits import choices, config, data, images, report, run
from experiments.domain_adaptation.digits.config import BACK, FORTH, PRESETS

FAR = {"inputs": 1.0, "labelled": 2.0}
WAYS = {
    "effective sample size": 20.0,
    **{
        name: {"alone": 30.0, "with synthetic": 20.0}
        for name in ("source", "importance weights", "CORAL")
    },
}


def test_images_are_boxes_padded_and_averaged_over_areas(rng):
    x = np.zeros((2, 28, 28), np.uint8)
    x[0, 4:24, 10:17] = rng.integers(1, 256, (20, 7))
    x[1, 3:9, 5:26] = rng.integers(1, 256, (6, 21))
    found = images.like_usps(x)
    for image, new in zip(x, found, strict=True):
        rows, columns = np.nonzero(image)
        box = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] / 255.0
        side = max(box.shape)
        squared = np.zeros((side, side))
        top, left = (side - box.shape[0]) // 2, (side - box.shape[1]) // 2
        squared[top : top + box.shape[0], left : left + box.shape[1]] = box
        # Every pixel cut into 16 x 16 equal ones: then new pixels are whole blocks of side x side of them.
        fine = np.kron(squared, np.ones((16, 16)))
        slow = fine.reshape(16, side, 16, side).mean(axis=(1, 3))
        np.testing.assert_allclose(new, slow, atol=1e-6)  # float32
        np.testing.assert_allclose(new.mean(), squared.mean(), rtol=1e-6)  # no ink is lost
    whole = rng.random((1, 16, 16)).astype(np.float32) + 0.1
    np.testing.assert_allclose(images.like_usps(whole), whole, rtol=1e-6)
    with pytest.raises(ValueError, match="zero everywhere"):
        images.like_usps(np.zeros((1, 5, 5)))


def test_parts_share_no_image_and_smaller_ones_are_among_larger(rng):
    own = smx.Dataset(rng.random((400, 2)), rng.integers(0, 10, 400), num_classes=10)
    domains = data.Domains(own, own, own)
    plan = PRESETS["quick"]
    found = data.rows(domains, plan, 50, seed=3)
    target = [found[name] for name in ("unlabelled", "labelled", "others")]
    assert sorted(np.concatenate(target)) == list(range(400))
    assert [len(part) for part in target] == [60, 20, 320]
    assert np.bincount(own.y[found["labelled"]], minlength=10).tolist() == [2] * 10
    assert np.bincount(own.y[found["source"]], minlength=10).tolist() == [5] * 10
    fewer, other = (data.rows(domains, plan, 30, seed) for seed in (3, 4))
    assert fewer["source"].tolist() == found["source"][:30].tolist()
    assert other["unlabelled"].tolist() != found["unlabelled"].tolist()
    with pytest.raises(ValueError, match="500 images, but 400 are left"):
        data.pool(replace(plan.generators[0], fitted_on=500), own, 10, 0)


@pytest.mark.data
def test_halves_of_mnist_share_no_image(data_dir, monkeypatch):
    # The crop is tested above; here rows are told apart by what they are made of.
    monkeypatch.setattr(data, "like_usps", lambda x: x.reshape(len(x), -1)[:, 50:730:2])
    both = data.read(PRESETS["gpu"], str(data_dir))
    back = both[BACK]
    seen = {row.tobytes() for row in np.asarray(back.target.x)}
    assert not seen & {row.tobytes() for row in np.asarray(back.test.x)}
    assert (len(back.target), len(back.test), len(both[FORTH].test)) == (5000, 5000, 2007)


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quick_preset_runs_and_is_not_run_twice(data_dir, tmp_path, monkeypatch):
    # Distances, density ratios and CORAL have tests of their own, and take most of the time here.
    monkeypatch.setattr(run, "distances", lambda *a: {"synthetic" if a[2] else "source": FAR})
    monkeypatch.setattr(run, "baselines", lambda *_: WAYS)
    arguments = ["--part", "digits", "--preset", "quick", "--out", str(tmp_path)]
    arguments += ["--data-dir", str(data_dir)]
    frame.main(arguments)
    out = tmp_path / "digits"
    packed = (out / "rows.json.gz").read_bytes()
    rows = json.loads(gzip.decompress(packed))["rows"]
    kinds = ["curves", "labels", "distances", "distances"] * 2 + ["baselines"] * 2
    assert [row["kind"] for row in rows] == kinds
    curve, other = rows[0], rows[4]
    assert np.shape(curve["wrong"]) == (2, 4)
    assert curve["wrong"][0][0] == curve["wrong"][1][0]  # no synthetic images: no weight
    assert curve["wrong"][0] != other["wrong"][0]
    assert np.shape(rows[1]["left out squared"]) == (1, 2, 3)
    # Twenty of the target's own images beside thirty of the source make it better.
    assert rows[1]["squared"][0][0][0] < curve["squared"][0][0]
    for name in ("curves.png", "ways.png", "tables.md", "curves.csv"):
        assert (out / name).stat().st_size > 300

    monkeypatch.setattr(run, "curves", lambda *_: pytest.fail("computed again"))
    monkeypatch.setattr(run.report, "report", lambda *_: None)
    frame.main(arguments)
    assert (out / "rows.json.gz").read_bytes() == packed
    monkeypatch.setitem(PRESETS, "quick", replace(PRESETS["quick"], ridge=1.0))
    with pytest.raises(SystemExit, match="other settings"):
        frame.main(arguments)


def test_choice_is_scored_where_leave_one_out_is_least_not_the_test():
    row = {
        "label weights": [1.0, 3.0],
        "weights": [0.1, 1.0],
        "counts": [0, 10],
        "left out squared": [[[0.5, 0.3], [0.5, 0.4]], [[0.45, 0.35], [0.45, 0.6]]],
        "squared": [[[0.5, 0.22], [0.5, 0.20]], [[0.4, 0.3], [0.4, 0.3]]],
        "wrong": [[[50.0, 22.0], [50.0, 21.0]], [[40.0, 30.0], [40.0, 30.0]]],
    }
    found = choices.chosen(row)
    assert (found["label weight"], found["weight"], found["count"]) == (1.0, 0.1, 10)
    # Without synthetic images leave-one-out likes the labels at weight 3.
    assert (found["without"], found["wrong"], found["least wrong"]) == (40.0, 22.0, 21.0)
    assert found["regret"] == pytest.approx(10.0)
    assert found["regret wrong"] == pytest.approx(100 / 21)


def test_shape_by_weight_begins_without_synthetic_images():
    rows = [{"wrong": [[9.0 + s, 7.0], [9.0 + s, 5.0 + 0.1 * s], [9.0 + s, 8.0]]} for s in range(4)]
    values = np.array([report.by_weight(row) for row in rows])
    assert values[0].tolist() == [9.0, 7.0, 5.0, 8.0]
    found = report.weight_shape(values, [0.0, 0.1, 1.0, 10.0])
    assert (found["weight"], found["weights"], found["u"]) == (1.0, [1.0, 1.0], True)
    assert found["rise"]["mean"] == pytest.approx(2.85)


def test_generators_that_cells_name_exist():
    for plan in PRESETS.values():
        for cells in plan.cells:
            for name in cells.generators:
                assert plan.generator(name).name == name
    assert config.GENERATORS[4].label_noise == 0.3
