"""Test and leave-one-out errors against the amount of synthetic data: exact, by `krr.sweep`."""

import numpy as np

import synthmix_jax as smx

from .config import Config
from .data import Material


def counts_of(pool: int, config: Config) -> np.ndarray:
    """The counts on a curve: none, all, and between them evenly in logarithm from a few points on."""
    inner = np.geomspace(5, pool, config.counts - 1)
    return np.unique(np.concatenate([[0], np.round(inner).astype(int)]))


def curve(
    real: smx.Dataset, pool: smx.Dataset, material: Material, config: Config
) -> dict[str, np.ndarray]:
    """Errors at each count, with the ridge of the least leave-one-out error there (never by test points).

    Returns:
        "test" and "loo", squared errors (c,); "wrong", the share of test points misclassified (c,), classes only;
        "end", the share of counts whose ridge lies at an end of the grid.
    """
    sweep = smx.krr.sweep(
        real,
        pool,
        kernel=material.kernel,
        ridges=config.ridges,
        counts=counts_of(len(pool), config),
        test=material.test,
    )
    chosen = sweep.loo_error[0].argmin(axis=0)
    at = (0, chosen, np.arange(len(chosen)))
    found = {
        "test": sweep.test_error[at],
        "loo": sweep.loo_error[at],
        "end": np.mean((chosen == 0) | (chosen == len(config.ridges) - 1)),
    }
    if sweep.test_misclassified is not None:
        found["wrong"] = sweep.test_misclassified[at]
    return found


def weighted(
    real: smx.Dataset, pool: smx.Dataset, material: Material, config: Config
) -> dict[str, np.ndarray]:
    """Test and leave-one-out error with all synthetic points at each weight below one (w,)."""
    sweep = smx.krr.sweep(
        real,
        pool,
        kernel=material.kernel,
        ridges=config.ridges,
        weights=config.weights,
        counts=[len(pool)],
        test=material.test,
    )
    chosen = sweep.loo_error[..., 0].argmin(axis=1)
    at = (np.arange(len(chosen)), chosen, 0)
    return {"test": sweep.test_error[at], "loo": sweep.loo_error[at]}
