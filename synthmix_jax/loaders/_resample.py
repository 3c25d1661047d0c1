"""Voxels that are not cubes of 1 mm along the axes of space: refused, or resampled and said."""

import numpy as np

from synthmix_jax.loaders import _nifti

CHOICES = ("refuse", "resample")
_TOLERANCE_MM = 0.01


def is_other(volume: _nifti.Volume) -> bool:
    """Whether a grid is oblique, or has voxels that differ from 1 mm by more than 0.01."""
    return volume.is_oblique or bool(
        np.abs(np.asarray(volume.voxel_size) - 1.0).max() > _TOLERANCE_MM
    )


def check(volume: _nifti.Volume, choice: str) -> None:
    """Raise ValueError where a grid is another one and `choice` is to refuse."""
    if choice == "refuse" and is_other(volume):
        raise ValueError(
            f"{volume.path} has {_described(volume)}; cubes of 1 mm along the axes of space are needed, because "
            "patches are measured in voxels. Pass on_other_voxels='resample', or resample all files beforehand."
        )


def to_1mm(
    volume: _nifti.Volume,
    images: dict[str, np.ndarray],
    lesions: np.ndarray,
    brain: np.ndarray,
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, str]:
    """Resample to 1 mm, RAS+, from the corner of the old grid that is lowest along every axis.

    Images are interpolated linearly among brain voxels alone (the sum of values times weights over the sum of
    weights), so that no rim of half-bright voxels appears; masks take the nearest voxel. Finer voxels are not
    averaged.

    Args:
        volume: The old grid.
        images: Modality -> voxels (x, y, z).
        lesions: The lesion mask (x, y, z).
        brain: The brain (x, y, z).

    Returns:
        Images, lesions and brain on the new grid, its affine (4, 4), and a note for the record.
    """
    from scipy import ndimage

    shape, affine, matrix, offset = _grid(volume)

    def moved(values: np.ndarray, order: int) -> np.ndarray:
        return ndimage.affine_transform(
            values.astype(np.float32),
            matrix,
            offset=offset,  # type: ignore[arg-type]
            output_shape=shape,
            order=order,
        )

    new_brain, new_lesions = moved(brain, 0) > 0.5, moved(lesions, 0) > 0.5
    # Voxels whose nearest is brain have a weight of at least 1/8; the floor only keeps others from dividing by 0.
    weight = np.maximum(moved(brain, 1), 1e-3) if images else np.ones(1)
    new = {
        name: np.where(new_brain, moved(np.where(brain, values, 0), 1) / weight, 0).astype(
            np.float32
        )
        for name, values in images.items()
    }
    before = int(lesions.sum()) * float(np.prod(volume.voxel_size))
    note = (
        f"resampled to 1 mm from {_described(volume)}: images linear, masks nearest; lesions {before:.0f} mm^3 "
        f"before, {int(new_lesions.sum())} after"
    )
    return new, new_lesions, new_brain, affine, note


def _grid(volume: _nifti.Volume) -> tuple[tuple[int, ...], np.ndarray, np.ndarray, np.ndarray]:
    """The new grid's shape and affine, and the map from its voxel numbers to the old ones."""
    ends = np.stack(np.meshgrid(*[(0, n - 1) for n in volume.shape], indexing="ij"), -1).reshape(
        -1, 3
    )
    corners = ends @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    low, high = corners.min(0), corners.max(0)
    shape = tuple(int(n) for n in np.floor(high - low + 1e-3) + 1)
    affine = np.eye(4)
    affine[:3, 3] = low
    inverse = np.linalg.inv(volume.affine) @ affine
    return shape, affine, inverse[:3, :3], inverse[:3, 3]


def _described(volume: _nifti.Volume) -> str:
    size = " x ".join(f"{edge:.3g}" for edge in volume.voxel_size)
    turned = f", turned by {volume.oblique_degrees:.1f} degrees" if volume.is_oblique else ""
    return f"voxels of {size} mm{turned}"
