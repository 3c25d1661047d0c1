"""The other cases of `benchmarks.distances`: exact, sliced at the size of CIFAR-10, `compare`, and a GPU.

python -m benchmarks._distances_others N D PROJECTIONS REPEATS    # the sliced distance, memory measured
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import ot

import synthmix_jax as smx
from benchmarks._distances_cases import (
    Config,
    interleaved,
    points,
    pot_cost,
    ratio,
    summary,
)
from benchmarks._memory import peak_bytes, resident_bytes


def exact_case(config: Config) -> dict[str, Any]:
    """The exact distance against POT's own solver: what checks and the cost matrix add."""
    size = config.exact, config.features
    x = points(*size, seed=0, dtype="float64")
    y = points(*size, 0.2, seed=1, dtype="float64")
    cost, even = pot_cost(x, y, "auto"), np.full(len(x), 1 / len(x))
    solve = lambda matrix: ot.emd2(even, even, matrix, numItermax=10_000_000)
    seconds = interleaved(
        {
            "exact_wasserstein": lambda: smx.distances.exact_wasserstein(x, y),
            "pot": lambda: solve(pot_cost(x, y, "auto")),
            "pot_solve": lambda: solve(cost),
        },
        config.repeats,
    )
    ours = float(smx.distances.exact_wasserstein(x, y))
    return {
        "points": config.exact,
        "relative_difference_to_pot": abs(ours / float(solve(cost)) ** 0.5 - 1),
        "times": summary(seconds),
        "ratios": {
            "exact_over_pot": ratio(seconds, "exact_wasserstein", "pot"),
            "exact_over_pot_solve": ratio(seconds, "exact_wasserstein", "pot_solve"),
        },
    }


def sliced_case(config: Config) -> dict[str, Any]:
    """Seconds and memory at full size, in a process of its own; and beside POT where that fits."""
    numbers = (config.sliced, config.pixels, config.projections, config.long_repeats)
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks._distances_others", *map(str, numbers)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
    )
    if child.returncode:
        raise RuntimeError(f"the sliced case ended with {child.returncode}:\n{child.stderr}")
    return {
        "pixels": config.pixels,
        "projections": config.projections,
        "whole": {"points": config.sliced, **json.loads(child.stdout)},
        "beside_pot": sliced_beside_pot(config),
    }


def sliced_beside_pot(config: Config) -> dict[str, Any]:
    """As many points as POT's memory allows, beside it."""
    size, k = (config.sliced_peer, config.pixels), config.projections
    x, y = points(*size, seed=0), points(*size, 0.2, seed=1)
    key = jax.random.key(0)
    ours = lambda: smx.distances.sliced_wasserstein(x, y, key=key, num_projections=k)
    theirs = lambda: ot.sliced_wasserstein_distance(x, y, n_projections=k, p=2, seed=0)
    seconds = interleaved({"sliced_wasserstein": ours, "pot": theirs}, config.long_repeats)
    return {
        "points": config.sliced_peer,
        "relative_difference": abs(float(ours()) / float(theirs()) - 1),  # other directions
        "times": summary(seconds),
        "ratios": {"sliced_over_pot": ratio(seconds, "sliced_wasserstein", "pot")},
    }


def sliced_alone(n: int, d: int, projections: int, repeats: int) -> dict[str, Any]:
    """One sliced distance of two arrays that are filled block by block; for a process of its own.

    The memory is the peak after the first call, compilation included, less what was resident before it: an
    upper bound, since any higher peak before the call would count too.
    """
    key = jax.random.key(0)
    x, y = (np.empty((n, d), np.float32) for _ in range(2))
    for seed, (rows, shift) in enumerate(((x, 0.0), (y, 0.2))):
        rng = np.random.default_rng(seed)
        for start in range(0, n, 1024):
            block = rows[start : start + 1024]
            rng.standard_normal(out=block, dtype=np.float32)
            block += np.float32(shift)
    before, peaks, seconds = resident_bytes(), [], []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        value = float(smx.distances.sliced_wasserstein(x, y, key=key, num_projections=projections))
        seconds.append(time.perf_counter() - start)
        peaks.append(peak_bytes())
    return {
        "value": value,
        "data_bytes": x.nbytes + y.nbytes,
        "resident_before_bytes": before,
        "peak_above_data_bytes": peaks[0] - before,
        "times": summary({"sliced_wasserstein": np.array(seconds)}),
    }


def compare_case(config: Config) -> dict[str, Any]:
    """Seconds of `compare`, each metric alone and all together, without and with rows for each class."""
    labels = np.arange(config.compared) % config.classes
    centres = points(config.classes, config.features, seed=2)[labels]
    size = config.compared, config.features
    real = smx.Dataset(centres + points(*size, seed=0), labels)
    synthetic = smx.Dataset(centres + points(*size, 0.2, seed=1), labels)
    key = jax.random.key(0)

    def run(metrics, per_class):
        return lambda: smx.distances.compare(
            real,
            synthetic,
            key=key,
            metrics=metrics,
            per_class=per_class,
            num_bootstrap=config.halves,
        )

    result: dict[str, Any] = {"points": config.compared, "classes": config.classes}
    for name, per_class in (("without_classes", False), ("with_classes", True)):
        runs = {metric: run([metric], per_class) for metric in config.metrics}
        # One warm call each: these take seconds, and no ratio rests on them.
        seconds = interleaved({**runs, "all": run(list(config.metrics), per_class)}, 1)
        result[name] = summary(seconds)
        result[name]["all"]["per_metric_s"] = result[name]["all"]["median_s"] / len(runs)
    return result


def large_case(config: Config, epsilon: float) -> dict[str, Any]:
    """One entropic problem of many points, its matrix held and in blocks; against the measured bandwidth.

    Bandwidth: an array copied, read and written. Every iteration must read the kernel twice, once from each
    side; the share counts only that, not the making of matrix and kernels.
    """
    n, d = config.large, config.large_features
    keys = jax.random.split(jax.random.key(0))
    x = jax.random.normal(keys[0], (n, d), "float32")
    y = jax.random.normal(keys[1], (n, d), "float32") + 0.2
    copied = jax.numpy.zeros(config.copied_bytes // 4, "float32")
    copy = jax.jit(lambda a: a + 1)
    moved = interleaved({"copy": lambda: copy(copied)}, config.repeats)
    bandwidth = 2 * copied.nbytes / float(np.median(moved["copy"][1:]))
    copied.delete()
    result: dict[str, Any] = {
        "points": n,
        "features": d,
        "device": str(x.devices().pop()),
        "bandwidth_bytes_a_second": bandwidth,
    }
    for name, limit in (("held", 4.0 * n * n * 4), ("blocked", 1.0)):

        def run(limit=limit):
            return smx.distances.transport(
                x,
                y,
                debiased=False,
                epsilon=epsilon,
                threshold=config.threshold,
                memory_limit=limit,
            )

        found = run()
        seconds = interleaved({"transport": run}, config.long_repeats)
        median = float(np.median(seconds["transport"][1:]))
        bytes_read = 2 * int(found.iterations) * n * n * 4
        result[name] = {
            "iterations": int(found.iterations),
            "marginal_error": float(found.marginal_error),
            "converged": bool(found.converged),
            "matrix_held": found.held,
            "times": summary(seconds),
            **({"share_of_bandwidth": bytes_read / median / bandwidth} if found.held else {}),
        }
    return result


if __name__ == "__main__":
    print(json.dumps(sliced_alone(*map(int, sys.argv[1:]))))
