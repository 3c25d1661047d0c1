"""From paired leave-one-out errors to a choice, an interval of the count, and an honest gain.

Every cell (weight, ridge, count) has the squared leave-one-out error of the same n real points, so cells are
compared by paired differences: their standard error leaves out what makes one point harder than another.

Rules derived here and calibrated by simulation (`benchmarks/calibration.py`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

# One-sided 95 %, two-sided 90 %.
QUANTILE = 1.64

_ALL_FAILED = (
    "no cell of the sweep succeeded: raise the ridges, or use a positive semi-definite kernel."
)


class Gain(NamedTuple):
    """Relative reduction of the real-only error, with the selection of the cell paid for.

    Attributes:
        value: Mean gain over the real-only error.
        error: Standard error of `value`.
        t: value / error: evidence that synthetic data helps.
    """

    value: float
    error: float
    t: float

    @property
    def upper(self) -> float:
        """Upper 95 % limit of what the best use of synthetic data gains."""
        return self.value + QUANTILE * self.error

    @property
    def interval(self) -> tuple[float, float]:
        """90 % interval of the gain of following the advice.

        Its upper end is at least zero, the gain of using none, and at most one, no error at all. Nominally
        90 %: in simulation it covers 89 % of all runs, but 76 % of those that do not end in "use none", whose
        gain is zero by construction. It errs on the low side: each bootstrap sample chooses from 63 % of the
        points.
        """
        return self.value - QUANTILE * self.error, min(max(self.upper, 0.0), 1.0)


class Bagging(NamedTuple):
    """The bootstrap over real points, summed up.

    Attributes:
        frequencies: How often each cell had the least error (w, l, c); sums to one.
        gain: Gain of choosing so, scored on the points each bootstrap sample left out.
    """

    frequencies: Float[np.ndarray, "w l c"]
    gain: Gain


def paired_t(worse: np.ndarray, better: np.ndarray) -> np.ndarray:
    """Mean over its standard error of the paired difference worse - better, over the last axis.

    Zero where the two are equal throughout, infinite where they differ by a constant.
    """
    difference = worse - better
    mean, error = difference.mean(axis=-1), standard_error(difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean == 0.0, 0.0, mean / error)


def standard_error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean over the last axis."""
    return np.asarray(values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1]))


def best_cell(residuals: Float[np.ndarray, "w l c n"]) -> tuple[int, int, int]:
    """Index of the cell of least mean error; failed cells (NaN) never win.

    Raises:
        ValueError: every cell failed.
    """
    errors = residuals.mean(axis=-1)
    if not np.isfinite(errors).any():
        raise ValueError(_ALL_FAILED)
    w, l, c = np.unravel_index(np.nanargmin(errors), errors.shape)
    return int(w), int(l), int(c)


def hull(
    curve: Float[np.ndarray, "c n"], best: int, *, keep: tuple[int, ...] = ()
) -> tuple[int, int]:
    """First and last index of the counts not significantly worse than the best one.

    The hull of {m: mean paired difference to the best count <= 1.64 standard errors}: covers the best count
    in about 97 % of simulated cases at nominal 90 % (`benchmarks/calibration.py`).

    Args:
        curve: Squared leave-one-out errors at one weight and ridge (c, n).
        best: Index of the best count.
        keep: Further indices the hull must contain.
    """
    inside = np.flatnonzero(paired_t(curve, curve[best]) <= QUANTILE)
    members = [int(i) for i in inside] + [best, *keep]
    return min(members), max(members)


def bag(
    residuals: Float[np.ndarray, "w l c n"],
    *,
    num_bootstrap: int,
    rng: np.random.Generator,
    every_weight: bool = False,
) -> Bagging:
    """Bootstrap the real points: how often each cell is best, and what choosing so gains.

    The least of many noisy errors looks better than it is. Each bootstrap sample therefore chooses its cell,
    and its real-only ridge, on the points it drew, and is scored on the points it did not draw (about n / e of
    them); a point's gain is its mean over the samples that left it out. That estimates the gain of the whole
    procedure, slightly pessimistically, since a sample holds 63 % of the points.

    Args:
        residuals: Squared leave-one-out errors (w, l, c, n); the first count is zero.
        num_bootstrap: Number of bootstrap samples.
        rng: Source of the samples.
        every_weight: Whether real-only cells differ over the first axis too (weights of real points of several
            groups), so that each bootstrap sample chooses among all of them.

    Raises:
        ValueError: every real-only cell failed.
    """
    cells = np.where(np.isfinite(residuals), residuals, np.inf).reshape(-1, residuals.shape[-1])
    finite = np.isfinite(cells).all(axis=1)
    n = cells.shape[1]
    rows = residuals.shape[0] if every_weight else 1
    real_only = np.asarray(finite).reshape(residuals.shape[:3])[:rows, :, 0]
    if not real_only.any():
        raise ValueError(_ALL_FAILED)
    base = residuals[: len(real_only), :, 0][real_only]
    index = np.flatnonzero(finite)
    usable = cells[index]

    draws = rng.multinomial(n, np.full(n, 1.0 / n), size=num_bootstrap)  # (b, n)
    chosen = np.argmin(usable @ draws.T, axis=0)
    chosen_base = np.argmin(base @ draws.T, axis=0)
    frequencies = np.bincount(index[chosen], minlength=len(cells)) / num_bootstrap

    left_out = draws == 0
    times = left_out.sum(axis=0)
    scored = times > 0
    saved = np.where(left_out, base[chosen_base] - usable[chosen], 0.0).sum(axis=0)[scored]
    spent = np.where(left_out, base[chosen_base], 0.0).sum(axis=0)[scored]
    per_point = saved / times[scored]
    scale = float((spent / times[scored]).mean())
    mean, error = float(per_point.mean()), float(standard_error(per_point))
    t = 0.0 if mean == 0.0 else mean / error if error > 0 else np.copysign(np.inf, mean)
    scale = scale if scale > 0 else 1.0
    return Bagging(
        frequencies.reshape(residuals.shape[:3]), Gain(mean / scale, error / scale, float(t))
    )
