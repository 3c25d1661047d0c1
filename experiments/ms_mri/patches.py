"""Task 1, lesion or not: errors of kernel ridge regression against the number of synthetic patches."""

import jax
import numpy as np

import synthmix_jax as smx

from . import nested
from .config import Fold, Group, Patches
from .data import Material


def counts_of(plan: Patches) -> np.ndarray:
    """Synthetic counts, from none to the whole pool."""
    return smx.mixing.geometric_counts(plan.pool, plan.counts)


def thinned(counts: np.ndarray, number: int) -> np.ndarray:
    """About so many of the counts, the ends among them."""
    return counts[np.unique(np.linspace(0, len(counts) - 1, number).round().astype(int))]


def lengthscale(x: jax.Array | np.ndarray) -> float:
    """exp(-d^2 / median^2): the median distance between patches over the root of 2."""
    return float(smx.kernels.median_lengthscale(x)) / np.sqrt(2.0)


def curves(material: Material, group: Group, fold: Fold, dial: float, seed: int) -> dict:
    """One draw of real patches and one pool: everything at every number of real patches."""
    pool = material.pool(fold.train, dial, seed)
    sizes = {str(n): cell(material, fold, pool, n, seed) for n in group.real}
    row = {"sizes": sizes}
    if group.main:
        row["synthetic only"] = synthetic_only(material, fold, pool)
        if dial == material.plan.dials[0]:
            row["unpainted"] = {
                str(n): unpainted(material, fold, pool, n, seed) for n in group.real
            }
    return row


def cell(material: Material, fold: Fold, pool: smx.Dataset, n: int, seed: int) -> dict:
    """Errors of one training set with more and more of the pool."""
    plan = material.plan
    real, test = material.real(fold, n, seed), material.test(fold)
    scale, counts = lengthscale(real.x), counts_of(plan)
    kernel = smx.kernels.RBF(scale)
    sweep = smx.krr.sweep(real, pool, kernel=kernel, ridges=[plan.ridge], counts=counts, test=test)
    both = np.concatenate([real.x, pool.x]), np.concatenate([real.y, pool.y])
    found = scored(*both, test, n=n, scale=scale, ridge=plan.ridge, counts=counts)
    return {
        "lengthscale": short(scale),
        "error": short(sweep.test_error[0, 0]),
        "left out error": short(sweep.loo_error[0, 0]),
        "left out wrong": short(sweep.loo_misclassified[0, 0]),
        "own ridge": own_ridge(real, test, scale, plan),
        **described(found, real, test),
        "validation": validation(material, fold, found.test, n, seed),
    }


def scored(x, y, test: smx.Dataset, *, n: int, scale: float, ridge: float, counts, weights=None):
    """Scores at counts of the training set (x, y), its first n points real."""
    rows = n + int(counts.max())
    x, y = np.asarray(x)[:rows], np.asarray(y)[:rows]
    kernel, cross = nested.gram(x, x, scale), nested.gram(x, np.asarray(test.x), scale)
    options = {"n": n, "counts": counts, "ridge": ridge, "weights": weights}
    return nested.scores(kernel, cross, y, **options)


def described(found: nested.Scores, real: smx.Dataset, test: smx.Dataset) -> dict:
    """What scores are worth: plain error, area under the curve, error at the calibrated threshold."""
    y, truth = np.asarray(real.y), np.asarray(test.y)
    result = {"wrong": nested.wrong(found.test, truth), "auc": nested.area(found.test, truth)}
    if len(y) == found.left_out.shape[1]:
        threshold = nested.matched(found.left_out, y)
        result |= {
            "calibrated": nested.wrong(found.test, truth, threshold),
            "threshold": threshold,
            "left out auc": nested.area(found.left_out, y),
        }
    return {name: short(values) for name, values in result.items()}


def own_ridge(real: smx.Dataset, test: smx.Dataset, scale: float, plan: Patches) -> dict:
    """The real patches alone, at the ridge of the least leave-one-out error."""
    kernel = smx.kernels.RBF(scale)
    sweep = smx.krr.sweep(real, None, kernel=kernel, ridges=plan.own_ridges, test=test)
    best = int(np.argmin(sweep.loo_error[0, :, 0]))
    found = scored(
        real.x,
        real.y,
        test,
        n=len(real),
        scale=scale,
        ridge=plan.own_ridges[best],
        counts=np.array([0]),
    )
    scores = {name: values[0] for name, values in described(found, real, test).items()}
    return {"ridge": plan.own_ridges[best], "error": short(sweep.test_error[0, best, 0]), **scores}


def validation(material: Material, fold: Fold, scores: np.ndarray, n: int, seed: int) -> dict:
    """Errors on those patches of the test patient that a fold with both patients would train on.

    Folds with two training patients choose their count by them: never a fold that tests on this patient.
    """
    rows = material.rows(fold.test, min(n, len(material.test(fold)) // 2 * 2), seed)
    y = np.asarray(material.test(fold).y)[rows]
    error = 2.0 * np.mean((scores[:, rows] - (y - 0.5)) ** 2, axis=1)
    return {"error": short(error), "wrong": short(nested.wrong(scores[:, rows], y))}


def synthetic_only(material: Material, fold: Fold, pool: smx.Dataset) -> dict:
    """Control: no real patch at all. Nothing is left to calibrate by."""
    plan, test = material.plan, material.test(fold)
    counts = thinned(counts_of(plan), plan.few)[1:]
    scale = lengthscale(pool.x[:1000])
    found = scored(pool.x, pool.y, test, n=0, scale=scale, ridge=plan.ridge, counts=counts)
    return {"counts": counts.tolist(), **described(found, pool[:1], test)}


def unpainted(material: Material, fold: Fold, pool: smx.Dataset, n: int, seed: int) -> dict:
    """Control: real patches and unpainted ones as further negatives, half as many as the blend has synthetic ones.

    Plain, classes are out of balance. *Balanced* weighs all negatives, real or not, so that together they weigh
    what the lesions weigh.
    """
    plan = material.plan
    real, test = material.real(fold, n, seed), material.test(fold)
    free = np.asarray(pool.x)[np.asarray(pool.y) == 0]
    x, y = np.concatenate([real.x, free]), np.concatenate([real.y, np.zeros(len(free), int)])
    scale, halves = lengthscale(real.x), thinned(counts_of(plan), plan.few) // 2
    kernel, cross = nested.gram(x, x, scale), nested.gram(x, np.asarray(test.x), scale)
    options = {"n": n, "ridge": plan.ridge}
    plain = described(nested.scores(kernel, cross, y, counts=halves, **options), real, test)
    lesions = int((np.asarray(real.y) == 1).sum())
    by_count = []
    for count in halves:
        # The weight changes with the count: no factor is shared.
        weights = np.where(y == 1, 1.0, lesions / (n - lesions + count))
        one = nested.scores(kernel, cross, y, counts=count[None], weights=weights, **options)
        by_count.append(described(one, real, test))
    balanced = {name: [one[name][0] for one in by_count] for name in by_count[0]}
    return {"counts": halves.tolist(), "plain": plain, "balanced": balanced}


def short(values, digits: int = 4):
    """So many significant digits; NaN as null, which JSON has."""
    values = np.asarray(values, float)
    if values.ndim:
        return [short(value, digits) for value in values]
    return float(f"{values:.{digits}g}") if np.isfinite(values) else None
