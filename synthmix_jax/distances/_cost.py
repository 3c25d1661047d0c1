"""The cost of moving one point to another, |x - y|^p, and Sinkhorn's iterations on it: held, or block by block.

Both classes do the same things, so that a solver need not know which one it has: the mean cost, a softmin, a
round of OTT's iterations, and the derivative of the optimum. OTT's iterations on potentials take one exponential
an entry; on scalings u, v of K = exp(-C / eps) they are two matrix-vector products, but K underflows for small
eps. `HeldCost` takes the best of both: K = exp((f + g - C) / eps) at the current potentials, a round on scalings,
and their logarithms absorbed into f and g. `BlockedCost` recomputes the cost in blocks of rows, by one matrix
product each (OTT's point cloud does so row by row).

References:
    Feydy et al. (2019), Interpolating between optimal transport and MMD, eq. 25. [feydy2019]
    Schmitzer (2019), Stabilized sparse scaling algorithms for entropy regularized transport. [schmitzer2019]
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float
from ott.geometry import geometry
from ott.problems.linear import linear_problem
from ott.solvers.linear import sinkhorn

from synthmix_jax import _numerics, kernels
from synthmix_jax._typing import Array

CHECK_EVERY = 10
"""Iterations between two looks at the marginal error, as in OTT and POT."""

ROUND = 50
"""Most iterations on one kernel before its scalings are absorbed."""

BLOCK_BYTES = 2**26
"""Size of one block of the cost."""


def cost_matrix(
    x: Float[Array, "n d"], y: Float[Array, "m d"], p: float | int
) -> Float[Array, "n m"]:
    """|x_i - y_j|^p by one matrix product; derivative zero where points coincide.

    The points are measured from a centre of theirs (`_samples.centre`): far from it squares cancel.
    """
    squared = kernels.squared_distances(x, y, centred=True)
    if p == 2:
        return squared
    apart = squared > 0.0
    return jnp.where(apart, jnp.where(apart, squared, 1.0) ** (p / 2), 0.0)


@jax.tree_util.register_pytree_node_class
class HeldCost:
    """A cost matrix in memory; a round takes as much again for its kernel."""

    def __init__(self, C: Float[Array, "n m"]):
        """Hold the matrix."""
        self.C = C

    @property
    def dtype(self) -> Any:
        """Of all numbers computed."""
        return self.C.dtype

    def mean(self) -> Array:
        """The mean cost."""
        return jnp.mean(self.C)

    def largest(self) -> Array:
        """The largest cost."""
        return jnp.max(self.C)

    def softmin(self, h: Array, mass: Array, eps: Array, axis: int) -> Array:
        """-eps log sum mass exp((h - C) / eps) over `axis`: the best reply to the potential h."""
        weighted = jnp.expand_dims(h + eps * jnp.log(mass), 1 - axis)
        return -eps * jax.scipy.special.logsumexp((weighted - self.C) / eps, axis=axis)

    def iterate(self, a, b, eps, f, g, threshold):
        """A round of OTT's iterations; error and how many there were."""
        kernel = jnp.exp((f[:, None] + g[None, :] - self.C) / eps)
        problem = linear_problem.LinearProblem(_Kernel(kernel_matrix=kernel, epsilon=eps), a, b)
        out = _sinkhorn(threshold, lse_mode=False)(problem, init=(a, b))
        f, g = f + _without_mass(out.f, a, eps), g + _without_mass(out.g, b, eps)
        return f, g, *_progress(out)

    def iterate_self(self, a, eps, f):
        """CHECK_EVERY steps of u <- sqrt(u a / K u); error and mass of the plan."""
        kernel = jnp.exp((f[:, None] + f[None, :] - self.C) / eps)
        product = lambda u: jnp.dot(kernel, u, precision=_numerics.HIGHEST)

        def step(_, u):
            reached = product(u)
            return jnp.sqrt(u * a / jnp.where(reached > 0, reached, 1.0))

        u = jax.lax.fori_loop(0, CHECK_EVERY, step, a)
        reached = u * product(u)
        f = f + _without_mass(eps * jnp.log(jnp.where(a > 0, u, 1.0)), a, eps)
        return f, jnp.sum(jnp.abs(reached - a)), jnp.sum(reached)

    def attach(self, a, b, eps, f, g, cost):
        """The cost with the derivative of the optimum; nothing more is computed unless it is asked for."""
        return _held_value(self.C, a, b, eps, f, g, cost)

    def expected(self, a, b, eps, f, g) -> Array:
        """<P, C> of the plan P of potentials; a gradient holds the plan."""
        return jnp.sum(jax.lax.stop_gradient(self.plan(a, b, eps, f, g)) * self.C)

    def plan(self, a, b, eps, f, g) -> Float[Array, "n m"]:
        """The plan P of potentials."""
        return _plan(self.C, a, b, eps, f, g)

    def tree_flatten(self):
        """The matrix is the leaf."""
        return (self.C,), None

    @classmethod
    def tree_unflatten(cls, aux: Any, children: Any) -> "HeldCost":
        """Rebuild."""
        return cls(*children)


