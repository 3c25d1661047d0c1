"""Lesion-free tissue of the training patients, and how likely patches are cut around each place of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, UInt8

from synthmix_jax._typing import Array

from ._anatomy import Volume

BRAIN, NEAR_WHITE, LESION = 1, 2, 4  # bits of Tissue.marks
PATCHES, CROPS = "patches", "crops"
GAP = 4.0  # voxels between the middle of a patch and the nearest lesion of the patient
_MOST_PLACES = 40_000
_PRIOR_WIDTH = 3.0
_PRIOR_FLOOR = 0.02
_WHITE_WIDTH = 2.0
_PEAK_OVER = 5
_NEAR = 2.0
_SEED = 0


@dataclass(frozen=True, eq=False)
class Tissue:
    """Slices of the training patients and the places that patches may be cut around.

    Attributes:
        slices: Images (s, h, w, c), with half a patch around the brain; 0 beyond the volume.
        marks: Bits of each voxel (s, h, w): 1 brain, 2 white matter or within two voxels of it, 4 lesion.
        prior: How often the library has a lesion near a voxel (s, h, w); 0 outside white matter and near lesions.
        places: Slice, row and column of the middle of possible patches (n, 3).
        voxels: Number of the patient and voxel in its volume of these places (n, 4).
        levels: Local white matter around each place (n, c).
        cumulative: Cumulative probability of the places (4, n): painted patches by the prior, and anywhere;
            unpainted patches, of which either law gives half.
    """

    slices: Float[Array, "s h w c"] = field(repr=False)
    marks: UInt8[Array, "s h w"] = field(repr=False)
    prior: Float[Array, "s h w"] = field(repr=False)
    places: Int[Array, "n 3"] = field(repr=False)
    voxels: Int[Array, "n 4"] = field(repr=False)
    levels: Float[Array, "n c"] = field(repr=False)
    cumulative: Float[Array, "4 n"] = field(repr=False)

    @classmethod
    def of(
        cls,
        volumes: Sequence[Volume],
        library: Sequence[np.ndarray],
        *,
        size: int,
        like: str,
        jitter: int,
    ) -> "Tissue":
        """Places in all volumes, each patient as likely as the others."""
        shape = np.max([volume.brain.shape[:2] for volume in volumes], axis=0)
        slices, marks, priors, places, voxels, levels, weights = [], [], [], [], [], [], []
        first = 0
        for number, volume in enumerate(volumes):
            prior, laws = _laws(volume, library, size, like, jitter)
            spots, weight = _thinned(laws)
            near = volume.to_white_matter <= _NEAR
            bits = BRAIN * volume.brain + NEAR_WHITE * near + LESION * volume.lesions
            for arrays, values in ((slices, volume.images), (marks, bits), (priors, prior)):
                arrays.append(_as_slices(values, shape))
            places.append(spots[:, [2, 0, 1]] + (first, 0, 0))
            voxels.append(np.insert(spots + volume.low, 0, number, axis=1))
            levels.append(volume.level[tuple(spots.T)])
            weights.append(weight)
            first += volume.brain.shape[2]
        cumulative = np.cumsum(np.concatenate(weights, axis=1), axis=1)
        return cls(
            jnp.asarray(np.concatenate(slices), jnp.float32),
            jnp.asarray(np.concatenate(marks), jnp.uint8),
            jnp.asarray(np.concatenate(priors), jnp.float16),
            jnp.asarray(np.concatenate(places), jnp.int32),
            jnp.asarray(np.concatenate(voxels), jnp.int32),
            jnp.asarray(np.concatenate(levels), jnp.float32),
            jnp.asarray(cumulative / cumulative[:, -1:], jnp.float32),
        )

    def without(self, gone: np.ndarray) -> "Tissue":
        """The same places, of which those marked (n,) are never drawn.

        Raises:
            ValueError: no place is left for one of the laws.
        """
        weights = np.diff(np.asarray(self.cumulative, np.float64), axis=1, prepend=0.0) * ~gone
        cumulative = np.cumsum(weights, axis=1)
        if not (cumulative[:, -1] > 0).all():
            raise ValueError("no place is left to draw patches from; keep away from fewer patches.")
        fields = {name: getattr(self, name) for name in _FIELDS}
        total = jnp.asarray(cumulative / cumulative[:, -1:], jnp.float32)
        return Tissue(**{**fields, "cumulative": total})


def _laws(
    volume: Volume, library: Sequence[np.ndarray], size: int, like: str, jitter: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Prior of lesions, and weights of places for the four laws of `Tissue.cumulative`."""
    from scipy import ndimage

    brain, white = volume.brain, volume.white_matter
    far = brain & (volume.away > GAP)
    prior = _density(volume, library) * (white & far)
    middle = far
    if like == CROPS:
        # The patch of a place begins size // 2 before it: the filter's window is moved where size is even.
        move, side = 0 if size % 2 else -1, 2 * jitter + 1
        shown = ndimage.maximum_filter(volume.lesions, (size, size, 1), origin=(move, move, 0))  # type: ignore[arg-type]
        around = ndimage.uniform_filter(prior, (side, side, 1), mode="constant")  # type: ignore[arg-type]
        middle = brain & ~np.asarray(shown, bool)
        others = [middle, middle]
        painted = np.maximum(around, 0.0) * middle
    else:
        painted = prior
        near_white = far * ndimage.gaussian_filter(white.astype(np.float32), _WHITE_WIDTH)
        bright = volume.images[..., volume.bright]
        peaks = bright == ndimage.maximum_filter(bright, (_PEAK_OVER, _PEAK_OVER, 1))
        others = [near_white, near_white * peaks]
    laws = [np.asarray(law, np.float32) for law in (painted, middle, *others)]
    if not all(law.any() for law in laws):
        raise ValueError(
            f"{volume.name} has no lesion-free tissue to cut {like} of {size} pixels from; give another training "
            "patient, or a smaller size."
        )
    return prior, laws


