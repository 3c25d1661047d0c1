"""A small network that labels every pixel or voxel [ronneberger2015, cicek2016]."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array

from ._conv_layer import Conv
from ._inputs import as_images, compute_dtype, positive
from ._resolution import check_widths, doubled, folded, halved, padded, unfolded

_GROUPS = 4


class UNet(nnx.Module):
    """Convolutions on the way down to coarser images and on the way up again, with shortcuts across.

    1. Sides that the pooling does not divide are padded by zeros at their end and cut again, so one network takes
       crops and whole slices, and gives one row of scores for every pixel.
    2. Group normalisation [wu2018]: no image depends on the others of its batch, which may be few.
    3. On the way up, channels are reduced before the image is enlarged by repetition: the same numbers, for a
       quarter of the products.
    4. With `fold` 2 the four pixels of a square become channels before the first level and pixels again after the
       last, so that no convolution runs at full resolution, where most of the time goes. A step of 8 crops of
       64 x 64 on a CPU: widths (16, 32, 64), one block, folded, 38 ms of processor time for 50 k parameters; widths
       (8, 16, 32), two blocks, not folded, 126 ms for 28 k.

    Args:
        in_channels: Of the images: how many modalities.
        num_outputs: Classes.
        dims: 2 for images (b, h, w, c), 3 for volumes (b, h, w, d, c).
        widths: Channels of each level, the finest first; multiples of 4. Each level halves every side.
        fold: Pixels along each side of a square (cube) that are taken as channels of one.
        blocks: Convolutions of each level on the way down, and as many on the way up.
        method: Of the convolutions, as in `conv2d`.
        dtype: Of the computation; None for bfloat16 on accelerators and float32 on CPUs.
        rngs: Stream "params".

    Raises:
        ValueError: a number below 1, neither two nor three dimensions, no level, or a width that is no multiple
            of 4.
    """

    def __init__(
        self,
        in_channels: int,
        num_outputs: int,
        *,
        dims: int = 2,
        widths: Sequence[int] = (16, 32, 64),
        blocks: int = 2,
        fold: int = 1,
        method: str = "auto",
        dtype: DTypeLike | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        positive(in_channels=in_channels, num_outputs=num_outputs, blocks=blocks, fold=fold)
        if dims not in (2, 3):
            raise ValueError(f"dims must be 2 for images or 3 for volumes, got {dims!r}.")
        check_widths(widths, _GROUPS)
        self.in_channels, self.dims, self.fold = in_channels, dims, fold
        together = fold**dims
        self.dtype = compute_dtype(dtype)

        def stack(before: int, after: int) -> _Stack:
            return _Stack(
                before, after, blocks, dims=dims, method=method, dtype=self.dtype, rngs=rngs
            )

        sizes = (together * in_channels, *widths)
        self.down = nnx.List(stack(a, b) for a, b in itertools.pairwise(sizes))
        pairs = list(itertools.pairwise(reversed(widths)))
        self.reduce = nnx.List(
            Conv(a, b, kernel_size=1, dims=dims, dtype=self.dtype, rngs=rngs) for a, b in pairs
        )
        self.up = nnx.List(stack(2 * b, b) for _, b in pairs)
        self.head = nnx.Linear(widths[0], together * num_outputs, dtype=jnp.float32, rngs=rngs)

    def __call__(self, x: Shaped[Array, "b ..."]) -> Float[Array, "b ... k"]:
        """Class scores of every pixel, in float32.

        Args:
            x: Images (b, h, w, in_channels), or (b, h, w) where that is 1; with `dims` 3 volumes
                (b, h, w, d, in_channels). Sides may have any length.

        Returns:
            Scores (b, h, w, num_outputs) or (b, h, w, d, num_outputs).

        Raises:
            ValueError: no images (volumes), or another number of channels.
        """
        x = as_images(x, channels=self.in_channels, smallest=1, dtype=self.dtype, dims=self.dims)
        sides = x.shape[1:-1]
        x = folded(padded(x, self.fold * 2 ** (len(self.down) - 1)), self.fold)
        kept = []
        for level, stack in enumerate(self.down):
            x = stack(halved(x) if level else x)
            kept.append(x)
        kept.pop()
        for reduce, stack in zip(self.reduce, self.up, strict=True):
            x = stack(jnp.concatenate([doubled(reduce(x)), kept.pop()], axis=-1))
        x = unfolded(self.head(x.astype(jnp.float32)), self.fold)
        return x[(slice(None), *(slice(side) for side in sides))]


class _Stack(nnx.Module):
    """Convolution, group normalisation and ReLU, `blocks` times."""

    def __init__(
        self,
        before: int,
        after: int,
        blocks: int,
        *,
        dims: int,
        method: str,
        dtype: jnp.dtype,
        rngs: nnx.Rngs,
    ) -> None:
        self.convs = nnx.List(
            Conv(a, after, dims=dims, method=method, dtype=dtype, rngs=rngs)
            for a in (before, *[after] * (blocks - 1))
        )
        self.norms = nnx.List(
            nnx.GroupNorm(after, num_groups=_GROUPS, dtype=jnp.float32, rngs=rngs)
            for _ in range(blocks)
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = jax.nn.relu(norm(conv(x))).astype(x.dtype)
        return x
