"""Counts, ratios, shares and weights.

With n real points of weight one and m synthetic points of weight w, the normalised objective
(1 - alpha)/n sum_real + alpha/m sum_syn + lambda |f|^2 and the absolute one sum_real + w sum_syn + mu |f|^2
have the same minimiser when

    alpha = w m / (n + w m),     lambda = mu / (n + w m),
    w = alpha n / ((1 - alpha) m),     mu = lambda n / (1 - alpha).

Classical; used throughout in the absolute form, because fixing (mu, w) leaves the factor of the real
rows unchanged while m grows and fixing (alpha, lambda) does not.
"""

from typing import NamedTuple

import numpy as np

from synthmix_jax import _checks
from synthmix_jax._typing import Numbers


class Amounts(NamedTuple):
    """Requested and realised amounts of synthetic data, side by side.

    Attributes:
        requested: The ratios m / n asked for (r,).
        counts: The whole numbers of synthetic points they became (r,).
        ratios: The ratios those counts are (r,).
    """

    requested: np.ndarray
    counts: np.ndarray
    ratios: np.ndarray


def share(n: float | int, m: float | int, weight: float | int = 1.0) -> float:
    """Share alpha = w m / (n + w m) of the synthetic points in the loss.

    Args:
        n: Number of real points, positive.
        m: Number of synthetic points, zero or more.
        weight: Weight w of one synthetic point relative to a real one, positive.

    Raises:
        ValueError: n or weight not positive, m negative, or any of them not finite.
    """
    _check_sizes(n, m)
    _positive("weight", weight)
    return weight * m / (n + weight * m)


def weight_for_share(n: float | int, m: float | int, share: float | int) -> float:
    """Weight w = alpha n / ((1 - alpha) m) that gives m synthetic points the share alpha.

    Args:
        n: Number of real points, positive.
        m: Number of synthetic points, positive unless the share is zero.
        share: Wanted share alpha in [0, 1).

    Raises:
        ValueError: share outside [0, 1), or a positive share of no synthetic points.
    """
    _check_sizes(n, m)
    if not 0.0 <= share < 1.0:
        raise ValueError(
            f"share must lie in [0, 1), got {share}. A share of 1 ignores the real points: "
            "fit on the synthetic points alone instead."
        )
    if share > 0 and m == 0:
        raise ValueError(
            f"no weight gives zero synthetic points a share of {share}: m must be positive."
        )
    return 0.0 if share == 0 else share * n / ((1.0 - share) * m)


def count_for_ratio(n: int, ratio: float | int) -> int:
    """Number of synthetic points nearest to ratio * n; halves round up.

    Raises:
        ValueError: n not positive, or ratio negative or not finite.
    """
    _check_sizes(n, 0)
    if not (np.isfinite(ratio) and ratio >= 0):
        raise ValueError(f"ratio must be zero or more, got {ratio}.")
    return int(np.floor(ratio * n + 0.5))


def plan(n: int, pool: int, ratios: Numbers) -> Amounts:
    """Turn wanted ratios into counts of a pool, keeping what was asked and what it became.

    Args:
        n: Number of real points.
        pool: Number of synthetic points at hand.
        ratios: Wanted ratios m / n (r,).

    Raises:
        ValueError: a ratio is negative, or asks for more synthetic points than the pool holds.
    """
    requested = np.atleast_1d(np.asarray(_checks.numeric_array("ratios", ratios), np.float64))
    counts = np.array([count_for_ratio(n, float(ratio)) for ratio in requested], np.int64)
    if counts.size and counts.max() > pool:
        raise ValueError(
            f"ratio {requested.max():g} of {n} real points needs {counts.max()} synthetic points, "
            f"but the pool holds {pool}. The largest ratio it allows is {pool / n:g}."
        )
    return Amounts(requested, counts, counts / n)


def normalised_ridge(
    n: float | int, m: float | int, ridge: float | int, weight: float | int = 1.0
) -> float:
    """lambda = mu / (n + w m): the ridge of the objective whose weights sum to one."""
    _check_sizes(n, m)
    _positive("ridge", ridge)
    _positive("weight", weight)
    return ridge / (n + weight * m)


def absolute_ridge(
    n: float | int, m: float | int, normalised: float | int, weight: float | int = 1.0
) -> float:
    """Mu = lambda (n + w m): the absolute ridge that a normalised ridge stands for."""
    _check_sizes(n, m)
    _positive("normalised", normalised)
    _positive("weight", weight)
    return normalised * (n + weight * m)


def _check_sizes(n: float | int, m: float | int) -> None:
    if not (np.isfinite(n) and n > 0):
        raise ValueError(f"n must be a positive number of real points, got {n}.")
    if not (np.isfinite(m) and m >= 0):
        raise ValueError(f"m must be zero or more synthetic points, got {m}.")


def _positive(name: str, value: float | int) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, got {value}.")
