"""The average of the fits that the bootstrap chose, over mixes of source, target and synthetic points."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from synthmix_jax import krr
from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

# Fits chosen by fewer bootstrap samples than this change predictions little and cost a factorisation each.
_NEGLIGIBLE = 0.02


def averaged(
    source: Dataset,
    target: Dataset,
    pool: Dataset,
    grid: Any,
    frequencies: Float[np.ndarray, "w l c"],
    centre: np.ndarray | float,
) -> Callable[[Array], np.ndarray]:
    """A function that predicts; the fits are made on its first call.

    Args:
        source: Source points, targets centred.
        target: Target points, targets centred.
        pool: Synthetic points in nested order, targets centred.
        grid: Kernel, ridges, mixes and counts that the frequencies belong to.
        frequencies: What each cell contributes.
        centre: Added to the predictions of regression.
    """
    kept = np.where(frequencies >= min(_NEGLIGIBLE, frequencies.max()), frequencies, 0.0)
    kept = kept / kept.sum()
    groups = {"source": source, "target": target, "synthetic": pool}

    def fit() -> list[tuple[float, krr.Fit]]:
        found = []
        for w, l, c in np.argwhere(kept > 0):
            mix = grid.mixes[w]
            one = krr.fit_groups(
                groups,
                kernel=grid.kernel,
                ridge=float(grid.ridges[l]),
                counts={
                    "source": len(source) if mix.source else 0,
                    "synthetic": int(grid.counts[c]),
                },
                weights={"target": mix.target_weight, "synthetic": mix.synthetic_weight},
            )
            found.append((float(kept[w, l, c]), one))
        return found

    fitted: list[list[tuple[float, krr.Fit]]] = []
    lock = threading.Lock()

    def predict(x: Array) -> np.ndarray:
        with lock:
            if not fitted:
                fitted.append(fit())
        return np.sum([share * one.predict(x) for share, one in fitted[0]], axis=0) + centre

    return predict
