"""Whole patients as slices and back, and scores of segmentations by brute force."""

import dataclasses
import math

import numpy as np
import pytest

from synthmix_jax.loaders import lesion_components, lesion_scores


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("multiple", [1, 8, 32])
def test_slices_hold_the_whole_brain(patient, plane, multiple):
    s = patient.slices(plane=plane, multiple=multiple)
    assert s.x.shape[1] % multiple == s.x.shape[2] % multiple == 0
    axis = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
    extent = [
        np.ptp(np.flatnonzero(patient.brain.any(tuple({0, 1, 2} - {i})))) + 1 for i in range(3)
    ]
    del extent[axis]
    assert s.x.shape[1:3] == tuple(math.ceil(n / multiple) * multiple for n in extent)
    assert len(s) == len(s.numbers) == patient.brain.any(tuple({0, 1, 2} - {axis})).sum()
    np.testing.assert_array_equal(s.volume(s.maps), patient.lesions)
    np.testing.assert_array_equal(s.volume(s.brain), patient.brain)
    for channel in range(2):
        np.testing.assert_array_equal(s.volume(s.x[..., channel]), patient.images[..., channel])
    held = np.flatnonzero(s.brain.any((0, 2)))
    assert abs(held[0] + held[-1] + 1 - s.x.shape[1]) <= 1  # in the middle
    middle = len(s) // 2
    row, column = np.argwhere(s.brain[middle])[5]
    place = [row + s.origin[0], column + s.origin[1]]
    place.insert(axis, s.numbers[middle])
    np.testing.assert_array_equal(s.x[middle, row, column], patient.images[tuple(place)])


def test_slices_of_some_modalities(patient):
    np.testing.assert_array_equal(
        patient.slices(("T1", "FLAIR")).x, patient.slices().x[..., [1, 0]]
    )
    with pytest.raises(ValueError, match="read without T2"):
        patient.slices("T2")
    with pytest.raises(ValueError, match="multiple must be a whole number of at least 1"):
        patient.slices(multiple=0)
    with pytest.raises(ValueError, match="plane must be one of"):
        patient.slices(plane="flat")
    s = patient.slices()
    with pytest.raises(ValueError, match="give one value a pixel"):
        s.volume(s.x)


def test_lesions_outside_the_brain_are_kept(patient):
    lesions = patient.lesions.copy()
    lesions[0, 0, 0] = lesions[23, 27, 19] = True
    s = dataclasses.replace(patient, lesions=lesions).slices()
    np.testing.assert_array_equal(s.volume(s.maps), lesions)


def test_scores_by_brute_force(rng):
    kinds = np.zeros(4, int)
    for least in (1, 1, 3, 3):
        field = rng.normal(size=(12, 14, 10))
        field = sum(np.roll(field, shift, axis) for axis in range(3) for shift in (-1, 0, 1))
        true, predicted = field > 4.5, field + rng.normal(size=field.shape) > 5
        t, p = (large_lesions(mask, least) for mask in (true, predicted))
        touching = [[b for b in p if a & b] for a in t]
        dices = [
            2 * sum(len(a & b) for b in found) / (len(a) + sum(map(len, found)))
            for a, found in zip(t, touching, strict=True)
        ]
        false = sum(not any(a & b for a in t) for b in p)
        scores = lesion_scores(predicted, true, min_voxels=least)
        found = sum(map(bool, touching))
        assert (scores.found, scores.missed, scores.false) == (found, len(t) - found, false)
        assert scores.sensitivity == pytest.approx(found / len(t))
        assert scores.lesion_dice == pytest.approx(sum(dices) / (len(t) + false))
        a, b = set().union(*t), set().union(*p)
        assert scores.dice == pytest.approx(2 * len(a & b) / (len(a) + len(b)))
        kinds += (found, len(t) - found, false, sum(len(f) > 1 for f in touching))
    assert kinds.min() > 0  # found, missed, false, found in pieces: all were there


def large_lesions(mask, least):
    labels, count = lesion_components(mask)
    found = [set(map(tuple, np.argwhere(labels == number))) for number in range(1, count + 1)]
    return [lesion for lesion in found if len(lesion) >= least]


def test_scores_at_the_limits(patient):
    mask, none = patient.lesions, np.zeros_like(patient.lesions)
    perfect = lesion_scores(mask, mask)
    assert (perfect.dice, perfect.lesion_dice, perfect.sensitivity) == (1, 1, 1)
    missed = lesion_scores(none, mask)
    assert (missed.dice, missed.lesion_dice, missed.missed) == (0, 0, 3)
    invented = lesion_scores(mask, none)
    assert (invented.dice, invented.lesion_dice, invented.false) == (0, 0, 3)
    assert math.isnan(invented.sensitivity)
    nothing = lesion_scores(none, none)
    assert (nothing.dice, nothing.lesion_dice) == (1, 1)
    with pytest.raises(ValueError, match="they must agree"):
        lesion_scores(mask, mask[1:])
