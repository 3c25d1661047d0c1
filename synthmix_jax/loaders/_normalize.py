"""Brain, white matter and intensities of one patient, from its images alone: never from its lesion labels.

Intensities of MRI have no unit. They are made comparable per patient and modality, from brain voxels only:

    "white matter"   v / median of v over the white-matter prior
    "z-score"        (v - mean of v over the brain) / standard deviation of v over the brain

Outside the brain every image is 0 afterwards.
"""

import numpy as np
from jaxtyping import Bool, Float

from synthmix_jax.loaders import _masks, _windows

NORMALIZATIONS = ("white matter", "z-score", "none")
WHITE_MATTER_SHARE = 0.4
_MID_RANGE = (0.2, 0.6)
_LARGEST_SHARE = 0.75
_LARGEST_LITRES = 2.5


def brain_of(images: dict[str, np.ndarray], voxel_mm3: float) -> Bool[np.ndarray, "x y z"]:
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
            f"{share:.0%} of the voxels ({litres:.2g} litres) are nonzero in {names}: more than a brain. "
            "Images must be skull-stripped (0 outside the brain); or give a brain mask, in a file named "
            "brain_mask or by PatientFiles(..., brain=path)."
        )
    box = _windows.box_of(inside)
    labels = _masks.labelled(inside[box])[0]
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    brain = np.zeros(inside.shape, bool)
    brain[box] = ndimage.binary_fill_holes(labels == sizes.argmax())
    return brain


def white_matter_of(
    images: dict[str, np.ndarray], brain: Bool[np.ndarray, "x y z"]
) -> tuple[Bool[np.ndarray, "x y z"], str | None]:
    """A prior of white matter: the top 40 % of T1 in the brain.

    Without T1 it is the middle of another modality: between the 20 % and the 60 % quantile of FLAIR (of the first
    modality, if there is no FLAIR), whose median is within 7 % of the other on FLAIR and 10 % on T2 of `open_ms`.

    Returns:
        The prior, and a note where it is not made of T1.
    """
    if "T1" in images:
        threshold = np.quantile(images["T1"][brain], 1.0 - WHITE_MATTER_SHARE)
        return brain & (images["T1"] >= threshold), None
    name = "FLAIR" if "FLAIR" in images else next(iter(images))
    low, high = np.quantile(images[name][brain], _MID_RANGE)
    note = (
        f"T1 was not read: the white-matter prior is the middle (20 % to 60 % quantile) of {name}"
    )
    return brain & (images[name] >= low) & (images[name] <= high), note


def normalized(
    images: dict[str, np.ndarray],
    brain: Bool[np.ndarray, "x y z"],
    white_matter: Bool[np.ndarray, "x y z"],
    how: str,
    name: str,
) -> Float[np.ndarray, "x y z c"]:
    """All modalities, normalised, float32 and 0 outside the brain.

    Args:
        images: Modality -> voxels (x, y, z).
        brain: The brain.
        white_matter: The prior of white matter.
        how: One of `NORMALIZATIONS`.
        name: The patient's, for messages.

    Raises:
        ValueError: The white matter's median is not positive, or the brain is constant.
    """
    out = np.zeros((*brain.shape, len(images)), np.float32)
    for channel, (modality, values) in enumerate(images.items()):
        shift, scale = 0.0, 1.0
        if how == "white matter":
            scale = float(np.median(values[white_matter]))
            if not scale > 0:
                raise ValueError(
                    f"the white matter's median of {modality} of {name} is {scale:g}; it must be positive to "
                    "divide by. Use normalize='z-score', or images that were not centred before."
                )
        elif how == "z-score":
            inside = values[brain].astype(np.float64)
            shift, scale = float(inside.mean()), float(inside.std())
            if not scale > 0:
                raise ValueError(
                    f"{modality} of {name} is constant inside the brain ({shift:g}); is it the right file?"
                )
        out[brain, channel] = (values[brain] - shift) / scale
    return out
