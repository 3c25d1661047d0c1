"""Precision and randomness, decided once.

Inside the regression core numbers are float64 whatever the caller's flag: `jax.enable_x64(True)` as a
context manager, also inside a caller's jit, never flips that flag. Matrix products name their precision,
because the default on accelerators (TF32, bfloat16) turns a Gram matrix indefinite.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from synthmix_jax._typing import Array, Key

HIGHEST = jax.lax.Precision.HIGHEST


def x64() -> Any:
    """A context in which JAX computes in float64; the caller's flag is as before when it ends."""
    return jax.enable_x64(True)


def as_float(x: Array) -> Array:
    """Numbers to compute with: uint8 images as x / 255, anything else cast to the widest float.

    NumPy arrays become float64 NumPy arrays; JAX arrays become float64 under `x64()`, else float32.
    """
    scale = 1.0 / 255.0 if x.dtype == np.uint8 else None
    on_host = isinstance(x, np.ndarray)
    wide = x.astype(np.float64) if on_host else jnp.asarray(x, jnp.result_type(float))
    return wide if scale is None else wide * scale


def as_rows(x: Array) -> Array:
    """Flatten (n, ...) to (n, d), cast by `as_float`; (n,) becomes (n, 1)."""
    wide = as_float(x)
    return wide.reshape(wide.shape[0], math.prod(wide.shape[1:]))


def host_generator(key: Key) -> np.random.Generator:
    """A NumPy generator seeded by a PRNG key: host-side permutations without a compilation.

    Raises:
        ValueError: `key` is no single PRNG key (a plain number, say).
    """
    if not (isinstance(key, jax.Array | np.ndarray) and key.size):
        raise ValueError(f"key must be a PRNG key such as jax.random.key(0), got {key!r}.")
    words = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    words = np.asarray(words)
    if words.ndim != 1 or words.dtype.kind not in "ui":
        raise ValueError(f"key must be one PRNG key, got an array of shape {key.shape}.")
    return np.random.default_rng([int(word) for word in words.astype(np.uint32)])
