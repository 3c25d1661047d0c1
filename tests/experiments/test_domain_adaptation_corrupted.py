"""Corruptions against independent ones, what is made of numbers, parts that do not overlap, the quick preset."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats

import synthmix_jax as smx
from experiments.domain_adaptation.corrupted import run, shifts
from experiments.domain_adaptation.corrupted.config import PRESETS, Group, Plan, Source
from experiments.domain_adaptation.corrupted.corruptions import KINDS, STRENGTHS, corrupt
from experiments.domain_adaptation.corrupted.data import Material


@pytest.fixture
def images(rng):
    """Smooth images with detail, of the whole range."""
    x = ndimage.gaussian_filter(rng.normal(size=(6, 32, 32, 3)), (0, 2, 2, 0))
    x += 0.05 * rng.normal(size=x.shape)
    low, high = x.min(axis=(1, 2, 3), keepdims=True), x.max(axis=(1, 2, 3), keepdims=True)
    return np.round(255 * (x - low) / (high - low)).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_corruptions_are_deterministic_bytes_and_grow_with_their_strength(kind, images):
    before = images.copy()
    found = [corrupt(images, kind, strength, seed=4) for strength in range(1, 6)]
    changes = [np.mean((images.astype(float) - x) ** 2) for x in found]
    assert all(x.dtype == np.uint8 and x.shape == images.shape for x in found)
    assert changes[0] > 0
    assert np.all(np.diff(changes) > 0)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(found[2], corrupt(images, kind, 3, seed=4))
    # An image is corrupted alike whatever comes after it.
    np.testing.assert_array_equal(found[2][:2], corrupt(images[:2], kind, 3, seed=4))
    other = corrupt(images, kind, 3, seed=5)
    assert np.array_equal(found[2], other) == (kind != "noise")


def test_blur_is_scipys_gaussian_filter(images):
    for strength, deviation in enumerate(STRENGTHS["blur"], 1):
        wanted = ndimage.gaussian_filter(
            images.astype(float), (0, deviation, deviation, 0), mode="reflect", truncate=4.0
        )
        # Half a unit of rounding, and float32 where that lies at a half.
        np.testing.assert_allclose(
            corrupt(images, "blur", strength, seed=0), wanted, atol=0.5 + 1e-3
        )


def test_pixelation_is_means_over_cells_by_plain_loops(images):
    for strength, size in enumerate(STRENGTHS["pixelate"], 1):
        found = corrupt(images[:1], "pixelate", strength, seed=0)[0, :, :, 1]
        side, size = 32, int(size)
        # Each pixel in size x size parts: cells then have whole numbers of parts.
        fine = np.kron(images[0, :, :, 1].astype(float), np.ones((size, size)))
        for row in range(0, side, 5):
            for column in range(0, side, 3):
                i, j = (int((at + 0.5) * size / side) for at in (row, column))
                cell = fine[i * side : (i + 1) * side, j * side : (j + 1) * side]
                assert abs(found[row, column] - cell.mean()) <= 0.5 + 1e-3


def test_noise_and_contrast_have_their_size(images):
    grey = np.full((4, 32, 32, 3), 128, np.uint8)
    noise = corrupt(grey, "noise", 2, seed=0) / 255.0
    assert noise.std() == pytest.approx(STRENGTHS["noise"][1], rel=0.03)  # 12,288 numbers
    flat = corrupt(images, "contrast", 3, seed=0).astype(float)
    centred = images - images.mean(axis=(1, 2, 3), keepdims=True)
    wanted = images.mean(axis=(1, 2, 3), keepdims=True) + STRENGTHS["contrast"][2] * centred
    np.testing.assert_allclose(flat, wanted, atol=0.5 + 1e-3)


def test_jpeg_is_read_back_from_a_file(images):
    file = io.BytesIO()
    Image.fromarray(images[3]).save(file, format="JPEG", quality=int(STRENGTHS["jpeg"][3]))
    wanted = np.asarray(Image.open(file))
    np.testing.assert_array_equal(corrupt(images, "jpeg", 4, seed=0)[3], wanted)


@pytest.mark.parametrize(
    ("x", "kind", "strength", "message"),
    [
        (np.zeros((2, 8, 8, 3)), "blur", 1, "x must be uint8"),
        (np.zeros((8, 8, 3), np.uint8), "blur", 1, "x must be uint8"),
        (np.zeros((2, 8, 8, 3), np.uint8), "fog", 1, "kind must be one of blur"),
        (np.zeros((2, 8, 8, 3), np.uint8), "blur", 6, "strength must be 1"),
    ],
)
def test_bad_input(x, kind, strength, message):
    with pytest.raises(ValueError, match=message):
        corrupt(x, kind, strength, seed=0)


SOURCE = Source("g", 10, 2)
PLAN = Plan((), pool=30, weights=(0.1, 1.0), ridges=(0.5, 5.0), counts=(0, 10, 30))


def rows_of(shares_at, distances):
    """Rows of shifts whose squared error over the shares 0, 0.13, 0.6, 1 is least at a given place."""
    rows = []
    for i, (place, (source, synthetic)) in enumerate(zip(shares_at, distances, strict=True)):
        for seed in range(2):
            curve = 1.0 + 0.1 * np.abs(np.arange(4) - place) + 0.001 * seed
            grid = np.full((2, 2, 3), 9.0)  # weights, ridges, counts; the second ridge is bad
            grid[:, 0, 0], grid[:, 0, -1] = curve[0], curve[1:3]
            floor = {name: 3.0 for name in shifts.METRICS}
            sides = {
                "source": {name: np.hypot(3.0, source) for name in shifts.METRICS},
                "synthetic": {name: np.hypot(3.0, synthetic) for name in shifts.METRICS},
                "target": floor,
            }
            alone = [9.0, curve[3]]
            rows.append(
                {"what": "curves", "generator": "g", "n": 20, "kind": KINDS[i], "strength": 1}
                | {"seed": seed, "wrong": grid.tolist(), "error": grid.tolist()}
                | {"pool alone": {"wrong": alone, "error": alone}, "distances": sides}
            )
    return rows


def test_best_shares_distances_and_correlations_are_read_off_the_rows():
    places = [0, 1, 2, 3, 3]
    sides = [(1.0, 4.0), (2.0, 3.0), (4.0, 2.0), (6.0, 1.0), (8.0, 1.5)]
    group = Group(SOURCE, 20, tuple((kind, 1) for kind in KINDS), 2)
    records = shifts.Records(rows_of(places, sides), group, PLAN)
    shares = records.shares()
    np.testing.assert_allclose(shares, [0.0, 3 / 23, 30 / 50, 1.0])

    table = shifts.table(records)
    assert [line["error"]["best share"] for line in table] == shares[places].tolist()
    assert table[2]["distances"]["sliced"] == pytest.approx({"source": 4.0, "synthetic": 2.0})
    # The best place against no synthetic images is 0.1 a step, in both seeds alike.
    assert table[2]["error"]["best - source only"]["mean"] == pytest.approx(-0.2)
    assert table[2]["error"]["best - source only"]["half"] == pytest.approx(0.0, abs=1e-12)

    found = shifts.correlations(records, resamples=20)
    first = {
        one["of"]: one for one in found if (one["score"], one["distance"]) == ("error", "sliced")
    }
    share = shares[places]
    for name, values in (
        ("W(S, T)", [s for s, _ in sides]),
        ("W(T', T)", [t for _, t in sides]),
        ("W(S, T) - W(T', T)", [s - t for s, t in sides]),
    ):
        wanted = stats.spearmanr(share, values)[0]
        assert first[name]["spearman"] == pytest.approx(wanted)
        assert first[name]["low"] <= wanted <= first[name]["high"]

    # Alone, the source is 0.1 a place worse than its best, the synthetic images 0.1 for each place to the end.
    source, _, difference = shifts.errors_and_distances(records, resamples=20)[:3]
    wanted = stats.spearmanr(places, [s for s, _ in sides])[0]
    assert source["spearman"] == pytest.approx(wanted)
    assert difference["agreement"] == 1.0


def test_shares_of_the_bound_fall_back_to_weight_one_and_to_the_ends():
    shares = shifts.bound_shares(20, 30, np.array([1.0, 9.0, 0.0]), np.array([1.0, 0.0, 9.0]))
    np.testing.assert_allclose(shares[:, 0], 0.6)  # m/(n + m): equal distances
    # Clipped ends at the largest constant: 20 * 0.1 * 9 = 18, beyond m/n.
    np.testing.assert_allclose(shares[-1, 1:], [1.0, 0.0])
    assert np.all(np.diff(shares[:, 1]) >= 0)


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quick_preset_and_parts_that_do_not_overlap(data_dir, small_cifar10, tmp_path, monkeypatch):
    run.run("quick", tmp_path, False, str(data_dir))
    content = json.loads((tmp_path / "results.json").read_text())
    assert [row["what"] for row in content["rows"]] == ["curves", "curves", "baselines"]
    for row in content["rows"][:2]:
        assert np.shape(row["wrong"]) == (2, 3, 3)
        assert row["failed"] == 0
        # The synthetic images lie nearer to the corrupted ones than the clean images do.
        sides = row["distances"]
        assert sides["synthetic"]["sliced"] < sides["source"]["sliced"]
    wrong = content["rows"][2]["wrong"]
    assert wrong["the generator's images"] < wrong["source"]
    assert content["rows"][2]["choice"]["regret"] >= 0
    for name in ("errors.png", "optimum.png"):
        assert (tmp_path / name).stat().st_size > 10_000
    assert len((tmp_path / "shifts.csv").read_text().splitlines()) == 3

    monkeypatch.setattr(run, "curves", lambda *_: pytest.fail("computed again"))
    run.run("quick", tmp_path, False, str(data_dir))
    assert json.loads((tmp_path / "results.json").read_text())["rows"] == content["rows"]

    material = Material(PRESETS["quick"], str(data_dir))
    parts = [material.source, material.seen, material.target]
    hashed = [{np.asarray(x).tobytes() for x in part.x[:4000:4]} for part in parts]
    assert sum(map(len, parts)) == len(small_cifar10["train"])
    for i, one in enumerate(hashed):
        for other in hashed[i + 1 :]:
            assert len(one & other) <= 1  # CIFAR-10 has a few images twice
    few, others = material.targets((40, 80), ("blur", 1), 0)
    assert not {x.tobytes() for x in few.x} & {x.tobytes() for x in others.x}
    assert isinstance(few, smx.Dataset)
    assert len(few) == 40
