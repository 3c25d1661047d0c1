"""The slow, obvious reference: refit from scratch for every cell and every left-out point.

Nothing here is shared with the fast path except the definition of the problem; tests hold the fast path
against it. NumPy on the host, float64.
"""

import numpy as np

from ._problem import Problem


def fit(problem: Problem, rows: np.ndarray, n: int, ridge: float, weight: float) -> np.ndarray:
    """Coefficients (len(rows), k) of the fit on the given rows."""
    gram = np.asarray(problem.gram)[np.ix_(rows, rows)]
    noise = np.where(rows < n, ridge, ridge / weight)
    return np.linalg.solve(gram + np.diag(noise), np.asarray(problem.targets)[rows])


def test_error(problem: Problem, n: int, ridge: float, weight: float, count: int) -> float:
    """Mean over test points of the squared error, summed over outputs, of a fit from scratch."""
    rows = np.arange(n + count)
    predicted = np.asarray(problem.cross)[rows].T @ fit(problem, rows, n, ridge, weight)
    return float(np.mean(np.sum((predicted - np.asarray(problem.test_targets)) ** 2, axis=1)))


def left_out_residuals(
    problem: Problem, n: int, ridge: float, weight: float, count: int
) -> np.ndarray:
    """Residuals y_i - f_{-i}(x_i) (n, k), each from a fit without point i."""
    gram, targets = np.asarray(problem.gram), np.asarray(problem.targets)
    residuals = np.empty((n, targets.shape[1]))
    for i in range(n):
        rows = np.delete(np.arange(n + count), i)
        residuals[i] = targets[i] - gram[i, rows] @ fit(problem, rows, n, ridge, weight)
    return residuals
