"""How much of the scatter is the real points', the fit's, the draw's; and intervals that respect it.

Fits (f) and draws of the real points (d) are crossed, synthetic samples (e) repeated in each pair: a two-way
analysis of variance with random effects, by the method of moments,

    E MS_e = v_e,   E MS_fd = v_e + e v_fd,   E MS_f = E MS_fd + d e v_f,   E MS_d = E MS_fd + f e v_d,

and the variance of the mean is (MS_f + MS_d - MS_fd) / (f d e) [classical].
"""

import numpy as np
from scipy import stats

from .cells import Cell

PARTS = ("real points", "fit", "both together", "draw")


def mean_squares(y: np.ndarray) -> tuple[np.ndarray, ...]:
    """MS of f, d, f x d and e for values (..., f, d, e)."""
    f, d, e = y.shape[-3:]
    all_, of_f, of_d, of_fd = (
        y.mean(axis=axes, keepdims=True) for axes in ((-3, -2, -1), (-2, -1), (-3, -1), (-1,))
    )
    total = lambda v: (v**2).sum(axis=(-3, -2, -1))
    return (
        total(of_f - all_) * d * e / (f - 1),
        total(of_d - all_) * f * e / (d - 1),
        total(of_fd - of_f - of_d + all_) * e / ((f - 1) * (d - 1)),
        total(y - of_fd) / (f * d * (e - 1)),
    )


def variances(y: np.ndarray) -> np.ndarray:
    """Components of values (..., f, d, e), in the order of PARTS (..., 4); may be negative."""
    f, d, e = y.shape[-3:]
    ms_f, ms_d, ms_fd, ms_e = mean_squares(y)
    return np.stack(
        [(ms_d - ms_fd) / (f * e), (ms_f - ms_fd) / (d * e), (ms_fd - ms_e) / e, ms_e], axis=-1
    )


def standard_error(y: np.ndarray) -> np.ndarray:
    """Of the mean of (..., f, d, e)."""
    ms_f, ms_d, ms_fd, _ = mean_squares(y)
    size = np.prod(y.shape[-3:])
    return np.sqrt(np.maximum(ms_f + ms_d - ms_fd, np.maximum(ms_fd, 0.0)) / size)


def quantile(y: np.ndarray, level: float) -> float:
    """Of Student's t with the degrees of freedom of the draws of real points: the scarcer ones are not counted."""
    return float(stats.t.ppf(level, y.shape[-2] - 1))


def optima(cell: Cell) -> list[dict]:
    """By source: best count with its interval, and gain with its 90 % interval.

    Interval of the count: all that are not worse than the best by more than a one-sided paired test at 5 %.
    """
    records = []
    for name, test in zip(cell.sources, cell.test, strict=True):
        best = int(test.mean(axis=(0, 1, 2)).argmin())
        apart = np.moveaxis(test - test[..., best, None], -1, 0)
        alike = apart.mean(axis=(1, 2, 3)) <= quantile(test[..., 0], 0.95) * standard_error(apart)
        base = test[..., 0].mean()
        gained = (test[..., 0] - test[..., best]) / base
        half = quantile(gained, 0.95) * float(standard_error(gained)) if best else 0.0
        gain = float(gained.mean())
        counts = cell.counts[alike]
        records.append(
            {
                "data": cell.data,
                "n": cell.n,
                "source": name,
                "count": int(cell.counts[best]),
                "count_interval": [int(counts.min()), int(counts.max())],
                "share": float(cell.shares[best]),
                "gain": gain,
                "gain_interval": [gain - half, gain + half],
                "real_only": float(base),
                "all": float(test[..., -1].mean()),
            }
        )
    return records


def scatter(cells: list[Cell]) -> dict[str, dict[str, float]]:
    """Standard deviations in % of the mean error: root of the mean of relative variances over cells and sources."""
    relative: dict[str, list] = {}
    for cell in cells:
        best = cell.test.mean(axis=(1, 2, 3)).argmin(axis=-1)
        at_best = np.take_along_axis(cell.test, best[:, None, None, None, None], axis=-1)[..., 0]
        values = {
            "error at the best count": at_best,
            "error with all points": cell.test[..., -1],
            "best count less real only": at_best - cell.test[..., 0],
        }
        scale = cell.test[..., 0].mean(axis=(1, 2, 3)) ** 2
        for name, y in values.items():
            relative.setdefault(name, []).append(variances(y) / scale[:, None])
    return {
        name: {
            part: 100 * float(np.sqrt(max(0.0, v)))
            for part, v in zip(PARTS, np.concatenate(parts).mean(axis=0), strict=True)
        }
        for name, parts in relative.items()
    }
