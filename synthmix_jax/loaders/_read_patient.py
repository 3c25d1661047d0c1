"""From files to a `Patient`: headers first, then only the voxels that are asked for.

    grids alike -> voxels of 1 mm, or resampled -> brain -> white matter -> intensities

Lesion labels take no part in it: a patient's images come out the same, bit for bit, whatever its mask holds.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from synthmix_jax import _checks
from synthmix_jax.loaders import _layouts, _masks, _nifti, _normalize, _resample
from synthmix_jax.loaders._patient import Patient, modality_names

_BY_HAND = (
    "smx.loaders.PatientFiles(name=..., folder=..., images={'FLAIR': path, ...}, lesions=path)"
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
        need_lesions: Whether to refuse a patient without a mask file; one without lesions has a mask of zeros.

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
    volumes, masks = _open(files, modality_names(modalities), need_lesions)
    _nifti.check_same_grid(volumes | masks)
    grid = next(iter(volumes.values()))
    _resample.check(grid, on_other_voxels)

    images = {name: volume.read(np.float32) for name, volume in volumes.items()}
    lesions, notes = _lesions(masks.get("lesions"), lesion_label, grid)
    brain = _brain(masks.get("brain"), images, grid)
    size, affine = grid.voxel_size, grid.affine
    if _resample.is_other(grid):
        images, lesions, brain, affine, note = _resample.to_1mm(grid, images, lesions, brain)
        size, notes = (1.0, 1.0, 1.0), [*notes, note]
    notes += _masks.overlap_notes(files.lesions, lesions, brain)
    white_matter, note = _normalize.white_matter_of(images, brain)
    notes += [note] if note else []
    intensities = _normalize.normalized(images, brain, white_matter, normalize, files.name)
    return Patient(
        name=files.name,
        subject=files.subject or files.name,
        modalities=tuple(images),
        images=_locked(intensities),
        lesions=_locked(lesions),
        brain=_locked(brain),
        white_matter=_locked(white_matter),
        voxel_size=size,
        affine=_locked(affine),
        normalize=normalize,
        notes=tuple(notes),
        num_lesions=_masks.lesion_components(lesions)[1],
    )


def read_lesions(
    folder_or_file: str | os.PathLike[str] | _layouts.PatientFiles,
    *,
    on_other_voxels: str = "refuse",
    lesion_label: int | None = None,
) -> Bool[np.ndarray, "x y z"]:
    """Read a lesion mask alone, on the canonical grid: for the library of shapes.

    Args:
        folder_or_file: A mask file, a patient's folder, or one of `find_patients`.
        on_other_voxels: As in `read_patient`.
        lesion_label: As in `read_patient`.

    Returns:
        The mask; empty for a patient without lesions.

    Raises:
        FileNotFoundError: No such folder or file.
        ValueError: The folder has no mask, or the file holds none; as in `read_patient`.
        ModuleNotFoundError: nibabel is not installed.
    """
    _checks.one_of("on_other_voxels", on_other_voxels, _resample.CHOICES)
    volume = _nifti.open_volume(_mask_path(folder_or_file))
    _resample.check(volume, on_other_voxels)
    mask = _masks.binary(volume, lesion_label)[0]
    if _resample.is_other(volume):
        mask = _resample.to_1mm(volume, {}, mask, np.ones(mask.shape, bool))[1]
    return _locked(mask)


def _open(
    files: _layouts.PatientFiles, modalities: tuple[str, ...], need_lesions: bool
) -> tuple[dict[str, _nifti.Volume], dict[str, _nifti.Volume]]:
    """The headers of the modalities asked for, and of the masks."""
    missing = [name for name in modalities if name not in files.images]
    if missing:
        there = ", ".join(f"{name} ({Path(path).name})" for name, path in files.images.items())
        raise ValueError(
            f"{files.name} has no {' and no '.join(missing)}: looked in {files.folder} for files whose names hold "
            f"{' and '.join(missing)}, and found {there or 'no images'}. Ask for modalities that are there, or "
            f"name the files yourself: {_BY_HAND}."
        )
    if files.lesions is None and need_lesions:
        raise ValueError(_no_mask(files))
    masks = {"lesions": files.lesions, "brain": files.brain}
    return (
        {name: _nifti.open_volume(Path(files.images[name])) for name in modalities},
        {role: _nifti.open_volume(Path(path)) for role, path in masks.items() if path is not None},
    )


def _lesions(
    mask: _nifti.Volume | None, label: int | None, grid: _nifti.Volume
) -> tuple[np.ndarray, list[str]]:
    if mask is None:
        return np.zeros(grid.shape, bool), ["no lesion mask: lesions are unknown, not absent"]
    return _masks.binary(mask, label)


def _brain(
    mask: _nifti.Volume | None, images: dict[str, np.ndarray], grid: _nifti.Volume
) -> np.ndarray:
    if mask is None:
        return _normalize.brain_of(images, float(np.prod(grid.voxel_size)))
    brain = _masks.binary(mask, None)[0]
    if not brain.any():
        raise ValueError(
            f"{mask.path}: the brain mask is empty. Make it anew, or leave it out: brain=None."
        )
    return brain


def _mask_path(folder_or_file: str | os.PathLike[str] | _layouts.PatientFiles) -> Path:
    if not isinstance(folder_or_file, _layouts.PatientFiles):
        path = Path(folder_or_file).expanduser()
        if not path.is_dir():
            return path
    files = _layouts.one_patient(folder_or_file)
    if files.lesions is None:
        raise ValueError(_no_mask(files))
    return Path(files.lesions)


def _no_mask(files: _layouts.PatientFiles) -> str:
    return (
        f"{files.name} has no lesion mask: looked in {files.folder} for a file named lesion, mask or seg. Name it "
        f"yourself: {_BY_HAND}. A patient without lesions has a mask of zeros; to read images whose lesions are "
        "unknown, pass need_lesions=False to read_patient."
    )


def _locked(values: np.ndarray) -> np.ndarray:
    """The array, contiguous, that cannot be written to from here on: patients are shared by many callers."""
    values = np.ascontiguousarray(values)
    values.setflags(write=False)
    return values
