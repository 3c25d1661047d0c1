"""The two nearest of many points, block by block: what is held besides the data is a few blocks.

Candidates come from expanded squares, |a|^2 + |b|^2 - 2 a.b, which lose digits near zero; distances to the few
candidates are then computed again from differences in float64, so that a copy lies at zero from its original.
"""

import functools
import hashlib
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Shaped

from synthmix_jax import kernels
from synthmix_jax._typing import Array
from synthmix_jax.distances import _samples

# More candidates than two, as rounding may change the order of near ones.
_CANDIDATES = 4
# Points equal but for the rounding of float32 are the same: samples are often kept so where the data are not.
_ROUNDING = 4.0 * float(np.finfo(np.float32).eps)
_ROWS, _COLUMNS = 1024, 4096


@dataclass(frozen=True, eq=False)
class Originals:
    """Points to look among, each once.

    Attributes:
        rows: All of them, before the cast.
        kept: Numbers of the first of every group of equal rows, rising.
        repeated: Number of rows that equal another one.
        centre: Squares are taken from here, in the dtype of the computation.
    """

    rows: Shaped[Array, "n d"]
    kept: Int[np.ndarray, " u"]
    repeated: int
    centre: Float[Array, " d"]

    @classmethod
    def of(cls, rows: Shaped[Array, "n d"], dtype: Any) -> "Originals":
        """Find the rows that differ, as numbers of `dtype`."""
        digests = np.concatenate(
            [_digests(_block(rows, part, dtype)) for part in _parts(len(rows))]
        )
        _, first, group, counts = np.unique(
            digests, return_index=True, return_inverse=True, return_counts=True
        )
        repeated = int((counts[group.reshape(-1)] > 1).sum())
        few = rows[:: max(1, len(rows) // 256)]
        return cls(rows, np.sort(first), repeated, _samples.centre(_samples.cast(few, dtype)))


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each of m points, the nearest and second nearest among the originals.

    Attributes:
        index: Number of the nearest (m,).
        distance: Distance to it (m,), zero where the two are equal but for the rounding of float32.
        second: Distance to the next one that is another point (m,).
    """

    index: Int[np.ndarray, " m"]
    distance: Float[np.ndarray, " m"]
    second: Float[np.ndarray, " m"]

    @property
    def ratio(self) -> Float[np.ndarray, " m"]:
        """distance / second, in [0, 1]: near zero next to one original, one midway between two."""
        return self.distance / np.maximum(self.second, np.finfo(float).tiny)


def nearest(
    points: Shaped[Array, "m d"],
    originals: Originals,
    *,
    rows_at_once: int = _ROWS,
    columns_at_once: int = _COLUMNS,
) -> Nearest:
    """Search all pairs.

    Args:
        points: Points (m, d), before the cast.
        originals: At least two that differ.
        rows_at_once: Points in a block.
        columns_at_once: Originals in a block.
    """
    dtype, m = originals.centre.dtype, len(points)
    index = np.zeros(m, np.int64)
    distance, second = np.zeros(m), np.zeros(m)
    size = min(rows_at_once, m)
    for start in range(0, m, size):
        # The last block reaches back over rows already done: one shape, one compilation.
        rows = slice(min(start, m - size), min(start, m - size) + size)
        block = _block(points, rows, dtype)
        found = _candidates(block, originals, columns_at_once)
        index[rows], distance[rows], second[rows] = _exact(np.asarray(block), originals, found)
    return Nearest(index, distance, second)


def _candidates(block: Array, originals: Originals, columns_at_once: int) -> np.ndarray:
    """Numbers of the nearest originals of each point (b, k), by expanded squares."""
    kept, dtype = originals.kept, originals.centre.dtype
    # A power of two, so that similar numbers of originals share a compilation.
    size = min(columns_at_once, 1 << (len(kept) - 1).bit_length())
    count = min(_CANDIDATES, len(kept))
    with _samples.precision(np.empty(0, dtype)):
        centred = jnp.asarray(block - originals.centre)
        best = jnp.full((len(block), count), jnp.inf, dtype)
        number = jnp.zeros((len(block), count), jnp.int32)
        for start in range(0, len(kept), size):
            rows = _block(originals.rows, kept[start : start + size], dtype) - originals.centre
            others = jnp.pad(jnp.asarray(rows), ((0, size - len(rows)), (0, 0)))
            best, number = _merge(best, number, centred, others, start, len(rows))
    return kept[np.asarray(number)]


@jax.jit
def _merge(best: Array, number: Array, points: Array, others: Array, start: Any, valid: Any):
    """The nearest of those known and of a block, of which the first `valid` rows are there."""
    squared = kernels.squared_distances(points, others, centred=True)
    column = jnp.arange(others.shape[0])
    squared = jnp.where(column[None, :] < valid, squared, jnp.inf)
    squares = jnp.concatenate([best, squared], axis=1)
    numbers = jnp.broadcast_to((start + column).astype(number.dtype), squared.shape)
    numbers = jnp.concatenate([number, numbers], axis=1)
    place, chosen = jnp.arange(squares.shape[1])[None, :], []
    for _ in range(best.shape[1]):  # cheaper than sorting for a handful
        chosen.append(jnp.argmin(jnp.where(_any(place, chosen), jnp.inf, squares), axis=1)[:, None])
    at = jnp.concatenate(chosen, axis=1)
    return jnp.take_along_axis(squares, at, axis=1), jnp.take_along_axis(numbers, at, axis=1)


def _any(place: Array, chosen: list[Array]) -> Array:
    """Which places are among those chosen."""
    return functools.reduce(jnp.logical_or, [place == at for at in chosen], jnp.zeros((), bool))


def _exact(block: np.ndarray, originals: Originals, found: np.ndarray):
    """Index, distance and second distance from differences in float64."""
    wide = block.astype(np.float64)
    distances = np.empty(found.shape)
    for place in range(found.shape[1]):
        rows = _block(originals.rows, found[:, place], originals.centre.dtype)
        distances[:, place] = np.linalg.norm(wide - np.asarray(rows, np.float64), axis=1)
    order = np.argsort(distances, axis=1, kind="stable")[:, :2]
    first, second = np.take_along_axis(distances, order, axis=1).T
    first = np.where(first <= _ROUNDING * np.linalg.norm(wide, axis=1), 0.0, first)
    return np.take_along_axis(found, order, axis=1)[:, 0], first, second


def _parts(n: int) -> list[slice]:
    return [slice(start, start + _COLUMNS) for start in range(0, n, _COLUMNS)]


def _block(rows: Array, part: Any, dtype: Any) -> Array:
    return _samples.cast(rows[part], dtype)


def _digests(rows: Array) -> np.ndarray:
    host = np.ascontiguousarray(np.asarray(rows)) + rows.dtype.type(0)  # -0 is 0
    found = (hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in host)
    return np.frombuffer(b"".join(found), "S16")
