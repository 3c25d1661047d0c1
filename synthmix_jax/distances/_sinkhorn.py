"""Entropic optimal transport between weighted points, by OTT's Sinkhorn iterations.

With masses a (n,), b (m,), cost C (n, m) and regularisation eps,

    OT(a, b) = min_P <P, C> + eps KL(P | a b'),    P_ij = a_i b_j exp((f_i + g_j - C_ij) / eps).

Rounds of iterations at the eps asked for; a problem that the first round does not come near is annealed: eps
from the mean cost down by factors of four, each stage left early. One that is still not solved after PATIENCE
rounds is annealed with care: from the largest cost, every stage solved. (A potential moves by eps log(ratio of
masses) an iteration: a little mass that must go far, an outlier's, is below any early stop and takes very long.)
Masses of zero are allowed.

References:
    Cuturi (2013), Sinkhorn distances. [cuturi2013]
    Feydy et al. (2019), Interpolating between optimal transport and MMD, eq. 25. [feydy2019]
"""

from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from synthmix_jax._typing import Array

from ._cost import CHECK_EVERY, BlockedCost, HeldCost

Cost: TypeAlias = HeldCost | BlockedCost

_ANNEAL = 4.0
_NEAR = 0.05  # marginal error at which an early annealing stage is left, or none is needed
PATIENCE = 20  # rounds, about a thousand iterations, until annealing with care


class Stopping(NamedTuple):
    """When to stop: L1 error of the marginals (masses sum to one), and the most iterations."""

    threshold: float | Array
    max_iterations: int | Array


class Solution(NamedTuple):
    """Potentials of one problem and how well they solve it."""

    f: Float[Array, " n"]
    g: Float[Array, " m"]
    cost: Float[Array, ""]  # <P, C> + eps KL(P | a b'), from the dual
    error: Float[Array, ""]  # |P 1 - a|_1 + |P' 1 - b|_1
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]


def solve(
    cost: Cost,
    a: Float[Array, " n"],
    b: Float[Array, " m"],
    eps: Float[Array, ""],
    stopping: Stopping,
    start: Float[Array, " n"] | None = None,
) -> Solution:
    """Solve one problem from the potential `start` (zero if None); differentiable in all but `start`.

    The derivative is that of the optimal value with the potentials held (envelope theorem).
    """
    start = jnp.zeros_like(a) if start is None else start
    threshold = jnp.asarray(stopping.threshold, cost.dtype)
    found = _solve(
        *jax.lax.stop_gradient((cost, a, b, eps, threshold, start)), stopping.max_iterations
    )
    return found._replace(cost=cost.attach(a, b, eps, found.f, found.g, found.cost))


def solve_self(
    cost: Cost, a: Float[Array, " n"], eps: Float[Array, ""], stopping: Stopping
) -> Solution:
    """The same for a sample against itself: f = g, one product an iteration, which halves the error.

    f <- (f + softmin(f)) / 2 (feydy2019, eq. 25).
    """
    threshold = jnp.asarray(stopping.threshold, cost.dtype)
    found = _solve_self(*jax.lax.stop_gradient((cost, a, eps, threshold)), stopping.max_iterations)
    return found._replace(cost=cost.attach(a, a, eps, found.f, found.f, found.cost))


class _State(NamedTuple):
    f: Array
    g: Array
    eps: Array  # of the round to come
    error: Array  # at the final eps; infinite before
    iterations: Array
    rounds: Array


@jax.jit
def _solve(cost, a, b, eps, threshold, start, max_iterations) -> Solution:
    near = jnp.maximum(threshold, _NEAR)
    warm, hot = jnp.maximum(cost.mean(), eps), jnp.maximum(cost.largest(), eps)

    def one(state: _State) -> _State:
        final = state.eps <= eps
        # Softmins in the log domain cannot overflow, whatever the rounds before have done.
        g = cost.softmin(state.f, a, state.eps, axis=0)
        f = cost.softmin(g, b, state.eps, axis=1)
        careful = state.rounds >= PATIENCE
        stop_at = jnp.where(final | careful, threshold, near)
        new_f, new_g, error, done = cost.iterate(a, b, state.eps, f, g, stop_at)
        sound = _finite(new_f, new_g, error)
        f, g = jnp.where(sound, new_f, f), jnp.where(sound, new_g, g)
        error = jnp.where(sound, error, jnp.inf)
        stay = careful & ~(error < threshold)
        following = jnp.where(stay, state.eps, jnp.maximum(eps, state.eps / _ANNEAL))
        following = jnp.where((state.rounds == 0) & ~(error < near), warm, following)
        following = jnp.where(state.rounds == PATIENCE - 1, hot, following)
        error = jnp.where(final, error, jnp.inf)
        return _State(f, g, following, error, state.iterations + done + 1, state.rounds + 1)

    def going(state: _State) -> Array:
        return ~(state.error < threshold) & (state.iterations < max_iterations)

    zero = jnp.zeros((), jnp.int32)
    first = _State(start, jnp.zeros_like(b), eps, jnp.asarray(jnp.inf, cost.dtype), zero, zero)
    end = jax.lax.while_loop(going, one, first)
    # The last step made the rows sum to a, so the plan holds mass one and the dual needs no term for it.
    value = jnp.dot(a, end.f) + jnp.dot(b, end.g)
    f = _everywhere(cost, end.f, a, end.g, b, eps, axis=1)
    g = _everywhere(cost, end.g, b, end.f, a, eps, axis=0)
    return Solution(f, g, value, end.error, end.iterations, end.error < threshold)


@jax.jit
def _solve_self(cost, a, eps, threshold, max_iterations) -> Solution:
    def one(state):
        f, _, _, iterations = state
        f = (f + cost.softmin(f, a, eps, axis=0)) / 2
        new, error, mass = cost.iterate_self(a, eps, f)
        sound = _finite(new, error)
        error = jnp.where(sound, error, jnp.inf)
        return jnp.where(sound, new, f), error, mass, iterations + CHECK_EVERY + 1

    def going(state):
        return ~(state[1] < threshold) & (state[3] < max_iterations)

    far, whole = jnp.asarray(jnp.inf, cost.dtype), jnp.ones((), cost.dtype)
    first = (jnp.zeros_like(a), far, whole, jnp.zeros((), jnp.int32))
    f, error, mass, iterations = jax.lax.while_loop(going, one, first)
    value = 2.0 * jnp.dot(a, f) - eps * (mass - 1.0)
    f = _everywhere(cost, f, a, f, a, eps, axis=1)
    return Solution(f, f, value, error, iterations, error < threshold)


def _everywhere(cost, f, a, g, b, eps, axis: int) -> Array:
    """The potential f also where a is zero: rounds leave it there as it was, the derivative in a needs it."""
    none = a <= 0
    reply = lambda f: jnp.where(none, cost.softmin(g, b, eps, axis=axis), f)
    return jax.lax.cond(jnp.any(none), reply, lambda f: f, f)


def _finite(*arrays: Array) -> Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(v)) for v in arrays]))
