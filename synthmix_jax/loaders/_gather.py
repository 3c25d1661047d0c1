"""From the middles of windows to their record: intensities, labels, groups, and whose they are."""

import numpy as np
from jaxtyping import Int, Shaped

from synthmix_jax import _checks
from synthmix_jax.loaders import _windows
from synthmix_jax.loaders._patches import Patches
from synthmix_jax.loaders._patient import Patient


def gathered(
    patient: Patient,
    y: Shaped[np.ndarray, "n ..."],
    centres: Int[np.ndarray, "n 3"],
    shown: Int[np.ndarray, "pairs 2"],
    *,
    size: int,
    channels: list[int],
    plane: str,
    near_in_slice: float | int | None,
    near_across: float | int,
) -> Patches:
    """Windows of one patient.

    Args:
        patient: The patient.
        y: A label for each window, or label maps.
        centres: Voxels the windows are centred on.
        shown: Windows with each lesion in space that they show.
        size: Edge of a window in voxels.
        channels: Modalities, by their places.
        plane: In which windows lie.
        near_in_slice: Windows nearer than this, and than `near_across`, share a group; None for half of `size`.
        near_across: Slices.

    Raises:
        ValueError: A distance that is not positive.
    """
    axis = _windows.AXES[plane]
    near = size / 2 if near_in_slice is None else near_in_slice
    return Patches(
        x=_windows.cut(patient.images, centres, size, axis)[..., channels],
        y=y.astype(np.int32),
        centres=centres,
        groups=_windows.groups(
            centres,
            shown,
            axis=axis,
            in_slice=_checks.positive_value("near_in_slice", near),
            across=_checks.positive_value("near_across", near_across),
        ),
        subjects=np.full(len(centres), patient.subject),
        patient=patient.name,
        modalities=tuple(patient.modalities[c] for c in channels),
        plane=plane,
        size=size,
        size_mm=size * patient.voxel_size[0],
        notes=patient.notes,
    )
