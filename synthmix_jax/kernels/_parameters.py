"""Hyperparameters: checked when a kernel is made by hand, left alone when JAX rebuilds one.

Only concrete values can be judged. Tracers (inside `jit`, `grad`, `vmap`) pass unseen, and so do
the leaves of an unflattened kernel: a gradient has the type of its kernel, and its "lengthscale"
may be negative.
"""

from typing import Any, TypeAlias

import jax
import numpy as np
from jax.core import Tracer

from synthmix_jax import _checks
from synthmix_jax._typing import Array

Parameter: TypeAlias = Any
"""A hyperparameter: a number, a list or an array from the caller; a float or an array once checked;
a tracer, a gradient or a placeholder in a kernel that JAX rebuilt."""


def positive(name: str, value: Any, *, remedy: str, per_feature: bool = False) -> float | Array:
    """Return a positive hyperparameter as a float or an array of floats.

    Args:
        name: What to call it in errors.
        value: A number, an array, or a tracer.
        remedy: The sentence that ends the error.
        per_feature: Whether an array (d,) is allowed beside a scalar.

    Raises:
        ValueError: not a number, of the wrong shape, zero, negative, NaN or infinite.
    """
    value = _floats(name, value, per_feature=per_feature)
    if is_concrete(value):
        entries = np.ravel(np.asarray(value, dtype=np.float64))
        wrong = entries[~(np.isfinite(entries) & (entries > 0))]
        if wrong.size:
            raise ValueError(f"{name} must be positive and finite, got {wrong[0]:g}. {remedy}")
    return value


def not_negative(name: str, value: Any, *, remedy: str) -> float | Array:
    """Return a scalar hyperparameter that may be zero.

    Raises:
        ValueError: not a scalar, negative, NaN or infinite.
    """
    value = _floats(name, value, per_feature=False)
    if is_concrete(value) and not (np.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be zero or positive, got {float(value):g}. {remedy}")
    return value


def whole(name: str, value: Any, *, remedy: str) -> int:
    """Return a whole number of at least one, which is static under `jit`.

    Raises:
        ValueError: below one, or not a whole number.
    """
    number = np.asarray(value) if is_concrete(value) else np.asarray(None)
    if number.shape != () or number.dtype.kind not in "iuf" or number != np.floor(number):
        raise ValueError(f"{name} must be a whole number known before tracing, got {value!r}.")
    if not 1 <= number < np.inf:
        raise ValueError(f"{name} must be at least 1, got {value}. {remedy}")
    return int(number)


def is_concrete(value: Any) -> bool:
    """Whether numbers can be read from `value` now: no tracer, no placeholder."""
    numbers = isinstance(value, int | float | np.number | np.ndarray | jax.Array)
    return numbers and not is_traced(value)


def is_traced(value: Any) -> bool:
    """Whether `value` stands for an array inside `jit`, `grad` or `vmap`."""
    return isinstance(value, Tracer)


def shown(name: str, value: Any) -> str:
    """`lengthscale=3.2`, or `64 lengthscales, median 0.3`, or `lengthscale=traced`."""
    if not is_concrete(value):
        kind = "traced" if is_traced(value) else type(value).__name__
        return f"{name}={kind}"
    if np.ndim(value) == 0:
        return f"{name}={float(value):g}"
    return f"{np.size(value)} {name}s, median {np.median(np.asarray(value)):g}"


def _floats(name: str, value: Any, *, per_feature: bool) -> float | Array:
    array = value if is_traced(value) else _checks.numeric_array(name, value)
    allowed = (0, 1) if per_feature else (0,)
    if array.ndim not in allowed or array.size == 0:
        wanted = "one number or an array (d,), one a feature" if per_feature else "one number"
        raise ValueError(f"{name} must be {wanted}; got shape {array.shape}.")
    if isinstance(array, jax.Array):
        return array if np.dtype(array.dtype).kind not in "biu" else array.astype(float)
    # A Python float takes on the precision of whatever it meets; so no NumPy scalars are kept.
    return float(array) if array.ndim == 0 else array.astype(np.float64)
