"""Checks of plain arguments that several samplers share."""

import numpy as np


def whole(name: str, value: object, *, least: int) -> int:
    """Return a whole number that is at least `least`.

    Raises:
        ValueError: Anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}.")
    return int(value)


def share(name: str, value: float | int) -> float:
    """Return a number in [0, 1].

    Raises:
        ValueError: Anything else.
    """
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {value!r}.")
    return float(value)


def distance(name: str, value: float | int) -> float:
    """Return a number of voxels that is not negative.

    Raises:
        ValueError: Anything else.
    """
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"{name} must be a number of voxels, 0 or more, got {value!r}.")
    return float(value)
