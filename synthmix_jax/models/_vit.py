"""A small vision transformer."""

from typing import Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float, Shaped

from synthmix_jax import _checks
from synthmix_jax._typing import Array

from ._inputs import as_images, compute_dtype, positive
from ._mlp import dropout_layer

Positions: TypeAlias = Literal["sincos", "learned"]
Pooling: TypeAlias = Literal["mean", "cls"]


class ViTTiny(nnx.Module):
    """A vision transformer [dosovitskiy2021] of the size called tiny [touvron2021].

    It normalises before each branch. Positions are fixed sines and cosines and tokens are averaged unless asked
    otherwise, as in the plainer recipe of [beyer2022].

    Args:
        num_outputs: Classes, or regression targets.
        image_size: Height and width in pixels, or one number for both; multiples of `patch_size`.
        in_channels: Of the images: 1 for grey, 3 for colour.
        patch_size: Pixels along each side of a patch, which becomes one token.
        width: Numbers in a token; a multiple of `heads`, and of 4 for sines and cosines.
        depth: Blocks of attention and perceptron.
        heads: Of each attention.
        expansion: Units of a perceptron's hidden layer, as a multiple of `width`.
        dropout: Probability that a number of a branch's output is set to zero in training.
        positions: "sincos" (fixed) or "learned".
        pooling: "mean" over tokens, or "cls": a token of its own.
        dtype: Of the computation; None for bfloat16 on accelerators and float32 on CPUs.
        rngs: Streams "params", and "dropout" where it is used.

    Raises:
        ValueError: a number below 1, an image that is no whole number of patches, or a width that the heads
            or the positions do not divide.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        image_size: int | tuple[int, int] = 32,
        in_channels: int = 3,
        patch_size: int = 4,
        width: int = 192,
        depth: int = 9,
        heads: int = 3,
        expansion: int = 4,
        dropout: float = 0.0,
        positions: str = "sincos",
        pooling: str = "mean",
        dtype: DTypeLike | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        positive(num_outputs=num_outputs, in_channels=in_channels, patch_size=patch_size)
        positive(width=width, depth=depth, heads=heads, expansion=expansion)
        _checks.one_of("positions", positions, get_args(Positions))
        _checks.one_of("pooling", pooling, get_args(Pooling))
        size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
        positive(image_height=size[0], image_width=size[1])
        _check_divisible(size, patch_size, width, heads, positions)
        self.image_size = size
        self.in_channels = in_channels
        self.patch_size = patch_size
        self.dtype = compute_dtype(dtype)
        grid = (size[0] // patch_size, size[1] // patch_size)
        small = nnx.initializers.normal(0.02)
        self.embed = nnx.Linear(
            patch_size**2 * in_channels, width, dtype=self.dtype, kernel_init=_XAVIER, rngs=rngs
        )
        self.position: nnx.Param | None = nnx.data(None)
        if positions == "learned":
            self.position = nnx.Param(small(rngs.params(), (grid[0] * grid[1], width), jnp.float32))
        self.cls: nnx.Param | None = nnx.data(None)
        if pooling == "cls":
            self.cls = nnx.Param(small(rngs.params(), (width,), jnp.float32))
        self.blocks = nnx.List(
            _Block(width, heads, expansion, dropout, dtype=self.dtype, rngs=rngs)
            for _ in range(depth)
        )
        self.norm = _layer_norm(width, rngs)
        self.head = nnx.Linear(width, num_outputs, dtype=jnp.float32, rngs=rngs)

    def __call__(self, x: Shaped[Array, "b ..."]) -> Float[Array, "b k"]:
        """Outputs in float32, one row for each image.

        Args:
            x: Images (b, h, w, in_channels) of `image_size`, or (b, h, w) where that is 1.

        Returns:
            Class scores or regression outputs (b, num_outputs).

        Raises:
            ValueError: no images, another size, or another number of channels.
        """
        x = as_images(x, channels=self.in_channels, smallest=1, dtype=self.dtype)
        if x.shape[1:3] != self.image_size:
            raise ValueError(
                f"x holds images of {x.shape[1]} x {x.shape[2]} pixels but the model was built for "
                f"{self.image_size[0]} x {self.image_size[1]}. Build it with "
                f"image_size={x.shape[1:3]}, a multiple of patch_size={self.patch_size}, or resize them."
            )
        x = self.embed(_to_patches(x, self.patch_size))
        x = x + self._position(x.shape[2]).astype(self.dtype)
        if self.cls is not None:
            token = self.cls[...].astype(self.dtype)
            x = jnp.concatenate([jnp.broadcast_to(token, (x.shape[0], 1, x.shape[2])), x], axis=1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(x.mean(1) if self.cls is None else x[:, 0])

    def _position(self, width: int) -> jax.Array:
        if self.position is not None:
            return self.position[...]
        rows, columns = (side // self.patch_size for side in self.image_size)
        return jnp.asarray(_sines(rows, columns, width))


class _Block(nnx.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x))."""

    def __init__(
        self,
        width: int,
        heads: int,
        expansion: int,
        dropout: float,
        *,
        dtype: jnp.dtype,
        rngs: nnx.Rngs,
    ) -> None:
        def linear(a: int, b: int) -> nnx.Linear:
            return nnx.Linear(a, b, dtype=dtype, kernel_init=_XAVIER, rngs=rngs)

        self.heads = heads
        self.norm1 = _layer_norm(width, rngs)
        self.qkv = nnx.List([linear(width, width) for _ in range(3)])
        self.out = linear(width, width)
        self.norm2 = _layer_norm(width, rngs)
        self.up = linear(width, expansion * width)
        self.down = linear(expansion * width, width)
        self.dropout = dropout_layer(dropout, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.norm1(x).astype(x.dtype)
        b, tokens, width = x.shape
        q, k, v = (f(y).reshape(b, tokens, self.heads, width // self.heads) for f in self.qkv)
        y = jax.nn.dot_product_attention(q, k, v).reshape(b, tokens, width)
        x = x + self.dropout(self.out(y))
        y = self.norm2(x).astype(x.dtype)
        return x + self.dropout(self.down(jax.nn.gelu(self.up(y))))


_XAVIER = nnx.initializers.xavier_uniform()


def _layer_norm(width: int, rngs: nnx.Rngs) -> nnx.LayerNorm:
    return nnx.LayerNorm(width, dtype=jnp.float32, rngs=rngs)


def _to_patches(x: jax.Array, size: int) -> jax.Array:
    """(b, patches, size² channels), row by row."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // size, size, w // size, size, c).swapaxes(2, 3)
    return x.reshape(b, -1, size * size * c)


def _sines(rows: int, columns: int, width: int) -> np.ndarray:
    """(rows columns, width): sines and cosines of the row and of the column at width / 4 frequencies."""
    frequency = 10_000.0 ** -(np.arange(width // 4) / max(width // 4 - 1, 1))
    y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    angles = [np.outer(place.ravel(), frequency) for place in (y, x)]
    return np.concatenate([f(a) for a in angles for f in (np.sin, np.cos)], axis=1).astype("f4")


def _check_divisible(
    size: tuple[int, ...], patch_size: int, width: int, heads: int, positions: str
) -> None:
    if size[0] % patch_size or size[1] % patch_size:
        raise ValueError(
            f"image_size {size} is no whole number of patches of {patch_size} pixels. "
            "Choose a patch_size that divides both sides, or pad the images."
        )
    if width % heads:
        raise ValueError(f"width must be a multiple of heads={heads}, got {width}.")
    if positions == "sincos" and width % 4:
        raise ValueError(
            f"width must be a multiple of 4 for positions='sincos', got {width}. "
            "Change it, or use positions='learned'."
        )
