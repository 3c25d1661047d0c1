"""The cell of least error in a grid over weights, ridges and synthetic counts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Best:
    """One cell of a grid: the amounts and their error.

    Attributes:
        count: Synthetic points.
        ratio: count / n.
        weight: Weight of one synthetic point.
        ridge: Absolute ridge.
        error: Its error.
        index: Its place (w, l, c) in the arrays of the grid.
    """

    count: int
    ratio: float
    weight: float
    ridge: float
    error: float
    index: tuple[int, int, int]


def best_of(
    errors: Float[np.ndarray, "w l c"],
    *,
    counts: Int[np.ndarray, " c"],
    ratios: Float[np.ndarray, " c"],
    weights: Float[np.ndarray, " w"],
    ridges: Float[np.ndarray, " l"],
) -> Best:
    """The first cell of least error; NaN is never least, and not all may be NaN."""
    w, l, c = (int(i) for i in np.unravel_index(np.nanargmin(errors), errors.shape))
    return Best(
        int(counts[c]),
        float(ratios[c]),
        float(weights[w]),
        float(ridges[l]),
        float(errors[w, l, c]),
        (w, l, c),
    )
