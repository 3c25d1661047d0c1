"""The metrics `compare` knows, each evaluated on many draws from one pool of points.

What does not depend on the draw (distances between all pairs, projections, the kernel matrix) is computed once;
what depends on one draw alone (its transport to itself) once a draw. A new metric is a class here and a line in
`METRICS`.
"""

import abc
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import kernels
from synthmix_jax._typing import Array

from . import _mmd, _samples, _sliced
from ._cost import HeldCost
from ._labelled import class_costs
from ._resample import Draw
from ._sinkhorn import Solution, Stopping, solve, solve_self
from ._wasserstein import MAX_ITERATIONS, THRESHOLD, combined

BATCH_BYTES = 2**31
"""Memory for resamples side by side on an accelerator; a CPU takes them one by one, which is faster there."""


@dataclasses.dataclass(frozen=True)
class Pool:
    """Points of all samples, with what metrics need beside them.

    Attributes:
        points: Real points first (n, d), in the dtype to compute in.
        squared: Squared distances of all pairs.
        labels: Classes of all points, or None.
        num_real: How many of the points are real.
        epsilon: Of Sinkhorn, relative to the mean cost between real points.
        key: PRNG key of the random directions.
    """

    points: Float[np.ndarray, "n d"]
    squared: Float[Array, "n n"]
    labels: Int[np.ndarray, " n"] | None
    num_real: int
    epsilon: float
    key: Any

    @property
    def real(self) -> np.ndarray:
        """The real points."""
        return self.points[: self.num_real]


class Metric(abc.ABC):
    """A distance on a pool; values of B draws against B draws, and which of them can be relied on."""

    def __init__(self, pool: Pool):
        """Compute what all draws share."""
        self.pool = pool

    def begin(self, real: np.ndarray) -> None:  # noqa: B027  (most have nothing to set)
        """Set what depends on the real points that take part (rows of the pool), before draws from them."""

    @abc.abstractmethod
    def between(self, first: Draw, second: Draw) -> tuple[np.ndarray, np.ndarray]:
        """Distances (B,) between the parts of two draws, and whether each was computed (B,).

        Negative where an unbiased estimate of a power is: such ones count as zero, but not in a difference.
        """


class Transported(Metric):
    """Debiased entropic transport of a cost on the pool."""

    p: float | int = 2

    def __init__(self, pool: Pool):
        """The cost matrix of the pool."""
        super().__init__(pool)
        self.cost = self.costs()
        self.eps = jnp.ones((), self.cost.dtype)
        self.known: dict[int, tuple[Draw, Solution]] = {}

    def begin(self, real: np.ndarray) -> None:
        """Epsilon relative to the mean cost between the real points: one for values and floors."""
        scale = float(np.asarray(self.cost)[np.ix_(real, real)].mean(dtype=np.float64))
        self.eps = jnp.asarray(self.pool.epsilon * scale if scale > 0 else 1.0, self.cost.dtype)

    def costs(self) -> Array:
        """The cost of all pairs."""
        return _power(self.pool.squared, p=self.p)

    def between(self, first: Draw, second: Draw) -> tuple[np.ndarray, np.ndarray]:
        """Sinkhorn divergences to the power 1/p."""
        eps = self.eps
        one, two = self._self(first, eps), self._self(second, eps)
        rows = jnp.asarray(first.rows), jnp.asarray(second.rows)
        values, converged = _cross(
            self.cost, rows, (one, two), eps, batch=_batch(self.cost, first, second)
        )
        return np.asarray(_samples.root(values, self.p)), np.asarray(converged)

    def _self(self, draw: Draw, eps: Array) -> Solution:
        if id(draw) not in self.known:
            batch = _batch(self.cost, draw, draw)
            self.known[id(draw)] = (
                draw,
                _selves(self.cost, jnp.asarray(draw.rows), eps, batch=batch),
            )
        return self.known[id(draw)][1]


class Transported1(Transported):
    """The same for p = 1."""

    p = 1


class Labelled(Transported):
    """Transport of points with their labels: squared distance plus that between the real classes."""

    def costs(self) -> Array:
        """Squared distances plus squared class-to-class distances."""
        assert self.pool.labels is not None
        n = self.pool.num_real
        between = class_costs(self.pool.real, self.pool.labels[:n], int(self.pool.labels.max()) + 1)
        return (
            self.pool.squared
            + jnp.asarray(between, self.pool.squared.dtype)[
                self.pool.labels[:, None], self.pool.labels[None, :]
            ]
        )


