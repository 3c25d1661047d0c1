"""The volumes of one patient, as the lesion generator takes them: images and masks on one grid."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Shaped

from synthmix_jax import _checks
from synthmix_jax._typing import Array

_LOCAL = 4.0
_NEXT_TO_LESIONS = 2.0


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Images of one patient with the masks that belong to them, all on one grid.

    Patches lie in the first two axes; the third one counts slices. Images are in units of white matter: divided by
    the patient's own white-matter median, so that healthy white matter is near 1, and 0 outside the brain.

    Attributes:
        images: The images (x, y, z, c), one channel a modality.
        lesions: Where lesions are (x, y, z).
        brain: Where the brain is (x, y, z).
        white_matter: Where white matter is thought to be (x, y, z), from the images alone and never from lesions.
        modalities: Names of the channels, such as ("FLAIR", "T1").
        name: Name of the patient.
    """

    images: Shaped[Array, "..."] = field(repr=False)
    lesions: Shaped[Array, "..."] = field(repr=False)
    brain: Shaped[Array, "..."] = field(repr=False)
    white_matter: Shaped[Array, "..."] = field(repr=False)
    modalities: tuple[str, ...]
    name: str

    def __post_init__(self):
        """Check that everything belongs together."""
        if self.images.ndim != 4:
            raise ValueError(
                f"images must be (x, y, z, modalities), got shape {self.images.shape}; one image: image[..., None]."
            )
        grid, channels = self.images.shape[:3], self.images.shape[3]
        for name in ("lesions", "brain", "white_matter"):
            mask = getattr(self, name)
            if mask.dtype != bool:
                raise ValueError(
                    f"{name} must be a boolean mask, got dtype {mask.dtype}; give mask > 0.5."
                )
            if mask.shape != grid:
                raise ValueError(
                    f"{name} of {self.name} has shape {mask.shape} and images {grid}; bring them to one grid."
                )
        if len(self.modalities) != channels or len(set(self.modalities)) != channels:
            raise ValueError(
                f"modalities must name the {channels} channels of images, each once, got {self.modalities}."
            )
        _checks.finite("images", self.images)
        for name in ("brain", "white_matter"):
            if not getattr(self, name).any():
                raise ValueError(f"{name} of {self.name} is empty; give the mask of its voxels.")
        if self.lesions.any() and not (self.lesions & self.brain).any():
            raise ValueError(
                f"no lesion of {self.name} lies in its brain: are mask and images on different grids?"
            )


@dataclass(frozen=True, eq=False)
class Volume:
    """An anatomy cut to its brain with a margin: (h, w, s) with `margin` pixels in the plane, none across."""

    images: Float[np.ndarray, "h w s c"]
    lesions: Bool[np.ndarray, "h w s"]
    brain: Bool[np.ndarray, "h w s"]
    white_matter: Bool[np.ndarray, "h w s"]
    low: np.ndarray  # voxel of the anatomy that became (0, 0, 0)
    grid: tuple[int, ...]
    bright: int  # channel of FLAIR, or the first one
    name: str

    @classmethod
    def of(cls, anatomy: Anatomy, margin: int) -> "Volume":
        """Cut an anatomy; the margin is 0 where it reaches beyond the volume."""
        brain = np.asarray(anatomy.brain)
        others = lambda axis: tuple({0, 1, 2} - {axis})
        kept = [np.flatnonzero(brain.any(axis=others(axis))) for axis in range(3)]
        around = np.array([margin, margin, 0])
        low = np.array([k[0] for k in kept]) - around
        high = np.array([k[-1] for k in kept]) + around + 1
        images = _cut(np.asarray(anatomy.images, np.float32), low, high)
        masks = (anatomy.lesions, anatomy.brain, anatomy.white_matter)
        masks = [_cut(np.asarray(mask), low, high) for mask in masks]
        names = tuple(anatomy.modalities)
        bright = names.index("FLAIR") if "FLAIR" in names else 0
        return cls(images, *masks, low=low, grid=brain.shape, bright=bright, name=anatomy.name)

    def cut(self, values: np.ndarray) -> np.ndarray:
        """The same part of another array on the anatomy's grid."""
        return _cut(values, self.low, self.low + self.brain.shape)

    @cached_property
    def away(self) -> Float[np.ndarray, "h w s"]:
        """Distance to the nearest lesion, in voxels."""
        from scipy import ndimage

        if not self.lesions.any():
            return np.full(self.lesions.shape, np.inf, np.float32)
        return np.asarray(ndimage.distance_transform_edt(~self.lesions), np.float32)

    @cached_property
    def to_white_matter(self) -> Float[np.ndarray, "h w s"]:
        """Distance to white matter, in voxels; 0 in it."""
        from scipy import ndimage

        return np.asarray(ndimage.distance_transform_edt(~self.white_matter), np.float32)

    @cached_property
    def level(self) -> Float[np.ndarray, "h w s c"]:
        """Local white matter: mean over healthy white matter with a Gaussian window of four voxels."""
        from scipy import ndimage

        white = self.white_matter & (self.away > _NEXT_TO_LESIONS)
        white = white if white.any() else self.white_matter
        general = np.median(self.images[white], axis=0)
        weight = ndimage.gaussian_filter(white.astype(np.float32), _LOCAL) + 0.02
        total = [
            ndimage.gaussian_filter(np.where(white, image, 0.0), _LOCAL)
            for image in np.moveaxis(self.images, 3, 0)
        ]
        # Where there is hardly any white matter nearby, that of the whole patient takes over.
        return (np.stack(total, axis=-1) + 0.02 * general) / weight[..., None]


def _cut(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """values[low:high] along the first three axes, zero beyond them."""
    rest = [(0, 0)] * (values.ndim - 3)
    before = np.maximum(-low, 0)
    after = np.maximum(high - values.shape[:3], 0)
    start, stop = np.maximum(low, 0), np.minimum(high, values.shape[:3])
    inner = values[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    return np.pad(inner, [*zip(before, after, strict=True), *rest])
