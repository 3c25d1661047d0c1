"""Where the optimum of each shift lies, and whether it moves with the distances as the bound says.

The share of a curve's point is that of the loss, w m/(n + w m), at all m synthetic images; without them it is 0,
for them alone 1. The error of a share is the mean over seeds at the best of the ridges; the best share is the least
of that curve. On a plateau the place of the least is noise: its gain stands beside it.
"""

import numpy as np
from scipy import stats

import synthmix_jax as smx

from .config import Group, Plan

METRICS = ("wasserstein", "sliced")
"""Those of all shifts; label-aware distances are there for some."""
CONSTANTS = tuple(float(c) for c in np.geomspace(1e-6, 1e-1, 26))
"""Ratios xi/S of the bound's constants, in one over the unit of distance, that are tried."""


class Records:
    """Rows of one group by shift: arrays over seeds."""

    def __init__(self, rows: list[dict], group: Group, plan: Plan):
        """Sort them; shifts that have no rows yet are left out."""
        self.group, self.plan = group, plan
        self.rows = {}
        for shift in group.shifts:
            mine = [
                row
                for row in rows
                if row["what"] == "curves"
                and (row["generator"], row["n"]) == (group.source.name, group.n)
                and (row["kind"], row["strength"]) == shift
            ]
            if mine:
                self.rows[shift] = sorted(mine, key=lambda row: row["seed"])

    def shares(self) -> np.ndarray:
        """Shares of the points of a curve (w + 2,): none, every weight at the whole pool, the pool alone."""
        mass = np.array(self.plan.weights) * self.plan.pool
        return np.array([0.0, *(mass / (self.group.n + mass)), 1.0])

    def over_shares(self, shift, score: str) -> np.ndarray:
        """Errors (seeds, ridges, w + 2)."""
        rows = self.rows[shift]
        grid = np.array([row[score] for row in rows])  # (s, w, l, c)
        alone = np.array([row["pool alone"][score] for row in rows])
        whole = np.moveaxis(grid[..., -1], 1, 2)
        return np.concatenate([grid[:, 0, :, :1], whole, alone[:, :, None]], axis=2)

    def over_counts(self, shift, score: str) -> np.ndarray:
        """Errors (seeds, ridges, c) at weight one."""
        at = self.plan.weights.index(1.0)
        return np.array([row[score] for row in self.rows[shift]])[:, at]

    def metrics(self, shift) -> tuple[str, ...]:
        """Distances that all seeds of a shift have."""
        have = [row["distances"]["target"] for row in self.rows[shift]]
        return tuple(name for name in (*METRICS, "labelled") if all(name in one for one in have))

    def distance(self, shift, side: str, metric: str) -> np.ndarray:
        """Distance to the target beyond that of other target images (s,): the root of the difference of squares."""
        squares = [
            row["distances"][side][metric] ** 2 - row["distances"]["target"][metric] ** 2
            for row in self.rows[shift]
        ]
        return np.sqrt(np.maximum(squares, 0.0))


def best(errors: np.ndarray) -> tuple[int, np.ndarray]:
    """Place of the least of the mean over seeds at the best ridge of each place, and the curve: (s, l, c)."""
    curve = errors.mean(axis=0).min(axis=0)
    return int(curve.argmin()), curve


def table(records: Records) -> list[dict]:
    """One line a shift: errors, where the optimum is, distances."""
    shares, counts = records.shares(), records.plan.counts
    lines = []
    for shift in records.rows:
        line: dict = {"kind": shift[0], "strength": shift[1]}
        line["seeds"] = len(records.rows[shift])
        for score, unit in (("wrong", 100.0), ("error", 1.0)):
            errors = unit * records.over_shares(shift, score)
            place, curve = best(errors)
            ridges = errors.mean(axis=0).argmin(axis=0)
            at = errors[:, ridges[place], place]
            first = errors[:, ridges[0], 0]
            last = errors[:, ridges[-1], -1]
            inner, counted = curve[1:-1], best(unit * records.over_counts(shift, score))
            line[score] = {
                "source only": interval(first),
                "synthetic only": interval(last),
                "best": interval(at),
                "best - source only": interval(at - first),
                "best - synthetic only": interval(at - last),
                "best share": float(shares[place]),
                "plateau": [
                    float(shares[i]) for i in np.flatnonzero(curve <= curve.min() * 1.01)[[0, -1]]
                ],
                "best share inside": float(shares[1 + inner.argmin()]),
                "best count": int(counts[counted[0]]),
                "gain of the count": float(counted[1][0] - counted[1].min()),
                "rise after it": float(counted[1][-1] - counted[1].min()),
                "curve": curve.tolist(),
                "over counts": counted[1].tolist(),
            }
        line["distances"] = {
            metric: {side: float(records.distance(shift, side, metric).mean()) for side in SIDES}
            for metric in records.metrics(shift)
        }
        lines.append(line)
    return lines


SIDES = ("source", "synthetic")


def correlations(records: Records, *, resamples: int = 500, seed: int = 0) -> list[dict]:
    """Spearman's rank correlation of the best share with distances and with the bound's share, over shifts."""
    result = []
    for score in ("error", "wrong"):
        for metric in METRICS:
            drawn = Resampled(records, score, metric)
            values = drawn.correlations(None)
            rng = np.random.default_rng(seed)
            again = [drawn.correlations(rng) for _ in range(resamples)]
            predicted, share, constant = drawn.left_out(None)
            for name, value in values.items():
                column = np.array([one[name] for one in again])
                column = column[np.isfinite(column)]
                low, high = np.quantile(column, (0.025, 0.975)) if len(column) else (None, None)
                result.append(
                    {"score": score, "distance": metric, "of": name, "spearman": value}
                    | {"low": None if low is None else float(low)}
                    | {"high": None if high is None else float(high)}
                )
            others = drawn.mean_of_other_kinds(share)
            result[-1] |= {
                "mean error of the share": float(np.abs(predicted - share).mean()),
                "that of the mean share": float(np.abs(others - share).mean()),
                "constants": constant,
            }
    return result


