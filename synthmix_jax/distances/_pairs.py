"""The mean of a function over all pairs of two samples, without the n x m matrix of its values.

Rows of the first sample go in blocks of at most `PAIRS_AT_ONCE` values through `jax.lax.map`; under differentiation
each block is computed again instead of kept (`jax.checkpoint`). Compiled or not, forward or backward, what is held
besides the samples is a few times one block.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Float

from synthmix_jax._typing import Array

PAIRS_AT_ONCE = 2**23
"""Values a block holds: 32 MB in float32, 64 MB in float64; 4,096 points against as many make two blocks."""


def mean_over_pairs(
    function: Callable[[Array, Array], Array],
    a: Float[Array, "n d"],
    b: Float[Array, "m d"],
    *,
    off_diagonal: bool = False,
    pairs_at_once: int = PAIRS_AT_ONCE,
) -> Float[Array, ""]:
    """The mean of function(a_i, b_j) over i and j.

    Args:
        function: Of rows (r, d) and (m, d), returns the values (r, m); traceable if there are several blocks.
        a: Rows of the first sample.
        b: Rows of the second.
        off_diagonal: Leave out i = j, for a sample against itself.
        pairs_at_once: Largest number of values held at a time; one row of them at least.
    """
    n, m = a.shape[0], b.shape[0]
    others = m - 1 if off_diagonal else m

    def row_means(block: tuple[Array, Array]) -> Array:
        rows, first = block
        values = jnp.asarray(function(rows, b))
        if off_diagonal:
            own = first + jnp.arange(rows.shape[0])
            values = jnp.where(own[:, None] == jnp.arange(m)[None, :], 0.0, values)
        return values.sum(axis=1) / others

    size = max(1, pairs_at_once // m)
    if size >= n:
        return row_means((a, jnp.asarray(0))).mean()
    a, b = jnp.asarray(a), jnp.asarray(b)
    row_means = jax.checkpoint(row_means)
    count = n // size
    whole = a[: count * size].reshape(count, size, *a.shape[1:])
    total = jax.lax.map(row_means, (whole, jnp.arange(count) * size)).sum()
    if count * size < n:
        total = total + row_means((a[count * size :], jnp.asarray(count * size))).sum()
    return total / n
