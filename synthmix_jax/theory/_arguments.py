"""Arguments of formulas, checked where their values are known, and formulas evaluated in float64.

Under jit, vmap and grad values are not known while the function runs, so that checks are left out there, and the
result stays a JAX array in the caller's precision.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, Numbers


class _Range(NamedTuple):
    """What a value may be, in words, and the test for it on the host."""

    words: str
    low: float
    high: float
    low_counts: bool = True
    infinite: bool = False


_POSITIVE = _Range("positive and finite", 0.0, np.inf, low_counts=False)
_NOT_NEGATIVE = _Range("zero or more and finite", 0.0, np.inf)
_SHARE = _Range("in [0, 1]", 0.0, 1.0)
DISTANCE = "A Wasserstein distance is zero or more; smx.distances.wasserstein measures one."
_COUNT = _Range("a positive number", 0.0, np.inf, low_counts=False, infinite=True)


def evaluate(formula: Callable[..., Any], *arguments: Any) -> Any:
    """The formula's value: NumPy float64, or within jit, vmap and grad an array of the caller's precision."""
    formula = jax.jit(formula)
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(arguments)):
        return formula(*_cast(arguments, jnp.result_type(float)))
    with _numerics.x64():
        return jax.tree.map(np.asarray, formula(*_cast(arguments, jnp.float64)))


def share(value: Numbers) -> Array:
    """The share of the synthetic points in the loss, in [0, 1]."""
    return _within("share", value, _SHARE, "It is w m / (n + w m): see smx.mixing.share.")


def real_count(value: Numbers) -> Array:
    """A positive finite number of points."""
    return _within("n", value, _POSITIVE, "It is a number of points; give at least 1.")


def synthetic_count(value: Numbers | None) -> Array:
    """A positive number of points; None and infinity both stand for as many as one likes."""
    remedy = "Without synthetic points the share is 0, at any m; None stands for unlimited many."
    return _within("m", np.inf if value is None else value, _COUNT, remedy)


def positive(name: str, value: Numbers, remedy: str = "Give a number above zero.") -> Array:
    """Positive and finite."""
    return _within(name, value, _POSITIVE, remedy)


def not_negative(name: str, value: Numbers, remedy: str = "Give zero or more.") -> Array:
    """Zero or more, finite."""
    return _within(name, value, _NOT_NEGATIVE, remedy)


def above(name: str, value: Numbers, low: float, remedy: str) -> Array:
    """Finite and above `low`."""
    bounds = _Range(f"finite and above {low:g}", low, np.inf, low_counts=False)
    return _within(name, value, bounds, remedy)


def _within(name: str, value: Numbers, bounds: _Range, remedy: str) -> Array:
    """`value` as an array, or a ValueError with its first bad entry.

    Raises:
        ValueError: a value that is known lies outside.
    """
    if isinstance(value, Tracer):
        return value
    known = np.asarray(_checks.numeric_array(name, value), np.float64)
    over_low = known >= bounds.low if bounds.low_counts else known > bounds.low
    good = over_low & (known <= bounds.high) & (bounds.infinite | np.isfinite(known))
    if not good.all():
        raise ValueError(f"{name} must be {bounds.words}, got {known[~good].flat[0]:g}. {remedy}")
    return known


def _cast(arguments: Any, dtype: Any) -> Any:
    return jax.tree.map(lambda value: jnp.asarray(value, dtype), arguments)
