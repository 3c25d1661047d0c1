"""Made-up patients, where images are not at hand: they show that the program runs, no more."""

import numpy as np

import synthmix_jax as smx

SHAPE = (44, 60, 16)


def patient(name: str, seed: int, *, lesions: int = 60) -> smx.loaders.Patient:
    """An ellipsoid of white matter in a shell of grey, with bright, blurred balls in it."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    centre = (np.array(SHAPE) - 1) / 2
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    radius = np.linalg.norm((grid - centre) / (centre - 1), axis=-1)
    head, white = radius < 1.0, radius < 0.8
    mask = np.zeros(SHAPE, bool)
    for place in rng.permutation(np.argwhere(radius < 0.85))[:lesions]:
        mask |= (((grid - place) / rng.uniform(1.5, 2.5, size=3)) ** 2).sum(axis=-1) < 1.0
    uneven = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.0) * 0.6
    flair = np.where(white, 1.0, 1.1) + uneven + 0.03 * rng.normal(size=SHAPE)
    flair += rng.uniform(0.4, 0.6) * ndimage.gaussian_filter(mask.astype(float), 0.7)
    return smx.loaders.Patient(
        name=name,
        subject=name,
        modalities=("FLAIR",),
        images=np.where(head, flair, 0.0).astype(np.float32)[..., None],
        lesions=mask & head,
        brain=head,
        white_matter=white,
        voxel_size=(1.0, 1.0, 1.0),
        affine=np.eye(4),
        normalize="white matter",
        notes=(),
        num_lesions=lesions,
    )


def mask(seed: int) -> np.ndarray:
    """Lesions of a patient without images."""
    return patient("mask", seed).lesions
