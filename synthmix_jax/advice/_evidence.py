"""Point-by-point leave-one-out errors of every cell: from one pool, or cross-fitted over folds.

Leave-one-out is honest only if no synthetic point depends on the point left out. A generator that saw the real
points breaks that, however the regression is scored. Cross-fitting mends it: fold by fold, the generator is
fitted without the fold, and only the fold's points are scored with what it draws.
"""

import dataclasses
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import jax
import numpy as np

from synthmix_jax import _numerics, krr, mixing
from synthmix_jax._typing import KernelFunction, Key
from synthmix_jax.dataset import Dataset

from . import _approximation, _cautions

Recipe = Callable[[Dataset], Dataset]
Progress = Callable[[int, int, str], None]


class Grid(NamedTuple):
    """What is swept: absolute ridges, weights, and counts, with the kernel, in how many bytes, and how.

    Without an approximation the method is exact; a sweep on features tells `progress` what it does.
    """

    kernel: KernelFunction
    ridges: np.ndarray
    weights: np.ndarray
    counts: np.ndarray
    memory_limit: float | int | None = None
    approximation: _approximation.Approximation | None = None
    progress: Progress | None = None


def from_pool(
    real: Dataset, pool: Dataset, orders: list[np.ndarray], grid: Grid, tick: Callable[[], None]
) -> krr.Sweep:
    """Sweep with residuals, averaged over several nested orders of one pool.

    Args:
        real: n real points.
        pool: m synthetic points that do not depend on the real ones.
        orders: Permutations of the pool.
        grid: What to sweep.
        tick: Called after each weight of each order; on features, where one pass over the rows serves all weights,
            after each order.
    """
    if grid.approximation is None:
        sweeps = [_sweep_by_weight(real, pool[order], grid, tick) for order in orders]
    else:
        sweeps = [
            _sweep_on_features(real, _approximation.in_order(pool, order), grid, tick)
            for order in orders
        ]
    return reduce(add, [scaled(s, 1.0 / len(sweeps)) for s in sweeps])


def cross_fitted(
    real: Dataset,
    pools: list[Dataset],
    folds: np.ndarray,
    grid: Grid,
    tick: Callable[[], None],
) -> krr.Sweep:
    """Sweep in which each real point is scored with synthetic data that has not seen its fold.

    Args:
        real: n real points.
        pools: For each fold, synthetic points of a generator fitted without it, in nested order.
        folds: Fold of each real point (n,).
        grid: What to sweep.
        tick: Called after each weight of each fold; on features after each fold.
    """
    sweep_of = _sweep_by_weight if grid.approximation is None else _sweep_on_features
    parts = []
    for fold, pool in enumerate(pools):
        sweep = sweep_of(real, pool, grid, tick)
        parts.append(scored_on(sweep, folds == fold))
    return reduce(add, parts)


def split_folds(real: Dataset, number: int, *, key: Key) -> np.ndarray:
    """Fold of each real point (n,), of equal sizes within one, overall and within every class.

    Raises:
        ValueError: fewer than two folds, or more than points.
    """
    if not 2 <= number <= len(real):
        raise ValueError(f"folds must lie between 2 and the {len(real)} real points, got {number}.")
    order = _numerics.host_generator(key).permutation(len(real))
    if real.num_classes is not None:
        # Class after class in random order: dealing folds in turn then splits each class evenly.
        order = order[np.argsort(np.asarray(real.y)[order], kind="stable")]
    folds = np.empty(len(real), np.int64)
    folds[order] = np.arange(len(real)) % number
    return folds


def draw_pools(
    real: Dataset,
    recipe: Recipe,
    folds: np.ndarray,
    *,
    centre: np.ndarray | float,
    key: Key,
    name: str = "real",
) -> list[Dataset]:
    """For each fold, what the recipe makes of the other folds: centred, in nested order.

    Raises:
        ValueError: the recipe returned no data set, or one that does not match the real points.
    """
    pools = []
    for fold in range(int(folds.max()) + 1):
        seen = real[folds != fold]
        _check_fold(real, seen)
        pool = call(recipe, seen)
        krr.check_data(real, pool)
        _cautions.check_classes(real, pool, (name, "synthetic"))
        order = nested_orders(pool, 1, key=key)[0]
        pools.append(centred(pool, centre)[order])
    return pools


def _check_fold(real: Dataset, seen: Dataset) -> None:
    """A class whose only point is scored in this fold leaves the generator nothing to learn it from."""
    if real.num_classes is None:
        return
    lost = set(np.unique(np.asarray(real.y)).tolist()) - set(np.unique(np.asarray(seen.y)).tolist())
    if lost:
        raise ValueError(
            f"class {min(lost)} has one real point: a generator that must not see it cannot learn the class. "
            "Cross-fitting needs at least 2 real points a class; collect more, or drop the class."
        )


