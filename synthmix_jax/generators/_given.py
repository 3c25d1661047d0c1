"""What callers of generators give, checked at once: labels, targets, whole numbers. Shapes also under `jit`."""

import jax
import numpy as np
from jax.core import Tracer

from synthmix_jax import _checks
from synthmix_jax._typing import Array


def labels(given: Array, classes: int) -> None:
    """Raise unless `given` holds labels (m,) in 0..classes - 1 (values are checked outside `jit`)."""
    if np.dtype(given.dtype).kind not in "iu":
        raise ValueError(
            f"labels must be whole numbers, got dtype {given.dtype}; convert them: labels.astype(int)."
        )
    if given.ndim != 1:
        raise ValueError(f"labels must be (m,), got shape {given.shape}.")
    if isinstance(given, Tracer) or given.size == 0:
        return
    held = np.asarray(given)  # on the host: inside a loop of JAX a reduction would be traced
    low, high = int(held.min()), int(held.max())
    if not 0 <= low <= high < classes:
        raise ValueError(f"labels must lie in 0..{classes - 1}, got {low} to {high}.")


def targets(given: Array, shape: tuple[int, ...]) -> None:
    """Raise unless `given` holds finite targets (m, *shape) (values are checked outside `jit`)."""
    if given.ndim < 1 or given.shape[1:] != shape:
        wanted = ", ".join(map(str, ("m", *shape)))
        raise ValueError(
            f"labels are targets here and must be ({wanted}{'' if shape else ','}), got shape {given.shape}."
        )
    if not isinstance(given, Tracer):
        _checks.finite("labels", given)


def whole(name: str, value: object, least: int, remedy: str = "") -> int:
    """Return `value` as an int of at least `least`.

    Raises:
        ValueError: a fraction, a boolean, or a smaller number.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        at_least = "zero or more" if least == 0 else f"a whole number of at least {least}"
        raise ValueError(
            f"{name} must be {at_least}, got {value!r}.{' ' if remedy else ''}{remedy}"
        )
    return int(value)


def is_traced(*values: object) -> bool:
    """Whether any leaf is a tracer: values cannot be looked at then."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(values))
