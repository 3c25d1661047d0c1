"""The bagged regression: one kernel expansion that averages the fits the bootstrap chose."""

import threading
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from synthmix_jax import krr
from synthmix_jax._typing import Array, KernelFunction
from synthmix_jax.dataset import Dataset

# Cells chosen by fewer bootstrap samples than this change predictions little and cost a factorisation each.
_NEGLIGIBLE = 0.02


def bagged(
    real: Dataset,
    pool: Dataset | None,
    orders: list[np.ndarray],
    *,
    kernel: KernelFunction,
    ridges: np.ndarray,
    weights: np.ndarray,
    counts: np.ndarray,
    frequencies: Float[np.ndarray, "w l c"],
    centre: np.ndarray | float,
) -> Callable[[Array], np.ndarray]:
    """A function that predicts; the fit is made on its first call.

    The average of fits is a fit with averaged coefficients, so prediction costs one kernel matrix however
    many fits there are. (Weight, ridge) pairs of negligible frequency are left out and the rest rescaled.

    Args:
        real: Real points, targets centred.
        pool: Synthetic points, targets centred.
        orders: Nested orders of the pool; averaged over.
        kernel: The kernel.
        ridges: Ridges (l,).
        weights: Weights (w,).
        counts: Counts (c,).
        frequencies: What each cell contributes; sums to one.
        centre: Added to the predictions of regression.
    """
    mass = frequencies.sum(axis=2, keepdims=True)
    # On a fine grid every pair may be rare: the most frequent ones stay whatever they are.
    frequencies = np.where(mass >= min(_NEGLIGIBLE, mass.max()), frequencies, 0.0)
    frequencies = frequencies / frequencies.sum()

    def fit() -> krr.Fit:
        size = 0 if pool is None else len(pool)
        total: np.ndarray | None = None
        for w, l in np.argwhere(frequencies.sum(axis=2) > 0):
            used = np.flatnonzero(frequencies[w, l])
            for order in orders if used[-1] else [np.arange(size)]:
                one = krr.fit_average(
                    real,
                    pool[order] if pool is not None else None,
                    kernel=kernel,
                    ridge=float(ridges[l]),
                    weight=float(weights[w]),
                    counts=counts[used],
                    frequencies=frequencies[w, l, used] / (len(orders) if used[-1] else 1),
                )
                if total is None:
                    total = np.zeros((len(real) + size, one.coefficients.shape[1]))
                synthetic = one.coefficients[len(real) :]
                total[: len(real)] += one.coefficients[: len(real)]
                total[len(real) + order[: len(synthetic)]] += synthetic
        assert total is not None
        return krr.Fit.of(real, pool, kernel=kernel, coefficients=total)

    fitted: list[krr.Fit] = []
    lock = threading.Lock()

    def predict(x: Array) -> np.ndarray:
        with lock:
            if not fitted:
                fitted.append(fit())
        return fitted[0].predict(x) + centre

    return predict