@jax.tree_util.register_pytree_node_class
class BlockedCost(geometry.Geometry):
    """The cost of two point clouds, recomputed a block of rows at a time in every iteration."""

    def __init__(self, x: Float[Array, "n d"], y: Float[Array, "m d"], p: float | int, **options):
        """Hold the points; options are those of OTT's Geometry (epsilon)."""
        super().__init__(**options)
        self.x, self.y, self.p = x, y, p

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return self.x.shape[0], self.y.shape[0]

    @property
    def dtype(self) -> Any:
        """Of all numbers computed."""
        return self.x.dtype

    def mean(self) -> Array:
        """The mean cost."""
        means = lambda part: cost_matrix(part, self.y, self.p).mean(axis=1)
        return jnp.mean(over_blocks(means, self.x, self.shape[1]))

    def largest(self) -> Array:
        """The largest cost."""
        most = lambda part: cost_matrix(part, self.y, self.p).max(axis=1)
        return jnp.max(over_blocks(most, self.x, self.shape[1]))

    def softmin(self, h: Array, mass: Array, eps: Array, axis: int) -> Array:
        """-eps log sum mass exp((h - C) / eps) over `axis`."""
        weighted: Any = h + eps * jnp.log(mass)
        any_eps: Any = eps
        return -self.apply_lse_kernel(weighted, weighted, any_eps, axis=axis)[0]

    def apply_lse_kernel(self, f, g, eps, vec=None, axis=0):
        """What OTT asks of a geometry: eps log sum vec exp((f - C) / eps) over rows, or of g over columns."""
        rows, columns, h = (self.x, self.y, g) if axis == 1 else (self.y, self.x, f)
        weights = None if vec is None else vec[None, :]

        def block(part):
            z = (h[None, :] - cost_matrix(part, columns, self.p)) / eps
            return jax.scipy.special.logsumexp(z, b=weights, axis=1, return_sign=True)

        logs, signs = over_blocks(block, rows, columns.shape[0])
        return eps * logs, signs

    def iterate(self, a, b, eps, f, g, threshold):
        """A round of OTT's iterations in the log domain; error and how many there were."""
        # OTT's potentials hold the masses: exp(f / eps) is u.
        start = (f + eps * jnp.log(a), g + eps * jnp.log(b))
        this = BlockedCost(self.x, self.y, self.p, epsilon=eps)
        out = _sinkhorn(threshold, lse_mode=True)(
            linear_problem.LinearProblem(this, a, b), init=start
        )
        f = jnp.where(a > 0, _without_mass(out.f, a, eps), f)
        g = jnp.where(b > 0, _without_mass(out.g, b, eps), g)
        return f, g, *_progress(out)

    def iterate_self(self, a, eps, f):
        """CHECK_EVERY steps of f <- (f + softmin(f)) / 2; error and mass of the plan."""
        step = lambda _, f: (f + self.softmin(f, a, eps, axis=0)) / 2
        f = jax.lax.fori_loop(0, CHECK_EVERY, step, f)
        reached = a * jnp.exp((f - self.softmin(f, a, eps, axis=0)) / eps)
        return f, jnp.sum(jnp.abs(reached - a)), jnp.sum(reached)

    def attach(self, a, b, eps, f, g, cost):
        """The cost with the derivative of the optimum: that of the dual with its potentials held."""

        def block(part):
            x, f, a = part
            z = (f[:, None] + g[None, :] - cost_matrix(x, self.y, self.p)) / eps
            return a * jnp.sum(b[None, :] * jnp.exp(z), axis=1)

        mass = jnp.sum(over_blocks(block, (self.x, f, a), self.shape[1]))
        dual = jnp.dot(a, f) + jnp.dot(b, g) - eps * (mass - 1.0)
        return cost + (dual - jax.lax.stop_gradient(dual))

    def expected(self, a, b, eps, f, g) -> Array:
        """<P, C> of the plan P of potentials; a gradient holds the plan."""

        def block(part):
            x, f, a = part
            C = cost_matrix(x, self.y, self.p)
            return jnp.sum(jax.lax.stop_gradient(_plan(C, a, b, eps, f, g)) * C, axis=1)

        return jnp.sum(over_blocks(block, (self.x, f, a), self.shape[1]))

    def tree_flatten(self) -> Any:
        """Points and epsilon are leaves."""
        return (self.x, self.y, self._epsilon_init), self.p

    @classmethod
    def tree_unflatten(cls, aux_data: Any, children: Any) -> "BlockedCost":
        """Rebuild."""
        x, y, epsilon = children
        return cls(x, y, aux_data, epsilon=epsilon)


