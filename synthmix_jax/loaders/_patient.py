"""A patient: images on one canonical grid, normalised, with lesions, brain and white matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from synthmix_jax.loaders import _slices

if TYPE_CHECKING:
    from synthmix_jax.generators import Anatomy

OPEN_MS_CITATION = (
    "Lesjak, Galimzianova, Koren, Lukin, Pernuš, Likar and Špiclin: A Novel Public MR Image Dataset of Multiple "
    "Sclerosis Patients With Lesion Segmentations Based on Multi-rater Consensus. Neuroinformatics 16, 51-63, "
    "2018, doi:10.1007/s12021-017-9348-7 (data under CC-BY)"
)
"""What results on `open_ms` must cite (lesjak2018)."""


@dataclass(frozen=True, eq=False, repr=False)
class Patient:
    """Images and lesions of one patient on one grid of 1 mm: x to the right, y to the front, z up.

    Nothing here was made of another patient, and only `lesions` of the lesion labels. Results keep the citation of
    the data: for `open_ms` it is `smx.loaders.OPEN_MS_CITATION` (lesjak2018).

    Attributes:
        name: What the patient is called; sessions of one subject have names of their own.
        subject: Whom the images show: split by it, never by rows.
        modalities: Names of the last axis of `images`.
        images: (x, y, z, c), float32, normalised, 0 outside the brain. Arrays read from files cannot be written to.
        lesions: (x, y, z), the lesion mask.
        brain: (x, y, z), the brain mask.
        white_matter: (x, y, z), a prior of white matter from the images alone: the top 40 % of T1 in the brain.
        voxel_size: Millimetres along x, y and z.
        affine: (4, 4), from voxel numbers to millimetres: with it, masks are written back to NIfTI.
        normalize: How `images` were normalised: "white matter", "z-score" or "none".
        notes: What a reader of results should know: resampling, lesion voxels outside the brain, no lesions.
        num_lesions: Lesions in space, as `lesion_components` counts them.
    """

    name: str
    subject: str
    modalities: tuple[str, ...]
    images: Float[np.ndarray, "x y z c"]
    lesions: Bool[np.ndarray, "x y z"]
    brain: Bool[np.ndarray, "x y z"]
    white_matter: Bool[np.ndarray, "x y z"]
    voxel_size: tuple[float, float, float]
    affine: Float[np.ndarray, "4 4"]
    normalize: str
    notes: tuple[str, ...]
    num_lesions: int

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.brain.shape))
        return f"Patient({self.name}: {', '.join(self.modalities)}; {size} voxels, {self.num_lesions} lesions)"

    def channels(self, modalities: Sequence[str] | None = None) -> list[int]:
        """Places of modalities in the last axis of `images`; all of them for None.

        Raises:
            ValueError: None named, one named twice, or one that was not read.
        """
        names = self.modalities if modalities is None else modality_names(modalities)
        missing = [name for name in names if name not in self.modalities]
        if missing:
            raise ValueError(
                f"{self.name} was read without {missing[0]}: it has {', '.join(self.modalities)}. "
                f"Read it with modalities={(*self.modalities, missing[0])}."
            )
        return [self.modalities.index(name) for name in names]

    def anatomy(self, modalities: Sequence[str] | None = None) -> "Anatomy":
        """What the lesion generator takes: images of the modalities named (all for None), lesions and tissue.

        Raises:
            ValueError: A modality that was not read, or images that are not in units of white matter.
        """
        from synthmix_jax.generators import Anatomy

        if self.normalize != "white matter":
            raise ValueError(
                f"{self.name} was read with normalize={self.normalize!r}, and lesions are painted in units of "
                "white matter. Read it with normalize='white matter'."
            )
        channels = self.channels(modalities)
        return Anatomy(
            images=self.images[..., channels],
            lesions=self.lesions,
            brain=self.brain,
            white_matter=self.white_matter,
            modalities=tuple(self.modalities[i] for i in channels),
            name=self.name,
        )

    def slices(
        self, modalities: Sequence[str] | None = None, *, plane: str = "axial", multiple: int = 8
    ) -> _slices.Slices:
        """All slices that hold brain or lesions, cut to the box of both: to segment the whole patient.

        Args:
            modalities: Channels; all for None.
            plane: "axial", "coronal" or "sagittal".
            multiple: Height and width are enlarged to multiples of this, for networks that halve them.

        Raises:
            ValueError: A bad argument.
        """
        images = self.images[..., self.channels(modalities)]
        return _slices.slices(images, self.lesions, self.brain, plane=plane, multiple=multiple)


def modality_names(modalities: Sequence[str]) -> tuple[str, ...]:
    """The names asked for.

    Raises:
        ValueError: None, or one twice.
    """
    names = (modalities,) if isinstance(modalities, str) else tuple(modalities)
    if not names or len(set(names)) != len(names):
        raise ValueError(f"modalities must name at least one and none twice, got {names}.")
    return names
