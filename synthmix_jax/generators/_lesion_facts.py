"""What lesions look like in the training patients: contrast, edge, texture, and how many lie together.

For a part p of a lesion with local white matter L_p, a voxel at signed distance d from the outline has

    I / L_p = 1 + a_p P(d) + residual,

with a_p = c_p - 1 the part's contrast and P a profile that rises from 0 far outside to 1 deep inside. P and a are
found by alternating least squares. The regression of a_p on the logarithm of the area, what it leaves, and the
residual's covariance and correlation complete the description.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from synthmix_jax._typing import Array

from ._anatomy import Volume
from ._lesion_shapes import deepest, parts, signed_distance

# Pixels from the outline. Between -1/2 and 1/2 lies no pixel: the profile is straight there.
KNOTS = np.array([-3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0])
CUT = 2.0  # standard deviations of the tissue's texture that a lesion keeps at most
_MEDIAN_DEVIATION = 1.4826  # of a normal law, to its standard deviation
_ROUNDS = 8
_DEFAULT_WIDTH = 0.7
_DEFAULT_SPREAD = 0.1
_MOST, _RARE = 12, 0.01


@dataclass(frozen=True, eq=False)
class LesionFacts:
    """Measured facts about lesions; contrasts are c - 1, in units of local white matter.

    Attributes:
        contrast: Mean contrast of each modality (c,).
        slope: Change of contrast with the logarithm of the area (c,).
        log_area: Logarithm of the area in pixels: least, mean and greatest (3,).
        spread: Lower factor of the covariance of contrasts between parts (c, c).
        profile: Share of the contrast at each of `KNOTS` (knots, c).
        texture: Lower factor of the covariance that lesions have beyond that of tissue (c, c).
        grain: Width of the texture's correlation, in pixels ().
        tissue: Standard deviation of healthy white matter about its local level (c,), by the median deviation.
        together: Probability that 1, 2, ... lesions lie in a patch around one (most,).
    """

    contrast: Float[Array, " c"]
    slope: Float[Array, " c"]
    log_area: Float[Array, " three"]
    spread: Float[Array, "c c"]
    profile: Float[Array, "knots c"] = field(repr=False)
    texture: Float[Array, "c c"]
    grain: Float[Array, ""]
    tissue: Float[Array, " c"]
    together: Float[Array, " most"]


def measured(
    volumes: Sequence[Volume],
    modalities: tuple[str, ...],
    contrast: Mapping[str, float] | None,
    *,
    size: int,
    smallest: int,
) -> LesionFacts:
    """Facts about the lesions of all volumes.

    Raises:
        ValueError: no lesion large enough and no contrast, or contrasts that do not fit the modalities.
    """
    healthy = [_healthy(volume) for volume in volumes]
    tissue = np.mean([_MEDIAN_DEVIATION * np.median(np.abs(h), axis=0) for h in healthy], axis=0)
    cut = np.mean(
        [np.mean(np.clip(h, -CUT * tissue, CUT * tissue) ** 2, axis=0) for h in healthy], axis=0
    )
    seen = [part for volume in volumes for part in _parts(volume, smallest)]
    if not seen and contrast is None:
        example = ", ".join(f"{name!r}: 1.4" for name in modalities)
        raise ValueError(
            f"the training patients have no lesion of at least {smallest} pixels in a slice, so that contrast "
            f"cannot be measured; give ratios of lesion to white matter: contrast={{{example}}}."
        )
    c = len(modalities)
    if seen:
        facts = _from_parts(seen, cut)
    else:
        profile = np.repeat(_smooth_step(KNOTS)[:, None], c, axis=1)
        spread = _DEFAULT_SPREAD * np.eye(c)
        facts = (np.zeros(c), np.zeros(c), np.zeros(3), spread, profile, np.zeros((c, c)), 0.5)
    if contrast is not None:
        facts = (_given_contrast(contrast, modalities), np.zeros(c), *facts[2:])
    together = _together(volumes, size, smallest)
    return LesionFacts(*(jnp.asarray(v, jnp.float32) for v in (*facts, tissue, together)))


def _smooth_step(d: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    return ndtr(d / _DEFAULT_WIDTH)


def _given_contrast(contrast: Mapping[str, float], modalities: tuple[str, ...]) -> np.ndarray:
    missing = [name for name in modalities if name not in contrast]
    values = [contrast.get(name, np.nan) for name in modalities]
    if missing or not np.isfinite(values).all() or min(values) <= 0:
        raise ValueError(
            f"contrast must give the ratio of lesion to white matter, positive, for each of {modalities}, got "
            f"{dict(contrast)}."
        )
    return np.asarray(values, float) - 1.0


def _healthy(volume: Volume) -> np.ndarray:
    """Healthy white matter (voxels, c), relative to its local level, less 1."""
    where = volume.white_matter & (volume.away > 4.0)
    where = where if where.any() else volume.white_matter
    return volume.images[where] / volume.level[where] - 1.0


class _Part(NamedTuple):
    """A part of a lesion in a slice, with its surroundings."""

    own: np.ndarray  # (h, w), the part
    used: np.ndarray  # (h, w), where profiles are measured: inside, and in white matter next to it
    distance: np.ndarray  # (h, w), signed
    excess: np.ndarray  # (h, w, c), I / L - 1


def _parts(volume: Volume, smallest: int) -> list[_Part]:
    found, reach = [], int(-KNOTS[0])
    for z, part, (rows, columns) in parts(volume.lesions, smallest):
        row, column = deepest(part)
        level = volume.level[rows.start + row, columns.start + column, z]
        # Volumes have a margin around the brain, but a lesion may lie outside.
        top, left = max(rows.start - reach, 0), max(columns.start - reach, 0)
        box = (slice(top, rows.stop + reach), slice(left, columns.stop + reach), z)
        own = np.zeros(volume.lesions[box].shape, bool)
        own[rows.start - top :, columns.start - left :][: part.shape[0], : part.shape[1]] = part
        distance = signed_distance(own)
        near = volume.white_matter[box] & ~volume.lesions[box] & (distance > -reach)
        found.append(_Part(own, own | near, distance, volume.images[box] / level - 1.0))
    return found


def _from_parts(seen: list[_Part], tissue: np.ndarray) -> tuple:
    """Fields of `LesionFacts` from contrast to grain, given the variance of the tissue's own texture (c,)."""
    c = len(tissue)
    owner = np.repeat(np.arange(len(seen)), [part.used.sum() for part in seen])
    distance = np.concatenate([part.distance[part.used] for part in seen])
    excess = np.concatenate([part.excess[part.used] for part in seen])
    hats = _hats(distance)
    fitted = [_alternate(hats, excess[:, m], owner, len(seen)) for m in range(c)]
    heights, profiles = (np.stack(values, axis=1) for values in zip(*fitted, strict=True))
    area = np.log([part.own.sum() for part in seen])
    centred = area - area.mean()
    slope = centred @ heights / max(centred @ centred, 1e-9) if len(seen) > 2 else np.zeros(c)
    rest = heights - heights.mean(axis=0) - centred[:, None] * slope
    spread = _factor(rest.T @ rest / max(len(seen) - 2, 1))
    covariance, lag = _residuals(seen, heights, profiles)
    # White noise under a Gaussian window of width g has correlation exp(-1 / (4 g^2)) between neighbours.
    grain = np.sqrt(-1.0 / (4.0 * np.log(np.clip(lag, 0.02, 0.9))))
    more = _factor(covariance - np.diag(tissue))
    areas = area.min(), area.mean(), area.max()
    return heights.mean(axis=0), slope, areas, spread, profiles, more, grain


