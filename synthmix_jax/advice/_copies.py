"""Nearest-neighbour test: are synthetic points copies of real ones?

For each point take the ratio of the distances to its nearest and second nearest real point. A copy sits on one
real point: its ratio is near zero, whatever the scale, and blur or smoothing, which brings a sample nearer to
everything, leaves ratios alone. Real points against the other real points show which ratios are normal.

Derived here; a heuristic. It finds copies and noisy copies, not every leak: a generator can depend on the real
points without ever coming close to one. So it cannot replace the question where the synthetic data came from.
"""

import numpy as np

from synthmix_jax import _numerics
from synthmix_jax.dataset import Dataset

from ._records import Copies

# A ratio counts as close below one half, or below the first decile of the real points' ratios where that is
# less (few features). At most a tenth of honest points are; three times as many, or one exact copy in a hundred,
# is suspicious. The bound of one half keeps a shifted generator apart from a copying one: shifted samples all
# have the same outlying real point for nearest neighbour, but not at half the distance of the next.
_HALF, _DECILE, _TOO_CLOSE, _TOO_MANY_IDENTICAL = 0.5, 0.1, 0.3, 0.01


def look_for_copies(real: Dataset, synthetic: Dataset, *, block_size: int = 2048) -> Copies | None:
    """Compare nearest-neighbour ratios of synthetic points with those of real points.

    Args:
        real: n real points.
        synthetic: m synthetic points.
        block_size: Synthetic points handled at a time.

    Returns:
        The result, or None with fewer than three real points, which have no such ratios.
    """
    if len(real) < 3:
        return None
    x = np.asarray(_numerics.as_rows(np.asarray(real.x)))
    others = np.asarray(_numerics.as_rows(np.asarray(synthetic.x)))
    centre = x.mean(axis=0)  # the expanded square loses digits far from the origin
    x, others = x - centre, others - centre
    normal = _ratios(x, x, skip_self=True)
    blocks = [
        _ratios(others[start : start + block_size], x)
        for start in range(0, len(others), block_size)
    ]
    ratios = np.concatenate(blocks)
    identical = float(np.mean(ratios == 0.0))
    # Values from a short list coincide by chance: only what exceeds the real points' own rate, by three of its
    # standard errors, is suspicious.
    own = float(np.mean(normal == 0.0))
    excess = identical - own - 3.0 * np.sqrt(own * (1.0 - own) / len(real))
    # Where points fall independently and locally uniformly in d dimensions, ratio^d is uniform on [0, 1]: the
    # decile is at most 0.1^(1/d). That bounds the noise of a decile of few real points with few features.
    uniform = _DECILE ** (1.0 / max(x.shape[1], 1))
    close = float(np.mean(ratios < min(_HALF, uniform, np.quantile(normal, _DECILE))))
    suspicious = close > _TOO_CLOSE or excess > _TOO_MANY_IDENTICAL
    return Copies(identical, close, bool(suspicious))


def _ratios(points: np.ndarray, real: np.ndarray, skip_self: bool = False) -> np.ndarray:
    squared = (
        (points**2).sum(axis=1)[:, None] + (real**2).sum(axis=1)[None, :] - 2 * points @ real.T
    )
    if skip_self:
        np.fill_diagonal(squared, np.inf)
    nearest, second = np.partition(squared, 1, axis=1)[:, :2].T
    # Below the round-off of the expanded square the two points are the same.
    scale = 1e-12 * np.maximum((points**2).sum(axis=1), (real**2).sum(axis=1).max())
    nearest = np.where(nearest <= scale, 0.0, nearest)
    return np.sqrt(nearest / np.maximum(second, np.finfo(float).tiny))
