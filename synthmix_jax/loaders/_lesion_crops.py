"""Segmentation: square crops of slices with the lesion mask of the same place."""

from collections.abc import Sequence

import numpy as np

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Key
from synthmix_jax.loaders import _masks, _windows
from synthmix_jax.loaders._lesion_patches import part_centres
from synthmix_jax.loaders._patches import Patches
from synthmix_jax.loaders._patient import Patient


def lesion_crops(
    patient: Patient,
    *,
    size: int = 64,
    modalities: Sequence[str] = ("FLAIR",),
    key: Key,
    count: int = 200,
    lesion_share: float = 0.5,
    min_area: int = 1,
    plane: str = "axial",
    near: int | None = None,
) -> Patches:
    """Draw crops with label maps: a share of them with a lesion at a random place inside, the rest anywhere in the brain.

    Args:
        patient: The patient.
        size: Edge of a crop in voxels.
        modalities: Channels of the crops.
        key: PRNG key.
        count: How many crops.
        lesion_share: Share of the crops that hold a lesion part, uniformly chosen among the parts, within the
            middle half of the crop. The rest is centred on any brain voxel and may be free of lesions.
        min_area: Smallest part of a lesion in a slice, in voxels, that a crop is drawn for.
        plane: "axial", "coronal" or "sagittal".
        near: Crops whose centres differ by less than this many voxels along every axis share a group; default `size`.

    Returns:
        The crops; `y` are label maps (n, size, size), int32, 1 for a lesion. A patient without lesions gives crops
        without lesions.

    Raises:
        ValueError: A bad argument.
    """
    axis = _windows.AXES[_checks.one_of("plane", plane, tuple(_windows.AXES))]
    channels = patient.channels(modalities)
    rng = _numerics.host_generator(key)
    parts, _ = part_centres(patient.lesions, axis, min_area)
    near_lesions = round(lesion_share * count) if len(parts) else 0
    reach = size // 4
    offsets = rng.integers(-reach, reach + 1, size=(near_lesions, 3))
    offsets[:, axis] = 0
    chosen = parts[rng.integers(len(parts), size=near_lesions)] if near_lesions else parts[:0]
    inside = np.argwhere(patient.brain)
    anywhere = inside[rng.integers(len(inside), size=count - near_lesions)]
    centres = np.clip(np.concatenate([chosen + offsets, anywhere]), 0, np.asarray(patient.brain.shape) - 1)
    labels = _masks.lesion_components(patient.lesions)[0]
    lesions = np.concatenate([labels[tuple(chosen.T)], np.zeros(len(anywhere), labels.dtype)])
    span = float(size if near is None else near)
    return Patches(
        x=np.stack([_windows.cut(patient.images[..., c], centres, size, axis) for c in channels], axis=-1),
        y=_windows.cut(patient.lesions, centres, size, axis).astype(np.int32),
        centres=centres,
        groups=_windows.groups(centres, lesions, near=(span, span, span)),
        subjects=np.full(len(centres), patient.subject),
        patient=patient.name,
        modalities=tuple(patient.modalities[c] for c in channels),
        plane=plane,
        size=size,
        size_mm=size * patient.voxel_size[0],
        notes=patient.notes,
    )
