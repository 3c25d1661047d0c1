"""Where hard negatives are centred: far from lesions, likely by position, half of them bright."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from synthmix_jax import _checks
from synthmix_jax._typing import Array
from synthmix_jax.loaders import _arguments, _masks, _windows
from synthmix_jax.loaders._patient import Patient

_SMOOTHING = 2.0
_MAXIMUM_OVER = 5
_BRIGHTNESS_OVER = 3
_AS_BRIGHT = 20


def lesion_prior(
    masks: Sequence[Bool[Array, "..."]], *, smoothing: float | int = 3.0
) -> Float[np.ndarray, "x y z"]:
    """How often lesions lie at each place: the mean of masks on one common grid, blurred.

    A prior made of the masks of a patient that is tested on tells where its lesions are: leave that patient out.

    Args:
        masks: Masks (x, y, z) of training patients, all in one space (MNI, say).
        smoothing: Standard deviation of the blur, in voxels.

    Returns:
        float32 in [0, 1].

    Raises:
        ValueError: No mask, masks of different shapes, or no lesion in any.
    """
    from scipy import ndimage

    shapes = {np.shape(mask) for mask in masks}
    if len(shapes) != 1:
        raise ValueError(
            f"masks must be at least one and of one shape, got {sorted(shapes) or 'none'}."
        )
    mean = np.zeros(shapes.pop(), np.float32)
    for mask in masks:
        mean += np.asarray(mask, bool)
    if not mean.any():
        raise ValueError(
            "masks hold no lesion, which gives no prior. Add masks of patients with lesions."
        )
    sigma = _arguments.distance("smoothing", smoothing)
    return ndimage.gaussian_filter(mean / np.float32(len(masks)), sigma, mode="constant")


def draw(
    patient: Patient,
    count: int,
    positives: np.ndarray | None,
    *,
    axis: int,
    min_distance: float,
    prior: Array | None,
    bright_share: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Voxels (count, 3), local maxima of FLAIR first; `positives` (n, 3) if these shall be as bright."""
    from scipy import ndimage

    box = _windows.box_of(
        patient.brain | patient.lesions
    )  # all else costs time and changes nothing
    brain, lesions = patient.brain[box], patient.lesions[box]
    weights = _weights(patient, prior)[box]
    allowed = brain & (weights > 0)
    if lesions.any():
        allowed &= _masks.depth(~lesions) > min_distance
    channel = patient.modalities.index("FLAIR") if "FLAIR" in patient.modalities else 0
    flair = np.ascontiguousarray(patient.images[(*box, channel)])
    window = [1 if i == axis else _MAXIMUM_OVER for i in range(3)]
    peaks = np.argwhere(allowed & (flair == ndimage.maximum_filter(flair, size=window)))
    corner = np.asarray([span.start for span in box])
    bright_count = round(bright_share * count)
    if positives is None or not len(positives):
        bright = _drawn(peaks, weights, bright_count, rng, "local maxima of FLAIR")
    else:
        over = [1 if i == axis else _BRIGHTNESS_OVER for i in range(3)]
        mean = ndimage.uniform_filter(flair, size=over)  # type: ignore[arg-type]
        aim = mean[tuple(np.clip(positives - corner, 0, np.asarray(mean.shape) - 1).T)]
        bright = _as_bright(peaks, weights, mean, rng.choice(aim, bright_count, replace=True), rng)
    allowed[tuple(bright.T)] = False
    others = _drawn(np.argwhere(allowed), weights, count - bright_count, rng, "brain voxels")
    return np.concatenate([bright, others]) + corner


def _weights(patient: Patient, prior: Array | None) -> np.ndarray:
    from scipy import ndimage

    if prior is None:
        return ndimage.gaussian_filter(patient.white_matter.astype(np.float32), _SMOOTHING)
    weights = np.asarray(prior, np.float32)
    if weights.shape != patient.brain.shape:
        raise ValueError(
            f"prior has shape {weights.shape} and {patient.name} {patient.brain.shape}: they must share a grid."
        )
    _checks.finite("prior", weights)
    if weights.min() < 0:
        raise ValueError(f"prior holds {weights.min():g}; weights of position must be 0 or more.")
    return weights


def _drawn(
    places: np.ndarray, weights: np.ndarray, count: int, rng: np.random.Generator, what: str
) -> np.ndarray:
    """Places (count, 3) without repetition, with weights."""
    _check_enough(places, count, what)
    chance = weights[tuple(places.T)].astype(np.float64)
    return (
        places[rng.choice(len(places), count, replace=False, p=chance / chance.sum())]
        if count
        else places[:0]
    )


def _as_bright(
    places: np.ndarray,
    weights: np.ndarray,
    mean: np.ndarray,
    aims: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """For each brightness aimed at one of the 20 free places nearest to it, with weights; brightest first."""
    _check_enough(places, len(aims), "local maxima of FLAIR")
    brightness, chance = mean[tuple(places.T)], weights[tuple(places.T)].astype(np.float64)
    free, chosen = np.ones(len(places), bool), []
    for aim in -np.sort(-aims):
        left = np.flatnonzero(free)
        near = left[np.argsort(np.abs(brightness[left] - aim), kind="stable")[:_AS_BRIGHT]]
        chosen.append(rng.choice(near, p=chance[near] / chance[near].sum()))
        free[chosen[-1]] = False
    return places[np.asarray(chosen, int)]


def _check_enough(places: np.ndarray, count: int, what: str) -> None:
    if len(places) < count:
        raise ValueError(
            f"{count} negatives were asked for but only {len(places)} {what} lie far enough from lesions where the "
            "prior is above 0. Ask for fewer with max_per_class, or lower min_distance."
        )
