"""Nearest-neighbour test: are synthetic points copies of real ones?

For each point take the ratio of the distances to its nearest and second nearest real point. A copy sits on one
real point: its ratio is near zero, whatever the scale, and blur or smoothing, which brings a sample nearer to
everything, leaves ratios alone. Real points against the other real points show which ratios are normal.

Derived here; a heuristic. It finds copies and noisy copies, not every leak: a generator can depend on the real
points without ever coming close to one. So it cannot replace the question where the synthetic data came from.
"""

import numpy as np

from synthmix_jax import _numerics
from synthmix_jax._typing import Key
from synthmix_jax.dataset import Dataset

from ._records import Copies

# A ratio counts as close below one half, or below the first decile of the real points' ratios where that is
# less (few features). At most a tenth of honest points are; three times as many, or one exact copy in a hundred,
# is suspicious. The bound of one half keeps a shifted generator apart from a copying one: shifted samples all
# have the same outlying real point for nearest neighbour, but not at half the distance of the next.
_HALF, _DECILE, _TOO_CLOSE, _TOO_MANY_IDENTICAL = 0.5, 0.1, 0.3, 0.01


# Shares of so many points are known to less than half a percent.
MOST_POINTS = 20_000


def look_for_copies(
    real: Dataset, synthetic: Dataset, *, block_size: int = 2048, key: Key | None = None
) -> Copies | None:
    """Compare nearest-neighbour ratios of synthetic points with those of real points.

    Args:
        real: n real points.
        synthetic: m synthetic points.
        block_size: Points handled at a time.
        key: PRNG key: of more than 20,000 points on a side a random part is looked at, beside all real points. None
            looks at all of them.

    Returns:
        The result, or None with fewer than three real points, which have no such ratios.
    """
    if len(real) < 3:
        return None
    x = np.asarray(_numerics.as_rows(np.asarray(real.x)))
    mine, theirs = _part(len(real), key), _part(len(synthetic), key)
    others = np.asarray(synthetic.x)
    others = np.asarray(_numerics.as_rows(others if theirs is None else others[theirs]))
    centre = x.mean(axis=0)  # the expanded square loses digits far from the origin
    x, others = x - centre, others - centre
    own_rows = np.arange(len(x)) if mine is None else mine
    normal = np.concatenate(
        [
            _ratios(x[rows], x, itself=rows)
            for rows in np.split(own_rows, range(block_size, len(own_rows), block_size))
        ]
    )
    blocks = [
        _ratios(others[start : start + block_size], x)
        for start in range(0, len(others), block_size)
    ]
    ratios = np.concatenate(blocks)
    identical = float(np.mean(ratios == 0.0))
    # Values from a short list coincide by chance: only what exceeds the real points' own rate, by three of its
    # standard errors, is suspicious.
    own = float(np.mean(normal == 0.0))
    excess = identical - own - 3.0 * np.sqrt(own * (1.0 - own) / len(normal))
    # Where points fall independently and locally uniformly in d dimensions, ratio^d is uniform on [0, 1]: the
    # decile is at most 0.1^(1/d). That bounds the noise of a decile of few real points with few features.
    uniform = _DECILE ** (1.0 / max(x.shape[1], 1))
    close = float(np.mean(ratios < min(_HALF, uniform, np.quantile(normal, _DECILE))))
    suspicious = close > _TOO_CLOSE or excess > _TOO_MANY_IDENTICAL
    return Copies(identical, close, bool(suspicious))


def _part(number: int, key: Key | None) -> np.ndarray | None:
    """Rows to look at, at random; None for all."""
    if key is None or number <= MOST_POINTS:
        return None
    return np.sort(_numerics.host_generator(key).choice(number, MOST_POINTS, replace=False))


def _ratios(points: np.ndarray, real: np.ndarray, itself: np.ndarray | None = None) -> np.ndarray:
    """Ratios (p,) of points; those that are real points themselves lie at row `itself` among them."""
    squared = (
        (points**2).sum(axis=1)[:, None] + (real**2).sum(axis=1)[None, :] - 2 * points @ real.T
    )
    if itself is not None:
        squared[np.arange(len(points)), itself] = np.inf
    nearest, second = np.partition(squared, 1, axis=1)[:, :2].T
    # Below the round-off of the expanded square the two points are the same.
    scale = 1e-12 * np.maximum((points**2).sum(axis=1), (real**2).sum(axis=1).max())
    nearest = np.where(nearest <= scale, 0.0, nearest)
    return np.sqrt(nearest / np.maximum(second, np.finfo(float).tiny))
