"""The median heuristic for lengthscales.

References:
    Garreau, Jitkrittum and Kanagawa (2017), Large sample analysis of the median heuristic.
    [garreau2017]
"""

import numpy as np
from jaxtyping import Shaped

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.kernels._base import as_rows
from synthmix_jax.kernels._stationary import squared_distances

SUBSAMPLE = 2_000
"""With a key, more rows than this are drawn down to it: 2 million distances, median within 1 %."""

LARGEST = 10_000
"""Without a key, more rows than this are refused: their distances would take over 0.4 GB."""


def median_lengthscale(x: Shaped[Array, "n ..."], *, key: Key | None = None) -> float:
    """The median Euclidean distance between two points: a usual first lengthscale (heuristic).

    Args:
        x: Points (n, ...); images are flattened, uint8 counts as x / 255.
        key: PRNG key. With it, more than 2,000 points are replaced by 2,000 of them drawn without
            replacement; without it all pairs of up to 10,000 points are compared.

    Returns:
        The median over pairs i < j, computed in float64. Where more than half of the pairs coincide
        it would be zero: then the median of the distances that are not (heuristic).

    Raises:
        ValueError: fewer than two points, all points identical, non-finite values, or more than
            10,000 points without a key.
    """
    rows = np.asarray(as_rows("x", x), dtype=np.float64)
    _checks.finite("x", rows)
    n = rows.shape[0]
    if n < 2:
        raise ValueError(
            f"median_lengthscale needs at least two points, got {n}. Set the lengthscale by hand."
        )
    if key is not None and n > SUBSAMPLE:
        rows = rows[_numerics.host_generator(key).choice(n, SUBSAMPLE, replace=False)]
    elif n > LARGEST:
        raise ValueError(
            f"x has {n} points; all pairs are compared up to {LARGEST}. "
            "Give key=jax.random.key(0) to use a random subsample."
        )
    distances = np.sqrt(_squared_of_pairs(rows))
    median = float(np.median(distances))
    if median == 0.0 and distances.any():
        median = float(np.median(distances[distances > 0.0]))
    if median == 0.0:
        raise ValueError(
            "all points of x are identical, so no distance can set a lengthscale. "
            "Check the data, or set the lengthscale by hand."
        )
    return median


def _squared_of_pairs(rows: np.ndarray) -> np.ndarray:
    """|x_i - x_j|^2 of pairs i < j by blocks of rows; holds n (n - 1) / 2 numbers and one block."""
    n, block = rows.shape[0], 512
    rows = rows - rows.mean(axis=0)
    out = np.empty(n * (n - 1) // 2)
    filled = 0
    with _numerics.x64():
        for start in range(0, n, block):
            distances = np.asarray(squared_distances(rows[start : start + block], rows))
            for i, line in enumerate(distances, start):
                out[filled : filled + n - 1 - i] = line[i + 1 :]
                filled += n - 1 - i
    return out
