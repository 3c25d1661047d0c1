"""One pass over the rows: what ridge regression on features needs of them, at every requested count.

With features phi (rows, D) and targets y (rows, k), all that is kept are

    real       G_r = sum phi phi^T,  b_r = sum phi y^T          over the n real points
    synthetic  G_s(m), b_s(m)                                   over the first m synthetic points, for every count m

so that A = G_r + w G_s(m) + mu I is at hand for every count, weight and ridge. Only the lower triangle of G is
accumulated, in columns of blocks: its mirror image is the other half of the work.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Float

from synthmix_jax import _devices, _numerics
from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

from . import _rows
from ._features import FeatureMap

_BLOCK = 512


class Sums(NamedTuple):
    """Sums over rows; those of synthetic points at every count. Lower triangles of symmetric matrices.

    Attributes:
        real_gram: G_r (D, D).
        real_moment: b_r (D, k).
        gram: G_s at every count (c, D, D).
        moment: b_s at every count (c, D, k).
    """

    real_gram: Float[Array, "D D"]
    real_moment: Float[Array, "D k"]
    gram: Float[Array, "c D D"]
    moment: Float[Array, "c D k"]


def accumulate(
    real: Dataset,
    synthetic: Dataset | _rows.Stream | None,
    features: FeatureMap,
    counts: np.ndarray,
    *,
    outputs: int,
    classes: int | None,
    block: int,
    mesh: Mesh,
    tick: Callable[[int], None],
) -> Sums:
    """Read every row once; call within `_numerics.x64()`.

    Args:
        real: n real points.
        synthetic: The pool, or None.
        features: The map, on the devices.
        counts: Strictly increasing counts (c,).
        outputs: Targets k a point.
        classes: Of labels; None for regression.
        block: Rows at a time, over all devices.
        mesh: Devices; rows are spread over its axis "rows".
        tick: Called with the number of rows after each block.
    """
    size = features.num_features
    zeros = np.zeros((size, size)), np.zeros((size, outputs))

    def repeated(tree: Any) -> Any:
        return jax.tree.map(lambda a: _devices.place(a, mesh, PartitionSpec()), tree)

    def passed(state: Any, data: Dataset) -> Any:
        x, y, used = _rows.padded(data, classes, block)
        rows = PartitionSpec(_devices.ROWS)
        state = _add(
            state, features, *(_devices.place(a, mesh, rows) for a in (x, y, used)), mesh=mesh
        )
        tick(len(data))
        return state

    state = repeated(zeros)
    for _, part in _rows.in_blocks(real, [len(real)], block):
        state = passed(state, part)
    real_sums, state = state, repeated(zeros)
    stored = repeated(tuple(np.zeros((len(counts), *a.shape)) for a in zeros))
    for place, part in _stretches(real, synthetic, counts, block):
        state, stored = (
            (state, _store(stored, state, place)) if part is None else (passed(state, part), stored)
        )
    return Sums(*real_sums, *stored)


def _stretches(
    real: Dataset, synthetic: Any, counts: np.ndarray, block: int
) -> Iterator[tuple[int, Dataset | None]]:
    """Blocks of the pool, and after the last one of each count (its place, None)."""
    if counts[0] == 0:
        yield 0, None
    edges = counts[counts > 0].tolist()
    if not edges:
        return
    first = len(counts) - len(edges)
    seen, stretch = 0, 0
    for stretch, part in _rows.in_blocks(synthetic, edges, block, like=real):
        yield first + stretch, part
        seen += len(part)
        if seen == edges[stretch]:
            yield first + stretch, None


@partial(jax.jit, donate_argnums=0)
def _store(stored, state, place):
    return jax.tree.map(lambda whole, part: whole.at[place].set(part), stored, state)


@partial(jax.jit, static_argnames="mesh", donate_argnums=0)
def _add(state: Any, features: FeatureMap, x: Array, y: Array, used: Array, *, mesh: Mesh) -> Any:
    """Each device sums its rows, then all add up: one collective a block."""

    def local(*arguments):
        return jax.lax.psum(added(*arguments), _devices.ROWS)

    rows = PartitionSpec(_devices.ROWS)
    spread = jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(PartitionSpec(), rows, rows, rows),
        out_specs=PartitionSpec(),
        check_vma=False,  # a kernel may hold loops that start from constants
    )
    return jax.tree.map(jnp.add, state, spread(features, x, y, used))


def added(
    features: FeatureMap,
    x: Float[Array, "rows ..."],
    y: Float[Array, "rows k"],
    used: Float[Array, " rows"],
) -> tuple[jax.Array, jax.Array]:
    """What some rows add to the sums: lower triangle of phi^T phi (D, D), and phi^T y (D, k); pure."""
    phi = features(x) * used[:, None]
    product = partial(jnp.matmul, precision=_numerics.HIGHEST)
    size = phi.shape[1]
    columns = []
    for start in range(0, size, _BLOCK):
        below = product(phi[:, start:].T, phi[:, start : start + _BLOCK])
        columns.append(jnp.pad(below, ((start, 0), (0, 0))))
    return jnp.concatenate(columns, axis=1), product(phi.T, y)
