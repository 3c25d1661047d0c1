"""How good a segmentation is, voxel by voxel and lesion by lesion.

    dice         2 |P and T| / (|P| + |T|)                                   over voxels
    lesion_dice  sum over true lesions of their Dice / (true lesions + false lesions)

For a true lesion t, Dice is between t and all predicted lesions that touch it; one that is missed counts 0, and so
does each predicted lesion that touches no true one. Large lesions weigh no more than small ones in it.

References:
    dice1945; lesion by lesion as in the BraTS challenge of 2023, without its dilation of the truth.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from synthmix_jax._typing import Array
from synthmix_jax.loaders import _arguments, _masks


@dataclass(frozen=True)
class LesionScores:
    """Scores of one segmentation against the truth.

    Attributes:
        dice: Over voxels; 1 where both masks are empty.
        lesion_dice: Mean Dice of a lesion, missed and false lesions counting 0; 1 where both masks are empty.
        found: True lesions that the prediction touches.
        missed: True lesions that it does not touch.
        false: Predicted lesions that touch no true one.
    """

    dice: float
    lesion_dice: float
    found: int
    missed: int
    false: int

    @property
    def sensitivity(self) -> float:
        """Share of the true lesions that are found; NaN where there are none."""
        true = self.found + self.missed
        return self.found / true if true else float("nan")


def lesion_scores(
    predicted: Bool[Array, "..."], true: Bool[Array, "..."], *, min_voxels: int = 1
) -> LesionScores:
    """Score a segmentation; lesions are what `lesion_components` numbers.

    Args:
        predicted: The predicted mask, (x, y, z) or (x, y).
        true: The true mask, of the same shape.
        min_voxels: Smaller lesions are erased from both masks first.

    Raises:
        ValueError: Masks of different shapes.
    """
    predicted, true = np.asarray(predicted), np.asarray(true)
    if predicted.shape != true.shape:
        raise ValueError(
            f"predicted has shape {predicted.shape} and true {true.shape}; they must agree."
        )
    least = _arguments.whole("min_voxels", min_voxels, least=1)
    found, num_found = _large(predicted, least)
    there, num_there = _large(true, least)
    sizes_found = np.bincount(found.ravel(), minlength=num_found + 1)
    sizes_there = np.bincount(there.ravel(), minlength=num_there + 1)
    both = (found > 0) & (there > 0)
    pairs, shared = np.unique(
        np.stack([there[both], found[both]], axis=1), axis=0, return_counts=True
    )
    hit = np.zeros(num_there + 1)
    np.add.at(hit, pairs[:, 0], shared)
    touching = np.zeros(num_there + 1)
    np.add.at(touching, pairs[:, 0], sizes_found[pairs[:, 1]])
    dices = 2 * hit[1:] / (sizes_there + touching)[1:]
    false = num_found - len(np.unique(pairs[:, 1]))
    sizes = int((found > 0).sum() + (there > 0).sum())
    lesions = num_there + false
    return LesionScores(
        dice=2 * int(both.sum()) / sizes if sizes else 1.0,
        lesion_dice=float(dices.sum() / lesions) if lesions else 1.0,
        found=int((hit[1:] > 0).sum()),
        missed=int((hit[1:] == 0).sum()),
        false=int(false),
    )


def _large(mask: np.ndarray, least: int) -> tuple[np.ndarray, int]:
    """Numbered lesions of at least `least` voxels."""
    labels, count = _masks.lesion_components(mask)
    kept = np.bincount(labels.ravel(), minlength=count + 1) >= least
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0)[labels], int(kept.sum())
