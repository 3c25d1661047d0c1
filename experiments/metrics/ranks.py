"""Do distances order sources as their optima are ordered? Spearman's rank correlation, with its interval.

Within a cell the sources are ranked by distance, as one user sees it (one draw of the real points, one fit), and by
the optimum of the source as fitted (mean over draws and samples). Ties, also those of optima at none and at all
points, share their mean rank. Correlations are averaged over users, then over the cells of a data set, then over data
sets, and given the sign in which a larger distance means a smaller optimum.

Interval: bootstrap over data sets and, within each, over sources (the same ones at all numbers of real points). With
so few data sets it is rough.
"""

import numpy as np
from scipy import stats

from .cells import Cell

LEVEL = 0.9


def correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman along the first axis (g, ...); NaN where one of them does not vary or is not known."""
    x, y = (stats.rankdata(v, axis=0, nan_policy="propagate") for v in (x, y))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    scale = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 0, (x * y).sum(axis=0) / scale, np.nan)


def targets(cell: Cell) -> dict[str, np.ndarray]:
    """What is to be predicted (g, f, 1): the count (and with it the share m / (n + m)), and the gain."""
    shares, test, _ = cell.weight_axis
    best = shares[test.mean(axis=2).argmin(axis=2)]
    wanted = {"count": cell.counts[cell.amount], "gain": cell.gain, "weighted share": best}
    if cell.wrong is not None:
        wanted["count, misclassified"] = cell.counts[cell.wrong.mean(axis=2).argmin(axis=2)]
    return {name: values[..., None] for name, values in wanted.items()}


def agreement(cell: Cell, at: np.ndarray, distance: np.ndarray, target: np.ndarray) -> float:
    """Minus the mean correlation over users, with sources `at`."""
    wanted = np.broadcast_to(target, distance.shape)
    found = correlation(distance[at], wanted[at])
    return -float(np.nanmean(found)) if np.isfinite(found).any() else np.nan


def resampled(groups: dict[str, list[Cell]], rng: np.random.Generator | None):
    """Data sets, and sources of each: as they are, or drawn with replacement."""
    names = list(groups)
    sizes = {name: len(groups[name][0].sources) for name in names}
    if rng is None:
        return [(name, np.arange(sizes[name])) for name in names]
    drawn = rng.choice(names, len(names))
    return [(name, rng.integers(sizes[name], size=sizes[name])) for name in drawn]


def ranking(cells: list[Cell], predictors: dict, resamples: int) -> dict[str, dict[str, list]]:
    """By predictor and target: mean agreement, and the ends of its interval.

    Args:
        cells: All of them.
        predictors: name -> (cell -> (g, f, d), larger for worse sources, or None where it has none).
        resamples: Bootstrap resamples.
    """
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.data, []).append(cell)
    rng = np.random.default_rng(0)
    plans = [resampled(groups, None), *(resampled(groups, rng) for _ in range(resamples))]
    wanted = {id(cell): targets(cell) for cell in cells}
    result: dict[str, dict[str, list]] = {}
    for name, predictor in predictors.items():
        seen = {id(cell): predictor(cell) for cell in cells}
        result[name] = {}
        for target in next(iter(wanted.values())):
            values = []
            for plan in plans:
                by_data = []
                for data, at in plan:
                    each = [
                        agreement(c, at, seen[id(c)], wanted[id(c)][target])
                        for c in groups[data]
                        if seen[id(c)] is not None and target in wanted[id(c)]
                    ]
                    if np.isfinite(each).any():
                        by_data.append(np.nanmean(each))
                values.append(np.mean(by_data) if by_data else np.nan)
            result[name][target] = interval(values)
    return result


def interval(values) -> list[float]:
    """The first value, and the percentile interval of the others."""
    centre, *others = values
    ends = np.nanquantile(others, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(centre), *map(float, ends)]
