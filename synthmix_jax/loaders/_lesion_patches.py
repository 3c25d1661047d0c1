"""Lesion or not: patches centred on lesions, and hard negatives of the same patient.

Positives are centred on the parts that lesions have in slices. Negatives are centred on brain farther than a few
voxels from every lesion, drawn with weights of position; half of them are local maxima of FLAIR, so that neither
place nor brightness alone tells the classes apart.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.loaders import _arguments, _hard_negatives, _masks, _windows
from synthmix_jax.loaders._gather import gathered
from synthmix_jax.loaders._patches import Patches
from synthmix_jax.loaders._patient import Patient


def lesion_patches(
    patient: Patient,
    *,
    size: int = 25,
    modalities: Sequence[str] = ("FLAIR",),
    key: Key,
    max_per_class: int | None = None,
    min_area: int = 8,
    min_distance: float | int = 4.0,
    jitter: int = 1,
    prior: Float[Array, "..."] | None = None,
    bright_share: float | int = 0.5,
    match_brightness: bool = False,
    plane: str = "axial",
    near_in_slice: float | int | None = None,
    near_across: float | int = _windows.NEAR_ACROSS,
) -> Patches:
    """Draw patches on lesions (label 1) and as many hard negatives (label 0) of one patient.

    Args:
        patient: The patient.
        size: Edge of a patch in voxels.
        modalities: Channels of the patches.
        key: PRNG key.
        max_per_class: The most patches of a class; None for one on every part of a lesion in a slice. For a patient
            without lesions it is the number of negatives.
        min_area: The smallest part of a lesion in a slice, in voxels joined by faces, that gets a patch.
        min_distance: Negatives are centred farther than this from every lesion voxel, in voxels, in space.
        jitter: Positives are centred on the voxel deepest inside the part, moved by up to this many voxels along
            each axis of the slice.
        prior: (x, y, z), weights of position for negatives: `lesion_prior` of other patients' masks, say; default
            the patient's white matter, smoothed. Never make it of the lesions of a patient that is tested on.
        bright_share: Share of the negatives that are local maxima of FLAIR within 5 x 5 voxels of a slice (of the
            patient's first modality if FLAIR was not read).
        match_brightness: Choose these maxima to be as bright as the positives, as far as there are such.
        plane: "axial", "coronal" or "sagittal".
        near_in_slice: Patches share a group if they are centred on the same lesion in space, or if their centres
            differ by less than this many voxels along both axes of the slice, and by less than `near_across`
            slices; default half of `size`: the centre of one lies in the other.
        near_across: Slices.

    Returns:
        The patches, positives first.

    Raises:
        ValueError: A bad argument, a patient without lesion parts and no `max_per_class`, or too little brain.
    """
    size = _arguments.whole("size", size, least=1)
    min_area = _arguments.whole("min_area", min_area, least=1)
    jitter = _arguments.whole("jitter", jitter, least=0)
    axis = _windows.AXES[_checks.one_of("plane", plane, tuple(_windows.AXES))]
    channels = patient.channels(modalities)
    rng = _numerics.host_generator(key)

    positives, lesions = _masks.part_centres(patient.lesions, axis, min_area)
    wanted = _wanted(patient, len(positives), min_area, max_per_class)
    if len(positives) > wanted:
        keep = rng.choice(len(positives), wanted, replace=False)
        positives, lesions = positives[keep], lesions[keep]
    moves = rng.integers(-jitter, jitter + 1, size=positives.shape)
    moves[:, axis] = 0
    positives = np.clip(positives + moves, 0, np.asarray(patient.brain.shape) - 1)
    negatives = _hard_negatives.draw(
        patient,
        wanted,
        positives if match_brightness else None,
        axis=axis,
        min_distance=_arguments.distance("min_distance", min_distance),
        prior=prior,
        bright_share=_arguments.share("bright_share", bright_share),
        rng=rng,
    )
    centres = np.concatenate([positives, negatives])
    return gathered(
        patient,
        np.arange(len(centres)) < len(positives),
        centres,
        np.stack([np.arange(len(positives)), lesions], axis=1),
        size=size,
        channels=channels,
        plane=plane,
        near_in_slice=near_in_slice,
        near_across=near_across,
    )


def _wanted(patient: Patient, found: int, min_area: int, max_per_class: int | None) -> int:
    """How many patches of a class."""
    if max_per_class is not None:
        most = _arguments.whole("max_per_class", max_per_class, least=1)
        return min(found, most) if found else most
    if not found:
        raise ValueError(
            f"{patient.name} has no part of a lesion of at least min_area={min_area} voxels in a slice. "
            "For negatives alone say how many: max_per_class=..."
        )
    return found
