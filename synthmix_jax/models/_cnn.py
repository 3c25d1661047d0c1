"""A small convolutional network for many models on a CPU."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array

from ._conv import max_pool2
from ._conv_layer import Conv
from ._inputs import Norm, as_images, compute_dtype, positive


class SmallCNN(nnx.Module):
    """Blocks of 3 x 3 convolution, max-pooling, batch normalisation and ReLU, then a mean over pixels.

    9.1 million multiply-adds for an image of 32 x 32 x 3. An image of which a side has fewer than 8 pixels left is
    not pooled further.

    1. Pooling comes before normalisation and ReLU, which then see a quarter of the pixels. ReLU commutes with
       a maximum; normalisation does where its scale is positive, and otherwise the network differs a little.

    Args:
        num_outputs: Classes, or regression targets.
        in_channels: Of the images: 1 for grey, 3 for colour.
        widths: Channels of each block.
        dtype: Of the computation; None for bfloat16 on accelerators and float32 on CPUs.
        method: How convolutions are computed, as in `conv2d`.
        rngs: Stream "params".

    Raises:
        ValueError: a number below 1.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        in_channels: int = 3,
        widths: Sequence[int] = (32, 64, 96),
        dtype: DTypeLike | None = None,
        method: str = "auto",
        rngs: nnx.Rngs,
    ) -> None:
        positive(num_outputs=num_outputs, in_channels=in_channels)
        for width in widths:
            positive(widths=width)
        self.in_channels = in_channels
        self.dtype = compute_dtype(dtype)
        sizes = (in_channels, *widths)
        pairs = list(itertools.pairwise(sizes))
        self.convs = nnx.List(
            Conv(a, b, method=method, dtype=self.dtype, rngs=rngs) for a, b in pairs
        )
        self.norms = nnx.List(Norm(b, rngs=rngs) for b in widths)
        self.head = nnx.Linear(sizes[-1], num_outputs, dtype=jnp.float32, rngs=rngs)

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
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = conv(x)
            if min(x.shape[1:3]) >= 8:
                x = max_pool2(x)
            x = jax.nn.relu(norm(x))
        return self.head(x.mean((1, 2), dtype=jnp.float32))
