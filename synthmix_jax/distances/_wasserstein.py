"""Wasserstein distances: debiased entropic ones through OTT, exact ones of small samples through POT.

    S = OT(x, y) - (OT(x, x) + OT(y, y)) / 2,    W ~ S^(1/p)

with OT the entropic cost of `_sinkhorn`. S is the Sinkhorn divergence (feydy2019): zero on itself, and W_p^p in the
limit of no regularisation.
"""

import functools
import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy.spatial.distance import cdist

from synthmix_jax import _checks
from synthmix_jax._typing import Array

from . import _samples
from ._cost import BlockedCost, HeldCost, cost_matrix
from ._sinkhorn import Cost, Solution, Stopping, solve, solve_self

MEMORY_LIMIT = 2**31
"""Bytes that cost matrices and kernels may take before the cost is recomputed in blocks instead."""

THRESHOLD = 1e-3
MAX_ITERATIONS = 20_000
EXACT_PAIRS = 4_000_000
"""Pairs of points up to which the exact problem is solved: some seconds."""


class ConvergenceError(RuntimeError):
    """Sinkhorn's iterations ended before the marginals were right; the message says what to change."""


class Transport(NamedTuple):
    """A transport problem solved, and how well.

    Attributes:
        value: The distance, in the unit of the points; NaN where the iterations did not converge.
        cost: value^p: the Sinkhorn divergence, or the transport cost if it is not debiased.
        transport_cost: <P, C> of the plan between x and y; a gradient holds the plan.
        epsilon: The absolute regularisation, in the unit of the cost.
        iterations: Sinkhorn iterations, over all problems solved.
        marginal_error: Largest L1 error of a marginal over the problems; masses sum to one.
        converged: Whether it is below the threshold.
        held: Whether the cost matrix was held in memory.
    """

    value: Float[Array, ""]
    cost: Float[Array, ""]
    transport_cost: Float[Array, ""]
    epsilon: Float[Array, ""]
    iterations: Int[Array, ""]
    marginal_error: Float[Array, ""]
    converged: Bool[Array, ""]
    held: bool

    @property
    def status(self) -> str:
        """What went wrong and what to do, or "ok"."""
        if bool(self.converged):
            return "ok"
        return (
            f"no convergence after {int(self.iterations)} iterations: the marginals are off by "
            f"{float(self.marginal_error):.2g} at an absolute epsilon of {float(self.epsilon):.3g}. Raise epsilon "
            "or max_iterations, or accept it with a larger threshold."
        )


def wasserstein(
    x: Shaped[Array, "n ..."],
    y: Shaped[Array, "m ..."],
    *,
    p: float | int = 2,
    epsilon: float | int = 0.01,
    threshold: float = THRESHOLD,
    max_iterations: int = MAX_ITERATIONS,
    memory_limit: float | int = MEMORY_LIMIT,
) -> Float[Array, ""]:
    """The Wasserstein distance W_p between two samples, entropic and debiased: S^(1/p).

    Measures: the least mean effort, in the p-th mean of Euclidean lengths, that turns one sample into the
        other; sees every difference of the two laws. Unit: that of the points. Cost: n m (d + iterations)
        operations for each of three problems, memory n m, or a block of it beyond `memory_limit`. Bias: the
        distance between two samples of one law is not zero but falls as n^(-1/d), much slower in many
        dimensions (`compare` shows that floor); debiasing removes the larger part of what epsilon adds, not
        this.

    Args:
        x: Points (n, ...); images are flattened, uint8 counts as x / 255. float32 data are computed in float32.
        y: Points (m, ...).
        p: The power, at least 1.
        epsilon: Entropic regularisation relative to the mean cost between x and y. Below 0.001 it gets slow.
        threshold: L1 error of the marginals at which iterations stop, never above half the mass of a point; the
            error of S is of its second order.
        max_iterations: Most iterations of each problem.
        memory_limit: Bytes for cost matrices and kernels; beyond, the cost is recomputed block by block.

    Returns:
        The distance, never negative. Inside `jit`, NaN where the iterations did not converge. Differentiable in
        x and y by the envelope theorem, with derivative zero where the distance is zero.

    Raises:
        ValueError: samples that do not match, hold no points or non-finite values; options out of range.
        ConvergenceError: the iterations ended too early; the message names them, the error and the remedy.
            `transport` returns a status instead.

    References:
        Cuturi 2013 [cuturi2013]; Feydy et al. 2019 [feydy2019]; Genevay et al. 2019 on the bias [genevay2019].
    """
    found = transport(
        x,
        y,
        p=p,
        epsilon=epsilon,
        threshold=threshold,
        max_iterations=max_iterations,
        memory_limit=memory_limit,
    )
    if not _samples.is_traced(found.converged) and not found.converged:
        raise ConvergenceError(f"wasserstein: {found.status}")
    return found.value


