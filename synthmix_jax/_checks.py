"""Misuse is met at the door: every check names the argument, the value got, and the remedy."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthmix_jax._typing import Array


def numeric_array(name: str, value: object) -> Array:
    """Return `value` as an array of numbers, leaving NumPy and JAX arrays where they are.

    Raises:
        ValueError: `value` is an object array, holds text, or is ragged.
    """
    if isinstance(value, str | bytes | dict | set) or value is None:
        raise ValueError(f"{name} must be an array of numbers, got {type(value).__name__}.")
    if not isinstance(value, Array):
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise ValueError(
                f"{name} is ragged: its rows differ in length. Give one rectangular array."
            ) from error
    # Structured arrays and PRNG keys are neither; ml_dtypes registers its floats as kind "V".
    if not (_is_extended_float(value.dtype) or getattr(value.dtype, "kind", "V") in "biuf"):
        raise ValueError(
            f"{name} has dtype {value.dtype}, which holds no real numbers. "
            "Convert it to an array of floats or integers."
        )
    return value


def finite(name: str, value: Array) -> None:
    """Raise if a floating-point array holds NaN or infinity, saying how many and where first."""
    array = np.asarray(value)
    if array.dtype.kind != "f" and not _is_extended_float(array.dtype):
        return
    # A sum is NaN or infinite whenever an entry is; it costs no boolean copy of a large array.
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(array, dtype=np.float64)):
            return
    bad = ~np.isfinite(array.astype(np.float64))
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} holds {int(bad.sum())} non-finite values (NaN or infinity), the first at "
            f"index {first}. Remove those rows or fill them in before calling."
        )


def positive_values(name: str, values: object) -> np.ndarray:
    """Return a one-dimensional float64 array of positive finite numbers.

    Raises:
        ValueError: empty, not one-dimensional, non-finite, zero or negative entries.
    """
    array = np.atleast_1d(np.asarray(numeric_array(name, values), dtype=np.float64))
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} must be one number or a non-empty list of numbers, got shape {array.shape}."
        )
    if not (np.isfinite(array).all() and (array > 0).all()):
        bad = array[~(np.isfinite(array) & (array > 0))]
        raise ValueError(f"{name} must be positive and finite, got {bad[0]:g}. {_REMEDY(name)}")
    return array


def positive_value(name: str, value: object) -> float:
    """Return one positive finite number.

    Raises:
        ValueError: several numbers, or one that is not finite, zero or negative.
    """
    values = positive_values(name, value)
    if values.size != 1:
        raise ValueError(f"{name} must be one number, got {values.size}.")
    return float(values[0])


def count_values(
    name: str,
    values: object,
    *,
    largest: int,
    what: str = "synthetic points",
    where: str = "the pool",
) -> np.ndarray:
    """Return strictly increasing counts in 0..largest as int64.

    Raises:
        ValueError: not whole numbers, negative, beyond the pool, or not strictly increasing.
    """
    array = np.atleast_1d(np.asarray(numeric_array(name, values)))
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a non-empty list of whole numbers.")
    with np.errstate(
        invalid="ignore"
    ):  # NaN and infinity become some number that they do not equal
        whole = array.astype(np.int64)
    if not np.array_equal(whole, array):
        raise ValueError(f"{name} must be whole numbers, got {array[whole != array][0]:g}.")
    if whole.min() < 0:
        raise ValueError(f"{name} must not be negative, got {whole.min()}.")
    if whole.max() > largest:
        raise ValueError(
            f"{name} asks for {whole.max()} {what} but {where} holds {largest}. "
            f"Ask for at most {largest} or generate more."
        )
    if (np.diff(whole) <= 0).any():
        raise ValueError(f"{name} must be strictly increasing; sort it and drop repetitions.")
    return whole


def one_of(name: str, value: str, choices: Sequence[str]) -> str:
    """Raise unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}.")
    return value


def _REMEDY(name: str) -> str:  # noqa: N802
    if "ridge" in name:
        return "A ridge is absolute (added to the diagonal); try 0.1 times the kernel's diagonal."
    if "weight" in name:
        return "To leave points out, use a count of zero instead of a weight of zero."
    return "Give a number greater than zero."


def _is_extended_float(dtype: Any) -> bool:
    return dtype.name in ("bfloat16",) or dtype.name.startswith("float8")
