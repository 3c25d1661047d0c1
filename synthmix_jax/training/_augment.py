"""Batches on the device: rows of the pool, mirrored and moved, as numbers a network can take."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, Shaped

from synthmix_jax._typing import Array, Key


def batch(
    pool: Shaped[Array, "N ..."],
    rows: Int[Array, " b"],
    mean: Float[Array, "..."],
    scale: Float[Array, "..."],
    *,
    key: Key | None = None,
    flip: bool = False,
    shift: int = 0,
) -> Float[jax.Array, "b ..."]:
    """Rows of the pool, augmented and standardised.

    Args:
        pool: All points: uint8 images count as x / 255.
        rows: Which of them.
        mean: Subtracted; broadcasts against one point.
        scale: Divided by, thereafter.
        key: PRNG key of the augmentation; None for none.
        flip: Whether images are mirrored left to right with probability 1/2.
        shift: Images move by -shift to shift pixels each way; the border is reflected.

    Returns:
        The batch in float32; images (b, h, w) have gained a channel axis.
    """
    return standardized(moved(pool, rows, key=key, flip=flip, shift=shift), mean, scale)


def moved(
    pool: Shaped[Array, "N ..."],
    rows: Int[Array, " b"],
    *,
    key: Key | None = None,
    flip: bool = False,
    shift: int = 0,
) -> Shaped[Array, "b ..."]:
    """Rows of the pool, mirrored and moved as `batch` does: with the same key, images and label maps alike."""
    if key is None or not (flip or shift):
        return pool[rows]
    down, across = _coordinates(pool.shape[1:3], len(rows), key, flip, shift)
    # One gather of whole pixels: 0.13 ms for 64 CIFAR-10 images on two CPU cores, half of what taking
    # rows and columns one after the other costs.
    return pool[rows[:, None, None], down[:, :, None], across[:, None, :]]


def standardized(
    x: Shaped[Array, "b ..."], mean: Float[Array, "..."], scale: Float[Array, "..."]
) -> Float[jax.Array, "b ..."]:
    """(x - mean) / scale in float32, with a channel axis for images that have none."""
    wide = jnp.asarray(x, jnp.float32)
    if x.dtype == jnp.uint8:
        wide = wide / 255.0
    wide = (wide - mean) / scale
    return wide[..., None] if wide.ndim == 3 else wide


def _coordinates(
    shape: tuple[int, ...], number: int, key: Key, flip: bool, shift: int
) -> tuple[Int[jax.Array, "b h"], Int[jax.Array, "b w"]]:
    """For each image, the row and the column that every pixel is taken from."""
    height, width = shape
    by_row, by_column, mirror = jax.random.split(key, 3)
    moves = [
        jax.random.randint(k, (number, 1), -shift, shift + 1, jnp.int32)
        for k in (by_row, by_column)
    ]
    down = _reflect(jnp.arange(height, dtype=jnp.int32) + moves[0], height)
    across = _reflect(jnp.arange(width, dtype=jnp.int32) + moves[1], width)
    if flip:
        turned = jax.random.bernoulli(mirror, 0.5, (number, 1))
        across = jnp.where(turned, across[:, ::-1], across)
    return down, across


def _reflect(place: Int[jax.Array, "b h"], size: int) -> Int[jax.Array, "b h"]:
    place = jnp.abs(place)
    return jnp.where(place >= size, 2 * (size - 1) - place, place)