def transport(
    x: Shaped[Array, "n ..."],
    y: Shaped[Array, "m ..."],
    *,
    p: float | int = 2,
    epsilon: float | int = 0.01,
    debiased: bool = True,
    threshold: float = THRESHOLD,
    max_iterations: int = MAX_ITERATIONS,
    memory_limit: float | int = MEMORY_LIMIT,
) -> Transport:
    """`wasserstein` with its diagnostics: never raises for lack of convergence, but says so in its status.

    Args:
        x: Points (n, ...).
        y: Points (m, ...).
        p: The power, at least 1.
        epsilon: Entropic regularisation relative to the mean cost between x and y.
        debiased: False for the plain entropic problem between x and y: cost is then <P, C>, positive on itself; a
            gradient holds the plan.
        threshold: L1 error of the marginals at which iterations stop.
        max_iterations: Most iterations of each problem.
        memory_limit: Bytes for cost matrices and kernels.

    Returns:
        A `Transport`.

    Raises:
        ValueError: samples that do not match, hold no points or non-finite values; options out of range.
    """
    check_options(p=p, epsilon=epsilon, threshold=threshold, max_iterations=max_iterations)
    x, y = _samples.paired(x, y)
    held = _fits(x, y, memory_limit, debiased)
    with _samples.precision(x):
        found = _transport(
            jnp.asarray(x),
            jnp.asarray(y),
            epsilon,
            threshold,
            max_iterations,
            p=p,
            debiased=debiased,
            held=held,
        )
        numbers = jax.tree.map(_samples.number, found._asdict())
    return Transport(**{**numbers, "held": held})


def exact_wasserstein(
    x: Shaped[Array, "n ..."], y: Shaped[Array, "m ..."], *, p: float | int = 2
) -> Float[Array, ""]:
    """The exact Wasserstein distance W_p between two small samples, by the network simplex of POT.

    Measures what `wasserstein` does, with no regularisation. Unit: that of the points. Cost: about (n + m)^3 at
    worst, on one core, in float64: a second or two for 2,000 points each. Bias: as `wasserstein`, that of
    sampling. Not differentiable, not for use inside `jit`.

    Args:
        x: Points (n, ...).
        y: Points (m, ...); n m at most 4 million.
        p: The power, at least 1.

    Raises:
        ValueError: samples that do not match, or more pairs than that.
        ImportError: POT is not installed.
        ConvergenceError: the simplex did not finish.

    References:
        Bonneel et al. 2011 [bonneel2011]; Flamary et al. 2021, POT [flamary2021].
    """
    check_options(p=p)
    if _samples.is_traced(x, y):
        raise ValueError(
            "exact_wasserstein runs on the host and cannot be traced by jit, grad or vmap. Use wasserstein there."
        )
    x, y = (np.asarray(v, np.float64) for v in _samples.paired(x, y))
    if len(x) * len(y) > EXACT_PAIRS:
        raise ValueError(
            f"x and y make {len(x) * len(y):,} pairs; the exact problem is solved up to {EXACT_PAIRS:,}. "
            "Use wasserstein, or a random part of the points."
        )
    try:
        import ot
    except ImportError as error:
        raise ImportError(
            'exact_wasserstein needs POT: pip install "synthmix-jax[exact]" (or pip install POT).'
        ) from error
    lengths = cdist(x, y)
    # The simplex has absolute tolerances: in units of the largest length they are relative ones.
    unit = lengths.max() or 1.0
    a, b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of is raised below
        found: Any = ot.emd2(a, b, (lengths / unit) ** p, numItermax=10_000_000, log=True)
    moved, log = found
    if log["warning"] is not None or not np.isfinite(moved):
        raise ConvergenceError(
            f"exact_wasserstein: POT's simplex did not finish ({log['warning']}). Use fewer points, or wasserstein."
        )
    return np.asarray(max(float(moved), 0.0) ** (1 / p) * unit)


def check_options(
    *,
    p: float | int = 2,
    epsilon: float | int = 1.0,
    threshold: float = 0.5,
    max_iterations: int = 1,
) -> None:
    """Raise a ValueError for options out of range."""
    if not isinstance(p, int | float) or not 1 <= p < np.inf:
        raise ValueError(f"p must be a number of at least 1, got {p!r}. Usual choices are 1 and 2.")
    if not _samples.is_traced(epsilon):
        _checks.positive_value("epsilon", epsilon)
    if not _samples.is_traced(threshold) and not 0 < threshold < 1:
        raise ValueError(
            f"threshold must lie between 0 and 1 (it is an error of probabilities), got {threshold!r}."
        )
    if not _samples.is_traced(max_iterations) and max_iterations < 1:
        raise ValueError(f"max_iterations must be at least 1, got {max_iterations!r}.")


