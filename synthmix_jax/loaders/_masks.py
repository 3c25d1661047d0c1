"""Lesion masks: what a mask must be, its lesions in space, its parts in slices."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from synthmix_jax._typing import Array
from synthmix_jax.loaders import _nifti

_SHOWN = 6


def lesion_components(mask: Bool[Array, "x y z"]) -> tuple[Int[Array, "x y z"], int]:
    """Number the lesions of a mask: parts that touch by a face, an edge or a corner (26 neighbours).

    Args:
        mask: (x, y, z), or (x, y).

    Returns:
        int32 of the mask's shape, 0 outside and 1 to the number of lesions inside; and that number.
    """
    from scipy import ndimage

    mask = np.asarray(mask, bool)
    labels = np.zeros(mask.shape, np.int32)
    count = ndimage.label(mask, structure=np.ones((3,) * mask.ndim), output=labels)
    return labels, int(count)  # type: ignore[arg-type]


def slice_parts(mask: Bool[Array, "x y z"], axis: int) -> tuple[Int[Array, "x y z"], int]:
    """Number the parts of a mask within each slice across `axis`, by 4 neighbours."""
    from scipy import ndimage

    within = ndimage.generate_binary_structure(3, 1)
    ends: list[slice | list[int]] = [slice(None)] * 3
    ends[axis] = [0, 2]
    within[tuple(ends)] = False
    labels = np.zeros(mask.shape, np.int32)
    count = ndimage.label(mask, structure=within, output=labels)
    return labels, int(count)  # type: ignore[arg-type]


def binary(volume: _nifti.Volume, label: int | None) -> tuple[Bool[Array, "x y z"], list[str]]:
    """A mask from a file: 0 and one other value, or the label named; and a note if that value is not 1.

    Raises:
        ValueError: Values between labels, several labels and none named, or a label that is not there.
    """
    values = volume.read()
    there = np.unique(values)
    shown = ", ".join(f"{value:g}" for value in there[:_SHOWN]) + (", ..." if len(there) > _SHOWN else "")
    if (there != np.round(there)).any():
        raise ValueError(
            f"{volume.path} is no mask: it holds {shown} ({len(there)} values). For probabilities, cut them first: "
            "mask = values > 0.5."
        )
    if label is not None:
        if label == 0 or (there.any() and label not in there):
            raise ValueError(f"lesion_label is {label}, but {volume.path} holds the labels {shown}.")
        return values == label, [f"lesions are the label {label} of {volume.path.name}"]
    others = there[there != 0]
    if len(others) > 1 or (others < 0).any():
        raise ValueError(
            f"{volume.path} is not a mask of one kind: it holds the labels {shown}. Say which means lesion: "
            "lesion_label=...; or write 0 and 1."
        )
    odd = len(others) == 1 and others[0] != 1
    return values != 0, [f"{volume.path.name} holds 0 and {others[0]:g} for 0 and 1"] if odd else []


def overlap_notes(
    path: Path | None, lesions: Bool[Array, "x y z"], brain: Bool[Array, "x y z"]
) -> list[str]:
    """Notes on lesions against brain.

    Raises:
        ValueError: Less than half of the lesion voxels lie in the brain: one of the two is elsewhere.
    """
    total, outside = int(lesions.sum()), int((lesions & ~brain).sum())
    if total == 0:
        return [] if path is None else ["no lesions: the mask is empty"]
    if 2 * outside > total:
        raise ValueError(
            f"{path}: {outside} of {total} lesion voxels lie outside the brain, so mask and images do not belong "
            "together or one is turned. Look at both in a viewer, and mend the orientation."
        )
    return [f"{outside} of {total} lesion voxels lie outside the brain"] if outside else []
