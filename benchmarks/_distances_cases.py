"""Entropic transport for `benchmarks.distances`: ours and the peers beside each other, one function a case.

Ours is the public API as a user calls it, NumPy arrays in, checks and transfers included. POT gets what is in its
favour: arrays already of the dtype it computes in, epsilon and the number of iterations given, the faster of its
two ways to a cost matrix, and no transport cost to sum up.
"""

import functools
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import ot
from ott.geometry import geometry
from ott.tools.sinkhorn_divergence import sinkhorn_divergence
from threadpoolctl import threadpool_info

import synthmix_jax as smx
from benchmarks._suite import interleaved


@dataclass(frozen=True)
class Config:
    """Sizes of the problems."""

    points: int = 2000
    features: int = 64
    epsilons: tuple[float, ...] = (0.05, 0.01)  # of the mean cost
    dtypes: tuple[str, ...] = ("float32", "float64")
    threshold: float = 1e-3  # L1 error of the marginals
    shares: int = 20
    exact: int = 1000
    sliced: int = 50_000
    sliced_peer: int = 5000
    pixels: int = 3072
    projections: int = 512
    compared: int = 1000
    classes: int = 10
    halves: int = 100
    metrics: tuple[str, ...] = tuple(smx.distances.METRICS)
    large: int = 50_000
    large_features: int = 512
    copied_bytes: int = 2**32
    repeats: int = 7
    long_repeats: int = 3


# POT's solvers: the faster of the first two, or where neither comes down to our marginal error the next that does.
PLAIN = (("sinkhorn", "as given"), ("sinkhorn", "float64"))
STABLE = (("sinkhorn_stabilized", "float64"), ("sinkhorn_log", "float64"))
TIE = (
    1.01  # errors this close count as equal: after as many iterations they differ by rounding only
)
MOST_ITERATIONS = 4096


def points(n: int, d: int, shift: float = 0.0, *, seed: int, dtype: str = "float32") -> np.ndarray:
    """Normal points (n, d), all coordinates moved by the shift."""
    return (np.random.default_rng(seed).normal(size=(n, d)) + shift).astype(dtype)


def timed(run: Callable) -> tuple[Any, float]:
    """A result and its seconds."""
    start = time.perf_counter()
    result = jax.block_until_ready(run())
    return result, time.perf_counter() - start


