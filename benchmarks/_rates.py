"""What the machine can do, measured: matrix products and memory; and what else it was doing meanwhile."""

import os
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def measure(quick: bool) -> dict[str, Any]:
    """Rates of matrix products in float32 and float64 (Gflop/s) and of memory (GB/s), with their spread."""
    size, megabytes, repeats = (384, 32, 3) if quick else (3072, 1024, 5)
    rates = {
        f"{name}_gflops": _spread(np.array(product_rates(size, repeats, name)) / 1e9)
        for name in ("float32", "float64")
    }
    rates["bandwidth_gb_s"] = _spread(np.array(bandwidths(megabytes * 2**20, repeats)) / 1e9)
    return {**rates, "product_size": size, "moved_megabytes": megabytes}


def product_rates(size: int, repeats: int, dtype: str = "float64") -> list[float]:
    """Floating-point operations a second of a matrix product of this size, one for each warm call."""
    with jax.enable_x64(True):
        a = jnp.asarray(np.random.default_rng(0).normal(size=(size, size)), dtype)
        product = jax.jit(lambda m: jnp.matmul(m, m, precision="highest"))
        return [2 * size**3 / seconds for seconds in _seconds(lambda: product(a), repeats)]


def product_rate(size: int, repeats: int) -> float:
    """The median of these in float64."""
    return float(np.median(product_rates(size, repeats)))


def bandwidths(num_bytes: int, repeats: int) -> list[float]:
    """Bytes read and written a second when one is added to an array in place, for each warm call.

    In place: fresh memory for the result would time the operating system, which hands it out page by page.
    """
    held = [jnp.zeros(num_bytes // 4, jnp.float32)]
    add = jax.jit(lambda a: a + 1.0, donate_argnums=0)

    def run() -> jax.Array:
        held[0] = add(held[0])
        return held[0]

    return [2 * num_bytes / seconds for seconds in _seconds(run, repeats)]


def _seconds(run: Any, repeats: int) -> list[float]:
    jax.block_until_ready(run())
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(run())
        seconds.append(time.perf_counter() - start)
    return seconds


def _spread(values: np.ndarray) -> dict[str, float]:
    return {
        "median": float(np.median(values)),
        "min": float(values.min()),
        "max": float(values.max()),
    }


class Watch:
    """Load of the machine while something runs: load averages, and processor time that was not ours.

    Load averages count our own threads too. The processor time of all, less that of this process and its ended
    children, is what others took; Linux tells it, elsewhere it is None.
    """

    def __init__(self):
        self._load, self._wall = _load(), time.perf_counter()
        self._own, self._all = _own_seconds(), _all_seconds()

    def done(self) -> dict[str, Any]:
        """Seconds since the start, loads before and after, and how many cores others kept busy on average."""
        wall = time.perf_counter() - self._wall
        own, everything = _own_seconds() - self._own, _all_seconds()
        others = None
        if everything is not None and self._all is not None:
            others = max(0.0, everything - self._all - own) / wall
        return {
            "seconds": wall,
            "cpu_seconds": own,
            "load_before": self._load,
            "load_after": _load(),
            "cores_used_by_others": others,
        }


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _own_seconds() -> float:
    return sum(os.times()[:4])


def _all_seconds() -> float | None:
    """Processor seconds spent by everything on this machine, and those its host withheld (steal)."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _, _, irq, soft, steal = map(int, stat.read_text().split()[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