class Quadratic(Metric):
    """Distances that are quadratic forms of a matrix of all pairs: one product gives all draws."""

    diagonal: bool = True  # whether a point is paired with itself

    def __init__(self, pool: Pool):
        """The matrix, and its own part of each draw."""
        super().__init__(pool)
        self.matrix = np.asarray(self.pairs())
        self.known: dict[int, tuple[Draw, np.ndarray]] = {}

    @abc.abstractmethod
    def pairs(self) -> Array:
        """The matrix of all pairs: values of a kernel, or negative distances."""

    def between(self, first: Draw, second: Draw) -> tuple[np.ndarray, np.ndarray]:
        """Root of E k(X, X') + E k(Y, Y') - 2 E k(X, Y), with the sign of what is below it."""
        means = np.array(
            [
                self.matrix[np.ix_(a, b)].mean(dtype=np.float64)
                for a, b in zip(first.rows, second.rows, strict=True)
            ]
        )
        squared = self._self(first) + self._self(second) - 2.0 * means
        return np.sign(squared) * np.sqrt(np.abs(squared)), np.ones(len(squared), bool)

    def _self(self, draw: Draw) -> np.ndarray:
        if id(draw) not in self.known:
            self.known[id(draw)] = draw, np.array([self._within(rows) for rows in draw.rows])
        return self.known[id(draw)][1]

    def _within(self, rows: np.ndarray) -> float:
        block = self.matrix[np.ix_(rows, rows)]
        total, s = block.sum(dtype=np.float64), len(rows)
        if self.diagonal:
            return total / s**2
        return (total - np.trace(block, dtype=np.float64)) / (s * (s - 1))


class KernelMean(Quadratic):
    """Unbiased maximum mean discrepancy, RBF at the median distance of the real points."""

    diagonal = False
    kernel: Callable[[float], kernels.Kernel] = kernels.RBF

    def pairs(self) -> Array:
        """The kernel's matrix from the distances at hand."""
        scale = _median(np.asarray(self.pool.squared)[: self.pool.num_real, : self.pool.num_real])
        profile = type(self).kernel(scale).profile  # type: ignore[attr-defined]
        return profile(self.pool.squared / jnp.asarray(scale**2, self.pool.squared.dtype))


class KernelMeanMixture(KernelMean):
    """The same for the mean of five lengthscales."""

    kernel = _mmd.RBFMixture


class Energy(Quadratic):
    """Energy distance."""

    def pairs(self) -> Array:
        """Negative distances."""
        return -_samples.root(self.pool.squared)


class Sliced(Metric):
    """Sliced Wasserstein distance, all draws under the same directions; sorted by NumPy."""

    directions = 256
    p = 2.0

    def __init__(self, pool: Pool):
        """Projections of all points (directions, n)."""
        super().__init__(pool)
        directions = _sliced._directions(pool.key, self.directions, pool.points.shape[1])
        self.projected = _sliced._host_projections(pool.points, directions, pool.points.dtype)

    def between(self, first: Draw, second: Draw) -> tuple[np.ndarray, np.ndarray]:
        """Means over directions of one-dimensional distances."""
        i, j, widths = _sliced._merged(first.size, second.size)
        powers = []
        for a, b in zip(first.rows, second.rows, strict=True):
            u, v = (np.sort(self.projected[:, rows], axis=1) for rows in (a, b))
            powers.append((_sliced._power(u[:, i] - v[:, j], self.p) @ widths).mean())
        return np.asarray(powers) ** (1.0 / self.p), np.ones(len(powers), bool)