def summary(seconds: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Median and spread of the warm calls, and what the first took longer (compilation, where there was any)."""
    return {
        name: {
            "median_s": float(np.median(s[1:])),
            "min_s": float(s[1:].min()),
            "max_s": float(s[1:].max()),
            "first_longer_by_s": float(s[0] - np.median(s[1:])),
        }
        for name, s in seconds.items()
    }


def ratio(seconds: dict[str, np.ndarray], ours: str, theirs: str) -> dict[str, float]:
    """Ratio of the medians, and its spread over the rounds."""
    a, b = seconds[ours][1:], seconds[theirs][1:]
    middle = np.median(a) / np.median(b)
    return {
        "ratio": float(middle),
        "least": float((a / b).min()),
        "largest": float((a / b).max()),
    }


def threads() -> dict[str, Any]:
    """Cores this process may use (XLA takes them all), and the threads of NumPy's and SciPy's libraries."""
    libraries = [
        {
            "library": f"{pool['internal_api']} of {Path(pool['filepath']).parent.name}",
            "threads": pool["num_threads"],
        }
        for pool in threadpool_info()
    ]
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "peer": libraries,
    }


def l1_error(plan: Any) -> float:
    """|P 1 - a|_1 + |P' 1 - b|_1 with even masses; infinite where the plan is none."""
    plan = np.asarray(plan, np.float64)
    n, m = plan.shape
    error = np.abs(plan.sum(1) - 1 / n).sum() + np.abs(plan.sum(0) - 1 / m).sum()
    return float(error) if np.isfinite(error) else float("inf")


def pot_cost(x: np.ndarray, y: np.ndarray, way: str) -> np.ndarray:
    """Squared distances by POT: one matrix product ("auto"), or SciPy's loop ("scipy")."""
    return ot.dist(x, y, metric="sqeuclidean", backend=way)


def pot_plan(cost: np.ndarray, eps: float, method: str, iterations: int) -> np.ndarray:
    """POT's plan after so many iterations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # under- and overflow show in the error of the plan
        return ot.sinkhorn(
            [], [], cost, eps, method=method, numItermax=iterations, stopThr=0.0, warn=False
        )


def same_error(error: float, dtype: Any) -> float:
    """What counts as no larger an error: after as many iterations both differ by their rounding."""
    return 1.01 * error + float(np.finfo(dtype).eps)


def fewest_iterations(cost: np.ndarray, eps: float, method: str, target: float) -> dict[str, Any]:
    """The fewest iterations after which POT's marginal error is at most the target, by bisection."""
    error_after = functools.cache(lambda k: l1_error(pot_plan(cost, eps, method, k)))
    high = 1
    while error_after(high) > target and high < MOST_ITERATIONS:
        high *= 2
    low, reached = high // 2, error_after(high) <= target
    while reached and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if error_after(middle) <= target else (middle, high)
    return {"iterations": high, "marginal_error": error_after(high), "reached": reached}


def pot_solver(
    x: np.ndarray, y: np.ndarray, eps: float, target: float
) -> tuple[dict[str, Any], Callable[[], np.ndarray], Callable[[], np.ndarray]]:
    """POT's fastest way to a plan with at most this marginal error: what it is, its cost matrix, its plan."""
    ways, tried, runs = [], [], {}
    for method, wanted in dict.fromkeys(
        (m, x.dtype.name if d == "as given" else d) for m, d in PLAIN + STABLE
    ):
        if (method, "float64") in STABLE and runs:
            break
        u, v = x.astype(wanted), y.astype(wanted)
        row = fewest_iterations(pot_cost(u, v, "auto"), eps, method, target)
        tried.append({"method": method, "dtype": wanted, **row})
        for way in ("auto", "scipy") if row["reached"] else ():
            cost = functools.partial(pot_cost, u, v, way)
            plan = functools.partial(pot_plan, eps=eps, method=method, iterations=row["iterations"])
            ways.append({**tried[-1], "cost_matrix": way})
            runs[len(runs)] = cost, plan
    if not runs:
        raise RuntimeError(f"no solver of POT reached a marginal error of {target:.2g}: {tried}")
    seconds = interleaved({i: lambda c=c, p=p: p(c()) for i, (c, p) in runs.items()}, 3)
    for row, s in zip(ways, seconds.values(), strict=True):
        row["median_s"] = float(np.median(s[1:]))
    best = min(runs, key=lambda i: ways[i]["median_s"])
    return {**ways[best], "tried": tried, "ways": ways}, *runs[best]


@functools.partial(jax.jit, static_argnames=("threshold",))
def ott_divergence(x, y, eps, *, threshold: float):
    """OTT's Sinkhorn divergence, the three cost matrices held (its faster form), and what it says of itself."""
    costs = tuple(smx.kernels.squared_distances(u, v) for u, v in ((x, y), (x, x), (y, y)))
    value, out = sinkhorn_divergence(
        geometry.Geometry,
        *costs,
        epsilon=eps,
        a=jnp.full(len(x), 1 / len(x), x.dtype),
        b=jnp.full(len(y), 1 / len(y), y.dtype),
        solve_kwargs={"threshold": threshold, "max_iterations": 20_000},
    )
    return value, jnp.stack(out.n_iters), jnp.all(jnp.stack(out.converged))


def transport_case(config: Config, dtype: str, epsilon: float) -> dict[str, Any]:
    """One entropic problem, the debiased distance, and their peers at the same epsilon and marginal error."""
    size = config.points, config.features
    x, y = points(*size, seed=0, dtype=dtype), points(*size, 0.2, seed=1, dtype=dtype)
    options: dict[str, Any] = {"epsilon": epsilon, "threshold": config.threshold}
    plain = lambda: smx.distances.transport(x, y, debiased=False, **options)
    one, first = timed(plain)
    debiased, first_debiased = timed(lambda: smx.distances.transport(x, y, **options))
    eps = float(one.epsilon)
    pot, cost, plan = pot_solver(x, y, eps, same_error(float(one.marginal_error), dtype))
    with jax.enable_x64(dtype == "float64"):
        divergence = functools.partial(
            ott_divergence, x, y, np.asarray(eps, dtype), threshold=config.threshold
        )
        seconds = interleaved(
            {
                "transport": plain,
                "wasserstein": lambda: smx.distances.wasserstein(x, y, **options),
                "cost_matrix": lambda: smx.kernels.squared_distances(x, y),
                "pot": lambda: plan(cost()),
                "pot_cost_matrix": cost,
                "ott_divergence": divergence,
            },
            config.repeats,
        )
        S, iterations, converged = divergence()
    seconds["transport"][0], seconds["wasserstein"][0] = first, first_debiased
    C = cost()
    moved = float((plan(C) * C).sum(dtype=np.float64))
    solves = {
        "transport": seconds["transport"] - seconds["cost_matrix"],
        "pot": seconds["pot"] - seconds["pot_cost_matrix"],
    }
    return {
        "dtype": dtype,
        "epsilon_of_mean_cost": epsilon,
        "epsilon": eps,
        "ours": _diagnosed(one),
        "ours_debiased": _diagnosed(debiased),
        "pot": pot,
        "ott": {"iterations": np.asarray(iterations).tolist(), "converged": bool(converged)},
        "relative_difference_to_pot": abs(float(one.transport_cost) / moved - 1),
        "relative_difference_to_ott": abs(float(debiased.cost) / float(S) - 1),
        "times": summary(seconds),
        "ratios": {
            "transport_over_pot": ratio(seconds, "transport", "pot"),
            "transport_over_pot_less_cost_matrices": ratio(solves, "transport", "pot"),
            "debiased_over_pot": ratio(seconds, "wasserstein", "pot"),
            "debiased_over_ott": ratio(seconds, "wasserstein", "ott_divergence"),
        },
    }


def _diagnosed(found: smx.distances.Transport) -> dict[str, Any]:
    return {
        "iterations": int(found.iterations),
        "marginal_error": float(found.marginal_error),
        "converged": bool(found.converged),
    }


def grid_case(config: Config, dtype: str, epsilon: float) -> dict[str, Any]:
    """All shares at once against one share on the same support, and against one plain debiased distance."""
    size = config.points, config.features
    x, y = points(*size, seed=0, dtype=dtype), points(*size, 0.2, seed=1, dtype=dtype)
    options: dict[str, Any] = {"epsilon": epsilon, "threshold": config.threshold}
    shares, middle = np.linspace(0.05, 1.0, config.shares), (config.shares - 1) // 2
    run = lambda at: smx.distances.mixture_wasserstein(x, y, at, **options)
    seconds = interleaved(
        {
            "grid": lambda: run(shares),
            "one_share": lambda: run(shares[middle : middle + 1]),
            "debiased": lambda: smx.distances.wasserstein(x, y, **options),
        },
        config.repeats,
    )
    alone = float(run(shares[middle : middle + 1])[0])
    return {
        "dtype": dtype,
        "epsilon_of_mean_cost": epsilon,
        "shares": config.shares,
        "share_alone": float(shares[middle]),
        "relative_difference_to_share_alone": abs(float(run(shares)[middle]) / alone - 1),
        "times": summary(seconds),
        "ratios": {
            "grid_over_one_share": ratio(seconds, "grid", "one_share"),
            "grid_over_debiased": ratio(seconds, "grid", "debiased"),
        },
    }
