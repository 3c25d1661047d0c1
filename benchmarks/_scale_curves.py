"""Cost of the sweep on features against rows, counts, ridges, weights and features D."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

import synthmix_jax as smx
from benchmarks import _suite


@dataclass(frozen=True)
class Curves:
    """Sizes of the cost curves; what a curve leaves alone stays at `Size`."""

    rows: tuple[int, ...] = (50_000, 100_000, 200_000, 400_000)
    counts: tuple[int, ...] = (5, 10, 20, 40)
    ridges: tuple[int, ...] = (2, 4, 8, 16, 32)
    weights: tuple[int, ...] = (1, 2, 4, 8)
    num_features: tuple[int, ...] = (128, 256, 512, 1024)


@dataclass(frozen=True)
class Size:
    """What the curves have in common.

    Attributes:
        rows: Synthetic points.
        real: Real points.
        features: Numbers per input.
        num_features: D.
        counts: Number of counts.
        ridges: Number of ridges.
        weights: Number of weights.
        repeats: Warm calls of each size.
    """

    rows: int = 50_000
    real: int = 1000
    features: int = 20
    num_features: int = 512
    counts: int = 5
    ridges: int = 4
    weights: int = 2
    repeats: int = 3


FEW = Curves(rows=(600, 800, 1000), counts=(), ridges=(1, 2, 4), weights=(), num_features=())
SMALL = Size(rows=600, real=50, features=4, num_features=16, counts=2, ridges=2, repeats=2)


def pass_flops(rows: int, features: int, num_features: int) -> float:
    """Operations of a pass by Nystrom features: kernel values, features of them, half of the symmetric sums.

    Two thirds are the product that turns kernel values into features. It could be left to the sums, once, at a
    loss of half the digits.
    """
    return float(rows) * (2 * features * num_features + 3 * num_features**2)


def curves(quick: bool) -> list[dict[str, Any]]:
    """A curve for each size; that against rows has one cell, so that it is the pass, and both maps."""
    sizes, size = (FEW, SMALL) if quick else (Curves(), Size())
    names = [name for name in vars(sizes) if name != "rows" and getattr(sizes, name)]
    pool = data(max(sizes.rows), size.features, seed=1)
    real = data(size.real, size.features, seed=0)

    def passed(method: str):
        runs = {n: call(real, pool, _one_cell(size, n), method) for n in sizes.rows}
        return _suite.curve(f"{method}: one cell", "rows", runs, size.repeats)

    def against(name: str):
        runs = {
            value: call(real, pool, Size(**{**vars(size), name: value}))
            for value in getattr(sizes, name)
        }
        words = {"num_features": "features D"}.get(name, name)
        return _suite.curve("nystrom: grid", words, runs, size.repeats)

    methods = ("nystrom",) if quick else ("nystrom", "random_features")
    return [*map(passed, methods), *map(against, names)]


def call(real: smx.Dataset, pool: smx.Dataset, size: Size, method: str = "nystrom", **options: Any):
    """A call of the sweep at this size."""
    rows = size.rows
    counts = np.linspace(rows / size.counts, rows, size.counts).astype(int)
    grid = {
        "counts": counts,
        "ridges": np.logspace(-2, 1, size.ridges),
        "weights": np.linspace(0.1, 1.0, size.weights) if size.weights > 1 else (1.0,),
    }
    synthetic = pool[:rows]
    return lambda: (
        smx.krr.sweep(
            real,
            synthetic,
            kernel=smx.kernels.RBF(size.features**0.5),
            method=method,
            num_features=size.num_features,
            key=jax.random.key(0),
            **grid,
            **options,
        ).loo_error
    )


def data(rows: int, features: int, *, seed: int) -> smx.Dataset:
    """Normal inputs in float32, a smooth function of three of them with noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, features), dtype=np.float32)
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.1 * rng.standard_normal(rows)
    return smx.Dataset(x, y)


def _one_cell(size: Size, rows: int) -> Size:
    return Size(**{**vars(size), "rows": rows, "counts": 1, "ridges": 1, "weights": 1})
