"""Residual networks for images of about 32 x 32 pixels."""

from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array

from ._conv import max_pool2
from ._conv_layer import Conv
from ._inputs import Norm, as_images, compute_dtype, positive


class ResNet9(nnx.Module):
    """The nine-layer network of the fast CIFAR-10 recipes: 94 % in minutes of one GPU [page2018].

    A first layer, then three of convolution, max-pooling, normalisation and CELU, of which the first and the last
    carry a residual branch of two convolutions; a maximum over pixels, and a linear layer without bias times 0.125.

    1. Pooling comes before normalisation and the activation, which then see a quarter of the pixels.
    2. CELU with α = 0.075 in place of ReLU, as in the later versions of the recipe.

    Args:
        num_outputs: Classes, or regression targets.
        in_channels: Of the images: 1 for grey, 3 for colour.
        widths: Channels of the first layer and of the three that follow.
        dtype: Of the computation; None for bfloat16 on accelerators and float32 on CPUs.
        method: How convolutions are computed, as in `conv2d`.
        rngs: Stream "params".

    Raises:
        ValueError: a number below 1, or not four widths.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        in_channels: int = 3,
        widths: Sequence[int] = (64, 128, 256, 512),
        dtype: DTypeLike | None = None,
        method: str = "auto",
        rngs: nnx.Rngs,
    ) -> None:
        _check(num_outputs, in_channels, widths)
        self.in_channels = in_channels
        self.dtype = compute_dtype(dtype)

        def block(a: int, b: int) -> _ConvNorm:
            return _ConvNorm(a, b, method=method, dtype=self.dtype, rngs=rngs)

        first, second, third, fourth = widths
        self.prep = block(in_channels, first)
        self.layer1 = block(first, second)
        self.residual1 = nnx.List([block(second, second), block(second, second)])
        self.layer2 = block(second, third)
        self.layer3 = block(third, fourth)
        self.residual3 = nnx.List([block(fourth, fourth), block(fourth, fourth)])
        self.head = nnx.Linear(fourth, num_outputs, use_bias=False, dtype=jnp.float32, rngs=rngs)

    def __call__(self, x: Shaped[Array, "b ..."]) -> Float[Array, "b k"]:
        """Outputs in float32, one row for each image.

        Args:
            x: Images (b, h, w, in_channels), or (b, h, w) where that is 1, of 8 x 8 pixels or more.

        Returns:
            Class scores or regression outputs (b, num_outputs).

        Raises:
            ValueError: no images, too small, or another number of channels.
        """
        x = as_images(x, channels=self.in_channels, smallest=8, dtype=self.dtype)
        x = _celu(self.prep(x))
        x = _celu(self.layer1(x, pool=True))
        x = _add_residual(x, self.residual1)
        x = _celu(self.layer2(x, pool=True))
        x = _celu(self.layer3(x, pool=True))
        x = _add_residual(x, self.residual3)
        return self.head(x.max((1, 2)).astype(jnp.float32)) * 0.125


class ResNet18(nnx.Module):
    """ResNet-18 for small images: a 3 x 3 first layer and no pooling before the blocks [he2016].

    Args:
        num_outputs: Classes, or regression targets.
        in_channels: Of the images: 1 for grey, 3 for colour.
        widths: Channels of each stage of two blocks; every stage after the first halves the image.
        dtype: Of the computation; None for bfloat16 on accelerators and float32 on CPUs.
        method: How convolutions are computed, as in `conv2d`.
        rngs: Stream "params".

    Raises:
        ValueError: a number below 1, or not four widths.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        in_channels: int = 3,
        widths: Sequence[int] = (64, 128, 256, 512),
        dtype: DTypeLike | None = None,
        method: str = "auto",
        rngs: nnx.Rngs,
    ) -> None:
        _check(num_outputs, in_channels, widths)
        self.in_channels = in_channels
        self.dtype = compute_dtype(dtype)
        self.stem = _ConvNorm(in_channels, widths[0], method=method, dtype=self.dtype, rngs=rngs)
        blocks = []
        before = widths[0]
        for stage, width in enumerate(widths):
            for stride in (2 if stage else 1, 1):
                blocks.append(
                    _Block(before, width, stride=stride, method=method, dtype=self.dtype, rngs=rngs)
                )
                before = width
        self.blocks = nnx.List(blocks)
        self.head = nnx.Linear(before, num_outputs, dtype=jnp.float32, rngs=rngs)

    def __call__(self, x: Shaped[Array, "b ..."]) -> Float[Array, "b k"]:
        """Outputs in float32, one row for each image.

        Args:
            x: Images (b, h, w, in_channels), or (b, h, w) where that is 1, of 8 x 8 pixels or more.

        Returns:
            Class scores or regression outputs (b, num_outputs).

        Raises:
            ValueError: no images, too small, or another number of channels.
        """
        x = as_images(x, channels=self.in_channels, smallest=8, dtype=self.dtype)
        x = jax.nn.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((1, 2), dtype=jnp.float32))


class _ConvNorm(nnx.Module):
    """Convolution, max-pooling if asked for, batch normalisation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        stride: int = 1,
        method: str,
        dtype: jnp.dtype,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = Conv(
            in_channels,
            out_channels,
            kernel_size=kernel_size,
            stride=stride,
            method=method,
            dtype=dtype,
            rngs=rngs,
        )
        self.norm = Norm(out_channels, rngs=rngs)

    def __call__(self, x: jax.Array, *, pool: bool = False) -> jax.Array:
        x = self.conv(x)
        return self.norm(max_pool2(x) if pool else x)


class _Block(nnx.Module):
    """Two convolutions beside a shortcut, which is a 1 x 1 convolution where the shape changes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        method: str,
        dtype: jnp.dtype,
        rngs: nnx.Rngs,
    ) -> None:
        self.first = _ConvNorm(
            in_channels, out_channels, stride=stride, method=method, dtype=dtype, rngs=rngs
        )
        self.second = _ConvNorm(out_channels, out_channels, method=method, dtype=dtype, rngs=rngs)
        self.shortcut: _ConvNorm | None = nnx.data(None)
        if stride != 1 or in_channels != out_channels:
            self.shortcut = _ConvNorm(
                in_channels,
                out_channels,
                kernel_size=1,
                stride=stride,
                method=method,
                dtype=dtype,
                rngs=rngs,
            )

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.second(jax.nn.relu(self.first(x)))
        return jax.nn.relu(y + (self.shortcut(x) if self.shortcut is not None else x))


def _add_residual(x: jax.Array, blocks: Iterable[_ConvNorm]) -> jax.Array:
    y = x
    for block in blocks:
        y = _celu(block(y))
    return x + y


def _celu(x: jax.Array) -> jax.Array:
    return jax.nn.celu(x, 0.075)


def _check(num_outputs: int, in_channels: int, widths: Sequence[int]) -> None:
    positive(num_outputs=num_outputs, in_channels=in_channels)
    if len(widths) != 4:
        raise ValueError(f"widths must hold four numbers of channels, got {tuple(widths)}.")
    for width in widths:
        positive(widths=width)
