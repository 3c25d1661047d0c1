"""The exact sweep over the devices of a mesh, of one process or of many.

Cells (ridge, weight) do not talk to each other and are spread over "grid". Where "rows" has several devices, they
share one matrix, which is never whole on any of them: blocks of w rows are dealt out in turn (block i to device
i mod R), so that all have work to the end. With L_k the row block k of the factor, step k is

    P = A[:, k] - L[:, :k] L_k^T            every device its own rows; L_k by a masked sum over devices
    d = chol(P_k)                           P_k likewise; waiting for one to send d takes as long as finding it
    L[:, k] = P d^-T                        own rows
    X_k = d^-1 (B_k - L_k X_<k)             own columns B of [targets, unit columns of real points, test points]

The solves need the same L_k, so they cost no communication of their own: N^2 / 2 numbers a cell in all. Each
device then adds up the running sums of its own real and test points (`_nested`), and one sum gives the means.

References:
    Block-cyclic left-looking factorisation: Golub and Van Loan (2013), section 4.2 [golub2013];
    the fused solves derived here.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.lax.linalg import triangular_solve
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from synthmix_jax import _numerics
from synthmix_jax._devices import GRID, ROWS

from . import _nested
from ._nested import Curves

_matmul = partial(jnp.matmul, precision=_numerics.HIGHEST)


# Blocks of rows a device: enough that all have work to the end; each is compiled.
_BLOCKS = 24
LEAST = 64


class Parts(NamedTuple):
    """A problem dealt out over "rows"; N rows filled up to M, n and t points to a multiple of the devices.

    Attributes:
        gram: Kernel matrix, rows dealt out in blocks, columns in order (M, M); by rows.
        row: Which row of the problem each row is (M,); by rows.
        targets: (M, k), in order, zero from N on; on every device.
        real: Index of each real point (n,), from N on where there is none; by columns of the solves.
        real_labels: (n,), or None; likewise.
        cross: Kernel matrix of all rows, in order, against the test points (M, t), or None; likewise.
        test: Index of each test point (t,); likewise.
        test_targets: (t, k); likewise.
        test_labels: (t,); likewise.
    """

    gram: jax.Array
    row: jax.Array
    targets: jax.Array
    real: jax.Array
    real_labels: jax.Array | None = None
    cross: jax.Array | None = None
    test: jax.Array | None = None
    test_targets: jax.Array | None = None
    test_labels: jax.Array | None = None


class Sizes(NamedTuple):
    """What decides the program: real, test and all points, rows of a block, and what is asked for."""

    n: int
    tests: int
    total: int
    width: int
    counts: tuple[int, ...]
    loo: bool
    residuals: bool


# Where each of these lives.
SPECS = Parts._make(
    [P(ROWS), P(ROWS), P(), P(ROWS), P(ROWS), P(None, ROWS), P(ROWS), P(ROWS), P(ROWS)]
)


def block_width(total: int, devices: int) -> int:
    """Rows of a block: some 24 blocks in all, two a device or more, none below 64 rows."""
    blocks = devices * max(2, _BLOCKS // devices)
    return max(LEAST, -(-total // blocks))


@partial(jax.jit, static_argnames=("mesh", "n", "counts", "loo", "residuals"))
def whole_grid(problem, ridges, weights, rows, *, mesh: Mesh, n, counts, loo, residuals) -> Curves:
    """Curves of every cell, cells over "grid"; each device holds the whole problem."""
    one = partial(_nested.curves, n=n, counts=counts, loo=loo, residuals=residuals)

    def own(problem, *cells):
        return jax.lax.map(lambda cell: one(problem, *cell), cells)

    cell = P(GRID)
    return jax.shard_map(
        own, mesh=mesh, in_specs=(P(), cell, cell, cell), out_specs=cell, check_vma=False
    )(problem, ridges, weights, rows)


@partial(jax.jit, static_argnames=("mesh", "sizes"))
def parted_grid(
    parts: Parts, ridges, weights, rows, *, mesh: Mesh, sizes: Sizes
) -> tuple[Curves, jax.Array]:
    """Curves of every cell, cells over "grid" and each matrix over "rows"; and the leading rows with a factor."""

    def own(parts, *cells):
        return jax.lax.map(lambda cell: _cell(parts, sizes, mesh.shape[ROWS], *cell), cells)

    cell, points = P(GRID), P(GRID, None, ROWS) if sizes.residuals else None
    named = cell if parts.real_labels is not None else None
    loo = [cell, named, points, points if named else None] if sizes.loo else [None] * 4
    test = [cell, named] if parts.test is not None else [None, None]
    curves = Curves._make([*loo, *test])
    specs = Parts._make(None if a is None else s for a, s in zip(parts, SPECS, strict=True))
    return jax.shard_map(
        own,
        mesh=mesh,
        in_specs=(specs, P(GRID), P(GRID), P(GRID)),
        out_specs=(curves, P(GRID)),
        check_vma=False,
    )(parts, ridges, weights, rows)


def _cell(parts: Parts, sizes: Sizes, devices: int, ridge, weight, rows):
    """Curves of one cell on each device: the means whole, point by point its own."""
    solved, good = _solve_columns(parts, sizes, devices, ridge, weight, rows)
    outputs = parts.targets.shape[1]
    scored = parts.real.shape[0] if sizes.loo else 0
    found = _nested.running(
        solved[:, outputs:],
        solved[:, :outputs],
        partial(_score, parts, sizes, scored),
        n=sizes.n,
        counts=sizes.counts,
        scored=scored,
    )
    means = found._replace(loo_residuals=None, loo_wrong=None)
    found = found._replace(
        **{k: v for k, v in jax.lax.psum(means, ROWS)._asdict().items() if v is not None}
    )
    within = sizes.n + jnp.asarray(sizes.counts) <= rows
    found = jax.tree.map(
        lambda a: jnp.where(within.reshape(-1, *[1] * (a.ndim - 1)), a, jnp.nan), found
    )
    return found, good


def _solve_columns(parts: Parts, sizes: Sizes, devices: int, ridge, weight, rows):
    """L^-1 of the targets and of this device's own columns (M, q), and how many leading rows have a factor."""
    me, width, total = jax.lax.axis_index(ROWS), sizes.width, parts.gram.shape[1]
    noise = jnp.where(parts.row < sizes.n, ridge, ridge / weight)
    used = jnp.arange(total) < rows
    right = _columns(parts, sizes.loo)
    lower, solved = jnp.zeros_like(parts.gram), jnp.zeros_like(right)
    good, bad = jnp.asarray(0), jnp.eye(width)
    for k in range(total // width):
        local, here, begin = k // devices * width, me == k % devices, k * width
        now = slice(begin, begin + width)

        panel, rest = _shifted(parts, noise, used, local, now), right[now]
        if k:
            before = _sent(lower[local : local + width, :begin], here)
            panel = panel - _matmul(lower[local:, :begin], before.T)
            rest = rest - _matmul(before, solved[:begin])
        square = _sent(panel[:width], here)
        triangle = jnp.linalg.cholesky(square, symmetrize_input=False)
        fine = jnp.isfinite(triangle[-1, -1])
        bad = jnp.where((good == begin) & ~fine, square, bad)
        good = jnp.where((good == begin) & fine, begin + width, good)
        own = triangular_solve(triangle, panel, left_side=False, lower=True, transpose_a=True)
        own = own.at[:width].set(jnp.where(here, triangle, own[:width]))
        finished = parts.row[local:] < begin
        own = jnp.where(finished[:, None], 0.0, own)
        lower = jax.lax.dynamic_update_slice(lower, own, (local, begin))
        rest = triangular_solve(triangle, rest, left_side=True, lower=True)
        solved = jax.lax.dynamic_update_slice(solved, rest, (begin, 0))
    return solved, good + _usable(bad, good < total)


def _sent(block: jax.Array, here: jax.Array) -> jax.Array:
    """The block of the one device that is `here`, on all."""
    return jax.lax.psum(jnp.where(here, block, 0.0), ROWS)


def _columns(parts: Parts, loo: bool) -> jax.Array:
    """Right-hand sides of this device: targets, unit columns of its real points, kernel of its test points."""
    total = parts.targets.shape[0]
    columns = [parts.targets]
    if loo:
        columns.append((jnp.arange(total)[:, None] == parts.real[None, :]).astype(parts.gram.dtype))
    if parts.cross is not None:
        columns.append(parts.cross)
    return jnp.concatenate(columns, axis=1)


def _shifted(parts: Parts, noise, used, local: int, now: slice) -> jax.Array:
    """Own rows from `local` on of a block of columns of K + D; rows that are not used become the identity's."""
    index, columns = parts.row[local:], jnp.arange(now.start, now.stop)
    there = used[index]
    block = jnp.where(there[:, None] & used[None, now], parts.gram[local:, now], 0.0)
    diagonal = jnp.where(there, noise[local:], 1.0)[:, None]
    return block + jnp.where(index[:, None] == columns[None, :], diagonal, 0.0)


def _usable(square: jax.Array, failed: jax.Array) -> jax.Array:
    """How many leading rows of a block without a Cholesky factor have one, by bisection; 0 if none failed."""
    width = square.shape[0]

    def halve(bounds):
        good, bad = bounds
        middle = (good + bad) // 2
        keep = jnp.arange(width) < middle
        kept = jnp.where(keep[:, None] & keep[None, :], square, jnp.eye(width))
        fine = jnp.isfinite(jnp.linalg.cholesky(kept, symmetrize_input=False)[-1, -1])
        return jnp.where(fine, middle, good), jnp.where(fine, bad, middle)

    start = jnp.asarray(0), jnp.where(failed, width + 1, 1)
    return jax.lax.while_loop(lambda b: b[1] - b[0] > 1, halve, start)[0]


def _score(parts: Parts, sizes: Sizes, scored: int, sums, squares) -> Curves:
    """This device's share of every mean, and its own points; zero where columns only fill up."""
    found = Curves()
    if scored:
        there = parts.real < sizes.n
        left_out = sums[:scored] / jnp.where(there, squares, 1.0)[:, None]
        targets = parts.targets[parts.real]
        found = found._replace(
            **_means("loo", sizes.n, there, left_out, targets - left_out, parts.real_labels)
        )
        if not sizes.residuals:
            found = found._replace(loo_residuals=None, loo_wrong=None)
    if parts.test is not None:
        predicted = sums[scored:]
        means = _means(
            "test",
            sizes.tests,
            parts.test < sizes.tests,
            predicted - parts.test_targets,
            predicted,
            parts.test_labels,
        )
        found = found._replace(**means)
    return found


def _means(kind: str, number: int, there, errors, predicted, labels) -> dict[str, jax.Array]:
    squared = jnp.sum(errors**2, axis=1)
    found = {f"{kind}_error": jnp.sum(jnp.where(there, squared, 0.0)) / number}
    points = {"loo_residuals": squared}
    if labels is not None:
        wrong = _nested.wrong_class(predicted, labels)
        found[f"{kind}_misclassified"] = jnp.sum(jnp.where(there, wrong, 0.0)) / number
        points["loo_wrong"] = wrong
    return {**found, **points} if kind == "loo" else found
