"""Segmentation: the quick preset on made-up brains, tiles, the baseline, and what may not touch what."""

import json
from dataclasses import replace

import numpy as np
import pytest

import synthmix_jax as smx
from experiments.ms_mri import phantom, run, segments
from experiments.ms_mri.config import PRESETS, TWO
from experiments.ms_mri.data import PHANTOM, Cohort
from experiments.ms_mri.threshold import LEVELS, SIZES, Threshold

PLAN = PRESETS["quick"].segments


@pytest.fixture(scope="module")
def brains(tmp_path_factory):
    return phantom.write(tmp_path_factory.mktemp("brains"))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quick_preset_runs_and_is_not_run_twice(brains, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "cohort", lambda *_, **__: Cohort(brains, PHANTOM))
    arguments = ["--preset", "quick", "--task", "segments", "--out", str(tmp_path)]
    run.main(arguments)
    out = tmp_path / "segments"
    packed = (out / "rows.json.gz").read_bytes()
    summary = json.loads((out / "summary.json").read_text())
    assert [(r["all real"], r["dial"], r["synthetic crops"]) for r in summary["networks"]] == [
        (True, None, 0),
        (False, None, 0),
        (False, 1.0, 8),
    ]
    for name in ("summary.json", "networks.csv"):
        assert PHANTOM in (out / name).read_text()
    assert (out / "networks.png").stat().st_size > 10_000
    monkeypatch.setattr(segments, "networks", lambda *_: pytest.fail("computed again"))
    run.main(arguments)
    assert (out / "rows.json.gz").read_bytes() == packed


def test_nothing_of_the_test_patient_reaches_training(brains, tmp_path):
    fold = TWO[-1]
    before = segments.Scene(Cohort(brains, PHANTOM), PLAN, fold)
    rng = np.random.default_rng(0)
    elsewhere = phantom.write(tmp_path)
    head = before.cohort.patient(fold.test).brain
    for name in ("FLAIR", "T1"):
        garbage = rng.random(phantom.SHAPE) * 1e4 * head
        phantom.save(elsewhere / f"phantom{fold.test}" / f"{name}.nii", garbage)
    mask = (head & (rng.random(phantom.SHAPE) > 0.5)).astype(np.uint8)
    phantom.save(elsewhere / f"phantom{fold.test}" / "lesions.nii", mask)
    after = segments.Scene(Cohort(elsewhere, PHANTOM), PLAN, fold)
    pairs = zip(
        (*before.crops, before.all_crops, before.pool(1.0)),
        (*after.crops, after.all_crops, after.pool(1.0)),
        strict=True,
    )
    for one, other in pairs:
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.y, other.y)
    assert not np.array_equal(before.tested_on.maps, after.tested_on.maps)


def test_no_lesion_and_no_voxel_is_on_both_sides(brains):
    plan = replace(PLAN, crops=120)
    scene = segments.Scene(Cohort(brains, PHANTOM), plan, TWO[-1])
    patient = scene.trained_on[0]
    low, high = scene._sides(patient)
    assert len(low) > 20
    assert len(high) > 2
    assert high.centres[:, 2].min() - low.centres[:, 2].max() >= plan.gap
    numbers, _ = smx.loaders.lesion_components(patient.lesions)
    half = plan.size // 2
    wide = np.pad(numbers, ((half, half), (half, half), (0, 0)))
    seen = []
    for side in (low, high):
        cut = [wide[x : x + plan.size, y : y + plan.size, z] for x, y, z in side.centres]
        np.testing.assert_array_equal(np.stack(cut) > 0, side.y)
        seen.append(set(np.unique(cut)) - {0})
    assert seen[0]
    assert seen[1]
    assert not seen[0] & seen[1]


def test_tiles_cover_the_brain_once(rng):
    x = rng.random((2, 40, 30, 1)).astype(np.float32)
    brain = np.zeros((2, 40, 30), bool)
    brain[0, 3:39, :], brain[1, 20:25, 4:9] = True, True
    sizes = []

    def label(tiles):
        sizes.append(tiles.shape)
        return (tiles[..., 0] > 0.5).astype(np.int32)

    maps = segments.tiled(label, x, brain, 16, block=5)
    np.testing.assert_array_equal(maps[brain], x[brain][:, 0] > 0.5)
    assert set(sizes) == {(5, 16, 16, 1)}


def test_tiles_show_what_lies_around_the_part_that_is_kept(rng):
    x = rng.integers(0, 9, (1, 24, 30, 1))
    label = lambda tiles: np.roll(
        tiles[..., 0], (2, -2), axis=(1, 2)
    )  # as far as the margin of 16 / 8
    maps = segments.tiled(label, x, np.ones((1, 24, 30), bool), 16)
    wide = np.pad(x[0, ..., 0], 2)
    np.testing.assert_array_equal(maps[0], wide[:-4, 4:])


def test_threshold_is_the_best_of_all_pairs(rng):
    image = 1.0 + 0.15 * rng.normal(size=(14, 12, 10))
    lesions = np.zeros(image.shape, bool)
    lesions[3:7, 3:7, 3:7] = True
    image[lesions] += 0.45
    brain = np.ones(image.shape, bool)
    brain[0] = False
    found = Threshold.fit([(image, brain, lesions)])
    best = 0.0
    for level in LEVELS:
        bright = (image > level) & brain
        numbers, count = smx.loaders.lesion_components(bright)
        for least in SIZES:
            large = [n for n in range(1, count + 1) if (numbers == n).sum() >= least]
            mask = np.isin(numbers, large)
            dice = 2 * (mask & lesions).sum() / (mask.sum() + lesions.sum())
            if (found.level, found.least) == (level, least):
                np.testing.assert_array_equal(found.predict(image, brain), mask)
                np.testing.assert_allclose(found.dice, dice, rtol=1e-12)
            best = max(best, dice)
    assert found.dice == pytest.approx(best)
    assert best > 0.8
