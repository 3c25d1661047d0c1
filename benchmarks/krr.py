"""The nested sweep against the loop it replaces, side by side in one run.

    python -m benchmarks.krr             # N = 4,000; about three minutes on two cores
    python -m benchmarks.krr --quick     # N = 1,000; seconds

Peer: scikit-learn's KernelRidge, refitted for every count and ridge (it has no leave-one-out). Ours: the public
`smx.krr.sweep`, kernel matrix, checks and transfers included, float64. Every time is the median of several runs;
compilation is stated apart. The yardstick for both is the rate of a plain matrix product in the same run.
"""

import argparse
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.kernel_ridge import KernelRidge

import synthmix_jax as smx
from benchmarks import _suite
from benchmarks._rates import product_rate
from benchmarks._record import provenance, write_json
from benchmarks._suite import timed

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
TINY = Config(real=100, synthetic=300, test=50, counts=5, ridges=3, repeats=2, peer_repeats=2)


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


def measure(config: Config) -> dict[str, Any]:
    """Time ours and the peer, and check that they agree."""
    sets, counts, ridges = problem(config)
    total = config.real + config.synthetic

    def run(counts, loo):
        return sweep(sets, counts=counts, ridges=ridges, loo=loo)

    rates = [product_rate(total, config.repeats)]
    times = {
        "counts": timed(lambda: run(counts, False).test_error, config.repeats),
        "counts_with_loo": timed(lambda: run(counts, True).loo_error, config.repeats),
        "every_count": timed(lambda: run(None, False).test_error, config.repeats),
        "every_count_with_loo": timed(lambda: run(None, True).loo_error, config.repeats),
    }
    rates.append(product_rate(total, config.repeats))
    seconds = []
    for _ in range(config.peer_repeats):
        start = time.perf_counter()
        reference = peer(sets, counts, ridges)
        seconds.append(time.perf_counter() - start)
    difference = np.max(np.abs(run(counts, False).test_error[0] / reference - 1))
    rates.append(product_rate(total, config.repeats))
    rate = float(np.median(rates))

    needed, needed_loo = needed_flops(config)
    median = {name: value["median_s"] for name, value in times.items()}
    slow = float(np.median(seconds))
    return {
        "config": asdict(config),
        "times": times,
        "peer_s": slow,
        "peer_s_all": seconds,
        "largest_relative_difference_to_peer": float(difference),
        "matrix_product_gflops": rate / 1e9,
        "matrix_product_gflops_all": [r / 1e9 for r in rates],
        "times_faster_than_peer": slow / median["counts"],
        "times_faster_than_peer_with_loo": slow / median["counts_with_loo"],
        "share_of_product_rate": needed / median["counts"] / rate,
        "share_of_product_rate_with_loo": needed_loo / median["counts_with_loo"] / rate,
        "every_count_over_counts": median["every_count"] / median["counts"],
        "every_count_over_counts_with_loo": median["every_count_with_loo"]
        / median["counts_with_loo"],
        "loo_over_none": median["counts_with_loo"] / median["counts"],
        "loo_over_none_every_count": median["every_count_with_loo"] / median["every_count"],
        "times_faster_at_product_rate": slow * rate / needed,
    }


def needed_flops(config: Config) -> tuple[float, float]:
    """Operations that cannot be avoided: the factor and one solve a column; the same with leave-one-out."""
    total, columns = config.real + config.synthetic, config.counts + 1
    once = total**3 / 3 + total**2 * columns + 2 * total * config.test * config.counts
    return config.ridges * once, config.ridges * (once + total**2 * config.real)


def sweep(sets, *, counts, ridges, loo: bool) -> smx.krr.Sweep:
    """Our sweep, as a user calls it."""
    real, synthetic, test = sets
    kernel = smx.kernels.RBF(LENGTHSCALE)
    grid = {"counts": counts, "ridges": ridges}
    return smx.krr.sweep(real, synthetic, kernel=kernel, **grid, test=test, loo=loo)


