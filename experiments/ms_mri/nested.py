"""Scores of kernel ridge regression at many synthetic counts, from one Cholesky factor.

`smx.krr.sweep` gives errors at every count; ranking (AUC) and thresholds need the scores themselves. With
A = K + ridge diag(1 / w) = L L', rows ordered real first, u = L^-1 y, V = L^-1 K(., test) and W = L^-1 I(., real),
the regression on the first r rows has

    f(test)  = sum_{j <= r} V_j u_j
    f_-i(i)  = y_i - (sum_{j <= r} W_ji u_j) / (sum_{j <= r} W_ji^2)        leave-one-out, [rasmussen2006] 5.4.2

because the leading block of L is the factor of the leading block of A. Labels are -1/2 and 1/2, which is what
centred one-hot targets are for two classes.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular


class Scores(NamedTuple):
    """Positive says lesion.

    Attributes:
        test: Of test points (c, t).
        left_out: Of the real training points, each left out in turn (c, n).
    """

    test: np.ndarray
    left_out: np.ndarray


def gram(x: np.ndarray, other: np.ndarray, lengthscale: float) -> np.ndarray:
    """exp(-|x - x'|^2 / (2 lengthscale^2)) of images (n, ...) and (m, ...): (n, m), float64."""
    a, b = (np.asarray(v, np.float64).reshape(len(v), -1) for v in (x, other))
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T
    return np.exp(-np.maximum(squared, 0.0) / (2.0 * lengthscale**2))


def scores(
    kernel: np.ndarray,
    cross: np.ndarray,
    y: np.ndarray,
    *,
    n: int,
    counts: np.ndarray,
    ridge: float,
    weights: np.ndarray | None = None,
) -> Scores:
    """Scores at every count.

    Args:
        kernel: Between the n real, then all synthetic points (n + m, n + m).
        cross: Between those and the test points (n + m, t).
        y: Labels 0 and 1 (n + m,).
        n: Real points; zero for synthetic points only.
        counts: Synthetic points used (c,).
        ridge: Absolute.
        weights: Of each point in the loss (n + m,); None for one.
    """
    rows = n + int(np.max(counts))
    penalty = ridge if weights is None else ridge / weights[:rows]
    factor = cholesky(kernel[:rows, :rows] + np.diag(np.broadcast_to(penalty, rows)), lower=True)
    right = np.concatenate([(y[:rows] - 0.5)[:, None], np.eye(rows, n), cross[:rows]], axis=1)
    solved = solve_triangular(factor, right, lower=True, check_finite=False)
    u, left, new = solved[:, :1], solved[:, 1 : n + 1], solved[:, n + 1 :]
    at = n + np.asarray(counts)
    alpha, diagonal, test = (summed(v, at) for v in (left * u, left**2, new * u))
    with np.errstate(invalid="ignore"):
        return Scores(test, (y[:n] - 0.5) - alpha / diagonal)


def summed(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Sums of the first rows, as many as `at` says (c, ...)."""
    totals = np.zeros((len(at), values.shape[1]))
    start, total = 0, np.zeros(values.shape[1])
    for place in np.argsort(at):
        total = total + values[start : at[place]].sum(axis=0)
        start, totals[place] = at[place], total
    return totals


def wrong(values: np.ndarray, y: np.ndarray, threshold: float | np.ndarray = 0.0) -> np.ndarray:
    """Share of points on the wrong side of a threshold; scores (..., t), labels (t,)."""
    return np.mean((values > np.expand_dims(threshold, -1)) != (y == 1), axis=-1)


def area(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Area under the receiver operating characteristic: P(lesion scores above no lesion), ties count half.

    Scores (..., t), labels (t,). Mann and Whitney's statistic, by ranks.
    """
    from scipy.stats import rankdata

    positive = int((y == 1).sum())
    ranks = rankdata(values, axis=-1)[..., y == 1].sum(axis=-1)
    return (ranks - positive * (positive + 1) / 2) / (positive * (len(y) - positive))


def matched(left_out: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The threshold that calls as many real training points lesions as there are, by left-out scores (..., n).

    Only the share of lesions enters, not which points they are, so that little is fitted even to 20 points.
    """
    return np.quantile(left_out, 1.0 - float(np.mean(y == 1)), axis=-1)
