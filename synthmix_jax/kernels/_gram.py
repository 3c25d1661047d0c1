"""Gram matrices of any kernel, ours or a plain function, at once or in blocks of rows.

A block bounds what is held besides the result: distances, norms and correlations take a few times
the memory of the matrix they are computed for.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, KernelFunction
from synthmix_jax.kernels._base import Kernel, paired_rows


def gram(
    kernel: Any,
    x1: Shaped[Array, "n ..."],
    x2: Shaped[Array, "m ..."] | None = None,
    *,
    block_size: int | None = None,
) -> Float[Array, "n m"]:
    """The matrix of kernel(x1_i, x2_j): float64 where x64 is enabled, else float32.

    Args:
        kernel: A `Kernel`, or a function of (n, ...) and (m, ...) that returns (n, m). A function
            gets points of their own shape, cast to floats (uint8 as x / 255).
        x1: Points (n, ...).
        x2: Points (m, ...); x1 if None.
        block_size: Rows of x1 computed at a time by `jax.lax.map`; a function must then be one that
            JAX can trace. All at once if None.

    Returns:
        The matrix, as symmetric as the kernel computes it. Usable inside `jit`.

    Raises:
        ValueError: x1 and x2 do not fit, `block_size` below 1, `kernel` is no kernel, or a function
            returned another shape than (n, m).
    """
    if not is_kernel(kernel):
        raise ValueError(_no_kernel(kernel))
    if block_size is not None and block_size < 1:
        raise ValueError(
            f"block_size must be at least 1, got {block_size}. Use None for no blocks."
        )
    x2 = x1 if x2 is None else x2
    if isinstance(kernel, Kernel):
        x1, x2 = paired_rows(x1, x2)
        kernel.check(x1)
        kernel.check(x2)
        evaluate = kernel.of_rows
    else:
        x1, x2 = (_numerics.as_float(_checks.numeric_array("x", x)) for x in (x1, x2))
        evaluate = functools.partial(_checked, kernel)
    if block_size is None or block_size >= x1.shape[0]:
        return _cast(evaluate(x1, x2))
    return _in_blocks(evaluate, jnp.asarray(x1), jnp.asarray(x2), block_size)


def is_kernel(value: Any) -> bool:
    """Whether `value` can be used as a kernel: a `Kernel`, or a function (a class is neither)."""
    return callable(value) and not isinstance(value, type)


def describe(kernel: KernelFunction) -> str:
    """One line for reports: `RBF(lengthscale=3.2)`, or the qualified name of a function."""
    if isinstance(kernel, Kernel):
        return repr(kernel)
    function = kernel
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _in_blocks(evaluate: Any, x1: jax.Array, x2: jax.Array, block_size: int) -> jax.Array:
    """Whole blocks by `lax.map`, the remaining rows by one more call."""
    count = x1.shape[0] // block_size
    whole = x1[: count * block_size].reshape(count, block_size, *x1.shape[1:])
    blocks = jax.lax.map(lambda rows: _cast(evaluate(rows, x2)), whole)
    blocks = blocks.reshape(count * block_size, x2.shape[0])
    if count * block_size == x1.shape[0]:
        return blocks
    return jnp.concatenate([blocks, _cast(evaluate(x1[count * block_size :], x2))])


def _checked(kernel: KernelFunction, x1: Array, x2: Array) -> Any:
    values = kernel(x1, x2)
    wanted = (x1.shape[0], x2.shape[0])
    if np.shape(values) != wanted:
        raise ValueError(
            f"kernel {describe(kernel)} must return shape {wanted} for {wanted[0]} and {wanted[1]} "
            f"points, got {np.shape(values)}. A kernel compares every x1 with every x2."
        )
    return values


def _cast(values: Any) -> jax.Array:
    return jnp.asarray(values, jnp.result_type(float))


def _no_kernel(value: Any) -> str:
    if isinstance(value, type):
        return f"kernel is the class {value.__name__}; give one of it, with its hyperparameters."
    return (
        f"kernel must be a kernel such as kernels.RBF(1.0) or a function, got "
        f"{type(value).__name__}."
    )
