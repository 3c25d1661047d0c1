"""Ridge regression on features in every cell (count, ridge, weight), from the sums of one pass.

    A = G_r + w G_s(m) + mu I = L L^T,   beta = A^-1 (b_r + w b_s(m)),   h = |L^-1 phi|^2 for the points asked for

Pure functions of `Sums`. Cells run one after the other on each device (`lax.map`), and over all devices of a mesh.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Float, Int

from synthmix_jax import _devices
from synthmix_jax._typing import Array

from . import _cholesky
from ._sums import Sums

_EVERYWHERE = PartitionSpec((_devices.ROWS, _devices.GRID))


class Cells(NamedTuple):
    """Cells of a grid, one a row.

    Attributes:
        place: Of the count in the sums (cells,).
        weight: Of one synthetic point (cells,).
        ridge: Absolute ridge (cells,).
    """

    place: Int[Array, " cells"]
    weight: Float[Array, " cells"]
    ridge: Float[Array, " cells"]


def grid(counts: int, ridges: np.ndarray, weights: np.ndarray) -> Cells:
    """All cells in the order (w, l, c)."""
    w, l, c = np.meshgrid(weights, ridges, np.arange(counts), indexing="ij")
    return Cells(c.ravel(), w.ravel(), l.ravel())


def factor(sums: Sums, place: Array, weight: Array, ridge: Array) -> jax.Array:
    """L (D, D) of one cell; NaN where A is not positive definite."""
    matrix = jnp.asarray(sums.real_gram + weight * sums.gram[place])
    size = matrix.shape[0]
    if _cholesky.pays(size):
        return _cholesky.factor(matrix, jnp.full(size, ridge), jnp.ones(size, bool))
    index = jnp.arange(size)
    return jnp.linalg.cholesky(matrix.at[index, index].add(ridge), symmetrize_input=False)


def solve(
    sums: Sums, points: Float[Array, "s D"], place: Array, weight: Array, ridge: Array
) -> tuple[Float[Array, "D k"], Float[Array, " s"]]:
    """Coefficients beta (D, k) of one cell, and the leverages (s,) of some points."""
    lower = factor(sums, place, weight, ridge)
    right = sums.real_moment + weight * sums.moment[place]
    outputs = right.shape[1]
    solved = _cholesky.solve(lower, jnp.concatenate([right, points.T], axis=1))
    beta = _cholesky.solve(lower, solved[:, :outputs], transpose=True)
    return beta, jnp.sum(solved[:, outputs:] ** 2, axis=0)


def solve_all(
    sums: Sums, points: Float[Array, "s D"], cells: Cells, *, mesh: Mesh
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (cells, D, k) of all cells, and leverages (cells, s) of some points, on the host."""
    placed = _placed(cells, mesh)
    return jax.tree.map(
        lambda a: _devices.gather(a)[: len(cells.ridge)],
        _solve_all(sums, points, placed, mesh=mesh),
    )


def factor_all(sums: Sums, cells: Cells, *, mesh: Mesh) -> jax.Array:
    """Factors (cells, D, D), each on one device; the last one is repeated so that all have as many."""
    return _factor_all(sums, _placed(cells, mesh), mesh=mesh)


@partial(jax.jit, static_argnames="mesh")
def leverages(factors: jax.Array, points: Float[Array, "s D"], *, mesh: Mesh) -> jax.Array:
    """Leverages (cells, s) of some points, from `factor_all`."""

    def local(factors, points):
        return jax.lax.map(
            lambda lower: jnp.sum(_cholesky.solve(lower, points.T) ** 2, axis=0), factors
        )

    return _spread(local, mesh, shared=1)(factors, points)


@partial(jax.jit, static_argnames="mesh")
def _solve_all(sums: Sums, points: Array, cells: Cells, *, mesh: Mesh) -> Any:
    def local(cells, sums, points):
        return jax.lax.map(lambda cell: solve(sums, points, *cell), cells)

    return _spread(local, mesh, shared=2)(cells, sums, points)


@partial(jax.jit, static_argnames="mesh")
def _factor_all(sums: Sums, cells: Cells, *, mesh: Mesh) -> jax.Array:
    def local(cells, sums):
        return jax.lax.map(lambda cell: factor(sums, *cell), cells)

    return _spread(local, mesh, shared=1)(cells, sums)


def _spread(local: Any, mesh: Mesh, shared: int) -> Any:
    """The first argument's leading axis over all devices, the `shared` others whole on each."""
    specs = (_EVERYWHERE, *[PartitionSpec()] * shared)
    return jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=_EVERYWHERE, check_vma=False)


def _placed(cells: Cells, mesh: Mesh) -> Cells:
    """Cells over all devices, the last one repeated so that all have as many."""
    number = len(cells.ridge)
    rows = np.minimum(np.arange(-(-number // mesh.size) * mesh.size), number - 1)
    return Cells(*(_devices.place(np.asarray(a)[rows], mesh, _EVERYWHERE) for a in cells))
