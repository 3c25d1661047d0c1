"""Sinkhorn divergences of many mixtures on one support: products with a matrix, a column a share.

The symmetric problems share the kernel exp(-C / eps), whose diagonal of ones keeps every sum above underflow.
The problems against the target share the kernel at the potentials of the mean mixture; a share whose scalings
leave the range of its numbers there, or that needs more iterations, makes the whole grid go one by one (in the
log domain).
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Float

from synthmix_jax import _numerics
from synthmix_jax._typing import Array

from . import _samples
from ._cost import HeldCost, cost_matrix
from ._sinkhorn import Stopping, solve, solve_self
from ._wasserstein import absolute

SHARED = 500
"""Iterations all shares take together; a share that needs more, or whose numbers run out of range, goes alone."""


@functools.partial(jax.jit, static_argnames=("p",))
def grid(x, y, t, shares, epsilon, stopping, *, p) -> tuple[Array, Array]:
    """Sinkhorn divergences (r,) of all mixtures, and which converged."""
    middle = _samples.centre(x)
    x, y, t = x - middle, y - middle, None if t is None else t - middle
    support = jnp.concatenate([x, y])
    within = HeldCost(cost_matrix(support, support, p))
    n = len(x)
    if t is None:
        across, other = HeldCost(within.C[:, :n]), HeldCost(within.C[:n, :n])
    else:
        across, other = HeldCost(cost_matrix(support, t, p)), HeldCost(cost_matrix(t, t, p))
    eps = absolute(epsilon, jnp.mean(across.C[n:]))
    # At share zero, where value and derivative are zero, any other share is computed: none is NaN.
    taken = jnp.where(shares == 0, 0.5, shares) if t is None else shares
    masses = masses_of(taken, n, len(y)).astype(x.dtype)
    b = jnp.full(across.C.shape[1], 1.0 / across.C.shape[1], x.dtype)
    own = solve_self(other, b, eps, stopping)
    mixed, mixed_good = _self_terms(within, masses, eps, stopping)
    crossed, crossed_good = _cross_terms(across, masses, b, eps, stopping)
    S = crossed - (mixed + own.cost) / 2
    known = 8.0 * jnp.finfo(S.dtype).eps * jax.lax.stop_gradient(across.mean())
    good = mixed_good & crossed_good & own.converged
    S = jnp.where((known >= S) | (across.mean() <= 0), 0.0, S)
    if t is None:
        S = jnp.where(shares == 0, 0.0, S)
    return jnp.where(good, S, jnp.nan), good


def _self_terms(cost: HeldCost, masses: Array, eps: Array, stopping: Stopping):
    """Every mixture against itself: u <- sqrt(u a / K u), all shares as columns of one product."""

    def shared(cost, masses, eps):
        kernel = jnp.exp(-cost.C / eps)  # ones on the diagonal, so no sum underflows

        def one(state):
            u, reached = state
            u = jnp.sqrt(u * _over(masses.T, reached))
            reached = _product(kernel, u)
            return (u, reached), jnp.abs(u * reached - masses.T).sum(axis=0)

        start = masses.T, _product(kernel, masses.T)
        (u, reached), error = _until(one, start, masses.shape[0], stopping)
        f = eps * jnp.log(_ratio(u, masses.T, reached).T)
        whole = jnp.sum(u * reached, axis=0)
        return f, f, 2.0 * jnp.sum(masses * f, axis=1) - eps * (whole - 1.0), error

    def alone(a):
        found = solve_self(cost, a, eps, stopping)
        return found.f, found.f, found.cost, found.error

    return _finished(cost, masses, masses, eps, stopping, shared, alone)


def _cross_terms(cost: HeldCost, masses: Array, b: Array, eps: Array, stopping: Stopping):
    """Every mixture against b, on one kernel: that of the potentials of the mean mixture."""
    reference = solve(cost, masses.mean(axis=0), b, eps, stopping)

    def shared(cost, masses, eps):
        f0 = cost.softmin(reference.g, b, eps, axis=1)
        z = (f0[:, None] + reference.g[None, :] - cost.C) / eps
        # Both orders in memory: a product with a transposed matrix costs XLA three times as much on a CPU.
        kernel, transposed = jnp.exp(z), jnp.exp(z.T)

        def one(state):
            u, _, v_reached = state
            v = _over(b[:, None], v_reached)
            u = _over(masses.T, _product(kernel, v))
            v_reached = _product(transposed, u)
            return (u, v, v_reached), jnp.abs(v * v_reached - b[:, None]).sum(axis=0)

        first = _product(transposed, masses.T)
        (u, v, _), error = _until(one, (masses.T, first, first), masses.shape[0], stopping)
        f = f0 + eps * jnp.log(_ratio(u, masses.T, _product(kernel, v)).T)
        g = reference.g + eps * jnp.log(v.T / b)
        return f, g, jnp.sum(masses * f, axis=1) + g @ b, error

    def alone(a):
        found = solve(cost, a, b, eps, stopping, start=reference.f)
        return found.f, found.g, found.cost, found.error

    target = jnp.broadcast_to(b, (masses.shape[0], b.shape[0]))
    return _finished(cost, masses, target, eps, stopping, shared, alone)


def _finished(cost, masses, targets, eps, stopping, shared, alone):
    """Costs (r,) from the shared iterations, or one share at a time where those did not settle all."""
    fixed = jax.lax.stop_gradient((cost, masses, eps))
    f, g, value, error = shared(*fixed)
    settled = jnp.all((error < stopping.threshold) & jnp.isfinite(value))

    def each(_):
        return jax.lax.map(alone, masses)

    found = jax.lax.cond(settled, lambda kept: kept, each, (f, g, value, error))
    f, g, value, error = jax.lax.stop_gradient(found)
    attached = jax.vmap(cost.attach, in_axes=(0, 0, None, 0, 0, 0))(
        masses, targets, eps, f, g, value
    )
    return attached, error < stopping.threshold


def _until(one, start, count: int, stopping: Stopping):
    """Repeat `one` until every share is below the threshold, one is no number, or SHARED iterations are done."""

    def more(state):
        arrays, _, done = state
        return *one(arrays), done + 1

    def going(state):
        _, error, done = state
        limit = jnp.minimum(SHARED, stopping.max_iterations)
        return ((done == 0) | (jnp.max(error) >= stopping.threshold)) & (done < limit)

    far = jnp.full((count,), jnp.inf, jax.tree.leaves(start)[0].dtype)
    arrays, error, _ = jax.lax.while_loop(going, more, (start, far, jnp.zeros((), jnp.int32)))
    return arrays, error


def _product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=_numerics.HIGHEST)


def _over(mass: Array, reached: Array) -> Array:
    return mass / jnp.where(reached > 0, reached, 1.0)


def _ratio(scaling: Array, mass: Array, reached: Array) -> Array:
    """Scaling over mass; its limit where there is no mass, which the derivative in the share needs."""
    some = mass > 0
    return jnp.where(
        some, scaling / jnp.where(some, mass, 1.0), _over(jnp.ones_like(mass), reached)
    )


def masses_of(shares: Array, n: int, m: int) -> Float[Array, "r points"]:
    """Masses of the points of x and of y in each mixture."""
    real = jnp.broadcast_to((1.0 - shares)[:, None] / n, (len(shares), n))
    synthetic = jnp.broadcast_to(shares[:, None] / m, (len(shares), m))
    return jnp.concatenate([real, synthetic], axis=1)
