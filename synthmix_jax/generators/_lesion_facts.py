"""What lesions look like in the training patients: contrast, edge, texture, and how many lie together.

For a part p of a lesion with local white matter L_p, a voxel at signed distance d from the outline has

    I / L_p = 1 + a_p P(d) + residual,

with a_p = c_p - 1 the part's contrast and P a profile that rises from 0 far outside to 1 deep inside. P and a are
found by alternating least squares; log a_p against log area, its spread over parts and modalities, and the
residual's size and correlation complete the description.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from synthmix_jax._typing import Array

from ._anatomy import Anatomy
from ._lesion_shapes import deepest, parts, signed_distance

KNOTS = np.arange(-3.0, 6.01, 0.5)  # pixels from the outline
_ROUNDS = 8
_DEFAULT_WIDTH = 0.7
_DEFAULT_SPREAD = 0.1
_MOST = 8


@dataclass(frozen=True, eq=False)
class LesionFacts:
    """Measured facts about lesions; contrasts are c - 1, in units of local white matter.

    Attributes:
        contrast: Mean contrast of each modality (c,).
        slope: Change of contrast with the logarithm of the area (c,).
        log_area: Mean logarithm of the area in pixels ().
        spread: Lower factor of the covariance of contrasts between parts (c, c).
        profile: Share of the contrast at each of `KNOTS` (knots, c).
        texture: Lower factor of the covariance that lesions have beyond that of tissue (c, c).
        grain: Width of the texture's correlation, in pixels ().
        tissue: Standard deviation of healthy white matter about its local level (c,).
        together: Probability that 1, 2, ... lesions lie in one patch (8,).
    """

    contrast: Float[Array, " c"]
    slope: Float[Array, " c"]
    log_area: Float[Array, ""]
    spread: Float[Array, "c c"]
    profile: Float[Array, "knots c"] = field(repr=False)
    texture: Float[Array, "c c"]
    grain: Float[Array, ""]
    tissue: Float[Array, " c"]
    together: Float[Array, " most"]


def measured(
    anatomies: Sequence[Anatomy],
    levels: Sequence[Float[np.ndarray, "x y z c"]],
    contrast: Mapping[str, float] | None,
    size: int,
) -> LesionFacts:
    """Facts about the lesions of all anatomies, given local white matter everywhere."""
    healthy = [_healthy(anatomy, level) for anatomy, level in zip(anatomies, levels, strict=True)]
    tissue = np.sqrt(np.mean([np.var(values, axis=0) for values in healthy], axis=0))
    seen = [
        part
        for anatomy, level in zip(anatomies, levels, strict=True)
        for part in _parts(anatomy, level)
    ]
    modalities = anatomies[0].modalities
    if not seen and contrast is None:
        raise ValueError(
            "the training patients have no lesion of at least 8 pixels in a slice, so that contrast cannot be "
            f"measured; give it: contrast={{{', '.join(f'{name!r}: 1.4' for name in modalities)}}}."
        )
    together = _together(anatomies, size)
    c = len(modalities)
    if not seen:
        profile = np.repeat(_smooth_step(KNOTS)[:, None], c, axis=1)
        facts = (np.zeros(c), np.zeros(c), 3.0, _DEFAULT_SPREAD * np.eye(c), profile)
        facts = (*facts, np.zeros((c, c)), 0.7, tissue, together)
    else:
        facts = (*_from_parts(seen, tissue), tissue, together)
    if contrast is not None:
        facts = (_given_contrast(contrast, modalities), np.zeros(c), *facts[2:])
    return LesionFacts(*(jnp.asarray(value, jnp.float32) for value in facts))


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


def _healthy(anatomy: Anatomy, level: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    far = (
        ndimage.distance_transform_edt(~np.asarray(anatomy.lesions))
        if anatomy.num_lesion_voxels
        else 9.0
    )
    where = np.asarray(anatomy.white_matter) & (far > 4.0)  # type: ignore[operator]
    return np.asarray(anatomy.images)[where] / level[where] - 1.0


def _parts(anatomy: Anatomy, level: np.ndarray) -> list[tuple]:
    """Of each part: area, distance (voxels,), relative excess (voxels, c), and the excess as an image with its mask."""
    images, mask = np.asarray(anatomy.images), np.asarray(anatomy.lesions)
    white, found, reach = np.asarray(anatomy.white_matter), [], 3
    for z, part, (rows, columns) in parts(mask):
        top, left = max(rows.start - reach, 0), max(columns.start - reach, 0)
        box = slice(top, rows.stop + reach), slice(left, columns.stop + reach)
        own = np.zeros(mask[*box, z].shape, bool)
        own[rows.start - top :, columns.start - left :][: part.shape[0], : part.shape[1]] = part
        distance = signed_distance(np.pad(own, 1))[1:-1, 1:-1]
        row, column = deepest(part)
        local = level[rows.start + row, columns.start + column, z]
        excess = images[*box, z] / local - 1.0
        outside = white[*box, z] & (signed_distance(~mask[*box, z]) > 0)
        used = own | (outside & (distance > -reach))
        found.append((int(part.sum()), distance[used], excess[used], excess, own, distance))
    return found


def _from_parts(seen: list[tuple], tissue: np.ndarray) -> tuple:
    c = seen[0][2].shape[1]
    owner = np.repeat(np.arange(len(seen)), [len(part[1]) for part in seen])
    weight = (
        1.0 / np.sqrt(np.bincount(owner))[owner]
    )  # large parts count more, but not all that much more
    distance = np.clip(np.concatenate([part[1] for part in seen]), KNOTS[0], KNOTS[-1])
    excess = np.concatenate([part[2] for part in seen])
    hats = np.maximum(0.0, 1.0 - np.abs(distance[:, None] - KNOTS) / 0.5)
    area = np.log([part[0] for part in seen])
    amplitudes, profiles = np.zeros((len(seen), c)), np.zeros((len(KNOTS), c))
    for m in range(c):
        amplitudes[:, m], profiles[:, m] = _alternate(hats, excess[:, m], owner, weight)
    # Contrast against log area, by least squares; the rest is the spread.
    centred = area - area.mean()
    slope = centred @ amplitudes / max(centred @ centred, 1e-9) if len(seen) > 2 else np.zeros(c)
    rest = amplitudes - amplitudes.mean(axis=0) - centred[:, None] * slope
    spread = _factor(rest.T @ rest / max(len(seen) - 2, 1))
    residuals, before, after = _residuals(seen, amplitudes, profiles)
    more = residuals.T @ residuals / max(len(residuals), 1) - np.diag(tissue**2)
    lag = np.clip(
        np.sum(before * after) / max(np.sum(before**2 + after**2) / 2.0, 1e-12), 0.02, 0.9
    )
    grain = np.sqrt(-1.0 / (4.0 * np.log(lag)))
    return amplitudes.mean(axis=0), slope, area.mean(), spread, profiles, _factor(more), grain


def _alternate(hats, excess, owner, weight) -> tuple[np.ndarray, np.ndarray]:
    """Contrast of each part and the common profile, scaled to a mean of 1 from two pixels inside on."""
    count = owner[-1] + 1
    profile = _smooth_step(KNOTS)
    amplitude = np.zeros(count)
    for _ in range(_ROUNDS):
        value = hats @ profile
        amplitude = np.bincount(owner, weight * value * excess, count) / np.maximum(
            np.bincount(owner, weight * value**2, count), 1e-9
        )
        a = amplitude[owner]
        top = hats.T @ (weight * a * excess)
        bottom = hats.T @ (weight * a**2)
        profile = np.where(bottom > 1e-9, top / np.maximum(bottom, 1e-9), 1.0 * (KNOTS > 0))
        profile = np.clip(profile, 0.0, 1.5)
        deep = (KNOTS >= 2.0) & (hats.sum(axis=0) > 5)
        deep = deep if deep.any() else KNOTS == KNOTS[hats.sum(axis=0) > 0].max()
        scale = np.average(profile[deep], weights=hats.sum(axis=0)[deep] + 1e-9)
        profile = profile / (scale if scale > 0.1 else 1.0)
        profile = np.maximum.accumulate(np.where(KNOTS >= 2.0, 1.0, np.minimum(profile, 1.0)))
        profile[0] = 0.0
    return amplitude, profile


def _residuals(seen, amplitudes, profiles) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What contrast and profile leave inside lesions (voxels, c), and neighbouring values of it."""
    all_of, before, after = [], [], []
    for amplitude, (_, _, _, excess, own, distance) in zip(amplitudes, seen, strict=True):
        value = np.stack([np.interp(distance, KNOTS, profile) for profile in profiles.T], axis=-1)
        rest = np.where(own[..., None], excess - amplitude * value, 0.0)
        all_of.append(rest[own])
        for axis in (0, 1):
            a, b = (np.moveaxis(array, axis, 0) for array in (rest, own))
            both = b[1:] & b[:-1]
            before.append(a[:-1][both])
            after.append(a[1:][both])
    return np.concatenate(all_of), np.concatenate(before), np.concatenate(after)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """A factor B with B B^T the nearest covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _together(anatomies: Sequence[Anatomy], size: int) -> np.ndarray:
    """How often a patch centred on a lesion holds the deepest points of 1, 2, ... parts."""
    counts = np.zeros(_MOST)
    for anatomy in anatomies:
        places: dict[int, list] = {}
        for z, part, (rows, columns) in parts(np.asarray(anatomy.lesions)):
            row, column = deepest(part)
            places.setdefault(z, []).append((rows.start + row, columns.start + column))
        for spots in map(np.asarray, places.values()):
            near = (np.abs(spots[:, None] - spots[None]) <= size // 2).all(axis=2).sum(axis=1)
            counts += np.bincount(np.minimum(near, _MOST) - 1, minlength=_MOST)
    return counts / counts.sum() if counts.sum() else np.eye(_MOST)[0]


jax.tree_util.register_dataclass(
    LesionFacts,
    data_fields=[
        "contrast", "slope", "log_area", "spread", "profile", "texture", "grain", "tissue", "together",
    ],
    meta_fields=[],
)  # fmt: skip
