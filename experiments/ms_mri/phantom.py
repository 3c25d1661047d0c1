"""Three made-up brains as NIfTI files, where images are not at hand: they show that the program runs, no more."""

from pathlib import Path

import numpy as np

NAMES = ("phantom07", "phantom19", "phantom26")
MASKS = ("phantom01", "phantom02")
SHAPE = (64, 72, 20)


def write(folder: Path, *, lesions: int = 30) -> Path:
    """Write patients with images, and masks alone of others, in the layout of open_ms.

    Args:
        folder: Where to.
        lesions: Lesions of a patient.
    """
    for place, name in enumerate((*NAMES, *MASKS)):
        images, mask = brain(np.random.default_rng(place), lesions)
        (folder / name).mkdir(parents=True, exist_ok=True)
        save(folder / name / "lesions.nii", mask.astype(np.uint8))
        for modality, image in images.items() if name in NAMES else ():
            save(folder / name / f"{modality}.nii", image.astype(np.float32))
    return folder


def save(path: Path, volume: np.ndarray) -> None:
    """Voxels of 1 mm, axes to the right, front and top."""
    import nibabel

    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), path)


def brain(rng: np.random.Generator, lesions: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """FLAIR and T1 of an ellipsoid of white matter in a shell of grey, with bright, blurred balls in it."""
    from scipy import ndimage

    centre = (np.array(SHAPE) - 1) / 2
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    radius = np.linalg.norm((grid - centre) / (centre - 2), axis=-1)
    head, white = radius < 1.0, radius < 0.8
    mask = np.zeros(SHAPE, bool)
    for place in rng.permutation(np.argwhere(radius < 0.7))[:lesions]:
        stretch = rng.uniform(1.5, 3.5, size=3)
        mask |= (((grid - place) / stretch) ** 2).sum(axis=-1) < 1.0
    # Tissue that is uneven over a few voxels, noise, and lesions that fade out over one.
    uneven = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.0) * 0.6
    soft = ndimage.gaussian_filter(mask.astype(float), 0.7)
    gain = rng.uniform(80.0, 120.0)
    flair = np.where(white, 1.0, 1.1) + uneven + 0.45 * soft
    t1 = np.where(white, 1.0, 0.7) + uneven / 2 - 0.15 * soft
    return {
        name: np.where(head, gain * (image + 0.03 * rng.normal(size=SHAPE)), 0.0)
        for name, image in (("FLAIR", flair), ("T1", t1))
    }, mask & head
