"""Brain, white matter and intensities of one patient, from its images alone: never from its lesion labels.

Intensities of MRI have no unit. They are made comparable per patient and modality, from brain voxels only:

    "white matter"   v / median of v over the white-matter prior
    "z-score"        (v - mean of v over the brain) / standard deviation of v over the brain

Outside the brain every image is 0 afterwards.
"""

import numpy as np
from jaxtyping import Bool, Shaped

from synthmix_jax._typing import Array

NORMALIZATIONS = ("white matter", "z-score", "none")
WHITE_MATTER_SHARE = 0.4
_MID_RANGE = (0.2, 0.6)
_LARGEST_SHARE = 0.75
_LARGEST_LITRES = 2.5


def brain_of(images: dict[str, np.ndarray], voxel_mm3: float) -> Bool[Array, "x y z"]:
    """The brain of skull-stripped images: where all are nonzero, the largest part of it, holes filled.

    Args:
        images: Modality -> voxels (x, y, z), exactly zero outside the brain.
        voxel_mm3: Volume of a voxel.

    Raises:
        ValueError: Nothing is nonzero in all images, or so much is that the skull must still be there.
    """
    from scipy import ndimage

    inside = np.logical_and.reduce([values != 0 for values in images.values()])
    share, litres = float(inside.mean()), float(inside.sum()) * voxel_mm3 * 1e-6
    names = ", ".join(images)
    if not inside.any():
        raise ValueError(f"the brain is empty: no voxel is nonzero in all of {names}.")
    if share > _LARGEST_SHARE or litres > _LARGEST_LITRES:
        raise ValueError(
            f"{share:.0%} of the voxels ({litres:.2g} litres) are nonzero in {names}: more than a brain. Images must "
            "be skull-stripped (0 outside the brain), or give a brain mask: a file named brain_mask, or PatientFiles("
            "..., brain=path)."
        )
    box = ndimage.find_objects(inside.astype(np.uint8))[0]
    labels = ndimage.label(inside[box])[0]
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    brain = np.zeros(inside.shape, bool)
    brain[box] = ndimage.binary_fill_holes(labels == sizes.argmax())
    return brain


def white_matter_of(
    images: dict[str, np.ndarray], brain: Bool[Array, "x y z"]
) -> tuple[Bool[Array, "x y z"], str | None]:
    """A prior of white matter: the top 40 % of T1 in the brain.

    Without T1 it is the middle of another modality: between the 20 % and the 60 % quantile of FLAIR (of the first
    modality, if there is no FLAIR), whose median is within 6 % of the other on FLAIR and 10 % on T2 of `open_ms`.

    Returns:
        The prior, and a note where it is not made of T1.
    """
    if "T1" in images:
        threshold = np.quantile(images["T1"][brain], 1.0 - WHITE_MATTER_SHARE)
        return brain & (images["T1"] >= threshold), None
    name = "FLAIR" if "FLAIR" in images else next(iter(images))
    low, high = np.quantile(images[name][brain], _MID_RANGE)
    note = f"T1 was not read: the white-matter prior is the middle (20 % to 60 % quantile) of {name}"
    return brain & (images[name] >= low) & (images[name] <= high), note


def normalized(
    values: Shaped[Array, "x y z"],
    brain: Bool[Array, "x y z"],
    white_matter: Bool[Array, "x y z"],
    how: str,
    what: str,
) -> np.ndarray:
    """One modality (x, y, z), float32, normalised and 0 outside the brain.

    Raises:
        ValueError: The white matter's median is not positive, or the brain is constant.
    """
    inside = values[brain].astype(np.float64)
    out = np.zeros(values.shape, np.float32)
    shift, scale = 0.0, 1.0
    if how == "white matter":
        scale = float(np.median(values[white_matter]))
        if not scale > 0:
            raise ValueError(
                f"the white matter's median of {what} is {scale:g}; it must be positive to divide by. "
                "Use normalize='z-score', or images that were not centred before."
            )
    elif how == "z-score":
        shift, scale = float(inside.mean()), float(inside.std())
        if not scale > 0:
            raise ValueError(f"{what} is constant inside the brain ({shift:g}); is it the right file?")
    out[brain] = (inside - shift) / scale
    return out
