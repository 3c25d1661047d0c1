"""`mixed_risk` against simulation.

    python -m experiments.krr.validate [--repetitions 2000] [--out FOLDER]

Regression on n real and m synthetic points of weight w, drawn and fitted `repetitions` times, against the formula:
two designs (independent Gaussian features; Fourier, of smoothness 1), n of 20 and 60, six ratios m/n, three
weights, three ridges, three generators. One draw serves all counts (the first m of its synthetic points),
weights, ridges and generators, so that curves are compared point by point on the same noise.

Writes `validation.csv`, one line a cell, and `validation.json`, what is said about all of them.
"""

import argparse
import csv
import itertools
import json
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import synthmix_jax as smx

SIZES = (20, 60)
RATIOS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
WEIGHTS = (0.3, 1.0, 3.0)
RIDGES = (0.01, 0.1, 1.0)
NOISE = 0.5
BATCH = 20

DESIGNS = {
    "gaussian": smx.theory.gaussian_design(np.arange(1, 81) ** -2.0),
    "fourier": smx.theory.fourier_design(40, r=1.0),
}


def truth_of(j):
    """Coefficients of the truth, of about unit size."""
    return np.arange(1, j + 1) ** -1.2


def generators_of(j):
    """Coefficients of three generators: a half too large, wrong beyond the tenth, without all beyond the fifth."""
    truth, rank = truth_of(j), np.arange(1, j + 1)
    return {
        "scaled": 1.5 * truth,
        "wrong details": np.where(rank <= 10, truth, -truth),
        "coarse": np.where(rank <= 5, truth, 0.0),
    }


@partial(jax.jit, static_argnames=("name", "n"))
def errors(key, *, name, n):
    """Squared errors of one draw: (ridges, weights, ratios, generators)."""
    design = DESIGNS[name]
    mu = jnp.asarray(design.eigenvalues)
    truth = jnp.asarray(truth_of(len(mu)))
    targets = jnp.stack([truth, *generators_of(len(mu)).values()], axis=1)
    points, noise = jax.random.split(key)
    counts = [round(n * ratio) for ratio in RATIOS]
    x = design.features(design.sample(points, n + counts[-1]))
    y = x @ targets + np.sqrt(NOISE) * jax.random.normal(noise, (len(x), 1))
    # Sums over the first m synthetic points; each holds the part since the count before.
    ends = [n + m for m in counts]
    blocks = [slice(a, b) for a, b in itertools.pairwise(ends)]
    grams = jnp.stack([jnp.zeros((len(mu), len(mu))), *(x[b].T @ x[b] for b in blocks)])
    pulls = jnp.stack(
        [jnp.zeros((len(mu), targets.shape[1] - 1)), *(x[b].T @ y[b, 1:] for b in blocks)]
    )
    grams, pulls = jnp.cumsum(grams, axis=0), jnp.cumsum(pulls, axis=0)
    real_gram, real_pull = x[:n].T @ x[:n], (x[:n].T @ y[:n, 0])[:, None]

    def fit(ridge, weight, gram, pull):
        factor = jax.scipy.linalg.cho_factor(real_gram + weight * gram + ridge * jnp.diag(1.0 / mu))
        theta = jax.scipy.linalg.cho_solve(factor, real_pull + weight * pull)
        return jnp.sum((theta - truth[:, None]) ** 2, axis=0)

    fits = jax.vmap(fit, (None, None, 0, 0))
    fits = jax.vmap(jax.vmap(fits, (None, 0, None, None)), (0, None, None, None))
    return fits(jnp.asarray(RIDGES), jnp.asarray(WEIGHTS), grams, pulls)


def simulate(name, n, repetitions):
    """Mean error and its standard error, each (ridges, weights, ratios, generators)."""
    keys = jax.random.split(jax.random.key(n), repetitions)
    drawn = jax.lax.map(partial(errors, name=name, n=n), keys, batch_size=BATCH)
    return np.mean(drawn, axis=0), np.std(drawn, axis=0) / np.sqrt(repetitions)


