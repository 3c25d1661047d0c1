"""The bagged regression: one kernel expansion that averages the fits the bootstrap chose."""

import dataclasses
import threading
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from synthmix_jax import krr
from synthmix_jax._typing import Array, KernelFunction
from synthmix_jax.dataset import Dataset

from . import _approximation

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
    features: krr.NystromFeatures | krr.FourierFeatures | None = None,
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
        features: What the sweep's regressions were on; None for the kernel itself.
    """
    mass = frequencies.sum(axis=2, keepdims=True)
    # On a fine grid every pair may be rare: the most frequent ones stay whatever they are.
    frequencies = np.where(mass >= min(_NEGLIGIBLE, mass.max()), frequencies, 0.0)
    frequencies = frequencies / frequencies.sum()

    def fit() -> krr.Fit | krr.FeatureFit:
        if features is not None:
            assert pool is not None
            return _on_features(
                real,
                pool,
                orders,
                features=features,
                ridges=ridges,
                weights=weights,
                counts=counts,
                frequencies=frequencies,
            )
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

    fitted: list[krr.Fit | krr.FeatureFit] = []
    lock = threading.Lock()

    def predict(x: Array) -> np.ndarray:
        with lock:
            if not fitted:
                fitted.append(fit())
        return fitted[0].predict(x) + centre

    return predict


def _on_features(
    real: Dataset,
    pool: Dataset,
    orders: list[np.ndarray],
    *,
    features: krr.NystromFeatures | krr.FourierFeatures,
    ridges: np.ndarray,
    weights: np.ndarray,
    counts: np.ndarray,
    frequencies: Float[np.ndarray, "w l c"],
) -> krr.FeatureFit:
    """The same average of regressions on features, which share them: one pass over the rows an order."""
    used = np.flatnonzero(frequencies.sum(axis=(0, 1)))
    fits = [
        krr.fit_features(
            real,
            _approximation.in_order(pool, order),
            features=features,
            ridges=ridges,
            weights=weights,
            counts=counts[used],
            frequencies=frequencies[:, :, used],
        )
        for order in (orders if counts[used[-1]] else orders[:1])
    ]
    return dataclasses.replace(
        fits[0], coefficients=np.mean([f.coefficients for f in fits], axis=0)
    )