def call(recipe: Recipe, seen: Dataset) -> Dataset:
    """Run a recipe and check that it returned a data set."""
    pool = recipe(seen)
    if not isinstance(pool, Dataset):
        raise ValueError(
            f"synthetic, called with a fold of the real data, must return a Dataset; it returned "
            f"{type(pool).__name__}."
        )
    return pool


def nested_orders(pool: Dataset, number: int, *, key: Key) -> list[np.ndarray]:
    """Class-balanced nested orders of a pool."""
    keys = jax.random.split(key, number)
    return [mixing.nested_order(pool.y, key=k, num_classes=pool.num_classes) for k in keys]


def centred(data: Dataset, centre: np.ndarray | float) -> Dataset:
    """Regression targets less a centre; labels as they are."""
    if data.num_classes is not None:
        return data
    return Dataset(data.x, np.asarray(_numerics.as_float(np.asarray(data.y))) - centre)


def _sweep_by_weight(
    real: Dataset, pool: Dataset, grid: Grid, tick: Callable[[], None]
) -> krr.Sweep:
    """One sweep a weight, so that progress can be told; stacked again."""
    parts = []
    for weight in grid.weights:
        parts.append(
            krr.sweep(
                real,
                pool,
                kernel=grid.kernel,
                ridges=grid.ridges,
                counts=grid.counts,
                weights=weight[None],
                residuals=True,
                memory_limit=grid.memory_limit,
            )
        )
        tick()
    merged = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("weights", "status", *_CURVES)
        if getattr(parts[0], name) is not None
    }
    return dataclasses.replace(parts[0], **merged)


def _sweep_on_features(
    real: Dataset, pool: Dataset | krr.Stream, grid: Grid, tick: Callable[[], None]
) -> krr.Sweep:
    """One sweep for all weights."""
    assert grid.approximation is not None
    sweep = krr.sweep(
        real,
        pool,
        kernel=grid.kernel,
        ridges=grid.ridges,
        counts=grid.counts,
        weights=grid.weights,
        residuals=True,
        memory_limit=grid.memory_limit,
        progress=grid.progress,
        **grid.approximation.options(),
    )
    tick()
    return sweep


_CURVES = ("loo_error", "loo_misclassified", "loo_residuals", "loo_wrong")


def scored_on(sweep: krr.Sweep, rows: np.ndarray) -> krr.Sweep:
    """Keep the scores of some rows, zero elsewhere; means become their share of the whole mean."""
    changes = {}
    for mean, points in (("loo_error", "loo_residuals"), ("loo_misclassified", "loo_wrong")):
        values = getattr(sweep, points)
        if values is not None:
            kept = np.where(rows, values, 0.0)
            changes |= {points: kept, mean: kept.mean(axis=-1)}
    return dataclasses.replace(sweep, **changes)


def weighted(sweep: krr.Sweep, importance: np.ndarray) -> krr.Sweep:
    """Scores of each real point times its importance, which is one on average."""
    changes = {}
    for mean, points in (("loo_error", "loo_residuals"), ("loo_misclassified", "loo_wrong")):
        values = getattr(sweep, points)
        if values is not None:
            changes |= {points: values * importance, mean: (values * importance).mean(axis=-1)}
    return dataclasses.replace(sweep, **changes)


def loo_by_ridge(real: Dataset, kernel: KernelFunction, ridges: np.ndarray) -> np.ndarray:
    """Leave-one-out error of the real points alone at each ridge; infinite where a fit failed."""
    error = krr.sweep(real, None, kernel=kernel, ridges=ridges).loo_error
    assert error is not None
    return np.where(np.isfinite(error), error, np.inf)[0, :, 0]


def scaled(sweep: krr.Sweep, factor: float) -> krr.Sweep:
    """All leave-one-out errors times a number."""
    present = [name for name in _CURVES if getattr(sweep, name) is not None]
    return dataclasses.replace(sweep, **{name: factor * getattr(sweep, name) for name in present})


def add(a: krr.Sweep, b: krr.Sweep) -> krr.Sweep:
    """Leave-one-out errors added up; a cell is as bad as its worse part."""
    present = [name for name in _CURVES if getattr(a, name) is not None]
    sums = {name: getattr(a, name) + getattr(b, name) for name in present}
    return dataclasses.replace(
        a,
        status=np.maximum(a.status, b.status),
        largest_eigenvalue=max(a.largest_eigenvalue, b.largest_eigenvalue),
        leverage_error=max(a.leverage_error, b.leverage_error),
        **sums,
    )
