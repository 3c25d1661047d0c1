"""Do distances order sources as their optima are ordered? Spearman's rank correlation, with its interval.

Within a cell the sources are ranked by distance, as one user sees it (one draw of the real points, one fit), and by
the optimum of the source as fitted (mean over draws and samples). Ties, also those of optima at none and at all
points, share their mean rank. Correlations are averaged over users, then over the cells of a data set, then over
data sets, and given the sign in which a larger distance means a smaller optimum.

Interval: bootstrap over data sets and, within each, over sources (the same ones at all numbers of real points).
With so few data sets it is rough.
"""

import dataclasses

import numpy as np

from .cells import Cell

LEVEL = 0.9


@dataclasses.dataclass(frozen=True, eq=False)
class Resamples:
    """How often each resample takes what; the first one takes everything once.

    Attributes:
        data: Times each data set is taken, by name (b,).
        sources: Times each of its sources is taken, by name (b, g).
    """

    data: dict[str, np.ndarray]
    sources: dict[str, np.ndarray]

    @classmethod
    def of(cls, cells: list[Cell], number: int) -> "Resamples":
        """Data sets, and sources within each, with replacement."""
        sizes = {cell.data: len(cell.sources) for cell in cells}
        rng = np.random.default_rng(0)
        drawn = lambda g: rng.multinomial(g, np.full(g, 1.0 / g), size=number)
        ones = lambda counts: np.concatenate([np.ones_like(counts[:1]), counts])
        by_data = ones(drawn(len(sizes)))
        return cls(
            dict(zip(sizes, by_data.T, strict=True)),
            {name: ones(drawn(g)) for name, g in sizes.items()},
        )

    def mean(self, cells: list[Cell], values: list[np.ndarray]) -> np.ndarray:
        """Mean of the cells' values (b,) over those of a data set, then over data sets; without unknown ones."""
        total = weight = 0.0
        for name, times in self.data.items():
            mine = [v for c, v in zip(cells, values, strict=True) if c.data == name]
            known = np.isfinite(mine)
            number = known.sum(axis=0)
            mean = np.where(known, mine, 0.0).sum(axis=0) / np.maximum(number, 1)
            total = total + times * (number > 0) * mean
            weight = weight + times * (number > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(weight > 0, total / weight, np.nan)


def interval(values: np.ndarray) -> list[float | None]:
    """The value, and the percentile interval of its resamples."""
    if not np.isfinite(values[0]):
        return [None, None, None]
    ends = np.nanquantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(values[0]), *map(float, ends)]


def correlation(x: np.ndarray, y: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Spearman of values (g, u) over sources that are taken `times` (b, g): (b, u); NaN where one does not vary.

    The mean rank of a source among the taken ones is the number below it and half of those equal to it.
    """
    ranks = []
    for values in (x.T, y.T):
        below = (values[:, :, None] > values[:, None, :]) + 0.5 * (
            values[:, :, None] == values[:, None, :]
        )
        rank = np.einsum("uij,bj->bui", below, times)
        ranks.append(rank - _mean(rank, times)[..., None])
    first, second = ranks
    covariance, one, two = (
        _mean(v, times) for v in (first * second, first * first, second * second)
    )
    scale = np.sqrt(one * two)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(scale > 1e-9, covariance / scale, np.nan)
    known = np.isfinite(x).all(axis=0) & np.isfinite(y).all(axis=0)
    return np.where(known, found, np.nan)


def _mean(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    return (values * times[:, None, :]).sum(axis=-1) / times.sum(axis=-1)[:, None]


def targets(cell: Cell) -> dict[str, np.ndarray]:
    """What is to be predicted (g, f): the count (and with it the share m / (n + m)), the gain, and others."""
    shares, test, _ = cell.weight_axis
    wanted = {
        "count": cell.counts[cell.amount],
        "gain": cell.gain,
        "share by weight": shares[test.mean(axis=2).argmin(axis=2)],
    }
    if cell.wrong is not None:
        wanted["count, misclassified"] = cell.counts[cell.wrong.mean(axis=2).argmin(axis=2)]
    return wanted


def agreement(cell: Cell, distance: np.ndarray, target: np.ndarray, times: np.ndarray):
    """Minus the mean correlation over users of distances (g, f, d) with targets (g, f): (b,)."""
    wanted = np.broadcast_to(target[..., None], distance.shape)
    found = -correlation(
        distance.reshape(len(distance), -1), wanted.reshape(len(wanted), -1), times
    )
    known = np.isfinite(found)
    number = known.sum(axis=1)
    mean = np.where(known, found, 0.0).sum(axis=1) / np.maximum(number, 1)
    return np.where(number > 0, mean, np.nan)


def ranking(
    cells: list[Cell], wanted: list[dict[str, np.ndarray]], predictors: dict, resamples: Resamples
) -> dict[str, dict]:
    """By predictor and target: mean agreement with the ends of its interval, and by data set.

    Args:
        cells: All of them.
        wanted: What is to be predicted in each (g, f), by name.
        predictors: name -> (cell -> (g, f, d), larger for worse sources, or None where it has none).
        resamples: Of data sets and sources.
    """
    result: dict[str, dict] = {}
    for name, predictor in predictors.items():
        result[name] = {}
        for target in dict.fromkeys(t for each in wanted for t in each):
            values = []
            for cell, each in zip(cells, wanted, strict=True):
                distance = predictor(cell)
                times = resamples.sources[cell.data]
                known = distance is not None and target in each
                values.append(
                    agreement(cell, distance, each[target], times)
                    if known
                    else np.full(len(times), np.nan)
                )
            by_data = {
                data: [v[0] for c, v in zip(cells, values, strict=True) if c.data == data]
                for data in resamples.data
            }
            result[name][target] = {
                "mean": interval(resamples.mean(cells, values)),
                "by data": {
                    data: float(np.nanmean(v)) if np.isfinite(v).any() else None
                    for data, v in by_data.items()
                },
            }
    return result
