"""Random convolutions: features of images that need no training and no download.

Image x and Gaussian filter w of s x s pixels and all channels, shifted to mean zero and scaled to norm one:

    r = x * w                      (cross-correlation, positions where the filter lies inside the image)
    max(r, 0) and max(-r, 0)       averaged over each cell of a grid of the positions,

and, so that brightness and colour are seen as well, the mean of each channel over each cell of the image. Split by
sign and pooled over a coarse grid, the responses of random filters carry a good part of what learned filters see in
small images [coates2011] [saxe2011].

1. Filters sum to zero: otherwise every feature would mostly repeat the brightness. It has its own features instead.
2. Filters have norm one, whatever their size: on white noise all responses have the variance of a pixel.
3. No padding: a border of zeros would be an edge in every image.
"""

import dataclasses
import functools
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics
from synthmix_jax._typing import Array
from synthmix_jax.features import _rows

# Pixels of one block, all images together. On one shared core 10,000 images of 32 x 32 x 3 took 5 to
# 7 s with 16 or 32 images a block and 9 to 13 s with 64 to 512, whose responses leave the cache; 10,000
# of 8 x 8 took 0.05 s with 256 or 512 and 0.2 s with 4,096.
_PIXELS = 32 * 32 * 32


@dataclasses.dataclass(frozen=True)
class RandomConvolutions:
    """Rectified responses of fixed random filters, averaged over a coarse grid.

    d = grid² (2 filters len(sizes) + channels): 516 for grey images and 524 for colour images by default.

    Attributes:
        filters: Number of filters of each size.
        sizes: Heights and widths of the filters, in pixels.
        grid: Cells along each side of the image.
        seed: From 0 to 2³¹ - 1. A seed always gives the same filters, whatever the precision of the caller.
        block_size: Images at a time; None for 32,768 pixels, the fastest measured on a CPU.

    Raises:
        ValueError: a number below 1, a filter of a single pixel, or a seed that is no such integer.

    References:
        Coates and Ng (2011), The Importance of Encoding Versus Training with Sparse Coding and Vector
        Quantization. [coates2011]
        Saxe et al. (2011), On Random Weights and Unsupervised Feature Learning. [saxe2011]
    """

    words: ClassVar[str] = "random convolutional features"

    filters: _rows.Whole = 32
    sizes: Any = (3, 5)
    grid: _rows.Whole = dataclasses.field(default=2, kw_only=True)
    seed: _rows.Whole = dataclasses.field(default=0, kw_only=True)
    block_size: _rows.Whole | None = dataclasses.field(
        default=None, kw_only=True, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.block_size is not None:
            _rows.whole(
                "block_size", self.block_size, least=1, remedy="None is the fastest measured."
            )
        set_ = functools.partial(object.__setattr__, self)
        set_("filters", _rows.whole("filters", self.filters, least=1, remedy="The default is 32."))
        set_("sizes", _checked_sizes(self.sizes))
        set_("grid", _rows.whole("grid", self.grid, least=1, remedy="The default is 2."))
        set_("seed", _rows.whole("seed", self.seed, least=0, most=2**31 - 1, remedy=_SEED))

    def __call__(self, x: Shaped[Array, "n ..."]) -> Float[Array, "n d"]:
        """Features of images, computed in float32.

        Args:
            x: Images (n, height, width) or (n, height, width, channels); uint8 counts as x / 255.

        Returns:
            Features (n, d) in float32.

        Raises:
            ValueError: no images, images too small for the filters and the grid, no rows, or
                non-finite values.
        """
        x = _rows.checked(x)
        self._check_size(x.shape)
        images = x if x.ndim == 4 else x[..., None]
        filters = tuple(
            _filters(self.seed, size, images.shape[3], self.filters) for size in self.sizes
        )
        size = self.block_size or max(1, _PIXELS // math.prod(images.shape[1:3]))
        return _rows.in_blocks(
            functools.partial(_features, filters=filters, grid=self.grid), images, size
        )

    @property
    def smallest(self) -> int:
        """Pixels an image needs along each side."""
        return max(self.sizes) + self.grid - 1

    def _check_size(self, shape: tuple[int, ...]) -> None:
        if len(shape) not in (3, 4):
            raise ValueError(
                f"x has shape {shape}; random convolutions need images (n, height, width) or "
                "(n, height, width, channels). Use Pixels() or PCA for vectors."
            )
        if min(shape[1:3]) < self.smallest:
            raise ValueError(
                f"x holds images of {shape[1]} x {shape[2]} pixels; filters of {max(self.sizes)} pixels "
                f"on a grid of {self.grid} need at least {self.smallest} along each side. Choose smaller "
                "sizes, or move the channels to the last dimension if they come first."
            )


_SEED = "Give a plain integer, not a PRNG key: the seed is part of the features' description."


def _checked_sizes(sizes: Any) -> tuple[int, ...]:
    given = sizes if isinstance(sizes, tuple | list) else (sizes,)
    if not given:
        raise ValueError("sizes is empty; give at least one filter size, such as (3, 5).")
    remedy = "A filter of one pixel that sums to zero is zero."
    return tuple(_rows.whole("sizes", size, least=2, remedy=remedy) for size in given)


@functools.lru_cache(maxsize=64)
def _filters(seed: int, size: int, channels: int, count: int) -> Float[np.ndarray, "s s c f"]:
    """Filters of one size, of which each sums to zero and has norm one.

    The generator and the precision are pinned and the values computed at once, also inside a
    caller's `jit`, so that neither configuration nor tracing changes them.
    """
    with jax.ensure_compile_time_eval(), jax.enable_x64(False):
        key = jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), size)
        drawn = jax.random.normal(key, (size, size, channels, count), jnp.float32)
        filters = np.asarray(drawn, np.float64)
    filters -= filters.mean(axis=(0, 1, 2))
    filters /= np.sqrt(np.sum(filters**2, axis=(0, 1, 2)))
    return filters.astype(np.float32)


@functools.partial(jax.jit, static_argnames="grid")
def _features(
    images: Float[Array, "n h w c"], filters: tuple[Float[Array, "_ _ c f"], ...], grid: int
) -> Float[Array, "n d"]:
    """Of each filter size both signs, cell by cell, then the means of the channels."""
    parts = []
    for bank in filters:
        responses = jax.lax.conv_general_dilated(
            jnp.asarray(images),
            jnp.asarray(bank),
            window_strides=(1, 1),
            padding="VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=_numerics.HIGHEST,
        )
        parts += [_pooled(jax.nn.relu(responses), grid), _pooled(jax.nn.relu(-responses), grid)]
    return jnp.concatenate([*parts, _pooled(images, grid)], axis=1)


def _pooled(maps: Float[Array, "n h w f"], grid: int) -> Float[Array, "n d"]:
    """Means over the cells of a grid; where it does not divide the side, cells share a line."""
    rows, columns = (_cells(side, grid) for side in maps.shape[1:3])
    cells = [jnp.mean(maps[:, r, c], axis=(1, 2)) for r in rows for c in columns]
    return jnp.concatenate(cells, axis=1)


def _cells(side: int, grid: int) -> list[slice]:
    return [slice(i * side // grid, -(-(i + 1) * side // grid)) for i in range(grid)]