def over_blocks(function: Any, rows: Any, columns: int) -> Any:
    """`function` of blocks of rows (a pytree of arrays with n rows), its results joined along the rows.

    A block has as many rows as make BLOCK_BYTES with `columns` numbers each; gradients recompute blocks.
    """
    first = jax.tree.leaves(rows)[0]
    n = first.shape[0]
    size = max(1, min(n, BLOCK_BYTES // (first.dtype.itemsize * columns)))
    function = jax.checkpoint(function)
    whole = n // size * size
    folded = jax.tree.map(lambda v: v[:whole].reshape(n // size, size, *v.shape[1:]), rows)
    out = jax.lax.map(function, folded)
    out = jax.tree.map(lambda v: v.reshape(whole, *v.shape[2:]), out)
    if whole == n:
        return out
    rest = function(jax.tree.map(lambda v: v[whole:], rows))
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), out, rest)


@jax.tree_util.register_pytree_node_class
class _Kernel(geometry.Geometry):
    """OTT's geometry of a kernel matrix; its own raises the kernel to a power in every iteration."""

    def apply_kernel(self, vec, eps=None, axis=0):
        # v K, not K' v: the transposed matrix costs XLA ten times as much on a CPU.
        kernel: Any = self._kernel_matrix
        left, right = (kernel, vec) if axis == 1 else (vec, kernel)
        return jnp.dot(left, right, precision=_numerics.HIGHEST)


def _sinkhorn(threshold: Any, *, lse_mode: bool) -> sinkhorn.Sinkhorn:
    return sinkhorn.Sinkhorn(
        lse_mode=lse_mode,
        threshold=threshold,
        inner_iterations=CHECK_EVERY,
        max_iterations=ROUND,
    )


def _progress(out: Any) -> tuple[Array, Array]:
    """The last error, and the number of iterations; OTT marks those that were not needed by -1."""
    checks = jnp.sum(out.errors != -1)
    return out.errors[jnp.maximum(checks - 1, 0)], (checks * CHECK_EVERY).astype(jnp.int32)


def _without_mass(potential: Array, mass: Array, eps: Array) -> Array:
    """Eps log(u / mass) from eps log u; zero where there is no mass."""
    some = mass > 0
    return jnp.where(some, potential - eps * jnp.log(jnp.where(some, mass, 1.0)), 0.0)


def _plan(C, a, b, eps, f, g):
    return a[:, None] * b[None, :] * jnp.exp((f[:, None] + g[None, :] - C) / eps)


@jax.custom_jvp
def _held_value(C, a, b, eps, f, g, cost):
    return cost


@_held_value.defjvp
def _held_value_jvp(primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """Envelope theorem: P in C, f in a, g in b, KL(P | a b') in eps."""
    C, a, b, eps, f, g, cost = primals
    dC, da, db, deps, *_ = tangents
    P = _plan(C, a, b, eps, f, g)
    divergence = (cost - jnp.sum(P * C)) / eps
    return cost, jnp.sum(P * dC) + jnp.dot(f, da) + jnp.dot(g, db) + divergence * deps