def errors_and_distances(records: Records, *, resamples: int = 500, seed: int = 0) -> list[dict]:
    """Whether distances order the errors themselves: rank correlations over shifts, shifts resampled.

    Of the source alone with W(S, T), of the synthetic images alone with W(T', T), of the differences; `agreement`
    is the part of the shifts in which the nearer of the two alone has the lower error.
    """
    result = []
    for metric in METRICS:
        errors, distances = [], []
        for shift in records.rows:
            curve = best(records.over_shares(shift, "wrong"))[1]
            errors.append((curve[0], curve[-1]))
            distances.append([records.distance(shift, side, metric).mean() for side in SIDES])
        one, two = np.array(errors), np.array(distances)
        pairs = {
            "source only": (one[:, 0], two[:, 0]),
            "synthetic only": (one[:, 1], two[:, 1]),
            "difference": (one[:, 0] - one[:, 1], two[:, 0] - two[:, 1]),
        }
        rng = np.random.default_rng(seed)
        drawn = rng.integers(len(one), size=(resamples, len(one)))
        for name, (error, distance) in pairs.items():
            again = np.array([spearman(error[rows], distance[rows]) for rows in drawn])
            low, high = np.quantile(again[np.isfinite(again)], (0.025, 0.975))
            result.append(
                {"distance": metric, "of": name, "spearman": spearman(error, distance)}
                | {"low": float(low), "high": float(high)}
            )
        error, distance = pairs["difference"]
        result[-1]["agreement"] = float(np.mean((error > 0) == (distance > 0)))
    return result


class Resampled:
    """Best shares and distances of all shifts, and of resampled ones: shifts, and seeds inside them."""

    def __init__(self, records: Records, score: str, metric: str):
        """Collect the arrays once."""
        self.kinds = [shift[0] for shift in records.rows]
        self.n, self.m = records.group.n, records.plan.pool
        self.shares = records.shares()
        self.errors = [records.over_shares(shift, score) for shift in records.rows]
        self.distances = [
            [records.distance(shift, side, metric) for side in SIDES] for shift in records.rows
        ]

    def values(self, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
        """Best shares, both distances and kinds; resampled where there is a generator."""
        places = range(len(self.kinds))
        if rng is not None:
            places = rng.integers(len(self.kinds), size=len(self.kinds))
        shares, pairs = [], []
        for i in places:
            seeds = np.arange(len(self.errors[i]))
            if rng is not None:
                seeds = rng.integers(len(seeds), size=len(seeds))
            shares.append(self.shares[best(self.errors[i][seeds])[0]])
            pairs.append([side[seeds].mean() for side in self.distances[i]])
        source, synthetic = np.array(pairs).T
        return np.array(shares), source, synthetic, [self.kinds[i] for i in places]

    def correlations(self, rng) -> dict[str, float]:
        """Spearman's correlation of the best share with each; NaN where one of them does not vary."""
        share, source, synthetic, kinds = self.values(rng)
        sides = {
            "W(S, T)": source,
            "W(T', T)": synthetic,
            "W(S, T) - W(T', T)": source - synthetic,
            "share of the bound": self._left_out(share, source, synthetic, kinds)[0],
        }
        return {name: spearman(share, value) for name, value in sides.items()}

    def left_out(self, rng) -> tuple[np.ndarray, np.ndarray, list[float]]:
        """Shares of the bound with xi/S fitted to the other kinds, the best shares, and the constants."""
        share, source, synthetic, kinds = self.values(rng)
        predicted, constants = self._left_out(share, source, synthetic, kinds)
        return predicted, share, constants

    def _left_out(self, share, source, synthetic, kinds) -> tuple[np.ndarray, list[float]]:
        predictions = bound_shares(self.n, self.m, source, synthetic)
        kinds, predicted, chosen = np.array(kinds), np.zeros(len(share)), []
        for kind in dict.fromkeys(kinds.tolist()):
            own = kinds == kind
            misses = ((predictions[:, ~own] - share[~own]) ** 2).sum(axis=1)
            place = int(misses.argmin())
            predicted[own] = predictions[place, own]
            chosen.append(CONSTANTS[place])
        return predicted, chosen

    def mean_of_other_kinds(self, share: np.ndarray) -> np.ndarray:
        """What a guess without distances would be."""
        kinds = np.array(self.kinds)
        result = np.zeros(len(share))
        for kind in dict.fromkeys(self.kinds):
            result[kinds == kind] = share[kinds != kind].mean() if (kinds != kind).any() else 0.5
        return result


def bound_shares(n: int, m: int, source: np.ndarray, synthetic: np.ndarray) -> np.ndarray:
    """The bound's best share for every constant xi/S: (constants, shifts)."""
    return np.asarray(
        smx.theory.optimal_adaptation_share(
            n=n,
            m=m,
            source_distance=source[None, :],
            synthetic_distance=synthetic[None, :],
            lipschitz=np.array(CONSTANTS)[:, None],
            stability=1.0,
        )
    )


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; NaN where one side does not vary."""
    a, b = stats.rankdata(a), stats.rankdata(b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def interval(values: np.ndarray) -> dict:
    """Mean over seeds and half of its 95 % interval (Student's t)."""
    values, half = np.asarray(values, float), None
    if len(values) > 1:
        spread = values.std(ddof=1) / np.sqrt(len(values))
        half = float(stats.t.ppf(0.975, len(values) - 1) * spread)
    return {"mean": float(values.mean()), "half": half}
