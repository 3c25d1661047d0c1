"""Segmentation: square crops of slices with the lesion mask of the same place."""

from collections.abc import Sequence

import numpy as np

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Key
from synthmix_jax.loaders import _arguments, _masks, _windows
from synthmix_jax.loaders._gather import gathered
from synthmix_jax.loaders._patches import Patches
from synthmix_jax.loaders._patient import Patient


def lesion_crops(
    patient: Patient,
    *,
    size: int = 64,
    modalities: Sequence[str] = ("FLAIR",),
    key: Key,
    count: int = 200,
    lesion_share: float | int = 0.5,
    min_area: int = 1,
    plane: str = "axial",
    near_in_slice: float | int | None = None,
    near_across: float | int = _windows.NEAR_ACROSS,
) -> Patches:
    """Draw crops with label maps: a share of them on lesions, the rest anywhere in the brain.

    Args:
        patient: The patient.
        size: Edge of a crop in voxels.
        modalities: Channels of the crops.
        key: PRNG key.
        count: How many crops.
        lesion_share: Share of the crops that are drawn for a part of a lesion in a slice, each part as often as any
            other, with its deepest voxel anywhere in the middle half of the crop. The rest is centred on any brain
            voxel and may or may not show lesions.
        min_area: The smallest part, in voxels joined by faces, that crops are drawn for; maps hold all parts.
        plane: "axial", "coronal" or "sagittal".
        near_in_slice: Crops share a group if they show the same lesion in space, or if their centres differ by less
            than this many voxels along both axes of the slice and by less than `near_across` slices; default half
            of `size`. Crops are large, and groups with them: split by patient, or with `Patches.apart`.
        near_across: Slices.

    Returns:
        The crops; `y` are label maps (n, size, size), 1 for a lesion. Of a patient without lesions all are 0.

    Raises:
        ValueError: A bad argument.
    """
    size = _arguments.whole("size", size, least=1)
    count = _arguments.whole("count", count, least=1)
    min_area = _arguments.whole("min_area", min_area, least=1)
    axis = _windows.AXES[_checks.one_of("plane", plane, tuple(_windows.AXES))]
    channels = patient.channels(modalities)
    rng = _numerics.host_generator(key)

    parts, _ = _masks.part_centres(patient.lesions, axis, min_area)
    on_lesions = round(_arguments.share("lesion_share", lesion_share) * count) if len(parts) else 0
    offsets = rng.integers(-(size // 4), size // 4 + 1, size=(on_lesions, 3))
    offsets[:, axis] = 0
    chosen = parts[rng.integers(len(parts), size=on_lesions)] if on_lesions else parts
    inside = np.argwhere(patient.brain)
    anywhere = inside[rng.integers(len(inside), size=count - on_lesions)]
    centres = np.concatenate([chosen + offsets, anywhere])
    centres = np.clip(centres, 0, np.asarray(patient.brain.shape) - 1)
    numbers = _windows.cut(_masks.lesion_components(patient.lesions)[0], centres, size, axis)
    return gathered(
        patient,
        numbers > 0,
        centres,
        _shown(numbers),
        size=size,
        channels=channels,
        plane=plane,
        near_in_slice=near_in_slice,
        near_across=near_across,
    )


def _shown(numbers: np.ndarray) -> np.ndarray:
    """(pairs, 2): each crop with each lesion in space that it shows, from the lesions' numbers in the crops."""
    pairs = [
        (row, lesion) for row, crop in enumerate(numbers) for lesion in np.unique(crop[crop > 0])
    ]
    return np.asarray(pairs, np.int64).reshape(-1, 2)
