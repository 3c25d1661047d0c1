"""Means with intervals over seeds, and minima that are not read off the curve they are scored on.

A seed draws other real patches of the same training patients and another synthetic pool. Intervals over seeds
therefore do not hold the variance between patients.
"""

from typing import Any

import numpy as np

CAVEAT = (
    "Intervals are over seeds (other patches and other synthetic pools of the same patients). They do not measure "
    "the variance between patients."
)


def interval(values: np.ndarray) -> dict[str, Any]:
    """Mean, and half of its 95 % interval (Student's t) over seeds; None for a single one."""
    from scipy import stats

    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return {"mean": None, "half": None}
    half = None
    if len(values) > 1:
        deviation = values.std(ddof=1) / np.sqrt(len(values))
        half = float(stats.t.ppf(0.975, len(values) - 1) * deviation)
    return {"mean": float(values.mean()), "half": half}


def halves(values: np.ndarray) -> np.ndarray:
    """Half of the 95 % interval of the mean over seeds, by column: values (s, c)."""
    return np.array([interval(column)["half"] or 0.0 for column in np.asarray(values).T])


def shape_of(curves: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """Where a curve has its least value, and whether it falls before and rises after.

    The count of each seed is the best on average over the seeds of the other half, so that no seed is scored at a
    count that it helped to choose. Halves are even and odd seeds.

    Args:
        curves: Errors (s, c), counts rising, zero first and the whole pool last.
        counts: (c,).

    Returns:
        `count`: least of the mean curve. `counts`: of the two halves. `gain`: error without synthetic points less
        that at the chosen count. `rise`: error with the whole pool less that at the chosen count.
        `all`: error without less that with the whole pool. `u`: whether the intervals of both `gain` and `rise` lie
        above zero.
    """
    curves = np.asarray(curves, float)
    odd = np.arange(len(curves)) % 2 == 1
    best = [int(curves[half].mean(axis=0).argmin()) for half in (~odd, odd) if half.any()]
    # Even seeds are scored at the choice of the odd ones and the other way round.
    at = np.where(odd, best[0], best[-1])
    chosen = curves[np.arange(len(curves)), at]
    gain, rise = interval(curves[:, 0] - chosen), interval(curves[:, -1] - chosen)
    return {
        "count": int(counts[curves.mean(axis=0).argmin()]),
        "counts": [int(counts[b]) for b in best],
        "gain": gain,
        "rise": rise,
        "all": interval(curves[:, 0] - curves[:, -1]),
        "u": above(gain) and above(rise),
    }


def regret_of(curves: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    """What places (s,) chosen seed by seed cost against the one place that is best on average: curves (s, c)."""
    curves = np.asarray(curves, float)
    best = int(curves.mean(axis=0).argmin())
    return interval(curves[np.arange(len(curves)), places] - curves[:, best])


def above(value: dict[str, Any]) -> bool:
    """Whether the interval lies above zero."""
    return value["half"] is not None and value["mean"] > value["half"]
