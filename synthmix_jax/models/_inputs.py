"""What the models share: their input as an array of images, precision, and normalisation."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array


def compute_dtype(dtype: DTypeLike | None) -> jnp.dtype:
    """`dtype`, or for None bfloat16 on accelerators and float32 on CPUs, where bfloat16 is emulated."""
    if dtype is not None:
        return jnp.dtype(dtype)
    return jnp.dtype(jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16)


def as_images(
    x: Shaped[Array, "b ..."], *, channels: int, smallest: int, dtype: jnp.dtype, dims: int = 2
) -> Float[jax.Array, "b ... i"]:
    """Images (b, h, w, channels) of a dtype to compute with; (b, h, w) gets a channel axis.

    With `dims` 3 they are volumes (b, h, w, d, channels), which need theirs.

    Raises:
        ValueError: no images, another number of channels, or fewer than `smallest` pixels along a side.
    """
    if dims == 3 and x.ndim != 5:
        raise ValueError(
            f"x must hold volumes (b, h, w, d, {channels}), got shape {x.shape}. "
            "Give grey volumes a channel axis, x[..., None]; for images build the model with dims=2."
        )
    if dims == 2 and x.ndim == 3:
        x = x[..., None]
    if dims == 2 and x.ndim != 4:
        raise ValueError(
            f"x must hold images (b, h, w, {channels}), got shape {x.shape}. "
            "Reshape vectors into images, or use an MLP."
        )
    if x.shape[-1] != channels:
        raise ValueError(
            f"x has {x.shape[-1]} channels (shape {x.shape}) but the model was built for {channels}. "
            f"Build it with in_channels={x.shape[-1]}, or convert the images."
        )
    if min(x.shape[1:3]) < smallest:
        raise ValueError(
            f"x holds images of {x.shape[1]} x {x.shape[2]} pixels, and the model needs at least "
            f"{smallest} x {smallest}. Enlarge or pad them, or use an MLP."
        )
    return scaled(x, dtype)


def scaled(x: Array, dtype: jnp.dtype) -> jax.Array:
    """Cast to `dtype`; uint8 counts as x / 255."""
    if x.dtype == jnp.uint8:
        return jnp.asarray(x, dtype) / 255
    return jnp.asarray(x, dtype)


def positive(**counts: int) -> None:
    """Raise unless every number, given by name, is a whole number of at least 1.

    Raises:
        ValueError: one that is not.
    """
    for name, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {count!r}.")


class Norm(nnx.Module):
    """Batch normalisation with statistics in float32 and output in the dtype of its input [ioffe2015]."""

    def __init__(self, channels: int, *, rngs: nnx.Rngs) -> None:
        self.norm = nnx.BatchNorm(channels, momentum=0.9, dtype=jnp.float32, rngs=rngs)

    def __call__(self, x: Float[jax.Array, "b h w i"]) -> Float[jax.Array, "b h w i"]:
        """Normalise each channel over batch and pixels (or by the running statistics, after `eval()`)."""
        return self.norm(x).astype(x.dtype)