def _hats(distance: np.ndarray) -> np.ndarray:
    """Weights of the knots that interpolate linearly between them (voxels, knots)."""
    return np.stack([np.interp(distance, KNOTS, unit) for unit in np.eye(len(KNOTS))], axis=1)


def _alternate(
    hats: np.ndarray, excess: np.ndarray, owner: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Contrast of each part and their common profile, 0 at the first knot and 1 from two pixels inside on."""
    # A part counts as the root of its size: large ones more, but not alone.
    weight = 1.0 / np.sqrt(np.bincount(owner))[owner]
    profile, deep = _smooth_step(KNOTS), KNOTS >= 2.0
    height = np.zeros(count)
    for _ in range(_ROUNDS):
        value = hats @ profile
        top = np.bincount(owner, weight * value * excess, count)
        height = top / np.maximum(np.bincount(owner, weight * value**2, count), 1e-9)
        a = height[owner]
        mass = (hats * (weight * a**2)[:, None]).T @ hats
        # Knots that no voxel is near keep what they had.
        keep = 1e-6 * max(np.trace(mass), 1e-9) * np.eye(len(KNOTS))
        found = np.linalg.solve(mass + keep, hats.T @ (weight * a * excess) + keep @ profile)
        scale = np.average(found[deep], weights=np.diag(mass + keep)[deep])
        shape = found / scale if scale > 0.1 else found
        profile = np.maximum.accumulate(np.where(deep, 1.0, np.clip(shape, 0.0, 1.0)))
        profile[0] = 0.0
    return height, profile


def _residuals(
    seen: list[_Part], heights: np.ndarray, profiles: np.ndarray
) -> tuple[np.ndarray, float]:
    """Of what contrast and profile leave inside lesions: covariance (c, c), and correlation between neighbours."""
    left, before, after = [], [], []
    for height, part in zip(heights, seen, strict=True):
        value = np.stack([np.interp(part.distance, KNOTS, p) for p in profiles.T], axis=-1)
        rest = part.excess - height * value
        left.append(rest[part.own])
        for axis in (0, 1):
            a, own = np.moveaxis(rest, axis, 0), np.moveaxis(part.own, axis, 0)
            both = own[1:] & own[:-1]
            before.append(a[:-1][both])
            after.append(a[1:][both])
    rows, first, second = (np.concatenate(values) for values in (left, before, after))
    lag = np.sum(first * second) / max(np.sum(first**2 + second**2) / 2.0, 1e-12)
    return rows.T @ rows / max(len(rows), 1), float(lag)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """A factor B with B B^T the nearest covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _together(volumes: Sequence[Volume], size: int, smallest: int) -> np.ndarray:
    """How often a patch centred on a lesion holds the middles of 1, 2, ... parts; rare counts are left out."""
    counts = np.zeros(_MOST)
    for volume in volumes:
        middles: dict[int, list] = {}
        for z, part, (rows, columns) in parts(volume.lesions, smallest):
            row, column = deepest(part)
            middles.setdefault(z, []).append((rows.start + row, columns.start + column))
        for spots in map(np.asarray, middles.values()):
            near = (np.abs(spots[:, None] - spots[None]) <= size // 2).all(axis=2).sum(axis=1)
            counts += np.bincount(np.minimum(near, _MOST) - 1, minlength=_MOST)
    if not counts.sum():
        return np.ones(1)
    shares = counts / counts.sum()
    kept = shares[: 1 + np.flatnonzero(shares >= _RARE)[-1]]
    return kept / kept.sum()


jax.tree_util.register_dataclass(
    LesionFacts,
    data_fields=[
        "contrast", "slope", "log_area", "spread", "profile", "texture", "grain", "tissue", "together",
    ],
    meta_fields=[],
)  # fmt: skip
