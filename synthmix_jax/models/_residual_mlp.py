"""A velocity field of vectors: residual layers told the time and the class."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from synthmix_jax._typing import Array

from ._conditioning import Conditioning
from ._inputs import compute_dtype, positive


class ResidualMLP(nnx.Module):
    """Residual blocks of two linear layers, each scaled and moved by an embedding of time and class.

    Its last layer begins at zero, so an untrained field is zero everywhere.

    Args:
        features: Numbers in one point.
        num_classes: Classes; the label `num_classes` means "of any class".
        width: Units of each layer.
        depth: Residual blocks.
        dtype: Of the computation; None for bfloat16 on accelerators and float32 on CPUs.
        rngs: Stream "params".

    Raises:
        ValueError: a number below 1.
    """

    def __init__(
        self,
        features: int,
        *,
        num_classes: int,
        width: int = 256,
        depth: int = 3,
        dtype: DTypeLike | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        positive(features=features, num_classes=num_classes, width=width, depth=depth)
        self.dtype = compute_dtype(dtype)
        self.conditioning = Conditioning(num_classes, width, rngs=rngs)
        self.stem = nnx.Linear(features, width, dtype=self.dtype, rngs=rngs)
        self.blocks = nnx.List(_Block(width, dtype=self.dtype, rngs=rngs) for _ in range(depth))
        self.norm = nnx.LayerNorm(width, dtype=jnp.float32, rngs=rngs)
        self.head = nnx.Linear(width, features, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(
        self,
        x: Float[Array, "b d"],
        time: Float[Array, " b"],
        labels: Int[Array, " b"],
    ) -> Float[jax.Array, "b d"]:
        """Velocities in float32.

        Args:
            x: Points (b, features).
            time: In [0, 1] (b,).
            labels: Classes (b,).

        Returns:
            Velocities (b, features).
        """
        told = self.conditioning(time, labels)
        h = self.stem(jnp.asarray(x, self.dtype))
        for block in self.blocks:
            h = block(h, told)
        return self.head(jax.nn.silu(self.norm(h)))


class _Block(nnx.Module):
    def __init__(self, width: int, *, dtype: jnp.dtype, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(
            width, use_bias=False, use_scale=False, dtype=jnp.float32, rngs=rngs
        )
        self.told = nnx.Linear(width, 2 * width, rngs=rngs)
        self.first = nnx.Linear(width, width, dtype=dtype, rngs=rngs)
        # A block begins as the identity.
        self.second = nnx.Linear(
            width, width, dtype=dtype, kernel_init=nnx.initializers.zeros, rngs=rngs
        )

    def __call__(self, h: jax.Array, told: jax.Array) -> jax.Array:
        scale, move = jnp.split(self.told(told), 2, axis=-1)
        inner = self.norm(h) * (1.0 + scale) + move
        return h + self.second(jax.nn.silu(self.first(inner.astype(h.dtype))))
