"""A Cholesky factor by blocks of columns, nearly all of it in matrix products.

Left-looking: with the columns before b done, the block of columns b to e is

    P = A[b:, b:e] - L[b:, :b] L[b:e, :b]^T            one product
    L[b:, b:e] = P chol(P[:e-b])^-T                    the same again inside, in steps of 64 columns

Inside a block, 64 columns are solved by the inverse of their triangle and one step of refinement. Without that
step the error A - L L^T grows by the condition number of the triangle (to 6e-13 from 2e-15 for repeated points
at a ridge of 1e-10, and matrices that have a factor then seem to have none); with it, it is LAPACK's.

LAPACK's own call spends more of its time waiting for its threads, and stands still where another program takes
one of their cores; products do neither. On GPUs the vendor's factorisation is one good call, and is kept.

References:
    Left-looking blocks: Golub and Van Loan (2013), section 4.2; refinement derived here.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.lax.linalg import triangular_solve
from jaxtyping import Bool, Float

from synthmix_jax import _numerics
from synthmix_jax._typing import Array

# Smaller matrices are LAPACK's: there is little to win, and many blocks take long to compile.
SMALLEST = 2048
_STEP = 64

_matmul = partial(jnp.matmul, precision=_numerics.HIGHEST)


def pays(total: int) -> bool:
    """Whether blocks are faster than the platform's own factorisation for this many rows."""
    return total >= SMALLEST and jax.default_backend() == "cpu"


def cholesky(matrix: Float[Array, "N N"]) -> jax.Array:
    """The lower factor (N, N) of a symmetric matrix, of which the lower triangle is read.

    NaN in the last row, and in all later columns, where the matrix is not positive definite.
    """
    total = matrix.shape[0]
    return factor(matrix, jnp.zeros(total, matrix.dtype), jnp.ones(total, bool))


@jax.custom_jvp
def factor(
    matrix: Float[Array, "N N"], diagonal: Float[Array, " N"], used: Bool[Array, " N"]
) -> jax.Array:
    """The lower factor (N, N) of matrix + diag(diagonal), never held itself; unused rows become the identity's."""
    total = matrix.shape[0]
    lower = jnp.zeros((total, total), matrix.dtype)
    for begin, end in blocks(total):
        panel = shifted(matrix[begin:, begin:end], diagonal, used, begin)
        if begin:
            panel = panel - _matmul(lower[begin:, :begin], lower[begin:end, :begin].T)
        lower = lax.dynamic_update_slice(lower, _factor_panel(panel), (begin, begin))
    return lower


@factor.defjvp
def _factor_jvp(primals, tangents):
    """dL = L phi(L^-1 dA L^-T), phi the lower triangle with half the diagonal."""
    lower = factor(*primals)
    used = primals[2]
    changed = jnp.where(used[:, None] & used[None, :], tangents[0], 0.0)
    changed = changed + jnp.diag(jnp.where(used, tangents[1], 0.0))
    changed = jnp.tril(changed) + jnp.tril(changed, -1).T  # only the lower triangle is read
    inner = triangular_solve(lower, changed, left_side=False, lower=True, transpose_a=True)
    inner = triangular_solve(lower, inner, left_side=True, lower=True)
    half = jnp.tril(inner) * jnp.where(jnp.eye(lower.shape[0], dtype=bool), 0.5, 1.0)
    return lower, _matmul(lower, half)


def solve(
    lower: Float[Array, "N N"], right: Float[Array, "N c"], transpose: bool = False
) -> jax.Array:
    """L^-1 right, or L^-T right with `transpose`: BLAS, which was no slower than products in blocks.

    BLAS wants columns. The transpose of an array in rows is that without a copy, which for a factor is half of
    the memory of a sweep.
    """
    return triangular_solve(lower.T, right, left_side=True, lower=False, transpose_a=not transpose)


def blocks(total: int) -> list[tuple[int, int]]:
    """Begin and end of each block: at most 24, since each is compiled, and 512 or more columns wide."""
    width = max(512, _STEP * -(-total // (24 * _STEP)))
    return [(begin, min(begin + width, total)) for begin in range(0, total, width)]


def shifted(
    panel: Float[Array, "r w"], diagonal: Float[Array, " N"], used: Bool[Array, " N"], begin: int
) -> jax.Array:
    """Columns from `begin` of the kernel matrix, from row `begin` on, with what belongs on the diagonal."""
    rows, columns = jnp.arange(panel.shape[0]), jnp.arange(panel.shape[1])
    keep = used[begin:, None] & used[None, begin : begin + panel.shape[1]]
    noise = jnp.where(used, diagonal, 1.0)[begin:, None]
    return jnp.where(keep, panel, 0.0) + jnp.where(rows[:, None] == columns[None, :], noise, 0.0)


def _factor_panel(panel: Float[Array, "r w"]) -> jax.Array:
    """L of a block of columns whose first w rows are its triangle; zero above it."""
    rows, width = panel.shape
    if width % _STEP:
        # The last block: filled up by rows of the identity, which change nothing.
        assert rows == width
        more = -width % _STEP
        filled = jax.scipy.linalg.block_diag(panel, jnp.eye(more, dtype=panel.dtype))
        return _factor_panel(filled)[:rows, :width]

    def step(j, done):
        at = j * _STEP
        columns = lax.dynamic_slice(panel, (0, at), (rows, _STEP))
        columns = columns - _matmul(done, lax.dynamic_slice(done, (at, 0), (_STEP, width)).T)
        square = lax.dynamic_slice(columns, (at, 0), (_STEP, _STEP))
        small = jnp.linalg.cholesky(square, symmetrize_input=False)
        found = jnp.where(jnp.arange(rows)[:, None] < at, 0.0, _solve_step(small, columns))
        found = lax.dynamic_update_slice(found, small, (at, 0))
        return lax.dynamic_update_slice(done, found, (0, at))

    return lax.fori_loop(0, width // _STEP, step, jnp.zeros_like(panel))


def _solve_step(small: Float[Array, "s s"], columns: Float[Array, "r s"]) -> jax.Array:
    """columns small^-T, by the inverse and one step of refinement."""
    unit = jnp.eye(small.shape[0], dtype=small.dtype)
    inverse = triangular_solve(small, unit, left_side=True, lower=True).T
    first = _matmul(columns, inverse)
    return first + _matmul(columns - _matmul(first, small.T), inverse)
