"""A velocity field of images: a small U-Net told the time and the class [ronneberger2015, ho2020]."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from synthmix_jax._typing import Array

from ._conditioning import Conditioning
from ._conv_layer import Conv
from ._inputs import compute_dtype, positive
from ._resolution import check_widths, doubled, halved, padded

_GROUPS = 8


class VelocityUNet(nnx.Module):
    """Residual blocks on the way down to coarser images and on the way up again, with shortcuts across.

    Each level halves the resolution: blocks down, one block and self-attention at the bottom, blocks up.
    Images whose sides do not divide are padded by zeros at their lower right and cut again. Its last layer begins
    at zero, so an untrained field is zero everywhere.

    Args:
        channels: Of the images.
        num_classes: Classes; the label `num_classes` means "of any class".
        widths: Channels of each level, the finest first; multiples of 8.
        blocks: Residual blocks of each level on the way down, and as many on the way up.
        method: Of the convolutions, as `conv2d`.
        dtype: Of the computation; None for bfloat16 on accelerators and float32 on CPUs.
        rngs: Stream "params".

    Raises:
        ValueError: a number below 1, no level, or a width that is no multiple of 8.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_classes: int,
        widths: Sequence[int] = (32, 64),
        blocks: int = 1,
        method: str = "auto",
        dtype: DTypeLike | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        positive(channels=channels, num_classes=num_classes, blocks=blocks)
        check_widths(widths, _GROUPS)
        told = 4 * widths[0]
        self.dtype = compute_dtype(dtype)
        options = {"told": told, "method": method, "dtype": self.dtype, "rngs": rngs}
        self.levels = len(widths)
        self.conditioning = Conditioning(num_classes, told, rngs=rngs)
        self.stem = Conv(channels, widths[0], method=method, dtype=self.dtype, rngs=rngs)
        down, up = _sizes(widths, blocks)
        self.down = _blocks(down, options)
        self.middle = _Block(widths[-1], widths[-1], **options)
        self.attention = _Attention(widths[-1], dtype=self.dtype, rngs=rngs)
        self.up = _blocks(up, options)
        self.norm = _norm(widths[0], rngs)
        self.head = Conv(widths[0], channels, method=method, dtype=jnp.float32, rngs=rngs)
        self.head.kernel[...] = jnp.zeros_like(self.head.kernel[...])

    def __call__(
        self,
        x: Float[Array, "b h w c"],
        time: Float[Array, " b"],
        labels: Int[Array, " b"],
    ) -> Float[jax.Array, "b h w c"]:
        """Velocities in float32.

        Args:
            x: Images (b, h, w, channels).
            time: In [0, 1] (b,).
            labels: Classes (b,).

        Returns:
            Velocities (b, h, w, channels).
        """
        told = self.conditioning(time, labels)
        height, width = x.shape[1:3]
        h = self.stem(padded(x, 2 ** (self.levels - 1)).astype(self.dtype))
        kept = []
        for level, blocks in enumerate(self.down):
            h = halved(h) if level else h
            for block in blocks:
                h = block(h, told)
                kept.append(h)
        h = self.attention(self.middle(h, told))
        for level, blocks in enumerate(self.up):
            h = doubled(h) if level else h
            for block in blocks:
                h = block(jnp.concatenate([h, kept.pop()], axis=-1), told)
        h = jax.nn.silu(self.norm(h)).astype(jnp.float32)
        return self.head(h)[:, :height, :width]


Sizes = list[list[tuple[int, int]]]


def _sizes(widths: Sequence[int], blocks: int) -> tuple[Sizes, Sizes]:
    """Channels before and after each block, level by level: from fine to coarse, and back."""
    down, up, now = [], [], widths[0]
    for width in widths:
        down.append([(now, width), *[(width, width)] * (blocks - 1)])
        now = width
    for width in reversed(widths):
        # Each block on the way up also sees what the block across from it gave.
        up.append([(now + width, width), *[(2 * width, width)] * (blocks - 1)])
        now = width
    return down, up


def _blocks(sizes: Sizes, options: dict[str, Any]) -> Any:
    return nnx.List(nnx.List([_Block(*size, **options) for size in level]) for level in sizes)


class _Block(nnx.Module):
    """Two convolutions beside a shortcut; time and class scale and move what the second one sees."""

    def __init__(
        self,
        before: int,
        after: int,
        *,
        told: int,
        method: str,
        dtype: jnp.dtype,
        rngs: nnx.Rngs,
    ) -> None:
        self.first_norm, self.second_norm = _norm(before, rngs), _norm(after, rngs)
        self.first = Conv(before, after, method=method, dtype=dtype, rngs=rngs)
        self.second = Conv(after, after, method=method, dtype=dtype, rngs=rngs)
        # A block begins as its shortcut.
        self.second.kernel[...] = jnp.zeros_like(self.second.kernel[...])
        self.told = nnx.Linear(told, 2 * after, rngs=rngs)
        self.shortcut: Conv | None = nnx.data(None)
        if before != after:
            self.shortcut = Conv(before, after, kernel_size=1, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, told: jax.Array) -> jax.Array:
        h = self.first(jax.nn.silu(self.first_norm(x)).astype(x.dtype))
        scale, move = jnp.split(self.told(told)[:, None, None, :], 2, axis=-1)
        h = self.second_norm(h) * (1.0 + scale) + move
        h = self.second(jax.nn.silu(h).astype(x.dtype))
        return h + (x if self.shortcut is None else self.shortcut(x))


class _Attention(nnx.Module):
    """Every pixel looks at every other one; a layer that begins as the identity."""

    def __init__(self, width: int, *, dtype: jnp.dtype, rngs: nnx.Rngs) -> None:
        self.norm = _norm(width, rngs)
        self.attend = nnx.MultiHeadAttention(
            num_heads=_heads(width),
            in_features=width,
            out_kernel_init=nnx.initializers.zeros,
            decode=False,
            dtype=dtype,
            rngs=rngs,
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        b, h, w, c = x.shape
        pixels = self.norm(x).astype(x.dtype).reshape(b, h * w, c)
        return x + self.attend(pixels).reshape(b, h, w, c)


def _heads(width: int) -> int:
    """The largest number of heads of at least 32 channels that divides the width."""
    return next(n for n in range(max(width // 32, 1), 0, -1) if width % n == 0)


def _norm(channels: int, rngs: nnx.Rngs) -> nnx.GroupNorm:
    return nnx.GroupNorm(channels, num_groups=_GROUPS, dtype=jnp.float32, rngs=rngs)
