"""Lesion or not: patches centred on lesions, and hard negatives of the same patient.

Positives are the parts of lesions in a slice; negatives are brain farther than a few voxels from every lesion, drawn
with a prior of position, and half of them at local maxima of FLAIR, so that neither place nor brightness alone tells
the classes apart.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.loaders import _masks, _windows
from synthmix_jax.loaders._patches import Patches
from synthmix_jax.loaders._patient import Patient

_SMOOTHING = 2.0
_MAXIMUM_OVER = 5


def lesion_patches(
    patient: Patient,
    *,
    size: int = 25,
    modalities: Sequence[str] = ("FLAIR",),
    key: Key,
    max_per_class: int | None = None,
    min_area: int = 8,
    min_distance: float = 4.0,
    jitter: int = 1,
    prior: Float[Array, "x y z"] | None = None,
    bright_share: float = 0.5,
    plane: str = "axial",
    near: int | None = None,
) -> Patches:
    """Draw patches on lesions (label 1) and as many hard negatives (label 0) of one patient.

    Args:
        patient: The patient.
        size: Edge of a patch in voxels.
        modalities: Channels of the patches.
        key: PRNG key.
        max_per_class: The most patches of a class; None for one on every part of a lesion in a slice.
        min_area: Smallest part of a lesion in a slice, in voxels (4 neighbours), that gets a patch.
        min_distance: Negatives are centred farther than this from any lesion voxel, in voxels, in space.
        jitter: Patches of lesions are centred on the voxel deepest inside the part, moved by up to this many voxels
            along each axis of the slice.
        prior: (x, y, z), weights of position for negatives, from other patients or from this one's tissue; default
            its white matter, smoothed. Never make it of the lesions of a patient that is tested on.
        bright_share: Share of the negatives that are centred on local maxima of FLAIR (of the first of `modalities`
            if FLAIR was not read).
        plane: "axial", "coronal" or "sagittal".
        near: Patches whose centres differ by less than this many voxels along every axis share a group; default
            `size`: patches of one slice that share a voxel do so.

    Returns:
        The patches, lesions first.

    Raises:
        ValueError: A bad argument, a patient without lesion parts and no `max_per_class`, or too little brain.
    """
    axis = _windows.AXES[_checks.one_of("plane", plane, tuple(_windows.AXES))]
    channels = patient.channels(modalities)
    rng = _numerics.host_generator(key)
    positives, lesions = _on_lesions(patient, axis, min_area, jitter, rng)
    if max_per_class is None and not len(positives):
        raise ValueError(
            f"{patient.name} has no part of a lesion of at least min_area={min_area} voxels in a slice. "
            "For negatives alone say how many: max_per_class=..."
        )
    if max_per_class is not None and len(positives) > max_per_class:
        keep = rng.choice(len(positives), max_per_class, replace=False)
        positives, lesions = positives[keep], lesions[keep]
    wanted = len(positives) or int(max_per_class or 0)
    negatives = _hard_negatives(
        patient, wanted, axis, min_distance=min_distance, prior=prior, bright_share=bright_share, rng=rng
    )
    centres = np.concatenate([positives, negatives])
    lesions = np.concatenate([lesions, np.zeros(len(negatives), lesions.dtype)])
    reach = float(size if near is None else near)
    return Patches(
        x=np.stack([_windows.cut(patient.images[..., c], centres, size, axis) for c in channels], axis=-1),
        y=(np.arange(len(centres)) < len(positives)).astype(np.int32),
        centres=centres,
        groups=_windows.groups(centres, lesions, near=(reach, reach, reach)),
        subjects=np.full(len(centres), patient.subject),
        patient=patient.name,
        modalities=tuple(patient.modalities[c] for c in channels),
        plane=plane,
        size=size,
        size_mm=size * patient.voxel_size[0],
        notes=patient.notes,
    )


def part_centres(
    mask: Bool[Array, "x y z"], axis: int, min_area: int
) -> tuple[Int[Array, "n 3"], Int[Array, " n"]]:
    """The voxel deepest inside each part of a lesion in a slice, and the number of its lesion in space."""
    from scipy import ndimage

    parts, count = _masks.slice_parts(mask, axis)
    numbers = np.flatnonzero(np.bincount(parts.ravel(), minlength=count + 1) >= min_area)
    numbers = numbers[numbers > 0]
    depth = np.zeros(mask.shape, np.float32)
    for i in np.flatnonzero(mask.any(axis=tuple(j for j in range(3) if j != axis))):
        place = [slice(None)] * 3
        place[axis] = i
        depth[tuple(place)] = ndimage.distance_transform_edt(mask[tuple(place)])
    found = ndimage.maximum_position(depth, parts, numbers) if len(numbers) else []
    centres = np.asarray(found, np.int64).reshape(-1, 3)
    return centres, _masks.lesion_components(mask)[0][tuple(centres.T)]


def _on_lesions(
    patient: Patient, axis: int, min_area: int, jitter: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    centres, lesions = part_centres(patient.lesions, axis, min_area)
    moves = rng.integers(-jitter, jitter + 1, size=centres.shape)
    moves[:, axis] = 0
    return np.clip(centres + moves, 0, np.asarray(patient.lesions.shape) - 1), lesions


def _hard_negatives(
    patient: Patient,
    count: int,
    axis: int,
    *,
    min_distance: float,
    prior: np.ndarray | None,
    bright_share: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Voxels (count, 3): local maxima of FLAIR first, then any place, both with the prior's weights."""
    from scipy import ndimage

    if prior is None:
        prior = ndimage.gaussian_filter(patient.white_matter.astype(np.float32), _SMOOTHING)
    elif prior.shape != patient.brain.shape:
        raise ValueError(f"prior has shape {prior.shape}, the patient {patient.brain.shape}; they must agree.")
    allowed = patient.brain & (prior > 0)
    if patient.lesions.any():
        allowed &= ndimage.distance_transform_edt(~patient.lesions) > min_distance
    flair = patient.images[..., patient.modalities.index("FLAIR") if "FLAIR" in patient.modalities else 0]
    window = [1 if i == axis else _MAXIMUM_OVER for i in range(3)]
    peaks = allowed & (flair == ndimage.maximum_filter(flair, size=window))
    bright = _draw(peaks, prior, round(bright_share * count), rng, "local maxima of FLAIR")
    allowed[tuple(bright.T)] = False
    return np.concatenate([bright, _draw(allowed, prior, count - len(bright), rng, "brain voxels")])


def _draw(
    allowed: np.ndarray, weights: np.ndarray, count: int, rng: np.random.Generator, what: str
) -> np.ndarray:
    places = np.argwhere(allowed)
    if len(places) < count:
        raise ValueError(
            f"{count} negatives were asked for but only {len(places)} {what} are far enough from lesions. "
            "Ask for fewer with max_per_class, or lower min_distance."
        )
    chance = weights[allowed].astype(np.float64)
    return places[rng.choice(len(places), count, replace=False, p=chance / chance.sum())] if count else places[:0]
