"""The sharp risk over a whole grid against a root finder in a loop, and the predicted curve against many orders.

    python -m benchmarks.theory             # under two minutes on two cores
    python -m benchmarks.theory --quick     # seconds

Peer of `mixed_risk`: the formula as it is written down, one cell after the other, the fixed point by SciPy's
brentq. Peer of `predict_curve`: leave-one-out curves by `krr.sweep`, one for each random order of the pool; stated
is how many orders the prediction costs. Every time is the median of several runs; compilation is stated apart.
"""

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

import synthmix_jax as smx
from benchmarks._record import provenance, write_json
from benchmarks._suite import timed

RESULTS = Path(__file__).parent / "results"
NOISE = 0.5


@dataclass(frozen=True)
class Config:
    """Sizes."""

    eigenvalues: int = 1000
    counts: int = 500
    ridges: int = 20
    weights: int = 5
    peer_cells: int = 500
    real: int = 100
    pool: int = 1000
    repeats: int = 5


QUICK = Config(eigenvalues=60, counts=10, ridges=5, peer_cells=30, real=40, pool=100, repeats=2)


def one_by_one(mu, truth, generator, n, m, ridge, weight):
    """The formula of two samples, as it is written down."""

    def gap(log_tau):
        tau = np.exp(log_tau)
        a = n / (1.0 + tau) + weight * m / (1.0 + weight * tau)
        return tau - np.sum(1.0 / (a + ridge / mu))

    tau = np.exp(brentq(gap, -60.0, np.log(np.sum(mu) / ridge) + 1.0, xtol=1e-14))
    a1, a2 = n / (1.0 + tau), weight * m / (1.0 + weight * tau)
    a = a1 + a2
    learned = mu / (mu + ridge / a)
    fit = learned * (a1 * truth + a2 * generator) / a
    rho = n / (1.0 + tau) ** 2, weight**2 * m / (1.0 + weight * tau) ** 2
    spread = np.sum(learned**2) / a**2
    missed = np.sum((truth - fit) ** 2), np.sum((generator - fit) ** 2)
    pulled = spread * (rho[0] * (missed[0] + NOISE) + rho[1] * (missed[1] + NOISE))
    return missed[0] + pulled / (1.0 - spread * sum(rho))


def risk(config: Config) -> dict:
    """A grid of counts, ridges and weights: time, gradient, peer, and how far they are apart."""
    rank = np.arange(1, config.eigenvalues + 1)
    mu, truth = rank**-2.0, rank**-1.2
    generator = np.where(rank <= 10, truth, -truth)
    m = np.arange(config.counts)
    ridges, weights = np.logspace(-3, 1, config.ridges), np.logspace(-1, 1, config.weights)
    grid = {"m": m[:, None, None], "ridge": ridges[:, None], "weight": weights}

    def ours():
        return smx.theory.mixed_risk(mu, truth, generator, n=60, noise_variance=NOISE, **grid)

    def total(log_ridges, log_weights):
        amounts = {
            "m": grid["m"], "ridge": jnp.exp(log_ridges)[:, None], "weight": jnp.exp(log_weights),
        }  # fmt: skip
        return jnp.sum(
            smx.theory.mixed_risk(mu, truth, generator, n=60, noise_variance=NOISE, **amounts)
        )

    times = timed(ours, config.repeats)
    slope = jax.jit(jax.grad(total, argnums=(0, 1)))
    logs = np.log(ridges), np.log(weights)
    cells = list(np.ndindex(config.counts, config.ridges, config.weights))
    chosen = [cells[k] for k in np.linspace(0, len(cells) - 1, config.peer_cells).astype(int)]
    start = time.perf_counter()
    slow = np.array(
        [one_by_one(mu, truth, generator, 60, m[c], ridges[l], weights[w]) for c, l, w in chosen]
    )
    peer = (time.perf_counter() - start) / len(chosen) * len(cells)
    fast = np.asarray(ours())[tuple(np.array(chosen).T)]
    return {
        "cells": len(cells),
        "risk": times,
        "gradient": timed(lambda: slope(*logs), config.repeats),
        "peer_seconds_for_all_cells": peer,
        "times_faster": peer / times["median_s"],
        "largest_relative_difference": float(np.max(np.abs(fast / slow - 1.0))),
    }


def curve(config: Config) -> dict:
    """Prediction of one curve, and the orders of leave-one-out it costs."""
    rng = np.random.default_rng(0)
    sets = []
    for size, shift in ((config.real, 0.0), (config.pool, 0.2)):
        x = rng.normal(size=(size, 10)) + shift
        y = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=size)
        sets.append(smx.Dataset(x, y))
    amounts = {
        "kernel": smx.kernels.RBF(3.0), "ridges": [0.1, 1.0], "weights": [0.3, 1.0],
        "counts": smx.mixing.geometric_counts(config.pool, 40),
    }  # fmt: skip
    predicted = timed(lambda: smx.theory.predict_curve(*sets, **amounts).error, config.repeats)
    order = timed(lambda: smx.krr.sweep(*sets, **amounts).loo_error, config.repeats)
    return {
        "prediction": predicted,
        "one_order": order,
        "orders_it_costs": predicted["median_s"] / order["median_s"],
    }


def main(argv: list[str] | None = None) -> None:
    """Run, write and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS / "theory.json")
    arguments = parser.parse_args(argv)
    config = QUICK if arguments.quick else Config()
    with jax.enable_x64(True):
        content = {"config": asdict(config), "mixed_risk": risk(config), "curve": curve(config)}
    command = "python -m benchmarks.theory" + (" --quick" if arguments.quick else "")
    write_json(arguments.out, {**provenance(command), **content})
    print(content)


if __name__ == "__main__":
    main()
