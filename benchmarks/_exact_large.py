"""One exact sweep of 20,000 rows in float64, in a process of its own: its rate and its memory.

    python -m benchmarks._exact_large                  # prints JSON; one to three minutes on two cores
    python -m benchmarks._exact_large --synthetic 7500

The yardstick is a matrix product of 4,096 rows, measured before and after in the same process. Operations counted
are those that cannot be avoided: N^3 / 3 for the factor, N^2 for each column that is solved for. Other programs on
the machine take time from either; the share of processor seconds is free of that. Memory is the rise of the peak
of resident pages during the sweep, its compilation included.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import synthmix_jax as smx
from benchmarks import _suite

FEATURES = 20
PRODUCT = 4096


def measure(
    n: int = 500,
    synthetic: int = 19_500,
    tests: int = 500,
    *,
    counts: int = 4,
    ridges: int = 1,
    timeout_s: float = 3600,
) -> dict[str, Any]:
    """Seconds, rates and memory of one sweep, in a fresh process; its second run is timed, after compilation."""
    options = {"n": n, "synthetic": synthetic, "tests": tests, "counts": counts, "ridges": ridges}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks._exact_large", *words],
        cwd=Path(__file__).parents[1],
        env=_suite.child_environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    if child.returncode:
        raise RuntimeError(f"the exact sweep ended with {child.returncode}:\n{child.stderr}")
    return json.loads(child.stdout.splitlines()[-1])


def run(n: int, synthetic: int, tests: int, counts: int, ridges: int) -> dict[str, Any]:
    """The same in this process."""
    rng = np.random.default_rng(0)
    sets = []
    for size in (n, synthetic, tests):
        x = rng.normal(size=(size, FEATURES))
        sets.append(smx.Dataset(x, np.sin(x[:, 0]) + 0.1 * rng.normal(size=size)))
    places = np.linspace(0, synthetic, counts).astype(int)

    def sweep() -> smx.krr.Sweep:
        return smx.krr.sweep(
            sets[0],
            sets[1],
            kernel=smx.kernels.RBF(FEATURES**0.5),
            ridges=np.logspace(-3, 1, ridges),
            counts=places,
            test=sets[2],
        )

    before = _peak()
    start = time.perf_counter()
    sweep()
    first = time.perf_counter() - start
    used = _peak() - before
    products = [_product()]
    start, start_cpu = time.perf_counter(), time.process_time()
    result = sweep()
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    products.append(_product())
    total = n + synthetic
    # Targets, the real columns of leave-one-out, and the coefficients of every count.
    flops = ridges * (total**3 / 3 + total**2 * (1 + n + counts))
    rate = 2 * PRODUCT**3 / np.array(products)
    estimate = smx.krr.estimate_memory(
        n, synthetic, features=FEATURES, tests=tests, counts=counts, ridges=ridges
    )
    return {
        "rows": total,
        "seconds": seconds,
        "first_seconds": first,
        "gflops": flops / seconds / 1e9,
        "product_gflops": rate.mean(axis=0)[0] / 1e9,
        "product_gflops_all": (rate[:, 0] / 1e9).tolist(),
        "share_of_product_rate": flops / seconds / rate.mean(axis=0)[0],
        "share_of_product_rate_in_processor_seconds": flops / cpu / rate.mean(axis=0)[1],
        "estimated_bytes": estimate,
        "used_bytes": used,
        "estimate_over_used": estimate / used,
        "least_loo_error": float(result.best().error),
        "all_cells_ok": bool((result.status == 0).all()),
    }


def _product() -> tuple[float, float]:
    """Seconds of a float64 matrix product by the clock, and of the processors; medians of five."""
    with jax.enable_x64(True):
        a = jnp.asarray(np.random.default_rng(0).normal(size=(PRODUCT, PRODUCT)))
        product = jax.jit(lambda m: m @ m)
        jax.block_until_ready(product(a))
        times = []
        for _ in range(5):
            start, start_cpu = time.perf_counter(), time.process_time()
            jax.block_until_ready(product(a))
            times.append((time.perf_counter() - start, time.process_time() - start_cpu))
    return tuple(np.median(times, axis=0).tolist())


def _peak() -> int:
    """Bytes of the highest resident memory so far; of this process alone where Linux tells it."""
    status = Path("/proc/self/status")
    if status.exists():
        with status.open() as lines:
            line = next(line for line in lines if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("n", 500), ("synthetic", 19_500), ("tests", 500), ("counts", 4)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--ridges", type=int, default=1)
    print(json.dumps(run(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
