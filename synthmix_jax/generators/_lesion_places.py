"""Lesion-free tissue of the training patients, and how likely each place of it is to be painted on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, UInt8

from synthmix_jax._typing import Array

from ._anatomy import Anatomy

BRAIN, WHITE, LESION = 1, 2, 4  # bits of Tissue.marks
GAP = 4.0  # voxels between a centre and the nearest lesion of the patient
_MOST_CENTRES = 40_000
_LOCAL = 4.0
_PRIOR = 3.0
_PRIOR_FLOOR = 0.02
_SEED = 0


@dataclass(frozen=True, eq=False)
class Tissue:
    """Slices of the training patients and the centres that patches may be cut around.

    Attributes:
        slices: Images (s, h, w, c), with a margin around the brain of half a patch.
        marks: Bits of each voxel (s, h, w): 1 brain, 2 white matter, 4 lesion.
        prior: How often the library has a lesion near a voxel of white matter (s, h, w), zero near lesions.
        centres: Slice, row and column of possible centres (n, 3).
        levels: Local white matter around each centre (n, c).
        cumulative: Cumulative probability of the centres (3, n): by the prior; anywhere in the brain; local
            maxima of the first modality by the prior.
    """

    slices: Float[Array, "s h w c"] = field(repr=False)
    marks: UInt8[Array, "s h w"] = field(repr=False)
    prior: Float[Array, "s h w"] = field(repr=False)
    centres: Int[Array, "n 3"] = field(repr=False)
    levels: Float[Array, "n c"] = field(repr=False)
    cumulative: Float[Array, "3 n"] = field(repr=False)

    @classmethod
    def of(
        cls,
        anatomies: Sequence[Anatomy],
        levels: Sequence[np.ndarray],
        library: Sequence[np.ndarray],
        size: int,
        clear: str,
    ) -> "Tissue":
        """Centres in all anatomies, each patient as likely as the others."""
        boxes = [_box(anatomy, size) for anatomy in anatomies]
        height, width = (
            max(box[1][axis] - box[0][axis] for box in boxes) + 2 * size for axis in (0, 1)
        )
        kept, first = [], 0
        for anatomy, level, box in zip(anatomies, levels, boxes, strict=True):
            kept.append(_of_one(anatomy, level, library, box, (height, width), size, clear, first))
            first += len(kept[-1][0])
        slices, marks, prior, centres, local = (
            np.concatenate(x) for x in list(zip(*kept, strict=True))[:5]
        )
        weights = np.concatenate([part[5] for part in kept], axis=1) / len(kept)
        cumulative = np.cumsum(weights, axis=1)
        cumulative /= cumulative[:, -1:]
        return cls(
            jnp.asarray(slices, jnp.float32),
            jnp.asarray(marks, jnp.uint8),
            jnp.asarray(prior, jnp.float16),
            jnp.asarray(centres, jnp.int32),
            jnp.asarray(local, jnp.float32),
            jnp.asarray(cumulative, jnp.float32),
        )


def local_level(anatomy: Anatomy) -> Float[np.ndarray, "x y z c"]:
    """Smooth intensity of healthy white matter everywhere: a Gaussian mean of four voxels over white matter."""
    from scipy import ndimage

    white = np.asarray(anatomy.white_matter)
    if anatomy.num_lesion_voxels:
        clear = white & (ndimage.distance_transform_edt(~np.asarray(anatomy.lesions)) > 2.0)  # type: ignore[operator]
        white = clear if clear.any() else white
    images = np.asarray(anatomy.images, np.float32)
    general = np.median(images[white], axis=0)
    weight = ndimage.gaussian_filter(white.astype(np.float32), _LOCAL)
    total = [
        ndimage.gaussian_filter(np.where(white, images[..., m], 0.0), _LOCAL)
        for m in range(images.shape[3])
    ]
    # Where there is hardly any white matter nearby, the patient's own takes over.
    return (np.stack(total, axis=-1) + 0.02 * general) / (weight[..., None] + 0.02)


def _box(anatomy: Anatomy, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last voxel of the brain."""
    brain = np.asarray(anatomy.brain)
    ends = [np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    low, high = (np.array([end[i] for end in ends]) for i in (0, -1))
    if size > min(brain.shape[:2]):
        raise ValueError(
            f"size is {size} pixels and the slices of {anatomy.name} are {brain.shape[:2]}; give a smaller size."
        )
    return low, high + 1


def _of_one(anatomy, level, library, box, shape, size, clear, first) -> tuple:
    """Arrays of one patient, cut to the brain and padded to a common shape, with its weights (3, n)."""
    from scipy import ndimage

    brain, white, lesions = (
        np.asarray(mask) for mask in (anatomy.brain, anatomy.white_matter, anatomy.lesions)
    )
    free = brain.copy()
    if lesions.any():
        free &= ndimage.distance_transform_edt(~lesions) > GAP  # type: ignore[operator]
        if clear == "crop":
            # Rows i - size // 2 ... of a patch at i: the filter's window is mirrored where size is even.
            around = ndimage.maximum_filter(
                lesions, size=(size, size, 1), origin=(0 if size % 2 else -1,) * 2 + (0,)
            )
            free &= ~around
    same = [mask for mask in library if mask.shape == brain.shape]
    density = np.full(brain.shape, _PRIOR_FLOOR, np.float32)
    if same:
        often = ndimage.gaussian_filter(np.mean(same, axis=0, dtype=np.float32), _PRIOR)
        density += often / max(float(often.max()), 1e-9)
    prior = density * (white & free)
    if not prior.any():
        raise ValueError(
            f"{anatomy.name} has no white matter free of lesions to paint on (clear={clear!r}, size {size}); give "
            "another patient or a smaller size."
        )
    images = np.asarray(anatomy.images, np.float32)
    bright = images[..., 0]
    peaks = bright == ndimage.maximum_filter(bright, size=(3, 3, 1))
    laws = [prior, free.astype(np.float32), prior * peaks]
    if not laws[2].any():
        laws[2] = prior
    centres, weights = _thinned(laws)
    place, offset = _cut(box, shape, size)
    marks = BRAIN * brain + WHITE * white + LESION * lesions
    arrays = [place(images), place(marks.astype(np.uint8), True), place(prior, True)]
    local = level[tuple(centres.T)]
    moved = np.stack([centres[:, 2] - box[0][2] + first, *(centres[:, :2] - offset).T], axis=1)
    return *arrays, moved, local, weights


def _thinned(laws: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """At most some ten thousand places for each law, uniformly chosen, and their probabilities."""
    random = np.random.default_rng(_SEED)
    places, weights = [], []
    for law in laws:
        possible = np.flatnonzero(law)
        if len(possible) > _MOST_CENTRES:
            possible = np.sort(random.choice(possible, _MOST_CENTRES, replace=False))
        places.append(possible)
        weights.append(law.ravel()[possible].astype(float) / law.ravel()[possible].sum())
    table = np.zeros((len(laws), sum(map(len, places))))
    start = 0
    for row, weight in enumerate(weights):
        table[row, start : start + len(weight)] = weight
        start += len(weight)
    return np.stack(np.unravel_index(np.concatenate(places), laws[0].shape), axis=1), table


def _cut(box, shape, size):
    """A function that cuts volumes to the box with its margin, and the voxel that comes to stand at (0, 0)."""
    low, high = box

    def place(volume: np.ndarray, empty_outside: bool = False) -> np.ndarray:
        rest = [(0, 0)] * (volume.ndim - 2)
        pad = [(size, size + shape[i]) for i in (0, 1)]
        mode = {"mode": "constant"} if empty_outside else {"mode": "edge"}
        wide = np.pad(volume[:, :, low[2] : high[2]], [*pad, *rest], **mode)  # type: ignore[call-overload]
        cut = wide[low[0] : low[0] + shape[0], low[1] : low[1] + shape[1]]
        return np.moveaxis(cut, 2, 0)

    return place, low[:2] - size


jax.tree_util.register_dataclass(
    Tissue,
    data_fields=["slices", "marks", "prior", "centres", "levels", "cumulative"],
    meta_fields=[],
)
