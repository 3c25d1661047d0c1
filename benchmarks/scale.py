"""Regression beyond memory: the sweep on features against scikit-learn's loop, its cost, and the largest case.

    python -m benchmarks.scale             # about ten minutes on two cores, most of it a million rows
    python -m benchmarks.scale --quick     # tiny sizes; seconds

Ours: `smx.krr.sweep(method="nystrom")`, all counts x ridges x weights from one pass over the rows. Peer:
scikit-learn's `Nystroem` with the same landmarks, then `Ridge` refitted with sample weights for every cell; it
transforms the rows once, which is in its favour, or before every fit, as a pipeline does. Both score the same test
points in float64. The whole grid against a single cell tells the pass over the rows from the solving of cells.
"""

import argparse
import importlib.util
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge

import synthmix_jax as smx
from benchmarks import _scale_curves, _scale_devices, _scale_large, _suite
from benchmarks._record import provenance, write_json

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Config:
    """Size of the problem that the peer solves too.

    Attributes:
        real: Real points.
        synthetic: Synthetic points.
        test: Test points.
        features: Numbers per input.
        num_features: D, landmarks.
        counts: Number of counts.
        ridges: Number of ridges.
        weights: Weights of a synthetic point.
        repeats: Warm calls of ours.
        peer_repeats: Loops of the peer that transforms once.
        pipeline: Cells of the peer that transforms before every fit; its time is that of as many as ours has.
    """

    real: int = 2000
    synthetic: int = 18_000
    test: int = 2000
    features: int = 20
    num_features: int = 512
    counts: int = 10
    ridges: int = 5
    weights: tuple[float, ...] = (0.3, 1.0)
    repeats: int = 5
    peer_repeats: int = 2
    pipeline: int = 10


QUICK = Config(
    real=200, synthetic=800, test=100, features=5, num_features=32, counts=4, ridges=2,
    repeats=2, peer_repeats=2, pipeline=4,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Problem:
    """A smooth function of the first three inputs with noise; synthetic inputs are shifted by 0.1."""

    config: Config
    real: smx.Dataset = field(init=False)
    synthetic: smx.Dataset = field(init=False)
    test: smx.Dataset = field(init=False)

    def __post_init__(self):
        rng = np.random.default_rng(0)
        config = self.config
        sizes = {"real": config.real, "synthetic": config.synthetic, "test": config.test}
        for name, size in sizes.items():
            x = rng.normal(size=(size, config.features)) + 0.1 * (name == "synthetic")
            y = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=size)
            object.__setattr__(self, name, smx.Dataset(x, y))

    @property
    def lengthscale(self) -> float:
        """Of the RBF kernel."""
        return self.config.features**0.5

    @property
    def landmarks(self) -> np.ndarray:
        """Inputs (D, d) from real and synthetic points in proportion."""
        x = np.concatenate([self.real.x, self.synthetic.x])
        return x[np.random.default_rng(1).permutation(len(x))[: self.config.num_features]]

    @property
    def counts(self) -> np.ndarray:
        """From a tenth of the pool to all of it."""
        pool = self.config.synthetic
        return np.linspace(pool / self.config.counts, pool, self.config.counts).astype(int)

    @property
    def ridges(self) -> np.ndarray:
        """Absolute ridges."""
        return np.logspace(-2, 1, self.config.ridges)


def ours(problem: Problem, *, one_cell: bool = False, loo: bool = False) -> smx.krr.Sweep:
    """The sweep over the whole grid, or its last count alone at one ridge and weight."""
    grid = {"counts": problem.counts, "ridges": problem.ridges, "weights": problem.config.weights}
    if one_cell:
        grid = {name: values[-1:] for name, values in grid.items()}
    return smx.krr.sweep(
        problem.real,
        problem.synthetic,
        kernel=smx.kernels.RBF(problem.lengthscale),
        test=problem.test,
        loo=loo,
        method="nystrom",
        num_features=problem.config.num_features,
        landmarks=problem.landmarks,
        key=jax.random.key(0),
        **grid,
    )


