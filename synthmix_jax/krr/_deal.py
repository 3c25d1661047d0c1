"""From data sets to the devices of a mesh, and back: the host's side of `_spread`."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from synthmix_jax import _devices, _matching, _numerics, kernels
from synthmix_jax._devices import GRID, ROWS
from synthmix_jax._typing import KernelFunction
from synthmix_jax.dataset import Dataset

from . import _exact, _problem, _spread
from ._nested import Curves


def filled(number: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-number // step) * step


def solve(
    mesh: Mesh,
    real: Dataset,
    synthetic: Dataset | None,
    kernel: KernelFunction,
    test: Dataset | None,
    *,
    classes: int | None,
    ridges: np.ndarray,
    weights: np.ndarray,
    counts: tuple[int, ...],
    loo: bool,
    residuals: bool,
) -> tuple[Curves, float]:
    """All cells on the devices of a mesh, and the bound of the largest eigenvalue; within `_numerics.x64()`.

    Args:
        mesh: As `_devices.check_mesh` returns it.
        real: n real points.
        synthetic: Synthetic points up to the largest count, or None.
        kernel: A kernel, or a callable.
        test: Points to test on, or None.
        classes: Number of classes; None for regression.
        ridges: Absolute ridges (l,).
        weights: Weights (w,).
        counts: Synthetic counts.
        loo: Whether to compute leave-one-out errors.
        residuals: Whether to keep them point by point.

    Returns:
        Curves with leading axes (w, l), whole on every process.
    """
    data = [d for d in (real, synthetic) if d is not None]
    asked: dict[str, Any] = {"counts": counts, "loo": loo, "residuals": residuals}
    n, total = len(real), sum(map(len, data))
    if mesh.shape[ROWS] == 1:
        problem = _problem.build(real, synthetic, kernel, test, classes=classes)
        largest = float(_exact.row_sum_bound(problem.gram))
        placed = jax.tree.map(lambda a: _devices.place(a, mesh, P()), problem)
        program = partial(_spread.whole_grid, placed, mesh=mesh, n=n, **asked)
        usable = lambda l, w, _: _exact.usable_rows(problem, l, w, n=n)
    else:
        width = _spread.block_width(total, mesh.shape[ROWS])
        tests = 0 if test is None else len(test)
        sizes = _spread.Sizes(n, tests, total, width, **asked)
        parts = _deal(mesh, data, kernel, test, classes, width)
        largest = float(_row_sum_bound(parts.gram, parts.row, total))
        program = partial(_spread.parted_grid, parts, mesh=mesh, sizes=sizes)
        usable = lambda l, w, found: found
    run = partial(_run, program, mesh, n, filled(len(ridges) * len(weights), mesh.shape[GRID]))
    return _exact.solve_cells(run, usable, ridges, weights, n, total, loo), largest


def _run(program, mesh: Mesh, n: int, size: int, l, w, rows) -> tuple[Curves, Any]:
    """Cells dealt out over "grid", filled up to `size`; their curves, and rows with a factor where known."""
    cells = len(l)
    fill = lambda a: _devices.place(_fill(a, size), mesh, P(GRID))
    found = _devices.gather(program(fill(l), fill(w), fill(rows)))
    curves, good = found if not isinstance(found, Curves) else (found, rows)
    curves = jax.tree.map(lambda a: a[:cells], curves)
    trim = lambda a: None if a is None else a[..., :n]
    kept = {"loo_residuals": trim(curves.loo_residuals), "loo_wrong": trim(curves.loo_wrong)}
    return curves._replace(**kept), good[:cells]


def _deal(mesh, data, kernel, test, classes, width) -> _spread.Parts:
    """Rows in blocks by turns, real and test points in stretches."""
    devices = mesh.shape[ROWS]
    x = _problem.stack_inputs(*data)
    total, n = len(x), len(data[0])
    last = filled(total, width * devices)
    blocks = np.arange(last).reshape(-1, width)
    index = np.concatenate([blocks[i::devices].ravel() for i in range(devices)])
    x = _fill(x, last)
    encoded = [_matching.encode_targets(d.y, classes) for d in data]
    targets = np.concatenate([*encoded, np.zeros((last - total, encoded[0].shape[1]))])
    place = partial(_devices.place, mesh=mesh, spec=P(ROWS))
    real = np.arange(filled(n, devices))
    parts = _spread.Parts(
        _matrix(kernel, mesh, x[index], x, (P(ROWS), P())),
        place(index),
        _devices.place(targets, mesh, P()),
        place(np.where(real < n, real, last)),
    )
    labels = lambda d, size: None if classes is None else place(_fill(np.asarray(d.y, int), size))
    parts = parts._replace(real_labels=labels(data[0], len(real)))
    if test is None:
        return parts
    size = filled(len(test), devices)
    inputs = _fill(_problem.stack_inputs(test), size)
    return parts._replace(
        cross=_matrix(kernel, mesh, x, inputs, (P(), P(ROWS))),
        test=place(np.arange(size)),
        test_targets=place(_fill(_matching.encode_targets(test.y, classes), size)),
        test_labels=labels(test, size),
    )


def _fill(a: np.ndarray, size: int) -> np.ndarray:
    """Up to `size` rows, by copies of the first one."""
    return np.concatenate([a, np.repeat(a[:1], size - len(a), axis=0)])


def _matrix(kernel: KernelFunction, mesh: Mesh, x1, x2, specs: tuple[P, P]) -> jax.Array:
    """The kernel matrix, each device its own part of it; checked as `_problem.evaluate` checks."""
    spec = P(*(s[0] if len(s) else None for s in specs))
    matrix: Any
    if isinstance(kernel, kernels.Kernel):
        for x in (x1, x2):
            kernel.check(_numerics.as_rows(x))
        inputs = [_devices.place(x, mesh, s) for x, s in zip((x1, x2), specs, strict=True)]
        matrix = _compiled_matrix(kernel, *inputs, mesh=mesh, specs=specs)
    else:
        # A callable may be one that JAX cannot trace: called for each device's part, on the host's side.
        part = lambda at: np.asarray(kernels.gram(kernel, x1[at[0]], x2[at[1]]), np.float64)
        shape = len(x1), len(x2)
        matrix = jax.make_array_from_callback(shape, NamedSharding(mesh, spec), part)
    _problem.refuse_non_finite(kernel, bool(_all_finite(matrix)))
    return matrix


@partial(jax.jit, static_argnames=("mesh", "specs"))
def _compiled_matrix(kernel, x1, x2, *, mesh: Mesh, specs: tuple[P, P]) -> jax.Array:
    spec = P(*(s[0] if len(s) else None for s in specs))
    one: Any = jax.shard_map(
        kernels.gram, mesh=mesh, in_specs=(P(), *specs), out_specs=spec, check_vma=False
    )
    return one(kernel, x1, x2)


@jax.jit
def _all_finite(matrix: jax.Array) -> jax.Array:
    return jnp.isfinite(jnp.sum(matrix))


@partial(jax.jit, static_argnames="total")
def _row_sum_bound(gram: jax.Array, index: jax.Array, total: int) -> jax.Array:
    """As `_exact.row_sum_bound`, without the rows and columns that only fill up."""
    sums = jnp.sum(jnp.where(jnp.arange(gram.shape[1]) < total, jnp.abs(gram), 0.0), axis=1)
    return jnp.max(jnp.where(index < total, sums, 0.0))
