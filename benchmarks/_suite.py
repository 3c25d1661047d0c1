"""What all suites speak in: timed work, ratios to peers, cost curves with fitted exponents; and how suites run.

A suite is a module with `run(quick) -> record`. Every time is the median of several warm calls with its spread
(least, largest); compilation is apart. An exponent is the slope of log seconds against log size by least squares,
with the standard error of that slope.
"""

import datetime
import importlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks import _rates

OPTIONAL = {"ot": "POT", "threadpoolctl": "threadpoolctl", "torch": "PyTorch"}


def run_suite(name: str, quick: bool, before: dict[str, Any]) -> dict[str, Any]:
    """The record of one suite: what it measured, the rates before and after it, and the machine's other load."""
    watch = _rates.Watch()
    try:
        module = importlib.import_module(f"benchmarks.{name}")
        found = module.run(quick)
    except ModuleNotFoundError as missing:
        if missing.name not in OPTIONAL:
            raise
        found = record(left_out=[f"{OPTIONAL[missing.name]} is not installed: suite left out"])
    other = watch.done()
    after = _rates.measure(quick)
    date = datetime.date.today().isoformat()
    rates = {"before": before, "after": after}
    return {**with_shares(found, before, after), "date": date, "rates": rates, "machine": other}


def record(
    work: Sequence[dict] = (),
    ratios: Sequence[dict] = (),
    curves: Sequence[dict] = (),
    left_out: Sequence[str] = (),
    details: Any = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """What a suite returns: rows of the tables, what it left out, what else is to be said, and all it measured."""
    return {
        "work": list(work),
        "ratios": list(ratios),
        "curves": list(curves),
        "left_out": list(left_out),
        "details": details,
        "notes": list(notes),
    }


def work(
    name: str,
    times: dict[str, float],
    *,
    flops: float | None = None,
    bytes_moved: float | None = None,
    precision: str = "float64",
) -> dict[str, Any]:
    """One thing that was timed.

    Args:
        name: What it is.
        times: Its median, spread and compilation, as `timed` gives them.
        flops: Floating-point operations it cannot do without.
        bytes_moved: Bytes it must read and write, where memory bounds it.
        precision: Whose product rate its operations are held against.
    """
    amounts = {"flops": flops, "bytes": bytes_moved, "precision": precision}
    return {"name": name, **times, **amounts}


def child_environment() -> dict[str, str]:
    """The platform of this process for its children: a choice made in Python would not reach them."""
    cpu = {"JAX_PLATFORMS": "cpu"} if jax.default_backend() == "cpu" else {}
    return {**os.environ, **cpu}


def ratio(
    name: str,
    peer: str,
    ours: dict[str, float],
    theirs: dict[str, float],
    *,
    difference: float | None = None,
) -> dict[str, Any]:
    """How many times faster ours is: by the medians, and by the least favourable and most favourable calls.

    Args:
        name: Our work.
        peer: Whose time it is held against.
        ours: Times of ours.
        theirs: Times of the peer.
        difference: Largest relative difference of the two results, where they solve the same problem.
    """
    return {
        "name": name,
        "peer": peer,
        "times_faster": theirs["median_s"] / ours["median_s"],
        "least": theirs["min_s"] / ours["max_s"],
        "largest": theirs["max_s"] / ours["min_s"],
        "ours_s": ours["median_s"],
        "peer_s": theirs["median_s"],
        "difference": difference,
    }


def curve(
    name: str, against: str, runs: dict[Any, Callable[[], Any]], repeats: int
) -> dict[str, Any]:
    """Cost against size; the sizes take turns, so that a slow minute hits all alike.

    Args:
        name: What is run.
        against: What the sizes count.
        runs: A call for each size.
        repeats: Warm calls of each.
    """
    return curve_of(name, against, times_of(interleaved(runs, repeats)))


def curve_of(name: str, against: str, times: dict[Any, dict[str, float]]) -> dict[str, Any]:
    """The same from times already taken."""
    sizes = [float(size) for size in times]
    seconds = [entry["median_s"] for entry in times.values()]
    slope, error = exponent(sizes, seconds)
    return {
        "name": name,
        "against": against,
        "sizes": sizes,
        "median_s": seconds,
        "min_s": [entry["min_s"] for entry in times.values()],
        "max_s": [entry["max_s"] for entry in times.values()],
        "exponent": slope,
        "standard_error": error,
    }


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """Slope of log seconds against log size, and its standard error by the scatter about the line.

    Raises:
        ValueError: fewer than three different sizes, about which there is no scatter.
    """
    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(seconds, float))
    if len(set(sizes)) < 3:
        raise ValueError(f"an exponent needs three different sizes or more, got {list(sizes)}.")
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    scatter = y - y.mean() - slope * x
    return slope, float(np.sqrt(scatter @ scatter / (len(x) - 2) / (x @ x)))


def with_shares(
    found: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> dict[str, Any]:
    """The record with each work's share of the product rate and the bandwidth around the suite."""

    def rate(name: str) -> float:
        return (before[name]["median"] + after[name]["median"]) / 2

    rows = []
    for row in found["work"]:
        shares: dict[str, float] = {}
        if row["flops"]:
            per_second = row["flops"] / row["median_s"]
            shares["share_of_product_rate"] = per_second / 1e9 / rate(f"{row['precision']}_gflops")
        if row["bytes"]:
            per_second = row["bytes"] / row["median_s"]
            shares["share_of_bandwidth"] = per_second / 1e9 / rate("bandwidth_gb_s")
        rows.append({**row, **shares})
    return {**found, "work": rows}


def timed(run: Callable[[], Any], repeats: int) -> dict[str, float]:
    """First call (with compilation), median and spread of the later ones, in seconds."""
    return times_of(interleaved({"": run}, repeats))[""]


def interleaved(runs: dict[Any, Callable], repeats: int) -> dict[Any, np.ndarray]:
    """Seconds of every call, round by round so that a slow minute hits all alike; the first round compiles."""
    seconds: dict[Any, list[float]] = {name: [] for name in runs}
    for _ in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            jax.block_until_ready(run())
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def times_of(seconds: dict[Any, np.ndarray]) -> dict[Any, dict[str, float]]:
    """Median and spread of the warm calls, and what the first took longer: compilation."""
    return {
        name: {
            "median_s": float(np.median(s[1:])),
            "min_s": float(np.min(s[1:])),
            "max_s": float(np.max(s[1:])),
            "compile_s": float(s[0] - np.median(s[1:])),
        }
        for name, s in seconds.items()
    }
