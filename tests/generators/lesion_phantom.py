"""A made-up brain: an ellipsoid with white matter around a dark ventricle, and round lesions of known contrast."""

import numpy as np
from scipy import ndimage

from synthmix_jax.generators import Anatomy

SHAPE = (48, 56, 18)
MODALITIES = ("T1", "FLAIR")
# Of each lesion: middle, radius, contrast c - 1 of T1 and FLAIR.
LESIONS = (
    ((15, 20, 8), 3.2, -0.10, 0.35),
    ((15, 36, 9), 2.4, -0.20, 0.45),
    ((33, 22, 9), 4.1, -0.30, 0.55),
    ((32, 38, 8), 2.8, -0.20, 0.45),
)
KNOTS = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
PROFILE = np.array([0.0, 0.1, 0.2, 0.7, 0.9, 1.0])


def phantom(name="phantom", *, lesions=LESIONS, noise=0.0, seed=0, gain=1.0):
    """An anatomy; inside and around a lesion tissue is 1 + (c - 1) P(signed distance in the slice)."""
    rng = np.random.default_rng(seed)
    axes = [np.linspace(-1.0, 1.0, n) for n in SHAPE]
    radius = np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))
    brain, white = radius < 0.95, (radius > 0.2) & (radius < 0.8)
    tissue = np.where(white, 1.0, np.where(radius < 0.2, 0.3, 0.8))
    images = np.stack([tissue, tissue], axis=-1)
    mask = np.zeros(SHAPE, bool)
    for lesion in lesions:
        own, excess = _lesion(*lesion)
        mask |= own
        images += excess * tissue[..., None]
    images = images * gain + noise * rng.normal(size=images.shape)
    images = np.where(brain[..., None], images, 0.0).astype(np.float32)
    return Anatomy(images, mask, brain, white, MODALITIES, name)


def _lesion(middle, radius, *contrasts):
    grid = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    own = sum((g - m) ** 2 for g, m in zip(grid, middle, strict=True)) < radius**2
    excess = np.zeros((*SHAPE, 2))
    for z in np.flatnonzero(own.any(axis=(0, 1))):
        distance = np.where(
            own[:, :, z],
            ndimage.distance_transform_edt(own[:, :, z]) - 0.5,
            0.5 - ndimage.distance_transform_edt(~own[:, :, z]),
        )
        excess[:, :, z] = np.interp(distance, KNOTS, PROFILE)[..., None] * contrasts
    return own, excess


def library():
    """Masks of two other patients: discs, and a bar."""
    first = phantom(lesions=[((20, 20, 8), 4.0, 0, 0), ((30, 38, 8), 2.5, 0, 0)]).lesions
    second = np.zeros(SHAPE, bool)
    second[14:18, 20:34, 9] = True
    return [first, second]