def peer(problem: Problem) -> np.ndarray:
    """Test errors (w, l, c): rows transformed once, Ridge refitted for every cell."""
    made = fitted(problem)
    phi = made.transform(np.concatenate([problem.real.x, problem.synthetic.x]))
    y = np.concatenate([problem.real.y, problem.synthetic.y])
    tested = made.transform(problem.test.x)
    shape = len(problem.config.weights), len(problem.ridges), len(problem.counts)
    errors = np.empty(shape)
    for w, l, c in np.ndindex(shape):
        model = ridge_fit(problem, phi, y, w, l, c)
        errors[w, l, c] = np.mean((model.predict(tested) - problem.test.y) ** 2)
    return errors


def pipeline(problem: Problem, cells: list[tuple[int, int, int]]) -> np.ndarray:
    """Test errors of these cells (w, l, c) by a loop that transforms the rows of each anew."""
    errors = np.empty(len(cells))
    y = np.concatenate([problem.real.y, problem.synthetic.y])
    for i, (w, l, c) in enumerate(cells):
        made = fitted(problem)
        x = np.concatenate([problem.real.x, problem.synthetic.x[: problem.counts[c]]])
        model = ridge_fit(problem, made.transform(x), y, w, l, c)
        found = model.predict(made.transform(problem.test.x))
        errors[i] = np.mean((found - problem.test.y) ** 2)
    return errors


def fitted(problem: Problem) -> Nystroem:
    """The peer's map, all its landmarks given."""
    gamma = 1 / (2 * problem.lengthscale**2)
    marks = problem.landmarks
    return Nystroem(kernel="rbf", gamma=gamma, n_components=len(marks), random_state=0).fit(marks)


def ridge_fit(problem: Problem, phi: np.ndarray, y: np.ndarray, w: int, l: int, c: int) -> Ridge:
    """One fit of the peer, by the normal equations, its fastest way."""
    n, count = problem.config.real, problem.counts[c]
    weight = np.concatenate([np.ones(n), np.full(count, problem.config.weights[w])])
    model = Ridge(alpha=problem.ridges[l], fit_intercept=False, solver="cholesky")
    return model.fit(phi[: n + count], y[: n + count], sample_weight=weight)


def measure(config: Config) -> dict[str, Any]:
    """Ours and the peer in turns, the pipeline once on some cells; how far apart they are, what the pass takes."""
    problem = Problem(config)
    shape = len(config.weights), config.ridges, config.counts
    every = list(np.ndindex(shape))
    chosen = [every[i] for i in np.linspace(0, len(every) - 1, config.pipeline).astype(int)]
    runs = {
        "grid": lambda: ours(problem).test_error,
        "one_cell": lambda: ours(problem, one_cell=True).test_error,
        "grid_with_loo": lambda: ours(problem, loo=True).loo_error,
    }
    times = _suite.times_of(_suite.interleaved(runs, config.repeats))
    found, seconds, beside = None, [], []
    for _ in range(config.peer_repeats):
        start = time.perf_counter()
        ours(problem)
        beside.append(time.perf_counter() - start)
        start = time.perf_counter()
        found = peer(problem)
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    again = pipeline(problem, chosen)
    slow = (time.perf_counter() - start) / len(chosen) * len(every)
    assert found is not None
    errors = ours(problem).test_error
    assert errors is not None
    return {
        "config": asdict(config),
        "cells": len(every),
        "times": times,
        "beside_peer": _all(beside),
        "pipeline_cells": len(chosen),
        "peer": _all(seconds),
        "pipeline": _all([slow]),
        "largest_relative_difference_to_peer": float(np.max(np.abs(errors / found - 1))),
        "largest_relative_difference_of_peers": float(
            np.max(np.abs(again / np.array([found[cell] for cell in chosen]) - 1))
        ),
        "grid_over_pass": times["grid"]["median_s"] / times["one_cell"]["median_s"] - 1,
    }


