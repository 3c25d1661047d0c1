"""The nested sweep against the loop it replaces, side by side in one run.

    python -m benchmarks.krr             # N = 4,000; about three minutes on two cores
    python -m benchmarks.krr --quick     # N = 1,000; seconds

Peer: scikit-learn's KernelRidge, refitted for every count and ridge (it has no leave-one-out). Ours: the public
`smx.krr.sweep`, kernel matrix, checks and transfers included, float64. Every time is the median of several runs;
compilation is stated apart. The yardstick for both is the rate of a plain matrix product in the same run.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.kernel_ridge import KernelRidge

import synthmix_jax as smx
from benchmarks._record import provenance, write_json

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Config:
    """Size of the problem."""

    real: int = 500
    synthetic: int = 3500
    test: int = 1000
    features: int = 20
    counts: int = 20
    ridges: int = 10
    repeats: int = 5
    peer_repeats: int = 1


QUICK = Config(real=150, synthetic=850, test=250, counts=10, ridges=3, repeats=3)


def problem(config: Config):
    """A smooth function of 20 variables with noise; the synthetic points are shifted by 0.1."""
    rng = np.random.default_rng(0)
    sets = []
    for size, shift in ((config.real, 0.0), (config.synthetic, 0.1), (config.test, 0.0)):
        x = rng.normal(size=(size, config.features)) + shift
        y = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=size)
        sets.append(smx.Dataset(x, y))
    counts = np.linspace(0, config.synthetic, config.counts).astype(int)
    return sets, counts, np.logspace(-3, 1, config.ridges)


def timed(run: Callable, repeats: int) -> dict[str, float]:
    """First call (with compilation), median and spread of the later ones, in seconds."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        jax.block_until_ready(run())
        seconds.append(time.perf_counter() - start)
    first, later = seconds[0], np.array(seconds[1:])
    return {
        "median_s": float(np.median(later)),
        "min_s": float(later.min()),
        "max_s": float(later.max()),
        "compile_s": float(first - np.median(later)),
    }


def product_rate(size: int, repeats: int) -> float:
    """Floating-point operations a second of a float64 matrix product of this size."""
    with jax.enable_x64(True):
        a = jnp.asarray(np.random.default_rng(0).normal(size=(size, size)))
        product = jax.jit(lambda m: m @ m)
        return 2 * size**3 / timed(lambda: product(a), repeats)["median_s"]


def peer(sets, counts, ridges) -> np.ndarray:
    """Test errors (l, c) by refitting scikit-learn's KernelRidge for every cell."""
    real, synthetic, test = sets
    errors = np.empty((len(ridges), len(counts)))
    for c, count in enumerate(counts):
        x = np.concatenate([real.x, synthetic.x[:count]])
        y = np.concatenate([real.y, synthetic.y[:count]])
        for l, ridge in enumerate(ridges):
            model = KernelRidge(kernel="rbf", gamma=1 / (2 * LENGTHSCALE**2), alpha=ridge).fit(x, y)
            errors[l, c] = np.mean((model.predict(test.x) - test.y) ** 2)
    return errors


LENGTHSCALE = 20**0.5


def main() -> None:
    """Time both, check that they agree, write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="N = 1,000 in seconds")
    parser.add_argument("--out", type=Path, default=RESULTS / "krr.json")
    arguments = parser.parse_args()
    config = QUICK if arguments.quick else Config()
    sets, counts, ridges = problem(config)
    real, synthetic, test = sets
    total = config.real + config.synthetic

    def sweep(counts, loo):
        return smx.krr.sweep(
            real,
            synthetic,
            kernel=smx.kernels.RBF(LENGTHSCALE),
            ridges=ridges,
            counts=counts,
            test=test,
            loo=loo,
        )

    rates = [product_rate(total, config.repeats)]
    times = {
        "counts": timed(lambda: sweep(counts, False).test_error, config.repeats),
        "counts_with_loo": timed(lambda: sweep(counts, True).loo_error, config.repeats),
        "every_count": timed(lambda: sweep(None, False).test_error, config.repeats),
        "every_count_with_loo": timed(lambda: sweep(None, True).loo_error, config.repeats),
    }
    rates.append(product_rate(total, config.repeats))
    seconds = []
    for _ in range(config.peer_repeats):
        start = time.perf_counter()
        reference = peer(sets, counts, ridges)
        seconds.append(time.perf_counter() - start)
    difference = np.max(np.abs(sweep(counts, False).test_error[0] / reference - 1))
    rates.append(product_rate(total, config.repeats))
    rate = float(np.median(rates))

    # Multiplications and additions that cannot be avoided: the factor, and one solve for each column.
    columns = len(counts) + 1
    needed = config.ridges * (
        total**3 / 3 + total**2 * columns + 2 * total * config.test * len(counts)
    )
    needed_loo = needed + config.ridges * (total**2 * config.real)
    base = times["counts"]["median_s"]
    result = {
        **provenance("python -m benchmarks.krr" + (" --quick" if arguments.quick else "")),
        "config": asdict(config),
        "times": times,
        "peer_s": float(np.median(seconds)),
        "largest_relative_difference_to_peer": float(difference),
        "matrix_product_gflops": rate / 1e9,
        "matrix_product_gflops_all": [r / 1e9 for r in rates],
        "times_faster_than_peer": float(np.median(seconds)) / base,
        "times_faster_than_peer_with_loo": float(np.median(seconds))
        / times["counts_with_loo"]["median_s"],
        "share_of_product_rate": needed / base / rate,
        "share_of_product_rate_with_loo": needed_loo / times["counts_with_loo"]["median_s"] / rate,
        "every_count_over_counts": times["every_count"]["median_s"] / base,
        "every_count_over_counts_with_loo": times["every_count_with_loo"]["median_s"]
        / times["counts_with_loo"]["median_s"],
        "loo_over_none": times["counts_with_loo"]["median_s"] / base,
        "loo_over_none_every_count": times["every_count_with_loo"]["median_s"]
        / times["every_count"]["median_s"],
        "times_faster_at_product_rate": float(np.median(seconds)) * rate / needed,
    }
    write_json(arguments.out, result)
    for name, value in result.items():
        if isinstance(value, float):
            print(f"{name:45s} {value:.4g}")
    for name, value in times.items():
        print(f"{name:45s} {value['median_s']:.3f} s, compilation {value['compile_s']:.1f} s")


if __name__ == "__main__":
    main()
