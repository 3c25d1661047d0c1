"""Samples of one patient against brute force: where they are centred, what they show, what they are called."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy.spatial.distance import cdist

import synthmix_jax as smx
from synthmix_jax.loaders import _masks, _windows, lesion_crops, lesion_patches

KEY = jax.random.key(3)
PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}


def windows(volume, centres, size, axis):
    """The same windows by padding and slicing, one by one."""
    padded = np.pad(volume, [(size, size)] * 3 + [(0, 0)] * (volume.ndim - 3))
    out = []
    for centre in centres:
        cut = [slice(c + size - size // 2, c + 2 * size - size // 2) for c in centre]
        cut[axis] = centre[axis] + size
        out.append(padded[tuple(cut)])
    return np.asarray(out)


def flooded(mask, start, steps):
    """Voxels joined to `start` by `steps`, by a walk."""
    seen, queue = {start}, [start]
    while queue:
        at = np.asarray(queue.pop())
        for voxel in map(tuple, at + steps):
            inside = all(0 <= v < n for v, n in zip(voxel, mask.shape, strict=True))
            if inside and mask[voxel] and voxel not in seen:
                seen.add(voxel)
                queue.append(voxel)
    return seen


ALL_NEIGHBOURS = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3), -1).reshape(-1, 3)


def test_lesions_are_joined_by_corners(rng):
    mask = rng.random((7, 8, 6)) < 0.12
    labels, count = smx.loaders.lesion_components(mask)
    assert ((labels > 0) == mask).all()
    assert sorted(np.unique(labels[mask])) == list(range(1, count + 1))
    for voxel in map(tuple, np.argwhere(mask)):
        own = {tuple(v) for v in np.argwhere(labels == labels[voxel])}
        assert own == flooded(mask, voxel, ALL_NEIGHBOURS)
    assert smx.loaders.lesion_components(np.eye(3, dtype=bool))[1] == 1
    assert smx.loaders.lesion_components(np.zeros((2, 2, 2), bool))[1] == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("min_area", [1, 4])
def test_parts_and_their_deepest_voxels(rng, axis, min_area):
    mask = rng.random((9, 10, 8)) < 0.5
    faces = np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
    steps = faces[faces[:, axis] == 0]
    left, parts = set(map(tuple, np.argwhere(mask))), []
    while left:
        parts.append(flooded(mask, next(iter(left)), steps))
        left -= parts[-1]
    parts = [part for part in parts if len(part) >= min_area]
    centres, lesions = _masks.part_centres(mask, axis, min_area)
    labels = smx.loaders.lesion_components(mask)[0]
    assert len(centres) == len(parts) > 3
    # Outside, within the slice: the voxels of no lesion, and a rim around the volume.
    rim = np.pad(~mask, [(0, 0) if i == axis else (1, 1) for i in range(3)], constant_values=True)
    offset = np.asarray([0 if i == axis else 1 for i in range(3)])
    outside = np.argwhere(rim) - offset
    for part in parts:
        ((centre, lesion),) = [
            (c, n) for c, n in zip(centres, lesions, strict=True) if tuple(c) in part
        ]
        assert lesion == labels[tuple(centre)] > 0
        slice_ = outside[outside[:, axis] == centre[axis]]
        depths = cdist(np.asarray(sorted(part)), slice_).min(1)
        assert cdist(centre[None], slice_).min() == pytest.approx(depths.max())


@pytest.mark.parametrize("size", [5, 8, 40])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_windows_are_those_of_a_padded_volume(rng, size, axis):
    volume = rng.normal(size=(9, 12, 7, 2))
    centres = np.stack([rng.integers(0, n, 20) for n in volume.shape[:3]], 1)
    expected = windows(volume, centres, size, axis)
    np.testing.assert_array_equal(_windows.cut(volume, centres, size, axis), expected)


@pytest.mark.parametrize("plane", PLANES)
def test_patches_of_lesions(patient, plane):
    axis = PLANES[plane]
    p = lesion_patches(
        patient,
        size=9,
        modalities=("T1", "FLAIR"),
        key=KEY,
        min_area=2,
        min_distance=2,
        plane=plane,
    )
    expected, _ = _masks.part_centres(patient.lesions, axis, 2)
    n = len(expected)
    assert n >= 4
    assert p.y.tolist() == [1] * n + [0] * n
    moves = np.abs(p.centres[:n] - expected)
    assert moves.max() == 1
    assert (moves[:, axis] == 0).all()
    np.testing.assert_array_equal(p.x, windows(patient.images[..., [1, 0]], p.centres, 9, axis))
    assert (p.size, p.size_mm, p.plane, p.patient) == (9, 9.0, plane, "anna")
    assert p.modalities == ("T1", "FLAIR")
    still = lesion_patches(
        patient, size=9, key=KEY, min_area=2, min_distance=2, plane=plane, jitter=0
    )
    np.testing.assert_array_equal(still.centres[:n], expected)
    data = p.data
    assert (data.num_classes, data.class_names, len(data)) == (2, ("no lesion", "lesion"), 2 * n)


def test_negatives_are_hard(patient):
    prior = np.zeros(patient.brain.shape, np.float32)
    prior[:, :, 5:15] = 1
    p = lesion_patches(patient, size=9, key=KEY, min_area=1, min_distance=2.5, prior=prior)
    negatives = p.centres[p.y == 0]
    n = len(negatives)
    assert n == (p.y == 1).sum() == 5
    assert len(np.unique(negatives, axis=0)) == n
    assert patient.brain[tuple(negatives.T)].all()
    assert ((negatives[:, 2] >= 5) & (negatives[:, 2] < 15)).all()
    assert cdist(negatives, np.argwhere(patient.lesions)).min() > 2.5
    # The first half are the brightest of their 5 x 5 voxels.
    around = windows(patient.images[..., 0], negatives, 5, 2)
    assert (around[: n // 2].max((1, 2)) == around[: n // 2, 2, 2]).all()
    everything = lesion_patches(
        patient, size=9, key=KEY, min_area=1, min_distance=2.5, bright_share=0
    )
    around = windows(patient.images[..., 0], everything.centres[everything.y == 0], 5, 2)
    assert (around.max((1, 2)) == around[:, 2, 2]).sum() < 3


def test_negatives_lie_farther_than_the_distance_and_not_at_it(patient):
    free = np.argwhere(patient.brain & ~patient.lesions)
    exactly = free[np.isclose(cdist(free, np.argwhere(patient.lesions)).min(1), 2.0)]
    prior = np.zeros(patient.brain.shape, np.float32)
    prior[tuple(exactly.T)] = 1
    options = {"size": 5, "key": KEY, "min_area": 1, "bright_share": 0, "prior": prior}
    nearer = lesion_patches(patient, min_distance=1.99, **options)
    assert (prior[tuple(nearer.centres[nearer.y == 0].T)] == 1).all()
    with pytest.raises(ValueError, match="but only 0 brain voxels"):
        lesion_patches(patient, min_distance=2, **options)


def test_negatives_follow_the_prior(patient):
    free = dataclasses.replace(patient, lesions=np.zeros_like(patient.lesions))
    prior = np.where(np.arange(24)[:, None, None] < 11, 3.0, 1.0) * np.ones(patient.brain.shape)
    p = lesion_patches(free, size=5, key=KEY, max_per_class=200, bright_share=0, prior=prior)
    assert p.y.sum() == 0
    low = int(patient.brain[:11].sum()) * 3
    share = low / (low + int(patient.brain[11:].sum()))
    # Binomial, five standard deviations; 200 of 3,300 voxels without repetition change it little.
    assert abs((p.centres[:, 0] < 11).mean() - share) < 5 * np.sqrt(share * (1 - share) / 200)


def test_no_voxel_is_drawn_twice(patient):
    """Where all ten voxels are local maxima, the halves must not draw the same ones."""
    flat = np.repeat(patient.brain[..., None], 2, axis=-1).astype(np.float32)
    free = dataclasses.replace(patient, images=flat, lesions=np.zeros_like(patient.lesions))
    prior = np.zeros(patient.brain.shape)
    prior[8:13, 14, 9:11] = 1
    for seed in range(3):
        p = lesion_patches(free, size=5, key=jax.random.key(seed), max_per_class=10, prior=prior)
        assert {tuple(c) for c in p.centres} == {tuple(c) for c in np.argwhere(prior > 0)}


def test_bright_negatives_can_match_the_positives(patient, rng):
    images = patient.images.copy()
    images[..., 0] = np.where(patient.brain, images[..., 0] + rng.random(patient.brain.shape), 0)
    images[patient.lesions, 0] = 1.9
    patient = dataclasses.replace(patient, images=images)

    def brightness(**options):
        p = lesion_patches(
            patient, size=3, key=KEY, min_area=1, min_distance=2, bright_share=1, **options
        )
        means = p.x[..., 0].mean((1, 2))
        return means[p.y == 1], means[p.y == 0]

    aim, plain = brightness()
    same_aim, matched = brightness(match_brightness=True)
    np.testing.assert_array_equal(aim, same_aim)
    assert len(matched) == len(plain) == len(aim)
    assert abs(matched.mean() - aim.mean()) < 0.5 * abs(plain.mean() - aim.mean())


@pytest.mark.parametrize("sample", [lesion_patches, lesion_crops])
def test_samples_depend_on_the_key_alone(patient, sample):
    options = {"size": 9, "min_area": 1} | ({"min_distance": 2} if sample is lesion_patches else {})
    one, same = (sample(patient, key=KEY, **options) for _ in range(2))
    for name in ("x", "y", "centres", "groups"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    other = sample(patient, key=jax.random.key(4), **options)
    assert (one.centres != other.centres).any()
    with pytest.raises(ValueError, match="key must be one PRNG key"):
        sample(patient, key=jax.random.split(KEY), **options)


def test_fewer_patches(patient):
    p = lesion_patches(patient, size=9, key=KEY, min_area=1, min_distance=2, max_per_class=2)
    assert p.y.tolist() == [1, 1, 0, 0]
    free = dataclasses.replace(patient, lesions=np.zeros_like(patient.lesions))
    assert lesion_patches(free, size=9, key=KEY, max_per_class=5).y.tolist() == [0] * 5
    with pytest.raises(
        ValueError, match=r"anna has no part of a lesion of at least min_area=8.*max_per_class"
    ):
        lesion_patches(free, size=9, key=KEY)


@pytest.mark.parametrize("plane", PLANES)
def test_crops_with_their_maps(patient, plane):
    axis = PLANES[plane]
    s = lesion_crops(
        patient, size=12, modalities="T1", key=KEY, count=40, lesion_share=0.5, plane=plane
    )
    assert (s.x.shape, s.y.shape, s.y.dtype) == ((40, 12, 12, 1), (40, 12, 12), np.int32)
    np.testing.assert_array_equal(s.x, windows(patient.images[..., [1]], s.centres, 12, axis))
    np.testing.assert_array_equal(s.y, windows(patient.lesions, s.centres, 12, axis))
    # Half of them hold the deepest voxel of a part within their middle half; the others are centred on brain.
    parts, _ = _masks.part_centres(patient.lesions, axis, 1)
    apart = np.abs(s.centres[:20, None] - parts[None])
    assert (((apart <= 3).all(-1)) & (apart[..., axis] == 0)).any(1).all()
    assert patient.brain[tuple(s.centres[20:].T)].all()
    free = dataclasses.replace(patient, lesions=np.zeros_like(patient.lesions))
    assert not lesion_crops(free, size=12, key=KEY, count=5).y.any()
    assert len(lesion_crops(patient, size=12, key=KEY, count=7, lesion_share=1)) == 7


def test_a_prior_from_masks(rng):
    masks = rng.random((3, 6, 7, 8)) < 0.3
    np.testing.assert_allclose(
        smx.loaders.lesion_prior(list(masks), smoothing=0), masks.mean(0), rtol=1e-6
    )
    point = np.zeros((15, 15, 15), bool)
    point[7, 7, 7] = True
    prior = smx.loaders.lesion_prior([point, np.zeros_like(point)], smoothing=1.5)
    axis = np.exp(-0.5 * ((np.arange(15) - 7) / 1.5) ** 2)
    axis[np.abs(np.arange(15) - 7) > 6] = 0  # scipy cuts the Gaussian at four standard deviations
    axis /= axis.sum()
    np.testing.assert_allclose(prior, 0.5 * np.einsum("i,j,k", axis, axis, axis), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be a whole number of at least 1, got 0"),
        ({"min_area": 0}, "min_area must be a whole number of at least 1"),
        ({"jitter": -1}, "jitter must be a whole number of at least 0"),
        ({"max_per_class": 0}, "max_per_class must be a whole number of at least 1"),
        ({"min_distance": -1.0}, "min_distance must be a number of voxels"),
        ({"bright_share": 1.5}, r"bright_share must lie in \[0, 1\]"),
        ({"near_across": 0.0}, "near_across must be positive"),
        ({"plane": "flat"}, "plane must be one of 'sagittal', 'coronal', 'axial'"),
        ({"modalities": ("T2",)}, "anna was read without T2: it has FLAIR, T1"),
        ({"modalities": ()}, "at least one and none twice"),
        ({"min_distance": 40.0}, "2 negatives were asked for but only 0 local maxima of FLAIR"),
        ({"prior": np.ones((2, 2, 2))}, "prior has shape .2, 2, 2. and anna .24, 28, 20."),
        ({"prior": np.full((24, 28, 20), -1.0)}, "prior holds -1; weights of position"),
        ({"prior": np.full((24, 28, 20), np.nan)}, "prior holds .* non-finite"),
    ],
)
def test_bad_arguments_of_patches(patient, options, message):
    with pytest.raises(ValueError, match=message):
        lesion_patches(patient, key=KEY, **{"min_area": 1, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count must be a whole number of at least 1"),
        ({"size": True}, "size must be a whole number"),
        ({"lesion_share": -0.1}, "lesion_share must lie in"),
        ({"near_in_slice": 0.0}, "near_in_slice must be positive"),
    ],
)
def test_bad_arguments_of_crops(patient, options, message):
    with pytest.raises(ValueError, match=message):
        lesion_crops(patient, key=KEY, **options)


def test_bad_masks_for_a_prior():
    with pytest.raises(ValueError, match="at least one and of one shape, got none"):
        smx.loaders.lesion_prior([])
    with pytest.raises(ValueError, match="of one shape"):
        smx.loaders.lesion_prior([np.ones((2, 2, 2), bool), np.ones((2, 2, 3), bool)])
    with pytest.raises(ValueError, match="masks hold no lesion"):
        smx.loaders.lesion_prior([np.zeros((2, 2, 2), bool)])
