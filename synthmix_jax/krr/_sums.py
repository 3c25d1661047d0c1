"""One pass over the rows: what ridge regression on features needs of them, at every requested count.

With features phi (rows, D) and targets y (rows, k), all that is kept are

    real       G_r = sum phi phi^T,  b_r = sum phi y^T          over the n real points
    synthetic  G_s(m), b_s(m)                                   over the first m synthetic points, for every count m

so that A = G_r + w G_s(m) + mu I is at hand for every count, weight and ridge. Only the lower triangle of G is
accumulated, in columns of blocks: its mirror image is the other half of the work.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float, Shaped

from synthmix_jax import _devices, _numerics
from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

from . import _rows
from ._features import FeatureMap
from ._saved import Saved

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
    saved: Saved | None = None,
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
        saved: Where sums are kept at every count, and taken from if they are there.
    """
    size = features.num_features
    shapes = (size, size), (size, outputs)

    def upto(state: Any, reader: _rows.Reader, begin: int, stop: int, name: str) -> Any:
        """Sums of rows before `stop`, from those before `begin`."""
        known = None if saved is None else saved.load(name, shapes)
        if known is not None:
            reader.skip(stop)
            tick(stop - begin)
            return tuple(_devices.place(a, mesh, PartitionSpec()) for a in known)
        for part in reader.blocks(stop, block):
            x, y, used = _rows.padded(part, classes, block)
            jax.block_until_ready(state)  # one block waits while another is at work, and no more
            rows = (_devices.place(a, mesh, PartitionSpec(_devices.ROWS)) for a in (x, y, used))
            state = _add(state, features, *rows, mesh=mesh)
            tick(len(part))
        if saved is not None:
            saved.save(name, state)
        return state

    real_sums = upto(_zeros(shapes, mesh), _rows.Reader(real), 0, len(real), "real")
    stored = _zeros(tuple((len(counts), *shape) for shape in shapes), mesh)
    state, before = _zeros(shapes, mesh), 0
    reader = None if synthetic is None else _rows.Reader(synthetic, like=real)
    for place, count in enumerate(counts.tolist()):
        if count:
            assert reader is not None
            state = upto(state, reader, before, count, f"count-{count:012d}")
            stored, before = _store(stored, state, place), count
    return Sums(*real_sums, *stored)


@partial(jax.jit, static_argnames=("shapes", "mesh"))
def _zeros(shapes: tuple[tuple[int, ...], ...], mesh: Mesh) -> tuple[jax.Array, ...]:
    whole = NamedSharding(mesh, PartitionSpec())
    return tuple(jax.lax.with_sharding_constraint(jnp.zeros(shape), whole) for shape in shapes)


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
    x: Shaped[Array, "rows ..."],
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
