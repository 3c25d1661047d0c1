"""The verdict: four words for what the paired leave-one-out errors can and cannot tell."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from . import _intervals
from ._intervals import QUANTILE, Bagging
from ._records import Verdict

# A gain that is below this with 95 % confidence is not worth a generator. Chosen in simulation so that useless
# synthetic data is called useless at 50 real points, and a U whose dip 50 points cannot resolve is not.
WORTHWHILE = 0.07

# Fewer real points than this have no standard errors to speak of.
_ENOUGH = 5


class Choice(NamedTuple):
    """The verdict and the cell it points to.

    Attributes:
        verdict: In words.
        cell: Index of the recommended cell (w, l, c).
        interval: First and last index of the counts that cannot be told from the best.
        real_only: Index of the real-only cell at its own best ridge.
        withheld: The claim that the gain would have made, had the features not cost real data alone as much.
    """

    verdict: Verdict
    cell: tuple[int, int, int]
    interval: tuple[int, int]
    real_only: tuple[int, int, int]
    withheld: Verdict | None = None


def decide(
    residuals: Float[np.ndarray, "w l c n"],
    counts: Int[np.ndarray, " c"],
    pool: int,
    bagging: Bagging,
    *,
    alike: np.ndarray | None = None,
    lost: float = 0.0,
) -> Choice:
    """Apply the rule written in `recommend`.

    Args:
        residuals: Squared leave-one-out errors (w, l, c, n); the first count is zero.
        counts: Synthetic counts (c,).
        pool: Size of the pool; "use all" needs it among the counts.
        bagging: The bootstrap over the real points.
        alike: Numbers (w,), equal for rows of the first axis that are the same without synthetic points; None where
            all are.
        lost: Share of the real-only error that an approximation of the kernel adds to it. A gain is a claim only as
            far as it exceeds this: what synthetic points win back of it, the kernel itself has without them.
    """
    best = _intervals.best_cell(residuals)
    real_only = _best_at(residuals, 0)
    verdict: Verdict
    withheld: Verdict | None = None
    if residuals.shape[-1] < _ENOUGH:
        verdict, cell, keep = "no clear optimum", best, (0,)
    elif bagging.gain.t > QUANTILE:
        # A pool that ends in near copies can fail at its full size alone.
        reached = counts[-1] == pool and np.isfinite(residuals[:, :, -1]).all(axis=-1).any()
        whole = _best_at(residuals, len(counts) - 1) if reached else None
        if whole is not None and _not_worse(residuals[whole], residuals[best]):
            verdict, cell, keep = "use all", whole, ()
        else:
            # A selection-corrected gain with its best cell at zero would contradict itself; it needs a
            # ridge path whose bootstrap choices all differ from the choice on the full sample.
            verdict, cell, keep = (
                ("use part", best, ()) if best[2] else ("no clear optimum", best, (0,))
            )
        if verdict != "no clear optimum" and not _exceeds(
            lost, residuals, cell, real_only, bagging
        ):
            verdict, cell, keep, withheld = "no clear optimum", best, (0,), verdict
    elif bagging.gain.upper < WORTHWHILE:
        verdict, cell, keep = "use none", real_only, (0,)
    else:
        verdict, cell, keep = "no clear optimum", best, (0,)
    keep = (*keep, cell[2])
    # Without synthetic points no weight of theirs is meant, so the interval is that of any.
    same = np.ones(len(residuals), bool) if alike is None else alike == alike[cell[0]]
    curves = residuals[[cell[0]] if cell[2] else np.flatnonzero(same), cell[1]]
    hulls = [_interval(curve, keep) for curve in curves]
    interval = min(low for low, _ in hulls), max(high for _, high in hulls)
    return Choice(verdict, cell, interval, real_only, withheld)


def _exceeds(lost: float, residuals: np.ndarray, cell, real_only, bagging: Bagging) -> bool:
    """Whether the gain less a share is still shown, and the error itself falls by more than that share."""
    if not lost > 0:
        return True
    ratio = residuals[cell].mean() / residuals[real_only].mean()
    return bagging.gain.value - lost > QUANTILE * bagging.gain.error and bool(1.0 - ratio > lost)


def _interval(curve: Float[np.ndarray, "c n"], keep: tuple[int, ...]) -> tuple[int, int]:
    errors = curve.mean(axis=-1)
    if not np.isfinite(errors).any():
        return min(keep), max(keep)
    return _intervals.hull(curve, int(np.nanargmin(errors)), keep=keep)


def _best_at(residuals: np.ndarray, count: int) -> tuple[int, int, int]:
    w, l, _ = _intervals.best_cell(residuals[:, :, count : count + 1])
    return w, l, count


def _not_worse(candidate: np.ndarray, best: np.ndarray) -> bool:
    return bool(_intervals.paired_t(candidate, best) <= QUANTILE)