class Divergence(NamedTuple):
    """S and the solutions it is made of (those of the self terms None where it is not debiased)."""

    cost: Float[Array, ""]
    xy: Solution
    xx: Solution | None
    yy: Solution | None

    @property
    def solutions(self) -> tuple[Solution, ...]:
        """Those that exist."""
        return tuple(s for s in (self.xy, self.xx, self.yy) if s is not None)


def divergence(
    xy: Cost, xx: Cost, yy: Cost, a: Array, b: Array, eps: Array, stopping: Stopping
) -> Divergence:
    """The Sinkhorn divergence of weighted points from their three costs; zero below rounding.

    The potential of x against itself starts the problem between x and y: where both are one law, it is the
    solution.
    """
    self_x, self_y = solve_self(xx, a, eps, stopping), solve_self(yy, b, eps, stopping)
    between = solve(xy, a, b, eps, stopping, start=self_x.f)
    return Divergence(combined(between, self_x, self_y, xy.mean()), between, self_x, self_y)


def combined(xy: Solution, xx: Solution, yy: Solution, scale: Array) -> Array:
    """S of its three parts, clipped at what rounding leaves of a difference of numbers of size `scale`."""
    S = xy.cost - (xx.cost + yy.cost) / 2
    known = 8.0 * jnp.finfo(S.dtype).eps * jax.lax.stop_gradient(scale)
    return jnp.where((known >= S) | (scale <= 0), 0.0, S)


def absolute(epsilon: Any, mean_cost: Array) -> Array:
    """Epsilon in the unit of the cost; any, should all points coincide; NaN for what a trace could not refuse."""
    eps = jnp.where(mean_cost > 0, epsilon * mean_cost, 1.0).astype(mean_cost.dtype)
    return jnp.where(jnp.asarray(epsilon) > 0, eps, jnp.nan)


def stopping_for(threshold: Any, max_iterations: Any, *sizes: int) -> Stopping:
    """A marginal error below half the mass of a point: a larger one could leave whole points where they are."""
    return Stopping(jnp.minimum(threshold, 0.5 / max(sizes)), max_iterations)


@functools.partial(jax.jit, static_argnames=("p", "debiased", "held"))
def _transport(x, y, epsilon, threshold, max_iterations, *, p, debiased, held) -> Transport:
    sound = _sound(x, y)
    # Distances are homogeneous: in units of the largest coordinate no square over- or underflows.
    middle = _samples.centre(x)
    x, y = x - middle, y - middle
    largest = jax.lax.stop_gradient(jnp.maximum(jnp.abs(x).max(), jnp.abs(y).max()))
    unit = jnp.where(largest > 0, largest, 1.0)
    x, y = x / unit, y / unit
    cost = lambda u, v: HeldCost(cost_matrix(u, v, p)) if held else BlockedCost(u, v, p)
    a, b = (jnp.full(len(v), 1.0 / len(v), v.dtype) for v in (x, y))
    stopping = stopping_for(threshold, max_iterations, len(x), len(y))
    between = cost(x, y)
    eps = absolute(epsilon, between.mean())
    if debiased:
        found = divergence(between, cost(x, x), cost(y, y), a, b, eps, stopping)
    else:
        found = Divergence(jnp.zeros(()), solve(between, a, b, eps, stopping), None, None)
    moved = between.expected(a, b, eps, found.xy.f, found.xy.g)
    value = found.cost if debiased else moved
    converged = jnp.all(jnp.stack([s.converged for s in found.solutions])) & sound
    value = jnp.where(converged, value, jnp.nan)
    return Transport(
        value=_samples.root(value, p) * unit,
        cost=value * unit**p,
        transport_cost=moved * unit**p,
        epsilon=eps * unit**p,
        iterations=sum(s.iterations for s in found.solutions),  # type: ignore[arg-type]
        marginal_error=jnp.max(jnp.stack([s.error for s in found.solutions])),
        converged=converged,
        held=held,
    )


def _sound(*samples: Array) -> Array:
    """Whether all numbers are finite: a trace cannot refuse those that are not, and costs count them as zero."""
    return jnp.all(jnp.isfinite(jnp.stack([end for v in samples for end in (v.max(), v.min())])))


def _fits(x: Array, y: Array, memory_limit: float | int, debiased: bool) -> bool:
    """Whether three cost matrices, the largest kernel and what is made on the way stay within the limit."""
    if not memory_limit > 0:
        raise ValueError(f"memory_limit must be a positive number of bytes, got {memory_limit!r}.")
    n, m = len(x), len(y)
    pairs = n * m + debiased * (n * n + m * m) + 2 * max(n * m, debiased * max(n, m) ** 2)
    return pairs * x.dtype.itemsize <= memory_limit
