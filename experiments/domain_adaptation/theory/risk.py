"""Three groups: the formula's error, leave-one-out residual and best weights beside those of drawn fits."""

import jax
import numpy as np

import synthmix_jax as smx

from .config import Risk
from .problems import Groups, drawn
from .simulate import simulate

SOURCE, TARGET, SYNTHETIC = range(3)


def rows(study: Risk, seed: int, problem: int) -> list[dict]:
    """Of one problem a record for each size and ridge."""
    groups = drawn(study, np.random.default_rng([seed, problem]))
    result = []
    for place, sizes in enumerate(study.sizes):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), problem), place)
        head = {"problem": problem, "sizes": list(sizes)}
        result += [head | record for record in _at_ridges(study, groups, sizes, key)]
    return result


def _at_ridges(study: Risk, groups: Groups, sizes, key) -> list[dict]:
    """All ridges and weights are fitted to the same draws."""
    weights = np.array([(a, 1.0, b) for a in study.weights for b in study.weights])
    errors, residuals = simulate(
        groups,
        sizes=sizes,
        weights=np.tile(weights, (len(study.ridges), 1)),
        ridges=np.repeat(study.ridges, len(weights)),
        target=TARGET,
        draws=study.draws,
        key=key,
    )
    cells = zip(
        study.ridges,
        np.split(errors, len(study.ridges), axis=1),
        np.split(residuals, len(study.ridges), axis=1),
        strict=True,
    )
    return [one(study, groups, sizes, weights, *cell) for cell in cells]


def one(study: Risk, groups: Groups, sizes, weights, ridge, errors, residuals) -> dict:
    """Formula and measurement at all weights, and the best weights by both."""
    law = groups.moments, groups.coefficients
    given = {
        "eigenvalues": groups.eigenvalues,
        "sizes": sizes,
        "noise_variances": groups.noises,
        "ridge": ridge,
    }
    formula = smx.theory.group_risk(*law, weights=weights, **given)[:, TARGET]
    best = smx.theory.optimal_group_weights(*law, target=TARGET, fixed=TARGET, **given)
    measured, loo = errors.mean(axis=0), residuals.mean(axis=0)
    chosen, least = int(np.argmin(formula)), int(np.argmin(measured))
    apart = errors[:, chosen] - errors[:, least]
    deviation = apart.std() / np.sqrt(len(apart))
    steps = len(study.weights), len(study.weights)
    at = np.array(np.unravel_index(least, steps))
    return {
        "ridge": ridge,
        "error": (formula / measured - 1.0).tolist(),
        "monte_carlo": (errors.std(axis=0) / np.sqrt(len(errors)) / measured).tolist(),
        "loo": ((formula + groups.noises[TARGET]) / loo - 1.0).tolist(),
        "measured": measured.tolist(),
        "measured_loo": loo.tolist(),
        "best": {
            "weights": best.weights.tolist(),
            "risk": best.risk,
            "alone": best.alone.tolist(),
            "status": best.status,
        },
        "grid_steps": int(np.max(np.abs(np.unravel_index(chosen, steps) - at))),
        "steps": float(np.max(np.abs(_place(study, best.weights) - at))),
        "inside": bool(np.all((at > 0) & (at < len(study.weights) - 1))),
        "regret": float(measured[chosen] / measured[least] - 1.0),
        "tie": bool(apart.mean() <= 2.0 * deviation),
    }


def _place(study: Risk, weights: np.ndarray) -> np.ndarray:
    """Where weights of source and synthetic group lie on the grid, in its steps; its ends if beyond."""
    w = np.array([weights[SOURCE], weights[SYNTHETIC]])
    first, second = study.weights[:2]
    places = np.log(np.maximum(w, 1e-300) / first) / np.log(second / first)
    return np.clip(places, 0, len(study.weights) - 1)


def summary(rows: list[dict]) -> dict:
    """Means and extremes over all problems, sizes and weights."""
    error = np.abs([row["error"] for row in rows])
    signed = np.array([row["error"] for row in rows])
    loo = np.abs([row["loo"] for row in rows])
    near = np.array([row["steps"] for row in rows])
    grid = np.array([row["grid_steps"] for row in rows])
    return {
        "cells": int(error.size),
        "mean_error": float(error.mean()),
        "largest_error": float(error.max()),
        "above_4_percent": float(np.mean(error > 0.04)),
        "mean_signed_error": float(signed.mean()),
        "mean_monte_carlo": float(np.mean([row["monte_carlo"] for row in rows])),
        "by_size_and_ridge": _split(rows),
        "loo_mean": float(loo.mean()),
        "loo_largest": float(loo.max()),
        "choices": len(rows),
        "inside_the_grid": int(sum(row["inside"] for row in rows)),
        "same_cell": float(np.mean(grid == 0)),
        "grid_within_one_step": float(np.mean(grid <= 1)),
        "optimum_within_one_step": float(np.mean(near <= 1.0)),
        "mean_regret": float(np.mean([row["regret"] for row in rows])),
        "largest_regret": float(np.max([row["regret"] for row in rows])),
        "ties_or_same": float(np.mean([row["tie"] for row in rows])),
        "converged": float(np.mean([row["best"]["status"] == "converged" for row in rows])),
    }


def _split(rows: list[dict]) -> list[dict]:
    """Errors where points are few and where they are many."""
    records = []
    for size, ridge in sorted({(tuple(row["sizes"]), row["ridge"]) for row in rows}):
        chosen = [row for row in rows if tuple(row["sizes"]) == size and row["ridge"] == ridge]
        error, loo = (np.abs([row[name] for row in chosen]) for name in ("error", "loo"))
        records.append(
            {
                "sizes": list(size),
                "ridge": ridge,
                "mean_error": float(error.mean()),
                "largest_error": float(error.max()),
                "mean_signed_error": float(np.mean([row["error"] for row in chosen])),
                "loo_mean": float(loo.mean()),
                "loo_largest": float(loo.max()),
                "same_cell": float(np.mean([row["grid_steps"] == 0 for row in chosen])),
                "optimum_within_one_step": float(np.mean([row["steps"] <= 1.0 for row in chosen])),
            }
        )
    return records
