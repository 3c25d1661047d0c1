"""Convolution as a layer, for images and volumes."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float

from ._conv import conv2d
from ._conv3d import conv3d


class Conv(nnx.Module):
    """A convolution layer of images or volumes: SAME padding, no bias, Kaiming's initial kernel [he2015].

    Attributes:
        kernel: (kernel_size, kernel_size, in_channels, out_channels) in float32; one side more for volumes.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        stride: int = 1,
        dims: int = 2,
        method: str = "auto",
        dtype: DTypeLike | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        shape = (*[kernel_size] * dims, in_channels, out_channels)
        self.kernel = nnx.Param(nnx.initializers.he_normal()(rngs.params(), shape, jnp.float32))
        self.stride = stride
        self.dims = dims
        self.method = method
        self.dtype = dtype

    def __call__(self, x: Float[jax.Array, "b ... i"]) -> Float[jax.Array, "b ... o"]:
        """Convolve images (b, h, w, in_channels) in the layer's dtype (None: that of `x`).

        With `dims` 3 they are volumes (b, h, w, d, in_channels).
        """
        dtype = x.dtype if self.dtype is None else self.dtype
        kernel = self.kernel[...].astype(dtype)
        convolve = conv2d if self.dims == 2 else conv3d
        return convolve(jnp.asarray(x, dtype), kernel, stride=self.stride, method=self.method)
