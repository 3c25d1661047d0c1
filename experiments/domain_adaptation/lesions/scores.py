"""Scores of kernel ridge regression at many synthetic counts, from one Cholesky factor, and what they are worth.

`smx.krr.sweep_groups` gives errors; ranking (area under the curve) and thresholds need the scores themselves. With
A = K + ridge diag(1 / w) = L L', labelled rows first, u = L^-1 y, V = L^-1 K(., test), W = L^-1 I(., first n),

    f(test) = sum_{j <= r} V_j u_j,    f_-i(i) = y_i - (sum_{j <= r} W_ji u_j) / (sum_{j <= r} W_ji^2)

for the first r rows: the leading block of L is the factor of the leading block of A [rasmussen2006]. Labels are
-1/2 and 1/2, which is what centred one-hot targets are for two classes.
"""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.stats import rankdata

import synthmix_jax as smx


def squares(x: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Squared distances of images (n, ...) and (m, ...): (n, m), float64."""
    a, b = (np.asarray(v, np.float64).reshape(len(v), -1) for v in (x, other))
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T
    return np.maximum(squared, 0.0)


def lengthscale(x) -> float:
    """exp(-d^2 / median^2): the median distance between patches over the root of 2."""
    apart = squares(x, x)[np.triu_indices(len(x), 1)]
    return float(np.median(np.sqrt(apart)) / np.sqrt(2.0))


class Squares:
    """Squared distances among training patches and to test patches, for several problems."""

    def __init__(self, parts: list[smx.Dataset], test: smx.Dataset):
        """Parts are stacked in their order; the counts of a problem are those of the last one."""
        x, self.y = (np.concatenate([np.asarray(getattr(p, name)) for p in parts]) for name in "xy")
        self.sizes, self.truth = [len(p) for p in parts], np.asarray(test.y)
        self.among, self.across = squares(x, x), squares(x, np.asarray(test.x))

    def problem(self, n: int, scale: float, ridge: float) -> "Problem":
        """The problem of the first n patches of the first part, and all of the others."""
        rows = np.r_[:n, self.sizes[0] : len(self.y)]
        kernel, cross = self.among[np.ix_(rows, rows)], self.across[rows]
        return Problem(
            np.exp(kernel / (-2.0 * scale**2)),
            np.exp(cross / (-2.0 * scale**2)),
            self.y[rows],
            self.truth,
            ridge,
            self.sizes[-1] if len(self.sizes) > 1 else n,
        )


class Problem:
    """Training and test patches with their kernel matrices, to be solved with several weights."""

    def __init__(self, kernel, cross, y, truth, ridge: float, last: int):
        """Matrices (n, n) and (n, t), labels (n,) and (t,); counts are those of the `last` rows."""
        self.kernel, self.cross, self.y, self.truth = kernel, cross, y, truth
        self.ridge, self.last = ridge, last

    @classmethod
    def of(cls, parts: list[smx.Dataset], test: smx.Dataset, scale: float, ridge: float):
        """All of the parts."""
        return Squares(parts, test).problem(len(parts[0]), scale, ridge)

    def solved(self, counts=None, weights=None, *, first: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores of test points (c, t), and of the `first` training points when left out (c, first).

        Args:
            counts: Points of the last part (c,), increasing; None for all of them.
            weights: Of each training point (n,), positive; None for one.
            first: How many training points are left out in turn.
        """
        rows = len(self.y)
        at = rows - self.last + np.asarray([self.last] if counts is None else counts)
        penalty = np.full(rows, self.ridge) if weights is None else self.ridge / weights
        factor = cholesky(self.kernel + np.diag(penalty), lower=True, check_finite=False)
        right = [(self.y - 0.5)[:, None], np.eye(rows, first), self.cross]
        solved = solve_triangular(factor, np.hstack(right), lower=True, check_finite=False)
        u, left, new = solved[:, :1], solved[:, 1 : first + 1], solved[:, first + 1 :]
        blocks = np.concatenate([left * u, left**2, new * u], axis=1)
        sums = np.diff(np.concatenate([[0], at]))
        starts = np.concatenate([[0], at[:-1]])
        parts = [blocks[s : s + k].sum(axis=0) for s, k in zip(starts, sums, strict=True)]
        totals = np.cumsum(parts, axis=0)
        alpha, diagonal, test = np.split(totals, [first, 2 * first], axis=1)
        return test, (self.y[:first] - 0.5) - alpha / diagonal

    def found(self, counts=None, weights=None, *, calibrate: slice | None = None) -> dict:
        """Errors, areas and errors at a calibrated threshold, one for each count.

        Args:
            counts: As of `solved`.
            weights: As of `solved`.
            calibrate: Real labelled training points whose left-out scores set the threshold; None for none.
        """
        first = 0 if calibrate is None else calibrate.stop
        test, left_out = self.solved(counts, weights, first=first)
        result = {
            "wrong": wrong(test, self.truth),
            "auc": area(test, self.truth),
            "squared": 2.0 * np.mean((test - (self.truth - 0.5)) ** 2, axis=1),
        }
        if calibrate is not None:
            threshold = matched(left_out[:, calibrate], self.y[calibrate])
            result["calibrated"] = wrong(test, self.truth, threshold)
        values = {name: [float(f"{v:.4g}") for v in row] for name, row in result.items()}
        return values if counts is not None else {name: row[0] for name, row in values.items()}


def wrong(values: np.ndarray, y: np.ndarray, threshold: float | np.ndarray = 0.0) -> np.ndarray:
    """Share of points on the wrong side of a threshold; scores (..., t), labels (t,)."""
    return np.mean((values > np.expand_dims(threshold, -1)) != (y == 1), axis=-1)


def area(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """P(a lesion scores above no lesion), ties count half; scores (..., t), labels (t,)."""
    positive = int((y == 1).sum())
    ranks = rankdata(values, axis=-1)[..., y == 1].sum(axis=-1)
    return (ranks - positive * (positive + 1) / 2) / (positive * (len(y) - positive))


def matched(left_out: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The threshold that calls as many training points lesions as there are, by left-out scores (..., n)."""
    return np.quantile(left_out, 1.0 - float(np.mean(y == 1)), axis=-1)
