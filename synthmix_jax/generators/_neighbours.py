"""Exact nearest neighbours among the rows themselves, in blocks on the host."""

import numpy as np
from jaxtyping import Float, Int

_BLOCK_NUMBERS = 2**22


def nearest(rows: Float[np.ndarray, "n d"], count: int) -> Int[np.ndarray, "n count"]:
    """Indices of the `count` rows nearest to each row, itself left out, the nearest first.

    Of rows equally far, those that come first. Cost: n^2 d operations; memory of one block of distances.
    """
    n = len(rows)
    # Centred: far from the origin, the difference below would lose digits.
    rows = rows - rows.mean(axis=0)
    squares = np.sum(rows**2, axis=1)
    found = np.zeros((n, count), np.int64)
    block = max(1, _BLOCK_NUMBERS // n)
    for start in range(0, n, block):
        mine = np.arange(start, min(start + block, n))
        # |a - b|^2 less |a|^2, which is the same along a row.
        distances = squares - 2.0 * rows[mine] @ rows.T
        distances[mine - start, mine] = np.inf
        found[mine] = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return found
