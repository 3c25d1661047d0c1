"""Records of windows: groups by brute force, splits that part no group, a plane with a gap, several patients."""

import dataclasses

import jax
import numpy as np
import pytest

from synthmix_jax.loaders import Patches, _windows, lesion_crops, lesion_patches

KEY = jax.random.key(5)


@pytest.fixture
def make(rng):
    """A function that makes windows at random places of a box, in groups of their own."""

    def make(n=60, *, box=(40, 50, 30), size=7, subject="anna", **changes):
        fields = {
            "x": rng.normal(size=(n, size, size, 1)).astype(np.float32),
            "y": (np.arange(n) % 2).astype(np.int32),
            "centres": np.stack([rng.integers(0, b, n) for b in box], 1),
            "groups": (np.arange(n) // 3).astype(np.int32),
            "subjects": np.full(n, subject),
            "patient": subject,
            "modalities": ("FLAIR",),
            "plane": "axial",
            "size": size,
            "size_mm": float(size),
        }
        return Patches(**{**fields, **changes})

    return make


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_groups_are_chains_of_links(rng, axis):
    centres = rng.integers(0, 40, (50, 3))
    shown = np.stack([rng.integers(0, 50, 25), rng.integers(1, 9, 25)], 1)
    found = _windows.groups(centres, shown, axis=axis, in_slice=6, across=3)
    # By brute force: links as a matrix, chains as its powers.
    reach = np.asarray([3 if i == axis else 6 for i in range(3)])
    links = (np.abs(centres[:, None] - centres[None]) < reach).all(-1)
    shows = np.zeros((50, 9), int)
    shows[tuple(shown.T)] = 1
    links |= shows @ shows.T > 0
    chains = np.linalg.matrix_power(links.astype(float), 50) > 0
    np.testing.assert_array_equal(found[:, None] == found[None], chains)
    first = [int(np.flatnonzero(found == g)[0]) for g in range(found.max() + 1)]
    assert 5 < len(first) < 50
    assert first == sorted(first)
    assert _windows.groups(centres[:0], shown[:0], axis=axis, in_slice=6, across=3).shape == (0,)


def test_groups_of_samples(patient):
    """One lesion in space is one group wherever it is seen, and near centres join it."""
    p = lesion_patches(
        patient, size=5, key=KEY, min_area=1, min_distance=2, jitter=0, near_across=1
    )
    lesion = p.centres[p.y == 1][:, 0] < 11  # the largest, seen in three slices
    assert lesion.sum() == 3
    assert len(np.unique(p.groups[p.y == 1][lesion])) == 1
    assert len(np.unique(p.groups[p.y == 1])) == 3
    wide = lesion_patches(
        patient, size=5, key=KEY, min_area=1, min_distance=2, near_in_slice=99, near_across=99
    )
    assert len(np.unique(wide.groups)) == 1
    s = lesion_crops(patient, size=6, key=KEY, count=60, near_in_slice=1e-3, near_across=1e-3)
    parts = [set(np.unique(c)) - {0} for c in _windows.cut(_numbers(patient), s.centres, 6, 2)]
    for i, one in enumerate(parts):
        for j, other in enumerate(parts):
            if one & other:
                assert s.groups[i] == s.groups[j]


def test_rows(make):
    p = make()
    for rows in (slice(3, 9), [4, 1, 1], np.arange(60) % 7 == 0, np.asarray([], int), []):
        taken = p[rows]
        index = np.arange(60)[np.asarray(rows, int) if isinstance(rows, list) else rows]
        for name in ("x", "y", "centres", "groups", "subjects"):
            np.testing.assert_array_equal(getattr(taken, name), getattr(p, name)[index])
    assert len(p[5]) == 1
    assert repr(p) == (
        "Patches(60 of 7 x 7 voxels (7 mm), 30 on lesions, 20 groups; axial FLAIR of anna)"
    )


@pytest.mark.parametrize("size", [0.3, 18, 0.5])
def test_a_split_parts_no_group(make, size):
    p = make()
    first, rest = p.split(size, key=KEY)
    wanted = size if size > 1 else round(60 * size)
    assert len(first) == wanted  # groups of three come to it
    assert len(rest) == 60 - wanted
    assert not set(first.groups) & set(rest.groups)
    both = np.concatenate([first.centres, rest.centres])
    assert sorted(map(tuple, both)) == sorted(map(tuple, p.centres))
    again, _ = p.split(size, key=KEY)
    np.testing.assert_array_equal(again.x, first.x)
    assert set(p.split(size, key=jax.random.key(6))[0].groups) != set(first.groups)


def test_a_split_that_would_part_a_group_is_refused(make):
    p = make(groups=np.r_[np.zeros(55, int), np.arange(1, 6)])
    message = (
        r"60 windows in 6 groups, the largest of 55, cannot be split into 30.*patches.apart\('y'\)"
    )
    for seed in range(4):
        with pytest.raises(ValueError, match=message):
            p.split(0.5, key=jax.random.key(seed))
    small, large = p.split(4, key=KEY)
    assert len(small) == 4
    assert len(large) == 56


@pytest.mark.parametrize("size", [0.0, 1.0, -3, 60, 0.001, True, float("nan")])
def test_impossible_splits(make, size):
    with pytest.raises(ValueError, match="fraction_or_count must be a share in"):
        make().split(size, key=KEY)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("fraction", [0.5, 0.8])
def test_sides_of_a_plane_share_no_voxel(make, axis, fraction):
    p, number = make(200), "xyz".index(axis)
    low, high = p.apart(axis, fraction=fraction)
    assert high.centres[:, number].min() - low.centres[:, number].max() >= 7
    assert abs(len(low) / (len(low) + len(high)) - fraction) < 0.1
    assert len(low) + len(high) > 120

    def voxels(part):
        offsets = np.indices((7, 7, 1)).reshape(3, -1).T - (3, 3, 0)
        return {tuple(v) for v in (part.centres[:, None] + offsets).reshape(-1, 3)}

    assert not voxels(low) & voxels(high)
    near, far = p.apart(axis, gap=2)
    assert far.centres[:, number].min() - near.centres[:, number].max() >= 2
    assert len(near) + len(far) > len(low) + len(high)


def test_planes_that_cannot_be(make):
    with pytest.raises(ValueError, match=r"no plane across x .* gap of 90 voxels.*another axis"):
        make().apart("x", gap=90)
    with pytest.raises(ValueError, match="axis must be one of 'x', 'y', 'z'"):
        make().apart("axial")
    with pytest.raises(ValueError, match="fraction must lie between 0 and 1"):
        make().apart("x", fraction=1.0)
    with pytest.raises(ValueError, match="gap must be positive"):
        make().apart("x", gap=0)
    with pytest.raises(ValueError, match="windows of one patient; with several"):
        make(subjects=np.asarray(["a", "b"] * 30)).apart("x")


def test_several_patients(make):
    a, b = make(6, subject="a", notes=("resampled",)), make(9, subject="b")
    both = Patches.joined([a, b[3:]])
    assert (len(both), both.patient, both.notes) == (12, "a + b", ("a: resampled",))
    assert both.subjects.tolist() == ["a"] * 6 + ["b"] * 6
    np.testing.assert_array_equal(both.x, np.concatenate([a.x, b.x[3:]]))
    assert both.groups.tolist() == [0, 0, 0, 1, 1, 1, 3, 3, 3, 4, 4, 4]
    with pytest.raises(ValueError, match="parts show a twice"):
        Patches.joined([a, b, a])
    with pytest.raises(
        ValueError, match=r"parts differ in kind: 5 voxels.*; 7 voxels.*Draw all in one way"
    ):
        Patches.joined([a, make(subject="c", size=5)])
    with pytest.raises(ValueError, match="parts is empty"):
        Patches.joined([])


def test_label_maps(make):
    p = make(4, y=np.zeros((4, 7, 7), np.int32))
    assert "with label maps" in repr(p)
    assert (p.data.dense, p.data.num_classes) == (True, 2)
    labels = dataclasses.replace(p, y=np.arange(4, dtype=np.int32) % 2).data
    assert labels.num_classes == 2


def _numbers(patient):
    from synthmix_jax.loaders import lesion_components

    return lesion_components(patient.lesions)[0]