@dataclass(frozen=True)
class Curves:
    """Sizes of the cost curves; what a curve leaves alone is that of the base.

    Attributes:
        base: The problem.
        rows: N, real and synthetic points.
        counts: Numbers of synthetic counts.
        ridges: Numbers of ridges.
    """

    base: Config = Config(real=200, synthetic=1800, test=100, counts=20, ridges=4, repeats=3)
    rows: tuple[int, ...] = (1000, 1414, 2000, 2828, 4000)
    counts: tuple[int, ...] = (5, 20, 80, 320, 1280)
    ridges: tuple[int, ...] = (1, 2, 4, 8, 16)


# Without counts: every number of them is another program to compile.
FEW = Curves(
    base=Config(real=50, synthetic=150, test=50, counts=4, ridges=2, repeats=2),
    rows=(120, 200, 320), counts=(), ridges=(1, 2, 4),
)  # fmt: skip


def curves(sizes: Curves) -> list[dict[str, Any]]:
    """Cost of the sweep with leave-one-out against N, counts and ridges."""
    base = sizes.base
    configs = {
        "rows N": {n: replace(base, synthetic=n - base.real) for n in sizes.rows},
        "counts": {c: replace(base, counts=c) for c in sizes.counts},
        "ridges": {l: replace(base, ridges=l) for l in sizes.ridges},
    }

    def call(config: Config):
        sets, counts, ridges = problem(config)
        return lambda: sweep(sets, counts=counts, ridges=ridges, loo=True).loo_error

    return [
        _suite.curve(
            "exact sweep", words, {size: call(c) for size, c in chosen.items()}, base.repeats
        )
        for words, chosen in configs.items()
        if chosen
    ]


def run(quick: bool) -> dict[str, Any]:
    """The suite: the sweep beside its peer, and its cost curves."""
    config = TINY if quick else replace(Config(), repeats=3)
    found = measure(config)
    times, needed = found["times"], needed_flops(config)
    flops = {"counts": needed[0], "counts_with_loo": needed[1]}
    cells = (
        f"{config.counts} counts x {config.ridges} ridges, N = {config.real + config.synthetic:,}"
    )
    names = {
        "counts": f"sweep, {cells}",
        "counts_with_loo": "the same with leave-one-out",
        "every_count": "sweep, every count",
        "every_count_with_loo": "every count with leave-one-out",
    }
    work = [_suite.work(names[key], times[key], flops=flops.get(key)) for key in names]
    loop = {
        "median_s": found["peer_s"], "min_s": min(found["peer_s_all"]), "max_s": max(found["peer_s_all"]),
    }  # fmt: skip
    peer_name = "scikit-learn KernelRidge, refitted"
    ratios = [
        _suite.ratio(
            names["counts"], peer_name, times["counts"], loop,
            difference=found["largest_relative_difference_to_peer"],
        ),
        _suite.ratio("sweep with leave-one-out", f"{peer_name} (without)", times["counts_with_loo"], loop),
    ]  # fmt: skip
    return _suite.record(work, ratios, curves(FEW if quick else Curves()), details=found)


def main() -> None:
    """Measure, write the result, print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="N = 1,000 in seconds")
    parser.add_argument("--out", type=Path, default=RESULTS / "krr.json")
    arguments = parser.parse_args()
    head = provenance("python -m benchmarks.krr" + (" --quick" if arguments.quick else ""))
    result = {**head, **measure(QUICK if arguments.quick else Config())}
    write_json(arguments.out, result)
    for name, value in result.items():
        if isinstance(value, float):
            print(f"{name:45s} {value:.4g}")
    for name, value in result["times"].items():
        print(f"{name:45s} {value['median_s']:.3f} s, compilation {value['compile_s']:.1f} s")


if __name__ == "__main__":
    main()
