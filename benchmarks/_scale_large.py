"""A million synthetic rows from a memory-mapped file, in a process of its own: seconds, and memory above the data.

    python -m benchmarks._scale_large '{"num_features": 1024}'     # prints JSON; sizes other than those of `Config`

The rows are written to a temporary file (400 MB) block by block. Memory: a thread reads the process's anonymous
resident pages (RssAnon of /proc/self/status, Linux) fifty times a second; the peak less what was there before any
data is what the sweep takes. Pages of the mapped file are counted apart (RssFile): the system takes them back at
will. Compilation: the seconds that JAX itself reports for it.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

import synthmix_jax as smx
from benchmarks import _memory, _suite
from benchmarks._scale_curves import data, pass_flops


@dataclass(frozen=True)
class Config:
    """The largest case."""

    synthetic: int = 1_000_000
    real: int = 20_000
    features: int = 100
    num_features: int = 2048
    counts: int = 20
    ridges: int = 10
    weights: int = 5
    method: str = "nystrom"


def in_own_process(config: Config | None = None) -> dict[str, Any]:
    """The result of this module run as a program."""
    sizes = json.dumps(asdict(config or Config()))
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks._scale_large", sizes],
        cwd=Path(__file__).parents[1],
        env=_suite.child_environment(),
        capture_output=True,
        text=True,
    )
    if child.returncode:
        raise RuntimeError(f"the largest case ended with {child.returncode}:\n{child.stderr}")
    return json.loads(child.stdout.splitlines()[-1])


def work(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Its rows of the table."""
    size = found["config"]
    rows = size["real"] + size["synthetic"]
    flops = pass_flops(rows, size["features"], size["num_features"])
    cells = size["counts"] * size["ridges"] * size["weights"]
    name = f"{rows:,} rows, D = {size['num_features']:,}"
    return [
        _suite.work(f"{name}: one cell, the pass", found["one_cell"]["times"], flops=flops),
        _suite.work(f"{name}: {cells:,} cells with leave-one-out", found["grid"]["times"]),
    ]


def note(found: dict[str, Any]) -> str:
    """What it took, in words."""
    peak = found["peak_anonymous_above_data_bytes"] / 2**30
    seconds = (found[name]["times"]["median_s"] for name in ("one_cell", "grid"))
    one, whole = (f"{s:.3g} s" for s in seconds)
    return (
        f"{found['config']['synthetic']:,} synthetic rows from a mapped file: the pass {one}, all {whole}, so "
        f"that the grid with leave-one-out takes {found['grid_over_pass']:.2f} of the pass; at most {peak:.2f} GiB "
        f"above the data ({found['memory_from']})."
    )


def measure(config: Config) -> dict[str, Any]:
    """One cell, which is the pass over the rows, then the whole grid."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.npy"
        targets = written(path, config)
        real = data(config.real, config.features, seed=0)
        with _memory.Watch() as memory:
            pool = smx.Dataset(np.load(path, mmap_mode="r"), targets)
            one = timed(memory, real, pool, config, one_cell=True)
            grid = timed(memory, real, pool, config, one_cell=False)
        num_bytes = path.stat().st_size
    passed, whole = (found["times"]["median_s"] for found in (one, grid))
    return {
        "config": asdict(config),
        "file_bytes": num_bytes,
        "one_cell": one,
        "grid": grid,
        "grid_less_pass_s": whole - passed,
        "grid_over_pass": whole / passed - 1,
        "peak_anonymous_above_data_bytes": memory.peak,
        "peak_file_bytes": memory.peak_file,
        "memory_from": "RssAnon, RssFile" if memory.known else "not measured: no /proc/self/status",
    }


def written(path: Path, config: Config) -> np.ndarray:
    """Write the inputs block by block; the targets."""
    shape = config.synthetic, config.features
    held = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    targets = np.empty(config.synthetic, np.float32)
    for i, start in enumerate(range(0, config.synthetic, 65_536)):
        stop = min(start + 65_536, config.synthetic)
        block = data(stop - start, config.features, seed=i + 1)
        held[start:stop], targets[start:stop] = block.x, block.y
    held.flush()
    return targets


def timed(memory: _memory.Watch, real, pool, config: Config, *, one_cell: bool) -> dict[str, Any]:
    """Seconds of one call, compilation apart, and the memory it reached."""
    counts = np.linspace(0, config.synthetic, config.counts + 1).astype(int)[1:]
    ridges, weights = np.logspace(-2, 2, config.ridges), np.linspace(0.1, 1.0, config.weights)
    grid = {"counts": counts, "ridges": ridges, "weights": weights}
    if one_cell:
        grid = {name: values[-1:] for name, values in grid.items()}
    memory.restart()
    with Compilation() as compilation:
        start = time.perf_counter()
        found = smx.krr.sweep(
            real,
            pool,
            kernel=smx.kernels.RBF(config.features**0.5),
            method=config.method,
            num_features=config.num_features,
            key=jax.random.key(0),
            **grid,
        )
        seconds = time.perf_counter() - start
    warm = seconds - compilation.seconds
    assert found.loo_error is not None
    return {
        "times": {
            "median_s": warm, "min_s": warm, "max_s": warm, "compile_s": compilation.seconds,
        },
        "peak_anonymous_above_data_bytes": memory.since,
        "cells": int(found.loo_error.size),
        "cells_failed": int((found.status == 2).sum()),
        "least_loo_error": float(np.nanmin(found.loo_error)),
    }  # fmt: skip


class Compilation:
    """Seconds that JAX spends on tracing, lowering and compiling programs."""

    EVENTS = ("jaxpr_trace_duration", "jaxpr_to_mlir_module_duration", "backend_compile_duration")

    def __init__(self):
        self.seconds = 0.0
        self._on = False

    def __enter__(self) -> "Compilation":
        self._on = True
        jax.monitoring.register_event_duration_secs_listener(self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        self._on = False  # listeners stay registered; this one no longer counts

    def _heard(self, event: str, duration_secs: float, **_: str | int) -> None:
        if self._on and event.endswith(self.EVENTS):
            self.seconds += duration_secs


if __name__ == "__main__":
    print(json.dumps(measure(Config(**json.loads(sys.argv[1] if sys.argv[1:] else "{}")))))
