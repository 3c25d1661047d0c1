"""The volumes of one patient, as the lesion generator takes them: images and masks on one grid."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from synthmix_jax import _checks
from synthmix_jax._typing import Array


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Images of one patient with the masks that belong to them, all on one grid.

    Patches lie in the first two axes; the third one counts slices. Images are in units of white matter: divided by
    the patient's own white-matter median, so that healthy white matter is near 1.

    Attributes:
        images: The images (x, y, z, c), one channel a modality.
        lesions: Where lesions are (x, y, z).
        brain: Where the brain is (x, y, z).
        white_matter: Where white matter is thought to be (x, y, z), from the images alone and never from lesions.
        modalities: Names of the channels, such as ("FLAIR", "T1").
        name: Name of the patient.
    """

    images: Float[Array, "x y z c"] = field(repr=False)
    lesions: Bool[Array, "x y z"] = field(repr=False)
    brain: Bool[Array, "x y z"] = field(repr=False)
    white_matter: Bool[Array, "x y z"] = field(repr=False)
    modalities: tuple[str, ...]
    name: str

    def __post_init__(self):
        """Check that everything belongs together."""
        images = self.images
        if images.ndim != 4:
            raise ValueError(
                f"images must be (x, y, z, modalities), got shape {images.shape}; for one modality: "
                "images[..., None]."
            )
        for name in ("lesions", "brain", "white_matter"):
            mask = getattr(self, name)
            if mask.shape != images.shape[:3]:
                raise ValueError(
                    f"{name} has shape {mask.shape} and images {images.shape[:3]}; bring both to one grid."
                )
            if mask.dtype != bool:
                raise ValueError(
                    f"{name} must be boolean, got dtype {mask.dtype}: give mask > 0.5."
                )
        names = self.modalities
        if len(names) != images.shape[3] or len(set(names)) != len(names):
            raise ValueError(
                f"modalities must name the {images.shape[3]} channels of images, each once, got {names}."
            )
        _checks.finite("images", images)
        for name in ("brain", "white_matter"):
            if not np.asarray(getattr(self, name)).any():
                raise ValueError(f"{name} of {self.name} is empty; give the mask of its voxels.")
        if self.num_lesion_voxels and not (np.asarray(self.lesions) & np.asarray(self.brain)).any():
            raise ValueError(
                f"no lesion of {self.name} lies in the brain: lesions and images are on different grids."
            )

    @property
    def num_lesion_voxels(self) -> int:
        """Number of voxels marked as lesion."""
        return int(np.asarray(self.lesions).sum())
