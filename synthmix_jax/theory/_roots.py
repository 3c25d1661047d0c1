"""The root of a decreasing function of one number, with the derivative of the implicit function.

Newton's method inside a bracket that it may not leave. Where a step would leave it, or is not at most half of the
step before last (so that no slow approach and no cycle lasts), the bracket is halved instead [classical]. The
bracket shrinks until it holds two neighbouring numbers: it ends for every input, and the last steps are Newton's.

The derivative is that of the implicit function theorem, dx/dtheta = -(df/dtheta) / (df/dx), by
`jax.lax.custom_root`: no iteration is differentiated, and it holds at every order.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from synthmix_jax._typing import Array

# Of the size of x, 2e-16 being one unit of the last place. Steps get no smaller.
_TOLERANCE = 1e-15

# Halving a bracket of width 1,500 (all of float64, in logarithms) to the tolerance takes 61; a Newton step at
# most every other time doubles that.
_LIMIT = 130


class _State(NamedTuple):
    x: Array
    low: Array
    high: Array
    step: Array
    before: Array
    number: Array


def decreasing_root(
    function: Callable[[Array], Array],
    low: Array | float,
    high: Array | float,
    start: Array | None = None,
) -> Array:
    """x in [low, high] with function(x) = 0.

    Args:
        function: Decreasing; may close over traced values, which the root can then be differentiated for.
        low: A number where it is not negative.
        high: A number where it is not positive.
        start: Where to begin; the middle otherwise.

    Returns:
        The root, a scalar; `low` or `high` where there is no root between them.
    """
    low, high = (jax.lax.stop_gradient(jnp.asarray(v, float)) for v in (low, high))
    start = 0.5 * (low + high) if start is None else jax.lax.stop_gradient(start)
    return jax.lax.custom_root(
        function,
        start,
        lambda f, x: _search(f, x, low, high),
        lambda linear, right: right / linear(jnp.ones_like(right)),
    )


def _search(function: Callable[[Array], Array], start: Array, low: Array, high: Array) -> Array:
    def unfinished(s: _State) -> Array:
        return (jnp.abs(s.step) > _TOLERANCE * jnp.maximum(1.0, jnp.abs(s.x))) & (s.number < _LIMIT)

    def improve(s: _State) -> _State:
        value, slope = jax.jvp(function, (s.x,), (jnp.ones_like(s.x),))
        low = jnp.where(value >= 0, s.x, s.low)
        high = jnp.where(value <= 0, s.x, s.high)
        newton = -value / jnp.where(slope < 0, slope, -jnp.inf)
        inside = (s.x + newton >= low) & (s.x + newton <= high)
        fast = 2.0 * jnp.abs(newton) <= jnp.abs(s.before)
        step = jnp.where(inside & fast & (slope < 0), newton, 0.5 * (low + high) - s.x)
        return _State(s.x + step, low, high, step, s.step, s.number + 1)

    width = high - low
    state = _State(start, low, high, width, 2.0 * width, jnp.zeros((), jnp.int32))
    return jax.lax.while_loop(unfinished, improve, state).x
