"""Whole patients as slices for a network that segments, and predictions back as volumes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from synthmix_jax import _checks
from synthmix_jax._typing import Array
from synthmix_jax.loaders import _arguments, _windows


@dataclass(frozen=True, eq=False)
class Slices:
    """The slices of one patient that hold brain or lesions, all of one size.

    Attributes:
        x: (k, h, w, c), normalised intensities, 0 outside the brain.
        maps: (k, h, w), int32, 1 for a lesion.
        brain: (k, h, w), the brain.
        numbers: (k,), which slice of the volume each is.
        origin: Where row 0 and column 0 lie in the volume; negative where slices reach beyond it.
        plane: "axial", "coronal" or "sagittal".
        shape: Voxels of the volume.
    """

    x: Float[np.ndarray, "k h w c"]
    maps: Int[np.ndarray, "k h w"]
    brain: Bool[np.ndarray, "k h w"]
    numbers: Int[np.ndarray, " k"]
    origin: tuple[int, int]
    plane: str
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.x)

    def volume(self, values: Shaped[Array, "..."]) -> np.ndarray:
        """One value a pixel (k, h, w) as a volume (x, y, z), 0 wherever there is no slice.

        Raises:
            ValueError: `values` has another shape than the slices.
        """
        values = np.asarray(values)
        if values.shape != self.maps.shape:
            raise ValueError(
                f"values has shape {values.shape}, the slices {self.maps.shape}; give one value a pixel."
            )
        axis = _windows.AXES[self.plane]
        out = np.zeros(self.shape, values.dtype)
        turned = np.moveaxis(out, axis, 0)  # a view: writing to it fills `out`
        inner, outer = _overlap(self.origin, values.shape[1:], turned.shape[1:])
        turned[(self.numbers, *outer)] = values[(slice(None), *inner)]
        return out


def slices(
    images: Float[np.ndarray, "x y z c"],
    lesions: Bool[np.ndarray, "x y z"],
    brain: Bool[np.ndarray, "x y z"],
    *,
    plane: str,
    multiple: int,
) -> Slices:
    """Cut a patient into slices; see `Patient.slices`."""
    axis = _windows.AXES[_checks.one_of("plane", plane, tuple(_windows.AXES))]
    multiple = _arguments.whole("multiple", multiple, least=1)
    volumes = [np.moveaxis(np.asarray(v), axis, 0) for v in (images, lesions, brain)]
    there = volumes[1] | volumes[2]
    numbers = np.flatnonzero(there.any(axis=(1, 2)))
    box = [np.flatnonzero(there.any(axis=(0, other)))[[0, -1]] for other in (2, 1)]
    size = tuple(-(-int(high - low + 1) // multiple) * multiple for low, high in box)
    start = tuple(int(low + high + 1 - n) // 2 for (low, high), n in zip(box, size, strict=True))
    inner, outer = _overlap(start, size, there.shape[1:])

    def cut(volume: np.ndarray) -> np.ndarray:
        out = np.zeros((len(numbers), *size, *volume.shape[3:]), volume.dtype)
        out[(slice(None), *inner)] = volume[(numbers, *outer)]
        return out

    x, maps, inside = (cut(volume) for volume in volumes)
    return Slices(
        x=x,
        maps=maps.astype(np.int32),
        brain=inside,
        numbers=numbers,
        origin=(start[0], start[1]),
        plane=plane,
        shape=(int(brain.shape[0]), int(brain.shape[1]), int(brain.shape[2])),
    )


def _overlap(
    start: tuple[int, ...], size: tuple[int, ...], there: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a window of `size` at `start` and an image of shape `there` share pixels: in each one's numbers."""
    low = [max(s, 0) for s in start]
    high = [min(s + n, t) for s, n, t in zip(start, size, there, strict=True)]
    inner = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
    return inner, tuple(slice(a, b) for a, b in zip(low, high, strict=True))
