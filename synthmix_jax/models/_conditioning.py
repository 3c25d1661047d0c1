"""What a velocity field is told beside the point: a time in [0, 1] and a class, or no class."""

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float, Int

from synthmix_jax._typing import Array

_HIGHEST, _LOWEST = 1000.0, 1.0


class Conditioning(nnx.Module):
    """An embedding of time and class: sines of the time and a row of a table, through two layers.

    Args:
        num_classes: Classes; the label `num_classes` means "of any class".
        width: Numbers in the embedding.
        rngs: Stream "params".
    """

    def __init__(self, num_classes: int, width: int, *, rngs: nnx.Rngs) -> None:
        self.width = width
        self.classes = nnx.Embed(num_classes + 1, width, rngs=rngs)
        self.first = nnx.Linear(width, width, rngs=rngs)
        self.second = nnx.Linear(width, width, rngs=rngs)

    def __call__(
        self, time: Float[Array, " b"], labels: Int[Array, " b"]
    ) -> Float[jax.Array, "b e"]:
        """Embed times and classes in float32."""
        embedded = self.first(sines(time, self.width)) + self.classes(jnp.asarray(labels))
        return jax.nn.silu(self.second(jax.nn.silu(embedded)))


def sines(time: Float[Array, " b"], width: int) -> Float[jax.Array, "b e"]:
    """Sines and cosines of the time at frequencies from 1 to 1000, evenly spaced in the logarithm."""
    half = width // 2
    frequencies = jnp.exp(jnp.linspace(math.log(_LOWEST), math.log(_HIGHEST), half))
    angles = time[:, None] * frequencies
    waves = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=1)
    return jnp.pad(waves, ((0, 0), (0, width - 2 * half)))
