"""Winograd's minimal filtering: 3 x 3 convolutions with a quarter of the multiplications.

F(4, 3) in one dimension gives four outputs of a three-tap filter from six products instead of twelve.
Nested in both dimensions [lavin2016], with 6 x 6 tiles d that overlap by two and 4 x 4 tiles y of the output:

    V = Bᵀ d B,    U = G g Gᵀ,    M = sum over channels of V U,    y = Aᵀ M A.

Each of the 36 entries of M is one matrix product over (tiles, channels in) x (channels in, channels out).
The backward rule is the transpose of each line, taken by hand:

    dM = A dy Aᵀ,    dU = Vᵀ dM,    dg = Gᵀ dU G,    dV = dM Uᵀ,    dd = B dV Bᵀ  (overlaps added).
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

TILE = 4  # outputs along each side of a tile
_SIZE = TILE + 2  # inputs along each side

# The matrices of F(4, 3) at the points 0, ±1, ±2 and infinity [lavin2016].
_B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    float,
).T
_G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_A = np.array(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ],
    float,
).T


@jax.custom_vjp
def convolve(
    x: Float[jax.Array, "b h w i"], kernel: Float[jax.Array, "3 3 i o"]
) -> Float[jax.Array, "b h w o"]:
    """Convolve with a 3 x 3 kernel, stride 1, SAME padding.

    Args:
        x: Images (b, h, w, i).
        kernel: (3, 3, i, o), of the dtype of `x`.

    Returns:
        (b, h, w, o). In float32 its error is some ten times that of the plain sum; too much for half precision.
    """
    return _forward(x, kernel)[0]


def _forward(
    x: jax.Array, kernel: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array, int, int]]:
    b, h, w, _ = x.shape
    v = _tiles_of_input(x)
    u = _transformed_kernel(kernel)
    m = jax.lax.dot_general(v, u, (((2,), (1,)), ((0,), (0,))))
    return _output_of_tiles(m, b, h, w), (v, u, h, w)


def _backward(
    kept: tuple[jax.Array, jax.Array, int, int], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    v, u, h, w = kept
    b = dy.shape[0]
    dm = _tiles_of_output(dy)
    du = jax.lax.dot_general(v, dm, (((1,), (1,)), ((0,), (0,))))
    dv = jax.lax.dot_general(dm, u, (((2,), (2,)), ((0,), (0,))))
    g = jnp.asarray(_G, dy.dtype)
    du = du.reshape(_SIZE, _SIZE, *du.shape[1:])
    return _input_of_tiles(dv, b, h, w), jnp.einsum("ap,bq,abio->pqio", g, g, du)


convolve.defvjp(_forward, _backward)


def _transformed_kernel(kernel: jax.Array) -> jax.Array:
    g = jnp.asarray(_G, kernel.dtype)
    u = jnp.einsum("ap,bq,pqio->abio", g, g, kernel)
    return u.reshape(_SIZE * _SIZE, *kernel.shape[2:])


def _tiles_of_input(x: jax.Array) -> jax.Array:
    """V (36, tiles, i): overlapping tiles of the padded image, transformed along both sides."""
    _, h, w, i = x.shape
    rows, columns = _count(h), _count(w)
    x = jnp.pad(x, ((0, 0), (1, 1 + rows * TILE - h), (1, 1 + columns * TILE - w), (0, 0)))
    down = _combine(_B.T, [x[:, a : a + TILE * (rows - 1) + 1 : TILE] for a in range(_SIZE)])
    v = _apart(jnp.stack(down))
    across = [v[:, :, :, a : a + TILE * (columns - 1) + 1 : TILE] for a in range(_SIZE)]
    return jnp.stack(_combine(_B.T, across), axis=1).reshape(_SIZE**2, -1, i)


def _input_of_tiles(dv: jax.Array, b: int, h: int, w: int) -> jax.Array:
    """The transpose of `_tiles_of_input`: B dV Bᵀ, with the overlaps of neighbours added."""
    rows, columns = _count(h), _count(w)
    dv = dv.reshape(_SIZE, _SIZE, b, rows, columns, -1)
    down = _apart(jnp.stack(_overlap(_combine(_B, list(dv)), axis=2)))
    dx = [jnp.stack(_overlap(_combine(_B, list(row)), axis=2), axis=3) for row in down]
    return jnp.stack(dx, axis=2).reshape(b, rows * TILE, columns * TILE, -1)[:, :h, :w]


def _overlap(tile: list[jax.Array], axis: int) -> list[jax.Array]:
    """Four rows of outputs from the six of a tile, whose first and last lie in its neighbours."""
    return [
        tile[1] + _shifted(tile[5], axis, 1),
        tile[2],
        tile[3],
        tile[4] + _shifted(tile[0], axis, -1),
    ]


def _shifted(x: jax.Array, axis: int, by: int) -> jax.Array:
    edges = [(0, 0, 0)] * x.ndim
    edges[axis] = (by, -by, 0)
    return jax.lax.pad(x, jnp.zeros((), x.dtype), edges)


def _output_of_tiles(m: jax.Array, b: int, h: int, w: int) -> jax.Array:
    """The images (b, h, w, o) whose tiles are Aᵀ M A."""
    o = m.shape[-1]
    rows, columns = _count(h), _count(w)
    m = m.reshape(_SIZE, _SIZE, b, rows, columns, o)
    down = _combine(_A.T, list(m))
    y = [jnp.stack(_combine(_A.T, list(row)), axis=3) for row in down]
    return jnp.stack(y, axis=2).reshape(b, rows * TILE, columns * TILE, o)[:, :h, :w]


def _tiles_of_output(dy: jax.Array) -> jax.Array:
    """The transpose of `_output_of_tiles`: (36, tiles, o)."""
    b, h, w, o = dy.shape
    rows, columns = _count(h), _count(w)
    dy = jnp.pad(dy, ((0, 0), (0, rows * TILE - h), (0, columns * TILE - w), (0, 0)))
    dy = dy.reshape(b, rows, TILE, columns, TILE, o)
    m = _apart(jnp.stack(_combine(_A, [dy[:, :, a] for a in range(TILE)])))
    across = _combine(_A, [m[..., a, :] for a in range(TILE)])
    return jnp.stack(across, axis=1).reshape(_SIZE**2, -1, o)


def _combine(matrix: np.ndarray, arrays: list[jax.Array]) -> list[jax.Array]:
    """matrix @ arrays, entry by entry: the many zeros and ones cost nothing."""
    return [functools.reduce(jnp.add, _terms(row, arrays)) for row in matrix]


def _terms(row: np.ndarray, arrays: list[jax.Array]) -> list[jax.Array]:
    return [a if c == 1 else a * float(c) for c, a in zip(row, arrays, strict=True) if c != 0]


def _apart(x: jax.Array) -> jax.Array:
    # One loop over both sides has 36 outputs of up to 16 terms each: XLA:CPU takes seconds to compile
    # it and runs it half as fast as two loops.
    return jax.lax.optimization_barrier(x)


def _count(size: int) -> int:
    return math.ceil(size / TILE)
