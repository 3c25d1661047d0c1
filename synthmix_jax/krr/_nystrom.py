"""The sweep beyond memory: features, one pass over the rows, then every cell from what the pass left.

    1. features phi (`_features`): Nystrom or random Fourier, D numbers a point
    2. one pass over [real; synthetic] (`_sums`): D x D and D x k sums at every count
    3. every cell (count, ridge, weight) from them (`_cells`): a factor of D x D and coefficients
    4. leverages of the real points in all cells from those in a few (`_leverage`)
    5. a pass over the real points and one over the test points: exact leave-one-out for these features, and errors

Nothing of size N x N or N x D exists: rows come and go in blocks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Float

from synthmix_jax import _devices, _numerics
from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

from . import _cells, _leverage, _nested, _rows, _sums
from ._features import FeatureMap
from ._saved import Saved

Progress = Callable[[int, int, str], None]

# Points whose leverages are computed in all cells, to choose the cells that get those of all points.
_SAMPLE = 192
# So few points or cells are computed whole.
_FEW_POINTS, _FEW_CELLS = 1024, 32
_MOST_COLUMNS = 128
# Cells that are computed at all points besides, to measure the error.
_CHECKED = 6
# Largest error of a leverage h, in units of 1 - h: a squared leave-one-out error is off by twice that at most.
_TOLERANCE = 1e-3
# Bytes that factors held together, and predictions of one block in all cells, may take.
_GROUP_BYTES = 2**29
_BLOCK_NUMBERS = 2**24


@dataclass(frozen=True, eq=False)
class Task:
    """What is swept.

    Attributes:
        real: n real points.
        synthetic: The pool, or None.
        test: Test points, or None.
        features: The map, on the host.
        counts: Counts (c,).
        ridges: Ridges (l,).
        weights: Weights (w,).
        loo: Whether leave-one-out errors are wanted.
        residuals: Whether they are wanted point by point.
        mesh: Devices.
        block: Rows at a time.
        classes: Of labels; None for regression.
        saved: Where sums are kept, or None.
        progress: Told of rows passed and cells solved.
    """

    real: Dataset
    synthetic: Dataset | _rows.Stream | None
    test: Dataset | None
    features: FeatureMap
    counts: np.ndarray
    ridges: np.ndarray
    weights: np.ndarray
    loo: bool
    residuals: bool
    mesh: Mesh
    block: int
    classes: int | None
    saved: Saved | None = None
    progress: Progress | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Solved:
    """What `solve` gives.

    Attributes:
        curves: Errors, arrays (w, l, c, ...).
        coefficients: beta of every cell (w, l, c, D, k).
        largest: Upper bound of the largest eigenvalue of the features' kernel matrix.
        leverage_error: Largest error found of an interpolated leverage, in units of 1 - h.
    """

    curves: _nested.Curves
    coefficients: Float[np.ndarray, "w l c D k"]
    largest: float
    leverage_error: float


def solve(task: Task) -> Solved:
    """Everything; call within `_numerics.x64()`."""
    classes, mesh = task.classes, task.mesh
    outputs = classes or math.prod(task.real.y.shape[1:])
    features = jax.tree.map(lambda a: _devices.place(a, mesh, PartitionSpec()), task.features)
    total = len(task.real) + int(task.counts[-1])
    passed = [0]

    def tick(rows: int) -> None:
        passed[0] += rows
        _tell(task, passed[0], total, "reading rows")

    sums = _sums.accumulate(
        task.real,
        task.synthetic,
        features,
        task.counts,
        outputs=outputs,
        classes=classes,
        block=task.block,
        mesh=mesh,
        tick=tick,
        saved=task.saved,
    )
    largest = float(_largest(sums))
    if not math.isfinite(largest):
        raise ValueError(
            "the features of some points are not finite: check the kernel's parameters against the scale of the "
            "inputs, and that a precomputed kernel holds all row numbers."
        )
    cells = _cells.grid(len(task.counts), task.ridges, task.weights)
    sample = _sample(task, features, sums, cells)
    _tell(task, 0, len(cells.ridge), "solving cells")
    coefficients, seen = _cells.solve_all(sums, sample, cells, mesh=mesh)
    curves = _nested.Curves()
    error = 0.0
    if task.loo:
        columns, plan = _columns(task, features, sums, cells, seen)
        error = plan.error
        curves = curves._replace(
            **_scores(task, features, coefficients, classes, (columns, plan.weights))
        )
    if task.test is not None:
        scored = _scores(task, features, coefficients, classes, None)
        curves = curves._replace(
            test_error=scored["loo_error"], test_misclassified=scored["loo_misclassified"]
        )
    shape = len(task.weights), len(task.ridges), len(task.counts)
    return Solved(
        jax.tree.map(lambda a: a.reshape(*shape, *a.shape[1:]), curves),
        coefficients.reshape(*shape, *coefficients.shape[1:]),
        largest,
        error,
    )


@jax.jit
def _largest(sums: _sums.Sums) -> jax.Array:
    """The largest absolute row sum of all rows' Gram matrix, from its lower triangle (Gershgorin)."""
    lower = jnp.abs(jnp.tril(sums.real_gram + sums.gram[-1]))
    return jnp.max(lower.sum(axis=1) + lower.sum(axis=0) - jnp.diagonal(lower))