class Gaussian(Metric):
    """Fréchet distance between Gaussians, with the factors of each draw computed once."""

    def __init__(self, pool: Pool):
        """Float64, since this one takes the difference of traces."""
        super().__init__(pool)
        self.points = pool.points.astype(np.float64)
        self.known: dict[int, tuple[Draw, list]] = {}

    def between(self, first: Draw, second: Draw) -> tuple[np.ndarray, np.ndarray]:
        """|difference of means|^2 + tr S1 + tr S2 - 2 |A B'|_*, as `gaussian_wasserstein` has it."""
        squared = []
        for (mean1, a), (mean2, b) in zip(self._moments(first), self._moments(second), strict=True):
            shared = np.linalg.svd(a @ b.T, compute_uv=False).sum()
            apart = ((mean1 - mean2) ** 2).sum()
            squared.append(apart + (a**2).sum() + (b**2).sum() - 2.0 * shared)
        return np.sqrt(np.maximum(squared, 0.0)), np.ones(len(squared), bool)

    def _moments(self, draw: Draw) -> list[tuple[np.ndarray, np.ndarray]]:
        if id(draw) not in self.known:
            self.known[id(draw)] = draw, [_moments(self.points[rows]) for rows in draw.rows]
        return self.known[id(draw)][1]


def _moments(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and a factor of at most d rows with covariance factor' factor."""
    mean = points.mean(axis=0)
    factor = (points - mean) / np.sqrt(len(points))
    tall = len(factor) > factor.shape[1]
    return mean, np.asarray(np.linalg.qr(factor, mode="r")) if tall else factor


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the registry.

    Attributes:
        metric: Evaluates it on a pool.
        power: The power in which its bias adds up: 2 for distances that are roots of squares.
        unit: What it is measured in.
        labelled: Whether it needs labels.
    """

    metric: Callable[[Pool], Metric]
    power: int
    unit: str
    labelled: bool = False


METRICS: dict[str, Entry] = {
    "wasserstein": Entry(Transported, 2, "of the features"),
    "wasserstein_1": Entry(Transported1, 1, "of the features"),
    "sliced_wasserstein": Entry(Sliced, 2, "of the features"),
    "gaussian_wasserstein": Entry(Gaussian, 2, "of the features"),
    "mmd": Entry(KernelMean, 2, "of the kernel, at most 1.41"),
    "mmd_mixture": Entry(KernelMeanMixture, 2, "of the kernel, at most 1.41"),
    "energy": Entry(Energy, 2, "square root of the features'"),
    "labelled_wasserstein": Entry(Labelled, 2, "of the features", labelled=True),
}


@functools.partial(jax.jit, static_argnames=("p",))
def _power(squared: Array, *, p: float | int) -> Array:
    return squared if p == 2 else _samples.root(squared, 2.0 / p)


@functools.partial(jax.jit, static_argnames=("batch",))
def _selves(cost: Array, rows: Array, eps: Array, *, batch: int | None) -> Solution:
    def one(rows):
        return solve_self(HeldCost(cost[rows][:, rows]), _even(rows, cost), eps, STOPPING)

    return jax.lax.map(one, rows, batch_size=batch)


@functools.partial(jax.jit, static_argnames=("batch",))
def _cross(cost, rows, selves, eps, *, batch: int | None) -> tuple[Array, Array]:
    def one(item):
        (first, second), (xx, yy) = item
        between = HeldCost(cost[first][:, second])
        a, b = _even(first, cost), _even(second, cost)
        xy = solve(between, a, b, eps, STOPPING, start=xx.f)
        converged = xx.converged & yy.converged & xy.converged
        return jnp.where(converged, combined(xy, xx, yy, between.mean()), jnp.nan), converged

    return jax.lax.map(one, (rows, selves), batch_size=batch)


STOPPING = Stopping(THRESHOLD, MAX_ITERATIONS)


def _even(rows: Array, cost: Array) -> Array:
    return jnp.full(rows.shape, 1.0 / rows.shape[0], cost.dtype)


def _batch(cost: Array, first: Draw, second: Draw) -> int | None:
    if jax.default_backend() == "cpu":
        return None
    each = 6 * max(first.size, second.size) ** 2 * cost.dtype.itemsize
    return max(1, min(len(first.rows), BATCH_BYTES // each))


def _median(squared: np.ndarray) -> float:
    """The median distance of pairs, of those apart where it is zero, 1 if none is (as `mmd` has it)."""
    pairs = np.sqrt(squared[np.triu_indices(len(squared), 1)])
    median = float(np.median(pairs)) if pairs.size else 0.0
    if median == 0.0 and pairs.any():
        median = float(np.median(pairs[pairs > 0]))
    return median or 1.0
