"""Runs that a scaling law is fitted to, checked; and settings that it is asked about."""

from typing import NamedTuple

import numpy as np
from jax.core import Tracer

from synthmix_jax import _checks
from synthmix_jax._typing import Numbers

from . import _arguments


class Runs(NamedTuple):
    """Runs as float64 arrays (r,).

    Attributes:
        n: Real points.
        m: Synthetic points.
        share: Part of the loss that is synthetic.
        error: Measured error.
        spread: Standard error of its logarithm, up to a common factor.
    """

    n: np.ndarray
    m: np.ndarray
    share: np.ndarray
    error: np.ndarray
    spread: np.ndarray


def read(
    n: Numbers, m: Numbers, share: Numbers, error: Numbers, standard_error: Numbers | None
) -> Runs:
    """Arrays of one length; a single n, m or share holds for all runs.

    Raises:
        ValueError: lengths that differ, or values out of range.
    """
    given = {"n": n, "m": m, "share": share, "error": error}
    if standard_error is not None:
        given["standard_error"] = standard_error
    arrays = {name: _column(name, value) for name, value in given.items()}
    size = arrays["error"].size
    for name, array in arrays.items():
        if array.size not in (1, size):
            raise ValueError(
                f"{name} has {array.size} entries and error has {size}. Give one entry for each run."
            )
    columns = {name: np.broadcast_to(array, size) for name, array in arrays.items()}
    _arguments.positive("error", columns["error"], "The law describes errors on a log scale.")
    check_settings(columns["n"], columns["m"], columns["share"])
    for name in ("n", "m"):
        _checks.finite(name, columns[name])
    spread = np.ones(size)
    if standard_error is not None:
        remedy = "Leave standard_error out if it is not known."
        _arguments.positive("standard_error", columns["standard_error"], remedy)
        spread = columns["standard_error"] / columns["error"]
    spread = spread / np.median(spread)
    return Runs(columns["n"], columns["m"], columns["share"], columns["error"], spread)


def check_settings(n: Numbers, m: Numbers, share: Numbers) -> None:
    """Refuse a share outside [0, 1], and a part of the loss that no points stand behind.

    Raises:
        ValueError: which it is.
    """
    if any(isinstance(value, Tracer) for value in (n, m, share)):
        return
    _arguments.share(share)
    n, m, share = (np.asarray(value, np.float64) for value in (n, m, share))
    for name, count, kind, end in (("n", n, "real", 1), ("m", m, "synthetic", 0)):
        bad = ~((count > 0) | ((count == 0) & (share == end)))
        if bad.any():
            got = np.broadcast_to(count, bad.shape)[bad].flat[0]
            raise ValueError(
                f"{name} must be a positive number of {kind} points, or zero where the share is {end}; got "
                f"{got:g} at share {np.broadcast_to(share, bad.shape)[bad].flat[0]:g}."
            )
    if np.isinf(n).any():
        raise ValueError("n must be finite, got inf. Give the number of real points.")


def span(values: np.ndarray) -> tuple[float, float]:
    """Least and largest."""
    return float(values.min()), float(values.max())


def _column(name: str, value: Numbers) -> np.ndarray:
    array = np.atleast_1d(np.asarray(_checks.numeric_array(name, value), np.float64))
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} must be a list with one entry for each run, got shape {array.shape}."
        )
    return array