def _tell(task: Task, done: int, total: int, what: str) -> None:
    if task.progress is not None:
        task.progress(done, total, what)


def _sample(task: Task, features: FeatureMap, sums: _sums.Sums, cells: _cells.Cells) -> jax.Array:
    """Features (s, D) of the real points whose leverages are wanted in all cells.

    Of many points a third are those of the largest leverage where least is known of them (fewest points, least
    ridge and weight): what lies apart behaves unlike any random sample.
    """
    n = len(task.real)
    if not task.loo or _few_cells(task):
        rows = np.arange(0)
    elif n <= _FEW_POINTS:
        rows = np.arange(n)
    else:
        least = np.flatnonzero(
            (np.asarray(cells.place) == 0)
            & (np.asarray(cells.ridge) == task.ridges.min())
            & (np.asarray(cells.weight) == task.weights.min())
        )
        alone = np.nan_to_num(_exact_columns(task, features, sums, cells, least)[:, 0], nan=1.0)
        rng = np.random.default_rng(n)
        apart = np.argsort(-alone, kind="stable")[: _SAMPLE // 3]
        others = rng.permutation(np.setdiff1d(np.arange(n), apart))[: _SAMPLE - len(apart)]
        rows = rng.permutation(np.concatenate([apart, others]))  # the last quarter measures errors
    x = np.asarray(task.real.x)[rows if len(rows) else [0]]
    lacking = -len(x) % task.mesh.shape[_devices.ROWS]
    x = np.concatenate([x, np.repeat(x[:1], lacking, axis=0)])
    placed = _devices.place(x, task.mesh, PartitionSpec(_devices.ROWS))
    phi = _devices.gather(_evaluate(features, placed, mesh=task.mesh))
    return _devices.place(phi[: len(rows)], task.mesh, PartitionSpec())


def _few_cells(task: Task) -> bool:
    n = len(task.real)
    return n > _FEW_POINTS and len(task.counts) * len(task.ridges) * len(task.weights) <= _FEW_CELLS


def _columns(
    task: Task, features: FeatureMap, sums: _sums.Sums, cells: _cells.Cells, seen: np.ndarray
) -> tuple[np.ndarray, _leverage.Interpolation]:
    """Leverages (n, j) of all real points in some cells, and how those of all cells follow."""
    number = len(cells.ridge)
    if seen.shape[1] == len(task.real):
        return seen.T, _leverage.everything(number)
    everything = _leverage.everything(number)
    if seen.shape[1]:
        plan = _leverage.interpolate(seen.T, tolerance=_TOLERANCE, most=_MOST_COLUMNS)
        plan = _leverage.agreed(plan, number)
        if len(plan.cells) < number:
            # Some more cells are computed at all points, to see how far the others are off anywhere.
            fine = np.flatnonzero(np.isfinite(plan.weights).all(axis=0))
            rest = np.setdiff1d(fine, plan.cells)
            check = rest[np.linspace(0, len(rest) - 1, min(_CHECKED, len(rest))).astype(int)]
            both = np.concatenate([plan.cells, check])
            found = _exact_columns(task, features, sums, cells, both)
            columns, wanted = found[:, : len(plan.cells)], found[:, len(plan.cells) :]
            plan = _leverage.checked(plan, columns, check, wanted)
            if plan.error <= _leverage.ACCEPTABLE:
                return columns, plan
    return _exact_columns(task, features, sums, cells, everything.cells), everything


def _exact_columns(
    task: Task, features: FeatureMap, sums: _sums.Sums, cells: _cells.Cells, wanted: np.ndarray
) -> np.ndarray:
    """Leverages (n, j) of all real points in the cells `wanted`, block by block."""
    size = task.features.num_features
    group = max(1, _GROUP_BYTES // (8 * size**2)) * task.mesh.size
    columns = np.empty((len(task.real), len(wanted)))
    for start in range(0, len(wanted), group):
        chosen = wanted[start : start + group]
        some = _cells.Cells(*(np.asarray(a)[chosen] for a in cells))
        factors = _cells.factor_all(sums, some, mesh=task.mesh)
        first = 0
        for part in _rows.in_blocks(task.real, task.block):
            x, _, _ = _rows.padded(part, task.classes, task.block)
            placed = _devices.place(x, task.mesh, PartitionSpec(_devices.ROWS))
            phi = _evaluate(features, placed, mesh=task.mesh)
            found = _devices.gather(_cells.leverages(factors, phi, mesh=task.mesh))
            place = slice(first, first + len(part)), slice(start, start + len(chosen))
            columns[place] = found[: len(chosen), : len(part)].T
            first += len(part)
        _tell(task, start + len(chosen), len(wanted), "leverages")
    return columns


@partial(jax.jit, static_argnames="mesh")
def _evaluate(features: FeatureMap, x: Array, *, mesh: Mesh) -> jax.Array:
    """Features (rows, D) of a block, whole on every device."""

    def local(features, x):
        return jax.lax.all_gather(features(x), _devices.ROWS, tiled=True)

    return jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec(_devices.ROWS)),
        out_specs=PartitionSpec(),
        check_vma=False,
    )(features, x)