def predict(name, n):
    """The formula on the same grid."""
    mu = DESIGNS[name].eigenvalues
    risks = [
        smx.theory.mixed_risk(
            mu,
            truth_of(len(mu)),
            generator,
            n=n,
            m=[round(n * ratio) for ratio in RATIOS],
            ridge=np.asarray(RIDGES)[:, None, None],
            weight=np.asarray(WEIGHTS)[:, None],
            noise_variance=NOISE,
        )
        for generator in generators_of(len(mu)).values()
    ]
    return np.stack(risks, axis=-1)


def rows_of(name, n, repetitions):
    """One record a cell."""
    mean, error = simulate(name, n, repetitions)
    theory = predict(name, n)
    labels = (RIDGES, WEIGHTS, RATIOS, tuple(generators_of(1)))
    for index in np.ndindex(mean.shape):
        ridge, weight, ratio, generator = (
            values[i] for values, i in zip(labels, index, strict=True)
        )
        yield {
            "design": name, "n": n, "generator": generator, "ridge": ridge, "weight": weight, "ratio": ratio,
            "simulated": float(mean[index]), "standard_error": float(error[index]),
            "formula": float(theory[index]), "relative": float(theory[index] / mean[index] - 1.0),
        }  # fmt: skip


def summary_of(rows):
    """Errors by what may matter, and how often the best ratio of both is the same, or next to it."""

    def mean_error(**wanted):
        chosen = [abs(r["relative"]) for r in rows if all(r[k] == v for k, v in wanted.items())]
        return round(float(np.mean(chosen)), 4)

    curves = {}
    for row in rows:
        key = tuple(row[k] for k in ("design", "n", "generator", "ridge", "weight"))
        curves.setdefault(key, []).append(row)
    simulated, formula = (
        np.array([[r[k] for r in c] for c in curves.values()]) for k in ("simulated", "formula")
    )
    best, chosen = np.argmin(simulated, axis=1), np.argmin(formula, axis=1)
    lines = np.arange(len(best))
    inside = (best > 0) & (best < len(RATIOS) - 1)
    apart = np.abs(best - chosen)
    return {
        "cells": len(rows),
        "mean_relative_error": mean_error(),
        "largest_relative_error": round(max(abs(r["relative"]) for r in rows), 4),
        "mean_standard_error": round(
            float(np.mean([r["standard_error"] / r["simulated"] for r in rows])), 4
        ),
        "by_design_and_ridge": {
            f"{d}, ridge {r:g}": mean_error(design=d, ridge=r) for d in DESIGNS for r in RIDGES
        },
        "by_ratio": {f"{q:g}": mean_error(ratio=q) for q in RATIOS},
        "by_n": {str(n): mean_error(n=n) for n in SIZES},
        "curves": len(curves),
        "same_best_ratio": round(float(np.mean(apart == 0)), 4),
        "within_one_step": round(float(np.mean(apart <= 1)), 4),
        "curves_with_inner_minimum": int(inside.sum()),
        "within_one_step_of_these": round(float(np.mean(apart[inside] <= 1)), 4)
        if inside.any()
        else None,
        "largest_regret": round(
            float(np.max(simulated[lines, chosen] / simulated[lines, best] - 1.0)), 4
        ),
    }


def main():
    """Run, write and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    start = time.time()
    rows = []
    with jax.enable_x64(True):
        for name in DESIGNS:
            for n in SIZES:
                rows += rows_of(name, n, arguments.repetitions)
                print(f"{name}, n = {n}: {time.time() - start:.0f} s")
    summary = {"repetitions": arguments.repetitions, **summary_of(rows)}
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / "validation.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in r.items()} for r in rows
        )
    (arguments.out / "validation.json").write_text(json.dumps(summary, indent=2) + "\n")
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
