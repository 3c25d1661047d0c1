"""Images (b, h, w, c) and volumes (b, h, w, d, c) on coarser and finer grids, as U-Nets need them."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from synthmix_jax._typing import Array

from ._inputs import positive


def halved(x: jax.Array) -> jax.Array:
    """Means of 2 x 2 (x 2) blocks."""
    b, *sides, c = x.shape
    blocks = x.reshape(b, *itertools.chain(*((side // 2, 2) for side in sides)), c)
    return blocks.mean(axis=tuple(range(2, 2 * len(sides) + 1, 2)))


def doubled(x: jax.Array) -> jax.Array:
    """Every pixel 2 x 2 (x 2) times."""
    for axis in range(1, x.ndim - 1):
        x = jnp.repeat(x, 2, axis=axis)
    return x


def padded(x: Array, multiple: int) -> jax.Array:
    """Zeros after the end of each side, up to a multiple."""
    after = [(0, -side % multiple) for side in x.shape[1:-1]]
    return jnp.pad(x, [(0, 0), *after, (0, 0)])


def folded(x: jax.Array, fold: int) -> jax.Array:
    """Squares (cubes) of `fold` pixels along each side as one pixel with all their channels."""
    if fold == 1:
        return x
    b, *sides, c = x.shape
    dims = len(sides)
    x = x.reshape(b, *itertools.chain(*((side // fold, fold) for side in sides)), c)
    coarse, within = range(1, 2 * dims, 2), range(2, 2 * dims + 1, 2)
    x = x.transpose(0, *coarse, *within, 2 * dims + 1)
    return x.reshape(b, *(side // fold for side in sides), fold**dims * c)


def unfolded(x: jax.Array, fold: int) -> jax.Array:
    """What `folded` undoes."""
    if fold == 1:
        return x
    b, *sides, c = x.shape
    dims = len(sides)
    x = x.reshape(b, *sides, *[fold] * dims, c // fold**dims)
    order = itertools.chain(*((1 + i, 1 + dims + i) for i in range(dims)))
    x = x.transpose(0, *order, 2 * dims + 1)
    return x.reshape(b, *(side * fold for side in sides), c // fold**dims)


def check_widths(widths: Sequence[int], groups: int) -> None:
    """Raise ValueError unless there is a level, and every width is a multiple of `groups`."""
    if not widths:
        raise ValueError("widths is empty: give the channels of at least one level.")
    for width in widths:
        positive(widths=width)
        if width % groups:
            raise ValueError(f"widths must be multiples of {groups}, got {width}.")
