"""How many points a weighted sample is worth."""

import numpy as np
from jaxtyping import Shaped

from synthmix_jax import _checks
from synthmix_jax._typing import Array


def effective_sample_size(weights: Shaped[Array, " n"]) -> float:
    """Number of equally weighted points whose mean is as noisy as the weighted one: (sum w)^2 / sum w^2.

    Between one (all weight on one point) and n (equal weights); it does not change when all weights are scaled.
    Noise is taken to be alike at all points.

    Args:
        weights: Weights (n,), zero or more, not all zero.

    Raises:
        ValueError: no weights, not one row of them, NaN or infinity, a negative weight, or all weights zero.

    References:
        Kish (1965), Survey Sampling. [kish1965]
    """
    w = np.asarray(_checks.numeric_array("weights", weights), np.float64)
    if w.ndim != 1 or w.size == 0:
        raise ValueError(f"weights must be (n,), one a point, got shape {w.shape}.")
    _checks.finite("weights", w)
    if w.min() < 0.0:
        raise ValueError(f"weights must be zero or more, got {w.min():g}. Clip them at zero first.")
    if w.max() == 0.0:
        raise ValueError("weights are all zero, so no point counts. Give one of them weight.")
    w = w / w.max()  # squares neither overflow nor vanish
    return float(w.sum() ** 2 / np.sum(w * w))