def run(quick: bool) -> dict[str, Any]:
    """The suite: beside the peer, cost curves, devices; without `quick` also the largest cases."""
    config = QUICK if quick else Config()
    found = measure(config)
    rows = config.real + config.synthetic
    shape = f"{rows:,} rows, D = {config.num_features}, {found['cells']} cells"
    flops = _scale_curves.pass_flops(rows, config.features, config.num_features)
    solved = found["cells"] * config.num_features**3 / 3
    names = {
        "grid": (f"sweep on features, {shape}", flops + solved),
        "one_cell": ("the same, one cell: the pass", flops),
        "grid_with_loo": ("the grid with leave-one-out", None),
    }
    work = [
        _suite.work(name, found["times"][key], flops=needed)
        for key, (name, needed) in names.items()
    ]
    difference = found["largest_relative_difference_to_peer"]
    ratios = [
        _suite.ratio(
            f"sweep on features, {found['cells']} cells", name, found["beside_peer"],
            found[key], difference=difference,
        )
        for key, name in (
            ("peer", "scikit-learn Nystroem once, Ridge for each cell"),
            (
                "pipeline",
                "scikit-learn Nystroem + Ridge for each cell (scaled from "
                f"{found['pipeline_cells']} of them)",
            ),
        )
    ]  # fmt: skip
    curves = _scale_curves.curves(quick)
    details: dict[str, Any] = {"beside_peer": found}
    left_out, notes = [], []
    if quick:
        left_out.append("the largest cases are left out of a quick run")
    else:
        spread = _scale_devices.in_own_process()
        curves.append(_suite.curve_of("sweep on features", _scale_devices.words(), spread))
        details["large"] = large = _scale_large.in_own_process()
        work += _scale_large.work(large)
        notes.append(_scale_large.note(large))
        details["exact"] = exact = exact_large()
        if exact is None:
            left_out.append("the exact sweep at N = 20,000 is not part of this version")
        else:
            work.append(exact_work(exact))
            notes.append(exact_note(exact))
    return _suite.record(work, ratios, curves, left_out, details, notes)


def exact_large() -> dict[str, Any] | None:
    """The exact sweep of as many points as memory holds; None where there is no such module."""
    if importlib.util.find_spec("benchmarks._exact_large") is None:
        return None
    return importlib.import_module("benchmarks._exact_large").measure()


def exact_work(found: dict[str, Any]) -> dict[str, Any]:
    """Its row of the table."""
    seconds = found["seconds"]
    times = {"median_s": seconds, "min_s": seconds, "max_s": seconds}
    times["compile_s"] = found["first_seconds"] - seconds
    flops = found["gflops"] * 1e9 * seconds
    return _suite.work(f"exact sweep, N = {found['rows']:,}", times, flops=flops)


def exact_note(found: dict[str, Any]) -> str:
    """What it took, in words; its rates are those of its own process."""
    return (
        f"exact sweep of {found['rows']:,} rows in float64: {found['seconds']:.3g} s, "
        f"{found['share_of_product_rate']:.0%} of the matrix-product rate measured beside it; "
        f"{found['used_bytes'] / 2**30:.1f} GiB, estimated {found['estimate_over_used']:.2f} times that."
    )


def _all(seconds: list[float]) -> dict[str, Any]:
    return {
        "median_s": float(np.median(seconds)),
        "min_s": min(seconds),
        "max_s": max(seconds),
        "compile_s": None,
    }


def main(argv: list[str] | None = None) -> None:
    """Measure, write the result, print what counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, in seconds")
    parser.add_argument("--out", type=Path, default=RESULTS / "scale.json")
    options = parser.parse_args(argv)
    command = "python -m benchmarks.scale" + (" --quick" if options.quick else "")
    result = {**provenance(command), **run(options.quick)}
    write_json(options.out, result)
    for row in result["ratios"]:
        print(f"{row['times_faster']:.1f} times faster than {row['peer']}")
    for row in result["curves"]:
        print(
            f"{row['name']}, {row['against']}: {row['exponent']:.2f} ± {row['standard_error']:.2f}"
        )
    for row in result["work"]:
        print(f"{row['name']}: {row['median_s']:.3g} s")


if __name__ == "__main__":
    main()
