"""NIfTI files on one canonical grid: headers are checked first, voxels are read last.

A file is opened by its header alone. Its axes are then named by its affine and turned, by flips and permutations
only, so that x runs to the right, y to the front and z up (RAS+); no value is interpolated. Files that are not
compressed (`.nii`) stay memory-mapped until their voxels are asked for.
"""

import itertools
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

SUFFIXES = (".nii", ".nii.gz")
_SAME_PLACE_MM = 0.1
_OBLIQUE_DEGREES = 1.0


@dataclass(frozen=True, eq=False)
class Volume:
    """One NIfTI file with its canonical grid; its voxels are read by `read`.

    Attributes:
        path: The file.
        shape: Voxels along x, y and z.
        affine: (4, 4), from voxel numbers to millimetres (RAS+).
        ornt: (3, 2), the flips and the permutation from the file's axes to the canonical ones.
        image: The open image of nibabel.
    """

    path: Path
    shape: tuple[int, int, int]
    affine: np.ndarray
    ornt: np.ndarray
    image: Any

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Millimetres along x, y and z."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @property
    def oblique_degrees(self) -> float:
        """The largest angle between an axis of the grid and the axis of space nearest to it."""
        cosines = np.abs(np.diag(self.affine[:3, :3])) / np.asarray(self.voxel_size)
        return float(np.degrees(np.arccos(np.clip(cosines, 0.0, 1.0))).max())

    @property
    def is_oblique(self) -> bool:
        """Whether the grid stands more than a degree off the axes of space."""
        return self.oblique_degrees > _OBLIQUE_DEGREES

    def read(self, dtype: Any = None) -> np.ndarray:
        """The voxels (x, y, z), a view of the file where it is memory-mapped and `dtype` allows.

        Raises:
            ValueError: The file is cut short or damaged, or holds voxels that are not finite.
        """
        try:
            values = np.asanyarray(self.image.dataobj)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise ValueError(
                f"{self.path} cannot be read to its end ({error}); it is cut short or damaged. Copy it again."
            ) from error
        values = values.reshape(self.image.shape[:3])  # a fourth axis of one volume goes
        values = nibabel().orientations.apply_orientation(values, self.ornt)
        if values.dtype.kind not in "biuf":
            raise ValueError(f"{self.path} holds {values.dtype} voxels; it must hold real numbers.")
        _check_finite(self.path, values)
        return values if dtype is None else values.astype(dtype, copy=False)


def nibabel() -> ModuleType:
    """The module nibabel.

    Raises:
        ModuleNotFoundError: It is not installed; the message says how to install it.
    """
    try:
        import nibabel
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "reading NIfTI files needs nibabel: pip install 'synthmix-jax[mri]'."
        ) from error
    return nibabel


def open_volume(path: Path) -> Volume:
    """Open a file by its header.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No NIfTI file, one with more than one volume, or one that does not say where its axes point.
    """
    nib = nibabel()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    try:
        image: Any = nib.load(path)  # type: ignore[attr-defined]
    except Exception as error:  # nibabel lets errors of gzip, zlib and its own pass
        raise ValueError(
            f"{path} cannot be read as NIfTI ({error}); it is cut short, damaged or something else. Copy it again."
        ) from error
    if not isinstance(image, nib.Nifti1Image | nib.Nifti2Image):  # type: ignore[attr-defined]
        raise ValueError(
            f"{path} is {type(image).__name__}, not NIfTI. Convert it to .nii or .nii.gz."
        )
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or 0 in shape:
        raise ValueError(
            f"{path} has shape {shape}; one volume (x, y, z) is needed. "
            "Take the volume you mean out of a series first."
        )
    ornt = _orientation(path, image)
    inverse = nib.orientations.inv_ornt_aff(ornt, shape[:3])  # type: ignore[attr-defined]
    x, y, z = (int(shape[int(np.flatnonzero(ornt[:, 0] == axis)[0])]) for axis in range(3))
    return Volume(path, (x, y, z), np.asarray(image.affine @ inverse), ornt, image)


def check_same_grid(volumes: dict[str, Volume]) -> None:
    """Raise ValueError unless all volumes share shape and place, corner by corner, to 0.1 mm."""
    (first_name, first), *others = volumes.items()
    for name, other in others:
        if other.shape != first.shape:
            raise ValueError(
                f"{name} has {_by(other.shape)} voxels and {first_name} {_by(first.shape)} "
                f"({other.path}, {first.path}). Bring all files of a patient onto one grid first."
            )
        apart = _largest_gap(first, other)
        if apart > _SAME_PLACE_MM:
            raise ValueError(
                f"{name} and {first_name} lie on grids up to {apart:.3g} mm apart ({other.path}, "
                f"{first.path}); at most {_SAME_PLACE_MM} mm is allowed. Register them to one grid first."
            )


def _orientation(path: Path, image: Any) -> np.ndarray:
    """Flips and permutation to RAS+, from the header alone."""
    nib = nibabel()
    header = image.header
    codes = int(header["qform_code"]), int(header["sform_code"])
    if codes == (0, 0):
        raise ValueError(
            f"{path} does not say where its axes point (qform and sform codes are 0), so left and right cannot be "
            "told. Write it again with its affine: nibabel.Nifti1Image(data, affine)."
        )
    if not np.isfinite(image.affine).all() or abs(np.linalg.det(image.affine[:3, :3])) < 1e-6:
        raise ValueError(
            f"{path} has an affine that maps no volume: {image.affine.tolist()}. Mend its header."
        )
    axes = nib.orientations.aff2axcodes  # type: ignore[attr-defined]
    if 0 not in codes and axes(header.get_qform()) != axes(header.get_sform()):
        raise ValueError(
            f"{path} names two orientations: {''.join(axes(header.get_qform()))} by its qform and "
            f"{''.join(axes(header.get_sform()))} by its sform. Find out which is right and mend its header."
        )
    return nib.orientations.io_orientation(image.affine)  # type: ignore[attr-defined]


def _largest_gap(one: Volume, other: Volume) -> float:
    """The largest distance in mm between the same corner of two grids of one shape."""
    ends = [(0, n - 1) for n in one.shape]
    corners = np.asarray([(*corner, 1) for corner in itertools.product(*ends)], float)
    gaps = corners @ (one.affine - other.affine).T
    return float(np.linalg.norm(gaps[:, :3], axis=1).max())


def _check_finite(path: Path, values: np.ndarray) -> None:
    if values.dtype.kind != "f":
        return
    with np.errstate(all="ignore"):  # a sum is not finite whenever a voxel is, and costs no copy
        if np.isfinite(values.sum(dtype=np.float64)):
            return
    bad = ~np.isfinite(values)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{path} holds {int(bad.sum())} voxels that are not finite (NaN or infinity), the first at {first} "
            "of the canonical grid. Repair them, or set them to 0 if they lie outside the brain."
        )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
