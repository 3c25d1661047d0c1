"""`mixed_risk` against simulation: designs, sizes, ratios, weights, ridges and generators.

One draw serves all counts (the first m of its synthetic points), weights, ridges and generators, so that curves are
compared point by point on the same noise. One line a cell goes to `validation.csv`.

A second simulation looks at interpolation on the circle, where the formula fails: see `interpolation`.
"""

import csv
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import synthmix_jax as smx

from . import _drawing, simulate
from ._save import rounded
from .config import Validation
from .designs import named

GENERATORS = ("scaled", "details", "coarse")


def coefficients(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth, and generators (j, 3): a half too large, wrong beyond the tenth, without all beyond the fifth."""
    rank = np.arange(1, count + 1)
    truth = rank**-1.2
    wrong = np.where(rank <= 10, truth, -truth)
    return truth, np.stack([1.5 * truth, wrong, np.where(rank <= 5, truth, 0.0)], axis=1)


@partial(jax.jit, static_argnames=("design", "config", "n"))
def simulated(key, *, design, config: Validation, n: int):
    """Squared errors of the draws: (draws, ridges, weights, ratios, generators)."""
    mu = jnp.asarray(design.eigenvalues)
    truth, generators = (jnp.asarray(a) for a in coefficients(len(mu)))
    targets = jnp.concatenate([truth[:, None], generators], axis=1)
    counts = tuple(round(n * ratio) for ratio in config.ratios)

    def draw(key):
        points, noise = jax.random.split(key)
        x = design.features(design.sample(points, n + counts[-1]))
        e = np.sqrt(config.noise_variance) * jax.random.normal(noise, (len(x), 1))
        y = x @ targets + e
        grams = simulate.prefix_grams(x, n, counts)
        pulls = simulate.prefix_grams(x, n, counts, y[:, 1:])
        real_gram, real_pull = x[:n].T @ x[:n], (x[:n].T @ y[:n, 0])[:, None]

        def fit(ridge, weight, gram, pull):
            total = real_gram + weight * gram + ridge * jnp.diag(1.0 / mu)
            factor = jax.scipy.linalg.cho_factor(total)
            theta = jax.scipy.linalg.cho_solve(factor, real_pull + weight * pull)
            return jnp.sum((theta - truth[:, None]) ** 2, axis=0)

        fits = jax.vmap(fit, (None, None, 0, 0))
        fits = jax.vmap(jax.vmap(fits, (None, 0, None, None)), (0, None, None, None))
        return fits(jnp.asarray(config.ridges), jnp.asarray(config.weights), grams, pulls)

    keys = jax.random.split(key, config.repetitions)
    return jax.lax.map(draw, keys, batch_size=simulate.BATCH)


def formula(config: Validation, design, n: int):
    """`mixed_risk_parts` of each generator on the same grid (ridges, weights, ratios)."""
    truth, generators = coefficients(len(design.eigenvalues))
    return [
        smx.theory.mixed_risk_parts(
            design.eigenvalues,
            truth,
            generator,
            n=n,
            m=[round(n * ratio) for ratio in config.ratios],
            ridge=np.asarray(config.ridges)[:, None, None],
            weight=np.asarray(config.weights)[:, None],
            noise_variance=config.noise_variance,
        )
        for generator in generators.T
    ]


def rows_of(config: Validation, name: str, n: int) -> list[dict]:
    """One record a cell."""
    design = named(name)
    key = jax.random.fold_in(jax.random.key(config.seed), n)
    drawn = np.asarray(simulated(key, design=design, config=config, n=n))
    mean, error = drawn.mean(axis=0), drawn.std(axis=0) / np.sqrt(len(drawn))
    parts = formula(config, design, n)
    risk = np.stack([p.risk for p in parts], axis=-1)
    learned = np.asarray(parts[0].learned)
    rows = []
    for index in np.ndindex(mean.shape):
        l, w, q, g = index
        ratio = config.ratios[q]
        row = {
            "design": name, "n": n, "generator": GENERATORS[g], "ridge": config.ridges[l],
            "weight": config.weights[w], "ratio": ratio, "simulated": mean[index],
            "standard_error": rounded(float(error[index]), 2), "formula": risk[index],
            "learned_per_point": rounded(float(learned[l, w, q]) / (n + round(n * ratio)), 3),
        }  # fmt: skip
        rows.append({k: float(v) if isinstance(v, np.floating) else v for k, v in row.items()})
    return rows


def interpolation(config: Validation) -> list[dict]:
    """Variance of the fit to pure unit noise with all frequencies, simulated and by the formula, at falling ridges.

    With r = 1 the fit without a ridge joins neighbouring points by (nearly) straight lines, of variance
    (1 - t)^2 + t^2 between them: 2/3 on average wherever the points lie. The formula says 2r - 1: one.
    """
    ridges, n = np.logspace(-6, 1, 8), config.interpolation_n
    records = []
    for r in (1, 2):
        keys = jax.random.split(jax.random.key(config.seed), config.interpolation_repetitions)
        drawn = np.asarray(_variances(keys, jnp.asarray(ridges), n=n, r=r))
        mu = np.concatenate([[1.0], np.repeat(np.arange(1.0, 4001.0) ** (-2.0 * r), 2)])
        said = smx.theory.random_design_risk(
            mu, np.zeros(len(mu)), noise_variance=1.0, n=n, ridge=ridges
        )
        records.append(
            {
                "r": r,
                "n": n,
                "ridge": ridges,
                "formula": np.asarray(said),
                "mean": drawn.mean(axis=0),
                "standard_error": drawn.std(axis=0) / np.sqrt(len(drawn)),
            }
        )
    return records


@partial(jax.jit, static_argnames=("n", "r"))
def _variances(keys, ridges, *, n, r):
    """Mean over the circle of the sum of squared weights of the points, for each draw and ridge."""
    kernel = partial(smx.theory.periodic_sobolev_kernel, r=r)

    def draw(key):
        points, shift = jax.random.split(key)
        x = jax.random.uniform(points, (n,))
        grid = (jnp.arange(400) + jax.random.uniform(shift)) / 400
        values, vectors = jnp.linalg.eigh(kernel(x, x))
        cross = kernel(grid, x) @ vectors
        return jnp.mean(cross**2, axis=0) @ (1.0 / (values + ridges[:, None]) ** 2).T

    return jax.lax.map(draw, keys)


def said_of(rows: list[dict], config: Validation) -> dict:
    """Errors of some cells, and how often the best ratio of both is the same, or next to it."""
    relative = np.array([r["formula"] / r["simulated"] - 1.0 for r in rows])
    error = np.array([r["standard_error"] / r["simulated"] for r in rows])
    curves: dict[tuple, list[dict]] = {}
    for row in rows:
        key = tuple(row[k] for k in ("design", "n", "generator", "ridge", "weight"))
        curves.setdefault(key, []).append(row)
    mean, risk = (
        np.array([[r[k] for r in c] for c in curves.values()]) for k in ("simulated", "formula")
    )
    best, chosen = np.argmin(mean, axis=1), np.argmin(risk, axis=1)
    apart, lines = np.abs(best - chosen), np.arange(len(best))
    return {
        "cells": len(rows),
        "mean_relative_error": np.mean(np.abs(relative)),
        "mean_signed": np.mean(relative),
        "largest_relative_error": np.max(np.abs(relative)),
        "mean_standard_error": np.mean(error),
        "curves": len(curves),
        "inner_minimum": int(np.sum((best > 0) & (best < len(config.ratios) - 1))),
        "same_best": np.mean(apart == 0),
        "within_one_step": np.mean(apart <= 1),
        "mean_regret": np.mean(mean[lines, chosen] / mean[lines, best] - 1.0),
        "largest_regret": np.max(mean[lines, chosen] / mean[lines, best] - 1.0),
    }


def summary(rows: list[dict], config: Validation) -> dict:
    """By design; by design and ridge; by how much of each point is used up."""
    groups = {f"{d}": [r for r in rows if r["design"] == d] for d in config.designs}
    groups |= {
        f"{d}, ridge {l:g}": [r for r in rows if (r["design"], r["ridge"]) == (d, l)]
        for d in config.designs
        for l in config.ridges
    }
    bands = {}
    for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)):
        for circle in (False, True):
            some = [
                abs(r["formula"] / r["simulated"] - 1.0)
                for r in rows
                if low <= r["learned_per_point"] < high
                and r["design"].startswith("fourier") == circle
            ]
            name = f"{'fourier' if circle else 'gaussian'}, {low:g} to {high:g} learned a point"
            bands[name] = {"cells": len(some), "mean_relative_error": np.mean(some) if some else 0}
    return {
        "repetitions": config.repetitions,
        "groups": {k: said_of(v, config) for k, v in groups.items()},
        "bands": bands,
    }


def run(config: Validation) -> dict:
    """All cells, as a table, and what is said of them."""
    rows = [
        row for name in config.designs for n in config.sizes for row in rows_of(config, name, n)
    ]
    result = {"summary": summary(rows, config), "interpolation": interpolation(config)}
    return rounded(result) | {"table": rows}


def draw(result: dict, config: Validation, out) -> None:
    """validation.png: formula against simulation; its error against what is learned; interpolation."""
    with open(out / "validation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    figure, axes = _drawing.subplots(1, 3, width=4.1, height=3.9)
    scatter, error, limit = axes[0]
    colours = ("#000000", "#D55E00", "#E69F00", "#0072B2")
    for name, colour in zip(config.designs, colours, strict=False):
        mine = [r for r in rows if r["design"] == name]
        mean, risk, learned = (
            np.array([float(r[k]) for r in mine])
            for k in ("simulated", "formula", "learned_per_point")
        )
        scatter.plot(mean, risk, ".", ms=3, color=colour, alpha=0.6)
        relative = 100.0 * (risk / mean - 1.0)
        error.plot(learned, relative, ".", ms=3, color=colour, alpha=0.6)
        scatter.plot([], [], "o", ms=5, color=colour, label=name)
    ends = scatter.get_xlim()
    scatter.plot(ends, ends, color="#999999", lw=0.8, zorder=0)
    scatter.set(
        xscale="log", yscale="log", xlabel="squared error, simulated", ylabel="formula",
        title="All cells",
    )  # fmt: skip
    scatter.legend(frameon=False, fontsize=7.5, loc="upper left", handletextpad=0.2)
    error.axhline(0, color="#999999", lw=0.8, zorder=0)
    error.set(
        xlabel="eigenfunctions learned / points",
        ylabel="formula above simulation, %",
        title="Error of the formula",
    )
    for record, colour in zip(result["interpolation"], ("#E69F00", "#0072B2"), strict=True):
        label = f"r = {record['r']:g}"
        limit.plot(
            record["ridge"], record["mean"], "o", ms=4, color=colour, label=f"{label}, simulated"
        )
        limit.plot(record["ridge"], record["formula"], color=colour, label=f"{label}, formula")
    limit.axhline(2 / 3, color="#999999", lw=1, ls=":", label="2/3")
    limit.set(
        xscale="log",
        yscale="log",
        xlabel="ridge",
        ylabel="variance / noise variance",
        title=f"Real points only, n = {config.interpolation_n}",
    )
    limit.legend(frameon=False, fontsize=7.5, loc="upper right")
    _drawing.save(figure, out / "validation.png")
