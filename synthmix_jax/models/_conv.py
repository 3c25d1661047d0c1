"""Convolution in forms that batch over models, and a max-pooling with a cheap gradient.

`jax.vmap` over kernels turns XLA's own convolution into one with feature groups, whose weight gradient costs about
the square of the number of models on a CPU; inside `lax.scan` or `lax.map` XLA:CPU falls back to a plain loop.
The other two forms are matrix products, which have neither weakness:

- "patches": the shifted slices under each of the kernel's pixels side by side, then one product;
- "winograd": 3 x 3 at stride 1 with a quarter of the multiplications (`_winograd`).
"""

import functools
from typing import Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Float

from synthmix_jax import _checks

from . import _winograd

Method: TypeAlias = Literal["auto", "native", "patches", "winograd"]


def conv2d(
    x: Float[jax.Array, "b h w i"],
    kernel: Float[jax.Array, "p q i o"],
    *,
    stride: int = 1,
    method: str = "auto",
) -> Float[jax.Array, "b y x o"]:
    """Cross-correlate images with a kernel, SAME padding.

    Args:
        x: Images (b, h, w, i).
        kernel: (p, q, i, o), of the dtype of `x`.
        stride: Pixels from one output to the next, the same in both directions.
        method: "native" (XLA's convolution), "patches", "winograd" (3 x 3 at stride 1), or "auto": the
            fastest measured for this backend and shape when many models are trained in one program.

    Returns:
        (b, ceil(h / stride), ceil(w / stride), o), the same for every method up to rounding.

    Raises:
        ValueError: unknown method, or "winograd" with another kernel or stride.
    """
    _checks.one_of("method", method, get_args(Method))
    p, q = kernel.shape[:2]
    fits = (p, q, stride) == (3, 3, 1)
    if method == "winograd" and not fits:
        raise ValueError(
            f"method 'winograd' needs a 3 x 3 kernel and stride 1, got {p} x {q} and stride {stride}. "
            "Use 'patches' or 'auto'."
        )
    if method == "auto":
        method = _fastest(kernel.shape, stride, kernel.dtype)
    if method == "winograd":
        return _winograd.convolve(x, kernel)
    return (_native if method == "native" else _patches)(x, kernel, stride)


def _fastest(shape: tuple[int, ...], stride: int, dtype: jnp.dtype) -> str:
    p, q, channels, _ = shape
    # Forward and backward of 64 images on two CPU cores: 16 x 16 pixels, 32 to 64 channels, native 20 ms (and
    # far slower inside a loop), patches 37, Winograd 10; 8 x 8 pixels, 64 to 128 channels, 15, 13 and 9. With
    # few channels in, as in a first layer, the transforms cost more than the multiplications they save.
    full = dtype in (jnp.float32, jnp.float64)
    if jax.default_backend() == "cpu" and (p, q, stride) == (3, 3, 1) and channels >= 16 and full:
        return "winograd"
    # Not measured on a GPU. Published figures put grouped convolutions behind (jax#26568), and
    # patches are plain products, which accelerators are made for.
    return "patches"


def max_pool2(x: Float[jax.Array, "b h w i"]) -> Float[jax.Array, "b y x i"]:
    """Keep the largest of each 2 x 2 block; a last odd row or column is dropped.

    A gradient goes to one pixel of each block, the first of the largest, as in XLA's and PyTorch's pooling.

    Args:
        x: Images (b, h, w, i) of at least 2 x 2 pixels.

    Returns:
        (b, h // 2, w // 2, i).
    """
    h, w = 2 * (x.shape[1] // 2), 2 * (x.shape[2] // 2)
    top = _larger(x[:, 0:h:2, 0:w:2], x[:, 0:h:2, 1:w:2])
    return _larger(top, _larger(x[:, 1:h:2, 0:w:2], x[:, 1:h:2, 1:w:2]))


def _larger(a: jax.Array, b: jax.Array) -> jax.Array:
    # Unlike jnp.maximum, whose gradient is halved between equal numbers at the cost of three comparisons.
    return jnp.where(a >= b, a, b)


def _native(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), "SAME", dimension_numbers=layout
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _patches(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    return _patches_forward(x, kernel, stride)[0]


def _patches_forward(
    x: jax.Array, kernel: jax.Array, stride: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array, int, int]]:
    _, h, w, _ = x.shape
    patches = _side_by_side(x, kernel.shape[0], kernel.shape[1], stride)
    return patches @ kernel.reshape(-1, kernel.shape[3]), (patches, kernel, h, w)


def _patches_backward(
    stride: int, kept: tuple[jax.Array, jax.Array, int, int], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The weight gradient is one product; the input gradient at stride 1 a convolution of `dy`.

    The patches are kept from the forward pass, and no gradient is ever spread over them.
    """
    patches, kernel, h, w = kept
    p, q, i, o = kernel.shape
    rows = patches.reshape(-1, patches.shape[3])
    dkernel = (rows.T @ dy.reshape(-1, o)).reshape(kernel.shape)
    if stride == 1:
        flipped = kernel[::-1, ::-1].swapaxes(2, 3)
        slices = _side_by_side(dy, p, q, 1, flip=True)
        return slices @ flipped.reshape(-1, i), dkernel
    spread = functools.partial(_side_by_side, p=p, q=q, stride=stride)
    shape = jax.ShapeDtypeStruct((dy.shape[0], h, w, i), dy.dtype)
    dpatches = dy @ kernel.reshape(-1, o).T
    return jax.linear_transpose(spread, shape)(dpatches)[0], dkernel


_patches.defvjp(_patches_forward, _patches_backward)


def _side_by_side(x: jax.Array, p: int, q: int, stride: int, *, flip: bool = False) -> jax.Array:
    """(b, y, x, p q i): what each output pixel sees, in the order of the kernel's axes.

    `flip` swaps the two sides of the padding, which differ for even kernels.
    """
    _, h, w, _ = x.shape
    (top, bottom, y), (left, right, z) = _padding(h, p, stride), _padding(w, q, stride)
    if flip:
        top, bottom, left, right = bottom, top, right, left
    if (p, q, stride) == (1, 1, 1):
        return jnp.asarray(x)
    x = jnp.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    return jnp.concatenate(
        [
            x[:, a : a + stride * (y - 1) + 1 : stride, b : b + stride * (z - 1) + 1 : stride]
            for a in range(p)
            for b in range(q)
        ],
        axis=-1,
    )


def _padding(size: int, width: int, stride: int) -> tuple[int, int, int]:
    """Zeros before and after, and the number of outputs, as SAME has them."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + width - size, 0)
    return total // 2, total - total // 2, outputs