def _density(volume: Volume, library: Sequence[np.ndarray]) -> np.ndarray:
    """How often lesions of the library's patients are near, relative to the most frequent place, with a floor."""
    from scipy import ndimage

    same = [volume.cut(mask) for mask in library if mask.shape == volume.grid]
    density = np.full(volume.brain.shape, _PRIOR_FLOOR, np.float32)
    if same:
        often = ndimage.gaussian_filter(np.mean(same, axis=0, dtype=np.float32), _PRIOR_WIDTH)
        density += often / max(float(often.max()), 1e-9)
    return density


def _thinned(laws: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """At most some ten thousand places for each law, uniformly chosen, and probabilities for each law."""
    random = np.random.default_rng(_SEED)
    places, weights = [], []
    for law in laws:
        possible = np.flatnonzero(law)
        if len(possible) > _MOST_PLACES:
            possible = np.sort(random.choice(possible, _MOST_PLACES, replace=False))
        places.append(possible)
        own = law.ravel()[possible].astype(np.float64)
        weights.append(own / own.sum())
    table = np.zeros((len(laws), sum(map(len, places))))
    starts = np.cumsum([0, *map(len, places)])
    for row, (start, weight) in enumerate(zip(starts[:-1], weights, strict=True)):
        table[row, start : start + len(weight)] = weight
    return np.stack(np.unravel_index(np.concatenate(places), laws[0].shape), axis=1), table


def _as_slices(values: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """(h, w, s, ...) -> (s, *shape, ...), filled up with zeros."""
    rest = [(0, 0)] * (values.ndim - 2)
    missing = [(0, int(full - own)) for full, own in zip(shape, values.shape[:2], strict=True)]
    return np.moveaxis(np.pad(values, [*missing, *rest]), 2, 0)


_FIELDS = ("slices", "marks", "prior", "places", "voxels", "levels", "cumulative")
jax.tree_util.register_dataclass(Tissue, data_fields=list(_FIELDS), meta_fields=[])
