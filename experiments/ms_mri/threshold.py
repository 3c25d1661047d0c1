"""The baseline of segmentation: voxels brighter in FLAIR than a threshold are lesions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import synthmix_jax as smx

LEVELS = np.round(np.arange(1.1, 2.01, 0.05), 2)  # of the white-matter median
SIZES = (1, 3, 10, 30, 100)  # voxels


@dataclass(frozen=True)
class Threshold:
    """Threshold and least size with the best mean Dice on training patients.

    Attributes:
        level: FLAIR, in units of the patient's white-matter median.
        least: Smaller groups of bright voxels are dropped.
        dice: Mean Dice on the training patients.
    """

    level: float
    least: int
    dice: float

    @classmethod
    def fit(cls, patients: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> "Threshold":
        """Try all pairs; each patient is (FLAIR, brain, lesions)."""
        total = np.zeros((len(LEVELS), len(SIZES)))
        for image, brain, lesions in patients:
            for i, level in enumerate(LEVELS):
                labels, number = smx.loaders.lesion_components((image > level) & brain)
                sizes = np.bincount(labels.ravel(), minlength=number + 1)
                shared = np.bincount(labels[lesions], minlength=number + 1)
                for j, least in enumerate(SIZES):
                    kept = np.arange(number + 1) > 0
                    kept &= sizes >= least
                    volume = sizes[kept].sum() + lesions.sum()
                    total[i, j] += 2 * shared[kept].sum() / volume if volume else 1.0
        i, j = np.unravel_index(total.argmax(), total.shape)
        return cls(float(LEVELS[i]), SIZES[j], float(total[i, j] / len(patients)))

    def predict(self, image: np.ndarray, brain: np.ndarray) -> np.ndarray:
        """Bright groups of voxels that are large enough (x, y, z)."""
        labels, number = smx.loaders.lesion_components((image > self.level) & brain)
        kept = np.bincount(labels.ravel(), minlength=number + 1) >= self.least
        kept[0] = False
        return kept[labels]
