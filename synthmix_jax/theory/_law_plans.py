"""Amounts that a scaling law recommends: a count at weight one, and how to spend a budget."""

from typing import NamedTuple

import numpy as np

from . import _arguments, _law_formula
from ._law_formula import Parameters

_GRID = 4097
_ZOOMS = 3


class Split(NamedTuple):
    """A budget, spent.

    Attributes:
        n: Real points.
        m: Synthetic points.
        share: Their part of the loss.
        error: What the law predicts.
    """

    n: int
    m: int
    share: float
    error: float


def best_count(theta: Parameters, n: float, largest: int) -> int:
    """The count in 0..largest of least error at weight one; the smallest of equals."""
    part = np.linspace(0.0, 1.0, _GRID) * largest / (n + largest)
    counts = np.unique(np.rint(n * part / (1 - part)))
    at = _least(theta, n, counts)
    # All whole numbers between the neighbours of the least, or as many as the grid has.
    low, high = counts[max(at - 1, 0)], counts[min(at + 1, len(counts) - 1)]
    counts = np.unique(np.rint(np.linspace(low, high, int(min(high - low, _GRID)) + 1)))
    return int(counts[_least(theta, n, counts)])


def best_split(theta: Parameters, budget: float, real_cost: float, synthetic_cost: float) -> Split:
    """Whole numbers of points within the budget, and the share, of least predicted error."""
    low, high, at = 0.0, 1.0, 0
    n = m = np.zeros(1)
    for _ in range(_ZOOMS):
        part = np.linspace(low, high, 257)
        n, m = (1 - part) * budget / real_cost, part * budget / synthetic_cost
        at = int(np.argmin(_at_best_share(theta, n, m)[1]))
        width = (high - low) / 256
        low, high = max(part[at] - width, 0.0), min(part[at] + width, 1.0)
    n = np.array([np.floor(n[at]), np.ceil(n[at])])
    n = n[n * real_cost <= budget * (1 + 1e-12)]
    m = np.floor((budget - n * real_cost) / synthetic_cost * (1 + 1e-12))
    some = (n > 0) | (m > 0)
    if not some.any():
        raise ValueError(
            f"budget {budget:g} buys neither a real point at {real_cost:g} nor a synthetic one at "
            f"{synthetic_cost:g}. Give a larger budget."
        )
    n, m = n[some], np.maximum(m[some], 0)
    share, error = _at_best_share(theta, n, m)
    at = int(np.argmin(error))
    return Split(int(n[at]), int(m[at]), float(share[at]), float(error[at]))


def _at_best_share(theta: Parameters, n: np.ndarray, m: np.ndarray):
    share = _arguments.evaluate(_law_formula.best_share, theta, n, m)
    error = _arguments.evaluate(_law_formula.error, theta, n, m, share)
    return share, error


def _least(theta: Parameters, n: float, counts: np.ndarray) -> int:
    share = counts / (n + counts)
    error = _arguments.evaluate(_law_formula.error, theta, n, counts, share)
    return int(np.argmin(error))
