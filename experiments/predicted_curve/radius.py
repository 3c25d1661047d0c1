"""How far predictions within the pool are off, by their spectral radius: where they have to end.

    python -m experiments.predicted_curve.radius     # half a minute

Digits, ridges from 1e-6 (interpolation) to 1 and weights from 0.1 to 10, against the mean of random orders.
"""

import argparse
import datetime
import itertools
import json
import os
import warnings
from pathlib import Path

import jax
import numpy as np

import synthmix_jax as smx
from synthmix_jax.generators import ClassGaussian, Shifted, draw

BINS = (0.0, 0.3, 0.5, 0.6, 0.7)
RIDGES, WEIGHTS = np.logspace(-6, 0, 7), (0.1, 1.0, 10.0)
COUNTS = (5, 10, 25, 50, 100, 200, 280)
POOL, ORDERS, SEEDS = 300, 15, 3
GENERATORS = ((3, 0.0), (5, 1.3), (10, 0.0))  # rank and blur


def cells(digits: smx.Dataset, seed: int, rank: int, blur: float) -> np.ndarray:
    """Radius and relative difference from the mean of the orders, a row each cell (2 columns)."""
    split, again, sample = jax.random.split(jax.random.key(seed), 3)
    real, rest = digits.split(60 / len(digits), key=split)
    seen, _ = rest.split(340 / len(rest), key=again)
    pool = draw(Shifted(ClassGaussian.fit(seen, rank=rank), blur=blur), POOL, key=sample)
    amounts = {
        "kernel": smx.kernels.RBF(3.0),
        "ridges": RIDGES,
        "weights": WEIGHTS,
        "counts": COUNTS,
    }
    rng = np.random.default_rng(seed)
    orders = [
        smx.krr.sweep(real, pool[rng.permutation(POOL)], **amounts).loo_error for _ in range(ORDERS)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what is refused is counted
        curve = smx.theory.predict_curve(real, pool, **amounts)
    apart = curve.error / np.mean(orders, axis=0) - 1.0
    return np.stack([curve.radius.ravel(), apart.ravel()], axis=1)


def main(argv: list[str] | None = None) -> None:
    """Run, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/radius.json")
    arguments = parser.parse_args(argv)
    digits = smx.load("digits", split="all")
    runs = [cells(digits, seed, *one) for seed in range(SEEDS) for one in GENERATORS]
    radius, apart = np.concatenate(runs).T
    bins = []
    for low, high in itertools.pairwise(BINS):
        some = np.abs(apart[(radius >= low) & (radius < high)])
        bins.append(
            {
                "radius": [low, high],
                "cells": len(some),
                "mean": round(float(some.mean()), 4),
                "95 %": round(float(np.quantile(some, 0.95)), 4),
                "largest": round(float(some.max()), 4),
            }
        )
    content = {
        "command": "python -m experiments.predicted_curve.radius",
        "date": datetime.date.today().isoformat(),
        "device": jax.default_backend(),
        "cores": os.cpu_count(),
        "cells": len(apart),
        "refused": int(np.isnan(apart).sum()),
        "bins": bins,
    }
    temporary = arguments.out.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(temporary, arguments.out)
    print(json.dumps(content))


if __name__ == "__main__":
    main()
