"""Lesion masks: what a mask must be, its lesions in space, its parts in slices."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from synthmix_jax._typing import Array
from synthmix_jax.loaders import _nifti, _windows

_SHOWN = 6


def lesion_components(mask: Bool[Array, "..."]) -> tuple[Int[np.ndarray, "..."], int]:
    """Number the lesions of a mask: sets of voxels joined by faces, edges or corners (26 neighbours).

    Args:
        mask: (x, y, z), or (x, y) where 8 neighbours count.

    Returns:
        int32 of the mask's shape, 0 outside and 1 to the number of lesions inside; and that number.
    """
    held = np.asarray(mask, bool)
    return labelled(held, np.ones((3,) * held.ndim))


def part_centres(
    mask: Bool[np.ndarray, "x y z"], axis: int, min_area: int
) -> tuple[Int[np.ndarray, "n 3"], Int[np.ndarray, " n"]]:
    """Where patches of lesions are centred: one voxel for each part that a lesion has in a slice.

    Parts are joined by faces within the slice. The voxel is the one deepest inside its part: farthest, within the
    slice, from what is no lesion.

    Args:
        mask: The mask (x, y, z).
        axis: The axis across slices.
        min_area: Parts of fewer voxels are left out.

    Returns:
        The voxels, and the number of the lesion in space that each is part of.
    """
    from scipy import ndimage

    if not mask.any():
        return np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
    box = _windows.box_of(mask)
    mask = mask[box]
    within = ndimage.generate_binary_structure(3, 1)
    within[tuple([0, 2] if i == axis else slice(None) for i in range(3))] = False
    parts, count = labelled(mask, within)
    numbers = 1 + np.flatnonzero(np.bincount(parts.ravel(), minlength=count + 1)[1:] >= min_area)
    if not len(numbers):
        return np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
    inside = np.zeros(mask.shape)
    for i in range(mask.shape[axis]):
        place = tuple(i if j == axis else slice(None) for j in range(3))
        padded = np.pad(mask[place], 1)  # the rim of the box is no lesion's inside
        inside[place] = depth(padded)[1:-1, 1:-1]
    centres = np.asarray(ndimage.maximum_position(inside, parts, numbers), np.int64)
    lesions = lesion_components(mask)[0][tuple(centres.T)]
    return centres + np.asarray([span.start for span in box]), lesions.astype(np.int64)


def binary(volume: _nifti.Volume, label: int | None) -> tuple[Bool[np.ndarray, "x y z"], list[str]]:
    """A mask from a file: 0 and one other value, or the label named; and a note if that value is not 1.

    Raises:
        ValueError: Values between labels, several labels and none named, or a label that is not there.
    """
    values = volume.read()
    there = np.unique(values)
    shown = ", ".join(f"{value:g}" for value in there[:_SHOWN]) + (
        ", ..." if len(there) > _SHOWN else ""
    )
    if (there != np.round(there)).any():
        raise ValueError(
            f"{volume.path} is no mask: it holds {shown} ({len(there)} values). Probabilities must be cut first, "
            "at a threshold of your choice: mask = values > threshold."
        )
    if label is not None:
        if label == 0 or (there.any() and label not in there):
            raise ValueError(
                f"lesion_label is {label}, but {volume.path} holds the labels {shown}."
            )
        return values == label, [f"lesions are the label {label} of {volume.path.name}"]
    others = there[there != 0]
    if len(others) > 1 or (others < 0).any():
        raise ValueError(
            f"{volume.path} is not a mask of one kind: it holds the labels {shown}. Say which means lesion: "
            "lesion_label=...; or write 0 and 1."
        )
    odd = len(others) == 1 and others[0] != 1
    return values != 0, [f"{volume.path.name} holds {others[0]:g} where 1 is usual"] if odd else []


def overlap_notes(
    path: Path | None, lesions: Bool[np.ndarray, "x y z"], brain: Bool[np.ndarray, "x y z"]
) -> list[str]:
    """Notes on lesions against brain.

    Raises:
        ValueError: More than half of the lesion voxels lie outside the brain: one of the two is elsewhere.
    """
    total, outside = int(lesions.sum()), int((lesions & ~brain).sum())
    if total == 0:
        return [] if path is None else ["no lesions: the mask is empty"]
    if 2 * outside > total:
        raise ValueError(
            f"{path}: {outside} of {total} lesion voxels lie outside the brain, so mask and images do not belong "
            "together, or one is turned. Look at both in a viewer and mend the one that is wrong."
        )
    return [f"{outside} of {total} lesion voxels lie outside the brain"] if outside else []


def labelled(
    mask: Bool[np.ndarray, "..."], structure: np.ndarray | None = None
) -> tuple[Int[np.ndarray, "..."], int]:
    """Number the joined sets of a mask (by faces, or as `structure` says), and count them."""
    from scipy import ndimage

    labels = np.zeros(mask.shape, np.int32)
    if not mask.any():
        return labels, 0
    box = _windows.box_of(mask)
    found, count = ndimage.label(mask[box], structure=structure)  # type: ignore[misc]
    labels[box] = found
    return labels, int(count)


def depth(mask: Bool[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """The distance of each voxel of a mask to the nearest outside of it, in voxels; 0 outside."""
    from scipy import ndimage

    return np.asarray(ndimage.distance_transform_edt(mask))
