"""Leverages of all points in all cells, from all points in a few cells and a few points in all cells.

The leave-one-out residual of ridge regression on features is (y_i - f(x_i)) / (1 - h_i) with the leverage

    h_i = phi_i^T A^-1 phi_i,   A = G_r + w G_s(m) + mu I.

That is n D^2 multiplications for each cell (count, ridge, weight), many times what the cell's factor costs. But
leverages change smoothly from cell to cell: the matrix H (n, cells) is numerically of low rank. So H is computed
whole for a few rows, the cells that span all others are chosen there by a pivoted QR factorisation, and only these
columns are computed for all rows: H ~ H[:, J] X, an interpolative decomposition. Rows that took no part in it
measure its error.

References:
    Derived here for leverages; interpolative decompositions: Cheng, Gimbutas, Martinsson and Rokhlin (2005), On the
    compression of low rank matrices. [cheng2005]
"""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _devices

ACCEPTABLE = 1e-2


class Interpolation(NamedTuple):
    """H ~ H[:, cells] weights.

    Attributes:
        cells: J (j,), the cells whose leverages are computed at all points.
        weights: X (j, all cells).
        error: Largest error of h found, in units of 1 - h: at points that took no part in the choice, in all
            cells, and at all points in some cells; 0 where J is all cells.
    """

    cells: Int[np.ndarray, " j"]
    weights: Float[np.ndarray, "j cells"]
    error: float


def everything(cells: int) -> Interpolation:
    """No interpolation: all cells."""
    return Interpolation(np.arange(cells), np.eye(cells), 0.0)


def interpolate(
    sample: Float[np.ndarray, "s cells"], *, tolerance: float, most: int
) -> Interpolation:
    """Choose cells from the leverages of a few points in all cells.

    Three quarters of the points choose cells and weights, the others measure the error.

    Args:
        sample: Leverages (s, cells) of a random sample of points; columns of failed cells are NaN.
        tolerance: Largest |error of h| / (1 - h) at the measuring points.
        most: Cells that may be chosen. If the error is not within the tolerance then, but below a hundredth, it is
            accepted and told; above it all cells are taken.
    """
    from scipy.linalg import qr

    fine = np.flatnonzero(np.isfinite(sample).all(axis=0))
    cells = sample.shape[1]
    h = sample[:, fine]
    part = len(h) - len(h) // 4
    train, judge = h[:part], h[part:]
    if not len(fine):
        return everything(cells)
    # Errors count in units of 1 - h: near-interpolating cells need the more digits.
    scale = 1.0 / np.clip(1.0 - train.max(axis=0), 1e-6, None)
    *_, order = qr(train * scale, mode="r", pivoting=True)
    plan = everything(cells)
    for size in range(4, min(most, len(fine), 3 * part // 4) + 1, 4):
        chosen = order[:size]
        weights = np.linalg.lstsq(train[:, chosen], train, rcond=1e-13)[0]
        error = np.abs(judge[:, chosen] @ weights - judge) / np.maximum(1.0 - judge, 1e-12)
        if error.max() <= ACCEPTABLE:
            spread = np.full((size, cells), np.nan)
            spread[:, fine] = weights
            spread[:, fine[chosen]] = np.eye(size)
            plan = Interpolation(fine[chosen], spread, float(error.max()))
        if error.max() <= tolerance:
            break
    return plan


def checked(
    plan: Interpolation,
    columns: Float[np.ndarray, "n j"],
    cells: Int[np.ndarray, " c"],
    wanted: Float[np.ndarray, "n c"],
) -> Interpolation:
    """The plan with the largest error at any point, in some cells that are known at all points.

    Args:
        plan: An interpolation.
        columns: Leverages of all points in its cells.
        cells: Other cells.
        wanted: Leverages of all points in those.
    """
    found = columns @ plan.weights[:, cells]
    error = np.abs(found - wanted) / np.maximum(1.0 - wanted, 1e-12)
    return plan._replace(error=max(plan.error, float(error.max(initial=0.0))))


def agreed(plan: Interpolation, cells: int) -> Interpolation:
    """The plan of process 0, on all processes: LAPACK on another host may choose other cells."""
    if jax.process_count() == 1:
        return plan
    chosen, weights = np.full(cells, -1), np.zeros((cells, cells))
    chosen[: len(plan.cells)], weights[: len(plan.cells)] = plan.cells, plan.weights
    chosen, weights, error = _devices.from_first((chosen, weights, np.asarray(plan.error)))
    number = int((chosen >= 0).sum())
    return Interpolation(chosen[:number], weights[:number], float(error))
