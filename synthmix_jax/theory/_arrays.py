"""Arguments in and results out: checked, in float64, and open to jit, vmap and grad.

Values are checked where there are values: tracers pass unchecked. Results of NumPy and JAX arrays are NumPy
float64; results of tracers stay JAX arrays, in the caller's default float (float64 only where the caller enabled
it, so that derivatives have the dtype of what they are derivatives for).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array


def traced(*values: Any) -> bool:
    """Whether any value is a tracer, so that nothing can be said about its entries."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(values))


def numbers(name: str, value: Any, *, remedy: str = "", positive: bool = False) -> Array:
    """The value in float64, finite and not negative; a tracer as it is.

    Args:
        name: The argument's name, for the message.
        value: Numbers of any shape.
        remedy: What to do about a negative (or zero) number; "signed" lets negative numbers pass.
        positive: Refuse zero too.

    Raises:
        ValueError: not numbers, not finite, negative or zero where that is no value.
    """
    if isinstance(value, Tracer):
        return value
    array = np.asarray(_checks.numeric_array(name, value)).astype(np.float64)
    _checks.finite(name, array)
    if remedy == "signed":
        return array
    bad = array[array <= 0 if positive else array < 0]
    if bad.size:
        wanted = "positive" if positive else "zero or positive"
        raise ValueError(f"{name} must be {wanted}, got {bad[0]:g}. {remedy}")
    return array


def eigenvalues_of(value: Any) -> Array:
    """Eigenvalues (j,): not negative, not all zero, in any order."""
    array = numbers(
        "eigenvalues",
        value,
        remedy="A kernel has none below zero: set what rounding left there to zero.",
    )
    if array.ndim != 1 or array.shape[0] == 0:
        raise ValueError(
            f"eigenvalues must be a list of numbers (j,), got shape {array.shape}. Give one an "
            "eigenfunction, repeated as often as it occurs."
        )
    if not traced(array) and not np.any(array > 0):
        raise ValueError(
            "eigenvalues are all zero: no function can be fitted. Give the kernel's eigenvalues."
        )
    return array


def coefficients_of(name: str, value: Any, count: int) -> Array:
    """Coefficients (j,), or (j, k) for several outputs, one a given eigenvalue."""
    array = numbers(name, value, remedy="signed")
    if array.ndim not in (1, 2) or array.shape[0] != count:
        raise ValueError(
            f"{name} has shape {array.shape} for {count} eigenvalues. Give one coefficient an "
            f"eigenvalue: ({count},), or ({count}, k) for k outputs."
        )
    return array


def common_shape(**values: Array) -> tuple[int, ...]:
    """The shape of a grid of these values.

    Raises:
        ValueError: shapes that do not broadcast.
    """
    shapes = {name: np.shape(value) for name, value in values.items()}
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError as error:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        raise ValueError(
            f"shapes do not broadcast: {told}. For a grid give each its own axis, e.g. m[:, None] "
            "against ridge[None, :]."
        ) from error


def grid(**values: Array) -> tuple[list[Array], tuple[int, ...]]:
    """Broadcast cells of a grid against each other and flatten them.

    Raises:
        ValueError: shapes that do not broadcast.
    """
    shape = common_shape(**values)
    return [jnp.broadcast_to(value, shape).ravel() for value in values.values()], shape


def wide(values: Any) -> Any:
    """The arrays as JAX arrays of float64; called under `_numerics.x64()`."""
    return jax.tree.map(lambda v: jnp.asarray(v, jnp.float64), values)


def handed_out(result: Any, *given: Any) -> Any:
    """NumPy float64, unless a given value was a tracer; called outside `_numerics.x64()`."""
    if not traced(given, result):
        return jax.tree.map(np.asarray, result)
    dtype = jnp.result_type(float)
    with _numerics.x64():
        return jax.tree.map(lambda v: v.astype(dtype), result)
