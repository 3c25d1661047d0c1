"""A patient: images on one canonical grid, normalised, with lesions, brain and white matter."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from synthmix_jax import _checks
from synthmix_jax._typing import Array
from synthmix_jax.loaders import _layouts, _masks, _nifti, _normalize, _resample

if TYPE_CHECKING:
    from synthmix_jax.generators import Anatomy

OPEN_MS_CITATION = (
    "Lesjak, Galimzianova, Koren, Lukin, Pernus, Likar and Spiclin: A Novel Public MR Image Dataset of Multiple "
    "Sclerosis Patients With Lesion Segmentations Based on Multi-rater Consensus. Neuroinformatics 16, 51-63 (2018), "
    "doi:10.1007/s12021-017-9348-7 (data under CC-BY)"
)


@dataclass(frozen=True, eq=False)
class Patient:
    """Images and lesions of one patient on one grid of 1 mm, x to the right, y to the front, z up.

    Nothing here was made of another patient, and nothing but `lesions` of the lesion labels. Results keep the data's
    citation: for `open_ms` it is `smx.loaders.OPEN_MS_CITATION` (lesjak2018).

    Attributes:
        name: What the patient is called; sessions of one subject have names of their own.
        subject: Whom the images show: split by it, never by rows.
        modalities: Names of the last axis of `images`.
        images: (x, y, z, c), float32, normalised, 0 outside the brain. Arrays are read-only.
        lesions: (x, y, z), the lesion mask.
        brain: (x, y, z), the brain mask.
        white_matter: (x, y, z), a prior of white matter from the images alone: the top 40 % of T1 in the brain.
        voxel_size: Millimetres along x, y and z.
        notes: What a reader of results should know: resampling, lesion voxels outside the brain, no lesions.
        num_lesions: Lesions in space: parts of the mask that touch at most by corners (26 neighbours).
    """

    name: str
    subject: str
    modalities: tuple[str, ...]
    images: Float[Array, "x y z c"]
    lesions: Bool[Array, "x y z"]
    brain: Bool[Array, "x y z"]
    white_matter: Bool[Array, "x y z"]
    voxel_size: tuple[float, float, float]
    notes: tuple[str, ...]
    num_lesions: int

    def channels(self, modalities: Sequence[str] | None = None) -> list[int]:
        """Places of modalities in the last axis of `images`; all of them for None.

        Raises:
            ValueError: None named, or one that was not read.
        """
        names = self.modalities if modalities is None else _names(modalities)
        missing = [name for name in names if name not in self.modalities]
        if missing:
            raise ValueError(
                f"{self.name} was read without {missing[0]}: it has {', '.join(self.modalities)}. "
                f"Read it with modalities={(*self.modalities, missing[0])}."
            )
        return [self.modalities.index(name) for name in names]

    def anatomy(self, modalities: Sequence[str] | None = None) -> "Anatomy":
        """What the lesion generator takes: images of the modalities named (all for None), lesions and tissue."""
        from synthmix_jax.generators import Anatomy

        channels = self.channels(modalities)
        return Anatomy(
            images=self.images[..., channels],
            lesions=self.lesions,
            brain=self.brain,
            white_matter=self.white_matter,
            modalities=tuple(self.modalities[i] for i in channels),
            name=self.name,
        )


def read_patient(
    folder_or_files: str | os.PathLike[str] | _layouts.PatientFiles,
    *,
    modalities: Sequence[str] = ("FLAIR", "T1", "T2"),
    normalize: str = "white matter",
    on_other_voxels: str = "refuse",
    lesion_label: int | None = None,
    need_lesions: bool = True,
) -> Patient:
    """Read one patient; modalities not asked for are never opened.

    Args:
        folder_or_files: The patient's folder, or one of `find_patients`.
        modalities: What to read, in this order.
        normalize: "white matter" divides each modality by its median over the white-matter prior, "z-score" makes
            mean 0 and standard deviation 1 over the brain, "none" leaves it as it is.
        on_other_voxels: Where voxels are not cubes of 1 mm along the axes of space: "refuse", or "resample" (images
            linearly, masks to the nearest), which `notes` then tell.
        lesion_label: The number of lesions in a label map; None where the mask has one value besides 0.
        need_lesions: Whether a patient without a mask file is refused. A patient without lesions has a mask of zeros.

    Returns:
        The patient.

    Raises:
        FileNotFoundError: No such folder or file; the message says what is understood.
        ValueError: A modality or the mask is missing, or a file is damaged, on another grid, of unknown
            orientation, not finite, or no image or mask of a brain; the message names the file and what to do.
        ModuleNotFoundError: nibabel is not installed.
    """
    _checks.one_of("normalize", normalize, _normalize.NORMALIZATIONS)
    _checks.one_of("on_other_voxels", on_other_voxels, _resample.CHOICES)
    files = _layouts.one_patient(folder_or_files)
    volumes = _open(files, _names(modalities), need_lesions)
    _nifti.check_same_grid(volumes)
    first = next(iter(volumes.values()))
    _resample.check(first, on_other_voxels)
    masks = {role: volumes.pop(role) for role in ("lesions", "brain") if role in volumes}
    notes: list[str] = []
    images = {name: volume.read(np.float32) for name, volume in volumes.items()}
    lesions = np.zeros(first.shape, bool)
    if "lesions" in masks:
        lesions, note = _masks.binary(masks["lesions"], lesion_label)
        notes += note
    else:
        notes.append("no lesion mask: lesions are unknown, not absent")
    if "brain" in masks:
        brain = _masks.binary(masks["brain"], None)[0]
        if not brain.any():
            raise ValueError(f"{files.brain}: the brain mask is empty.")
    else:
        brain = _normalize.brain_of(images, float(np.prod(first.voxel_size)))
    grid = first.voxel_size
    if _resample.is_other(first):
        images, lesions, brain, note = _resample.to_1mm(first, images, lesions, brain)
        notes.append(note)
        grid = (1.0, 1.0, 1.0)
    notes += _masks.overlap_notes(files.lesions, lesions, brain)
    white_matter, note = _normalize.white_matter_of(images, brain)
    notes += [note] if note else []
    stacked = np.stack(
        [
            _normalize.normalized(values, brain, white_matter, normalize, f"{name} of {files.name}")
            for name, values in images.items()
        ],
        axis=-1,
    )
    return Patient(
        name=files.name,
        subject=files.subject,
        modalities=tuple(images),
        images=_locked(stacked),
        lesions=_locked(lesions),
        brain=_locked(brain),
        white_matter=_locked(white_matter),
        voxel_size=grid,
        notes=tuple(notes),
        num_lesions=_masks.lesion_components(lesions)[1],
    )


def read_lesions(
    folder_or_file: str | os.PathLike[str] | _layouts.PatientFiles,
    *,
    on_other_voxels: str = "refuse",
    lesion_label: int | None = None,
) -> Bool[Array, "x y z"]:
    """Read a lesion mask alone, on the canonical grid: for the library of shapes.

    Args:
        folder_or_file: A mask file, a patient's folder, or one of `find_patients`.
        on_other_voxels: As in `read_patient`.
        lesion_label: As in `read_patient`.

    Raises:
        FileNotFoundError: No such folder or file.
        ValueError: The folder has no mask, or the mask is none; as in `read_patient`.
    """
    _checks.one_of("on_other_voxels", on_other_voxels, _resample.CHOICES)
    path: Path | None
    if isinstance(folder_or_file, _layouts.PatientFiles) or Path(folder_or_file).expanduser().is_dir():
        files = _layouts.one_patient(folder_or_file)
        path = files.lesions
        if path is None:
            raise ValueError(_no_mask(files))
    else:
        path = Path(folder_or_file).expanduser()
    volume = _nifti.open_volume(path)
    _resample.check(volume, on_other_voxels)
    mask = _masks.binary(volume, lesion_label)[0]
    if _resample.is_other(volume):
        mask = _resample.to_1mm(volume, {}, mask, np.ones(mask.shape, bool))[1]
    return _locked(mask)


def _open(
    files: _layouts.PatientFiles, modalities: tuple[str, ...], need_lesions: bool
) -> dict[str, _nifti.Volume]:
    """The headers of the modalities asked for and of the masks."""
    missing = [name for name in modalities if name not in files.images]
    if missing:
        there = ", ".join(f"{name} ({path.name})" for name, path in files.images.items())
        raise ValueError(
            f"{files.name} has no {' and no '.join(missing)}: looked in {files.folder} for files whose names hold "
            f"these words, and found {there or 'no images'}. Ask for modalities that are there, or name the files: "
            "smx.loaders.PatientFiles(name=..., folder=..., images={'FLAIR': path, ...}, lesions=path)."
        )
    if files.lesions is None and need_lesions:
        raise ValueError(_no_mask(files))
    paths = {name: files.images[name] for name in modalities}
    paths |= {"lesions": files.lesions} if files.lesions is not None else {}
    paths |= {"brain": files.brain} if files.brain is not None else {}
    return {name: _nifti.open_volume(path) for name, path in paths.items()}


def _no_mask(files: _layouts.PatientFiles) -> str:
    return (
        f"{files.name} has no lesion mask: looked in {files.folder} for a file whose name holds lesion, mask or seg. "
        "A patient without lesions has a mask of zeros; to read images whose lesions are unknown, pass "
        "need_lesions=False to read_patient."
    )


def _names(modalities: Sequence[str]) -> tuple[str, ...]:
    names = (modalities,) if isinstance(modalities, str) else tuple(modalities)
    if not names or len(set(names)) != len(names):
        raise ValueError(f"modalities must name at least one and none twice, got {names}.")
    return names


def _locked(values: np.ndarray) -> np.ndarray:
    """A contiguous copy in memory that cannot be written to: patients are shared by many callers."""
    values = np.array(values, order="C")
    values.setflags(write=False)
    return values