def _scores(
    task: Task,
    features: FeatureMap,
    coefficients: np.ndarray,
    classes: int | None,
    leverages: tuple[np.ndarray, np.ndarray] | None,
) -> dict[str, np.ndarray | None]:
    """Errors of the real points left out, or with leverages None those of the test points, in all cells."""
    data = task.test if leverages is None else task.real
    assert data is not None
    cells, _, outputs = coefficients.shape
    devices = task.mesh.shape[_devices.ROWS]
    block = max(1, min(task.block, _BLOCK_NUMBERS // (cells * outputs)) // devices) * devices
    columns, mix = (
        (np.zeros((len(data), 1)), np.zeros((1, cells))) if leverages is None else leverages
    )
    whole = partial(_devices.place, mesh=task.mesh, spec=PartitionSpec())
    shared = features, whole(coefficients), whole(mix)
    by_rows = partial(_devices.place, mesh=task.mesh, spec=PartitionSpec(_devices.ROWS))
    keep = task.residuals and leverages is not None
    means, points, first = [0.0, 0.0], ([], []), 0
    for part in _rows.in_blocks(data, block):
        rows = slice(first, first + len(part))
        x, y, used = _rows.padded(part, classes, block)
        h = np.zeros((block, columns.shape[1]))
        h[: len(part)] = columns[rows]
        labels = np.zeros(block, np.int32)
        if classes is not None:
            labels[: len(part)] = np.asarray(part.y)
        found = _score(*shared, *map(by_rows, (x, y, labels, used, h)), mesh=task.mesh)
        found = _devices.gather(found)
        for place in (0, 1):
            means[place] = means[place] + found[place].sum(axis=1) / len(data)
            if keep:
                points[place].append(found[place][:, : len(part)])
        first += len(part)
    names = ("loo_error", "loo_residuals"), ("loo_misclassified", "loo_wrong")
    result: dict[str, np.ndarray | None] = {}
    for place, (mean, point) in enumerate(names):
        wanted = place == 0 or classes is not None
        result[mean] = np.asarray(means[place]) if wanted else None
        result[point] = np.concatenate(points[place], axis=1) if wanted and keep else None
    return result


@partial(jax.jit, static_argnames="mesh")
def _score(features, coefficients, mix, x, y, labels, used, columns, *, mesh):
    """Squared errors and mistakes (cells, rows) of one block; rows that do not count are zero."""

    def local(features, coefficients, mix, *rows):
        return scored(features, coefficients, mix, *rows)

    rows, whole = PartitionSpec(_devices.ROWS), PartitionSpec()
    return jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(whole, whole, whole, rows, rows, rows, rows, rows),
        out_specs=PartitionSpec(None, _devices.ROWS),
        check_vma=False,
    )(features, coefficients, mix, x, y, labels, used, columns)


def scored(
    features: FeatureMap,
    coefficients: Float[Array, "cells D k"],
    mix: Float[Array, "j cells"],
    x: Array,
    y: Float[Array, "rows k"],
    labels: Array,
    used: Float[Array, " rows"],
    columns: Float[Array, "rows j"],
) -> tuple[jax.Array, jax.Array]:
    """Squared errors (cells, rows), over outputs, of points left out, and which classes are wrong; pure."""
    product = partial(jnp.matmul, precision=_numerics.HIGHEST)
    phi = features(x)
    size, outputs = phi.shape[1], y.shape[1]
    flat = coefficients.transpose(1, 0, 2).reshape(size, -1)
    predicted = product(phi, flat).reshape(len(phi), -1, outputs)
    # A failed cell has no predictions either: its leverages must not spoil those of others.
    h = product(jnp.nan_to_num(columns), jnp.nan_to_num(mix))
    left_out = (y[:, None, :] - predicted) / (1.0 - h)[:, :, None]
    squared = jnp.sum(left_out**2, axis=2)
    wrong = (jnp.argmax(y[:, None, :] - left_out, axis=2) != labels[:, None]).astype(y.dtype)
    wrong = jnp.where(jnp.isfinite(squared), wrong, jnp.nan)
    counted = used[:, None] > 0
    return jnp.where(counted, squared, 0.0).T, jnp.where(counted, wrong, 0.0).T


def estimate(
    *,
    num_features: int,
    dimension: int,
    outputs: int,
    counts: int,
    cells: int,
    real: int,
    block: int,
    residuals: bool,
) -> int:
    """Bytes a sweep on features takes on one device at its peak, inputs aside.

    Args:
        num_features: D.
        dimension: Numbers per input.
        outputs: Targets per point.
        counts: Number of counts.
        cells: Counts x ridges x weights.
        real: Real points.
        block: Rows at a time.
        residuals: Whether leave-one-out errors are kept point by point.
    """
    square = num_features**2
    interpolated = real > _FEW_POINTS
    columns = min(cells, _MOST_COLUMNS if cells > _FEW_CELLS else cells) if interpolated else 0
    sums = (counts + 6) * square
    factors = min(columns * square, max(square, _GROUP_BYTES // 8))
    blocks = block * (4 * num_features + 3 * dimension)
    coefficients = 4 * cells * num_features * outputs
    scores = 4 * min(_BLOCK_NUMBERS, block * cells * outputs)
    leverages = 2 * real * (columns or cells) + 2 * cells * min(real, _FEW_POINTS)
    results = 4 * cells * real if residuals else 0
    return 8 * (sums + factors + blocks + coefficients + scores + leverages + results)
