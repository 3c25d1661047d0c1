"""Distances of mixtures (1 - r) x + r y from x, or from a held-out target, for a whole grid of shares r at once.

All mixtures live on one support, the points of x and of y; a share only changes their masses. So the cost
matrix and the kernel are computed once, and Sinkhorn's products with one vector become products with a matrix,
a column a share. From x itself, with the same points and weights, W1, the MMD (V-statistic), the energy
distance and sliced W1 are exactly r times the distance of y; W2^2 is convex in r and at most r times that of y
(classical; checked in the tests).
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, KernelFunction, Key, Numbers

from . import _energy, _mmd, _samples, _sliced
from ._pairs import mean_over_pairs
from ._shares import grid, masses_of
from ._wasserstein import (
    MAX_ITERATIONS,
    MEMORY_LIMIT,
    THRESHOLD,
    ConvergenceError,
    check_options,
    stopping_for,
    wasserstein,
)


def mixture_wasserstein(
    x: Shaped[Array, "n ..."],
    y: Shaped[Array, "m ..."],
    shares: Numbers,
    *,
    target: Shaped[Array, "t ..."] | None = None,
    p: float | int = 2,
    epsilon: float | int = 0.01,
    threshold: float = THRESHOLD,
    max_iterations: int = MAX_ITERATIONS,
    memory_limit: float | int = MEMORY_LIMIT,
) -> Float[Array, " r"]:
    """Debiased entropic W_p between the mixture of x and y and x itself (or `target`), at every share of y.

    From x and with p = 1 one solve gives all shares, r W1(x, y): exact for W1, which entropy would bend.
    Otherwise all shares are solved together.

    Args:
        x: Points (n, ...), with mass (1 - r) / n each.
        y: Points (m, ...), with mass r / m each.
        shares: Shares r of y, in [0, 1].
        target: Points that the mixture is compared with; x if None.
        p: The power, at least 1.
        epsilon: Entropic regularisation relative to the mean cost between y and what it is compared with; one
            for all shares.
        threshold: L1 error of the marginals at which iterations stop.
        max_iterations: Most iterations of a share that goes alone.
        memory_limit: Bytes for the matrices, (n + m)^2 numbers each.

    Returns:
        A distance a share, as `wasserstein` has it. Differentiable; inside `jit`, NaN where not converged.

    Raises:
        ValueError: shares outside [0, 1], samples that do not match, or more points than fit.
        ConvergenceError: some share did not converge.

    References:
        Debiased transport, feydy2019; one support for all shares, derived here.
    """
    check_options(p=p, epsilon=epsilon, threshold=threshold, max_iterations=max_iterations)
    shares = _checked(shares)
    if target is None and p == 1:
        options = {"threshold": threshold, "max_iterations": max_iterations}
        whole = wasserstein(x, y, p=1, epsilon=epsilon, memory_limit=memory_limit, **options)
        return _scaled(shares, whole)
    x, y, t = _three(x, y, target)
    need = (
        4 * x.dtype.itemsize * (len(x) + len(y)) * (len(x) + len(y) + (0 if t is None else len(t)))
    )
    if need > memory_limit:
        raise ValueError(
            f"the mixtures of {len(x):,} and {len(y):,} points need {need / 2**30:.1f} GiB of matrices, above the "
            f"memory_limit of {memory_limit / 2**30:.1f} GiB. Use a random part of the points, or raise the limit."
        )
    with _samples.precision(x):
        args = jnp.asarray(x), jnp.asarray(y), None if t is None else jnp.asarray(t)
        sizes = [len(v) for v in (x, y, t) if v is not None]
        stopping = stopping_for(threshold, max_iterations, *sizes)
        powers, converged = grid(*args, jnp.asarray(shares, x.dtype), epsilon, stopping, p=p)
        values = _samples.root(powers, p)
        if not _samples.is_traced(converged) and not np.all(converged):
            lost = np.asarray(shares)[~np.asarray(converged)]
            raise ConvergenceError(
                f"mixture_wasserstein: no convergence at {len(lost)} shares, the first {lost[0]:g}, after "
                f"{max_iterations} iterations. Raise epsilon or max_iterations, or accept a larger threshold."
            )
        return _numbers(values, (x, y, t))


def mixture_mmd(
    x: Shaped[Array, "n ..."],
    y: Shaped[Array, "m ..."],
    shares: Numbers,
    *,
    target: Shaped[Array, "t ..."] | None = None,
    kernel: KernelFunction | str | None = None,
    biased: bool = True,
) -> Float[Array, " r"]:
    """Maximum mean discrepancy between the mixture and x itself (or `target`), at every share, from six means.

    MMD^2 is a quadratic in r. As a V-statistic from x itself its root is exactly r MMD(x, y).

    Args:
        x: Points (n, ...).
        y: Points (m, ...).
        shares: Shares r of y, in [0, 1].
        target: Points that the mixture is compared with; x if None.
        kernel: As in `mmd`; None and "mixture" take the median over x and y.
        biased: V-statistic (the exact MMD of the weighted points); False, with a target only, leaves out pairs
            of a point with itself: unbiased in the square, clipped at zero.

    Raises:
        ValueError: shares outside [0, 1], samples that do not match, or biased=False without a target.
    """
    shares = _checked(shares)
    if target is None and not biased:
        raise ValueError(
            "biased=False needs a target: from x itself the same points stand on both sides. Give held-out points."
        )
    rows = _three(x, y, target)
    if not biased and min(len(v) for v in rows if v is not None) < 2:
        raise ValueError("biased=False needs at least two points in each sample. Use biased=True.")
    with _samples.precision(rows[0]):
        chosen = _mmd._resolve_kernel(kernel, x, y)
        powers = _quadratic(chosen.of_rows, *rows, shares, biased)
        return _numbers(_samples.root(powers), rows)


def mixture_energy(
    x: Shaped[Array, "n ..."],
    y: Shaped[Array, "m ..."],
    shares: Numbers,
    *,
    target: Shaped[Array, "t ..."] | None = None,
) -> Float[Array, " r"]:
    """Energy distance between the mixture and x itself (or `target`), at every share; from x, r times that of y.

    Args:
        x: Points (n, ...).
        y: Points (m, ...).
        shares: Shares r of y, in [0, 1].
        target: Points that the mixture is compared with; x if None.

    Raises:
        ValueError: shares outside [0, 1], or samples that do not match.
    """
    shares = _checked(shares)
    rows = _three(x, y, target)
    with _samples.precision(rows[0]):
        negative = lambda a, b: -_energy._distances(a, b)
        return _numbers(_samples.root(_quadratic(negative, *rows, shares, True)), rows)


def mixture_sliced_wasserstein(
    x: Shaped[Array, "n ..."],
    y: Shaped[Array, "m ..."],
    shares: Numbers,
    *,
    key: Key,
    target: Shaped[Array, "t ..."] | None = None,
    num_projections: int = 512,
) -> Float[Array, " r"]:
    """Sliced W1 between the mixture and x itself (or `target`), at every share: one sort a direction for all.

    In one dimension W1 is the integral of |F - G|, and all shares have the same sorted points. From x, r times
    that of y.

    Args:
        x: Points (n, ...).
        y: Points (m, ...).
        shares: Shares r of y, in [0, 1].
        key: PRNG key of the directions, as in `sliced_wasserstein`.
        target: Points that the mixture is compared with; x if None.
        num_projections: Directions.

    Raises:
        ValueError: shares outside [0, 1], or samples that do not match.
    """
    shares = _checked(shares)
    rows = _three(x, y, target)
    directions = _sliced._directions(key, num_projections, rows[0].shape[1])
    with _samples.precision(rows[0]):
        at: list[Any] = [None if v is None else jnp.asarray(v) for v in rows]
        return _numbers(_sliced_grid(*at, jnp.asarray(shares, at[0].dtype), directions), rows)


def _quadratic(function: Any, x: Any, y: Any, t: Any, shares: Any, biased: bool) -> Array:
    """E k(Z, Z') + E k(T, T') - 2 E k(Z, T) for Z from the mixture."""
    t_is_x = t is None
    t = x if t_is_x else t
    x, y, t = (jnp.asarray(v) for v in (x, y, t))
    r = jnp.asarray(shares, x.dtype)
    mean = jax.jit(functools.partial(mean_over_pairs, function), static_argnames=("off_diagonal",))
    own = lambda v: mean(v, v, off_diagonal=not biased)
    xx, yy, xy = own(x), own(y), mean(x, y)
    if t_is_x:
        return r**2 * jnp.maximum(xx + yy - 2.0 * xy, 0.0)
    cross = (1.0 - r) * mean(x, t) + r * mean(y, t)
    return (1.0 - r) ** 2 * xx + r**2 * yy + 2.0 * r * (1.0 - r) * xy + own(t) - 2.0 * cross


@jax.jit
def _sliced_grid(x, y, t, shares, directions) -> Array:
    """W1 of every mixture under every direction, as a sum over the gaps between sorted points."""
    masses = masses_of(shares, len(x), len(y)).astype(x.dtype)
    if t is None:
        points, signed = jnp.concatenate([x, y]), masses - masses_of(0 * shares[:1], len(x), len(y))
    else:
        points = jnp.concatenate([x, y, t])
        against = jnp.full((len(shares), len(t)), -1.0 / len(t), x.dtype)
        signed = jnp.concatenate([masses, against], axis=1)
    units = jnp.asarray(directions, x.dtype)
    units = units / jnp.linalg.norm(units, axis=1, keepdims=True)

    def one(unit):
        u = jnp.matmul(points, unit, precision=_numerics.HIGHEST)
        order = jnp.argsort(u)
        gaps = jnp.diff(u[order])
        return jnp.abs(jnp.cumsum(signed[:, order], axis=1)[:, :-1]) @ gaps

    return jax.lax.map(one, units).mean(axis=0)


def _three(x: Any, y: Any, target: Any) -> tuple[Array, Array, Array | None]:
    x, y = _samples.paired(x, y)
    if target is None:
        return x, y, None
    x, t = _samples.paired(x, target, names=("x", "target"))
    x, y = _samples.paired(x, y)
    return x, y, _samples.paired(t, x, names=("target", "x"))[0]


def _numbers(values: Array, rows: Any) -> Array:
    """As the caller gets them: NaN where a trace hides that some sample has no numbers."""
    return _samples.number(values, *(v for v in rows if v is not None))


def _checked(shares: Numbers) -> Any:
    if _samples.is_traced(shares):
        return shares
    values = np.atleast_1d(np.asarray(shares, np.float64))
    if values.ndim != 1 or not values.size:
        raise ValueError(f"shares must be one number or a list of them, got shape {values.shape}.")
    bad = values[~((values >= 0) & (values <= 1))]
    if bad.size:
        raise ValueError(
            f"shares must lie between 0 and 1, got {bad[0]:g}. A share is w m / (n + w m)."
        )
    return values


def _scaled(shares: Any, whole: Array) -> Array:
    if _samples.is_traced(shares, whole):
        return jnp.asarray(shares) * whole
    return np.asarray(np.asarray(shares) * np.asarray(whole), np.asarray(whole).dtype)
