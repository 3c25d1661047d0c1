"""Modes that are never drawn: cells about anchors, redrawn until samples lie in the cells that are kept.

The modes of a class are the Voronoi cells of eight anchors that the generator itself draws with a key of their own.
So any generator can lose modes, whatever it knows of them. A sample in a dropped cell is drawn anew up to 64 times,
and then becomes an anchor that is kept: dropped cells are empty for certain. The kept cells keep their frequencies
among themselves, but for a share p^65 of the samples that ends at anchors, p being the mass of the dropped cells.
Each try draws for all labels, so that it compiles where the wrapped generator does.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, Key

from . import _given
from ._sampling import Generator

MODES = 8
_TRIES = 64
_ANCHORS = 0xA2C  # not the key of a caller who takes the same seed


def dropped(share: float | int) -> int:
    """Number of modes that a share of them means: rounded up, and one is kept."""
    return min(math.ceil(share * MODES - 1e-9), MODES - 1)


def anchors(generator: Generator, classes: int, seed: int) -> Array:
    """Anchors of each class (classes * MODES, ...), class after class; the last ones are dropped first."""
    return jnp.asarray(
        generator.sample(
            np.repeat(np.arange(classes), MODES),
            key=jax.random.fold_in(jax.random.key(seed), _ANCHORS),
        )
    )


@jax.jit
def cell(x: Array, labels: Int[Array, " m"], places: Array) -> Int[Array, " m"]:
    """The cell that each point lies in, 0..MODES - 1 among those of its class."""
    width = math.prod(x.shape[1:])
    rows, centres = x.reshape(len(x), width), places.reshape(len(places), width)
    # |x - a|^2 less |x|^2; about the mean of the anchors, which keeps digits.
    middle = centres.mean(axis=0)
    rows, centres = rows - middle, centres - middle
    products = jnp.matmul(rows, centres.T, precision=_numerics.HIGHEST)
    distances = jnp.sum(centres**2, axis=1) - 2.0 * products
    own = jnp.arange(len(places)) // MODES == labels[:, None]
    return jnp.argmin(jnp.where(own, distances, jnp.inf), axis=1) % MODES


def without(
    draw: Callable[[Key], Array],
    labels: Int[jax.Array, " m"],
    places: Array,
    share: float | int,
    *,
    key: Key,
) -> jax.Array:
    """Samples (m, ...) by `draw`, none of them in a dropped cell; the first try is `draw(key)`."""
    kept = MODES - dropped(share)
    redraws = jax.random.fold_in(key, 3)  # 1 and 2: other dials

    def missing(x: jax.Array) -> Bool[Array, " m"]:
        return cell(x, labels, places) >= kept

    def again(state: tuple) -> tuple:
        x, bad, tries = state
        new = jnp.asarray(draw(jax.random.fold_in(redraws, tries + 1)), x.dtype)
        x = jnp.where(_along(bad, x), new, x)
        return x, missing(x), tries + 1

    x = jnp.asarray(draw(key))
    state = (x, missing(x), jnp.int32(0))
    if _given.is_traced(state):
        state = jax.lax.while_loop(lambda s: s[1].any() & (s[2] < _TRIES), again, state)
    else:  # the same tries; a loop of JAX would be compiled anew at every call
        while state[1].any() and state[2] < _TRIES:
            state = again(state)
    x, bad, _ = state
    chosen = jax.random.randint(jax.random.fold_in(redraws, 0), labels.shape, 0, kept)
    return jnp.where(_along(bad, x), places[labels * MODES + chosen].astype(x.dtype), x)


def _along(mask: Bool[Array, " m"], x: Array) -> Bool[Array, "m ..."]:
    return mask.reshape(-1, *[1] * (x.ndim - 1))
