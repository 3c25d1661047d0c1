"""Kernels that compute nothing from features: a constant, and a matrix computed elsewhere."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _checks
from synthmix_jax._typing import Array
from synthmix_jax.kernels import _parameters
from synthmix_jax.kernels._base import Kernel, register


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Constant(Kernel):
    """k(a, b) = variance: an intercept with this prior variance. `RBF(1.0) + Constant(10.0)`.

    Attributes:
        variance: A positive number, in squared units of the target.

    Raises:
        ValueError: `variance` is zero, negative or not finite.
    """

    variance: _parameters.Parameter = 1.0

    def __post_init__(self) -> None:
        remedy = "Leave the kernel out to have no intercept."
        variance = _parameters.positive("variance", self.variance, remedy=remedy)
        object.__setattr__(self, "variance", variance)

    def pair(self, a: Shaped[Array, " d"], b: Shaped[Array, " d"]) -> Float[Array, ""]:
        """The variance."""
        return jnp.asarray(self.variance, jnp.result_type(float))


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Precomputed(Kernel):
    """k(i, j) = matrix[i, j]: points are row numbers (n,) or (n, 1) of a matrix computed elsewhere.

    For kernels on graphs, text or molecules. Number the real rows first and give the data set
    `x = np.arange(n)`. Row numbers may be floats (after a cast); uint8 means images: use int32.

    Attributes:
        matrix: Symmetric (N, N).

    Raises:
        ValueError: `matrix` is not square, not symmetric or not finite; when called, row numbers
            that are not whole or not in 0..N - 1. Inside `jit` these cannot be seen: they give NaN.
    """

    matrix: Array

    def __post_init__(self) -> None:
        if not _parameters.is_traced(self.matrix):
            object.__setattr__(self, "matrix", _checked_matrix(self.matrix))

    def check(self, rows: Float[Array, "n d"]) -> None:
        """Row numbers must be one a point, whole and within the matrix."""
        size = self.matrix.shape[0]
        if rows.shape[1] != 1:
            raise ValueError(
                f"{self!r} takes row numbers (n,) or (n, 1), got {rows.shape[1]} features a point."
            )
        if _parameters.is_traced(rows):
            return
        numbers = np.asarray(rows)[:, 0]
        if (broken := numbers != np.floor(numbers)).any():
            raise ValueError(
                f"{self!r} takes whole row numbers, got {numbers[broken][0]:g}. Give them as "
                "int32; uint8 is read as an image and divided by 255."
            )
        if (outside := (numbers < 0) | (numbers >= size)).any():
            raise ValueError(
                f"{self!r} has rows 0 to {size - 1}, got row {numbers[outside][0]:g}. "
                "Number the points by their row in the matrix."
            )

    def pair(self, a: Shaped[Array, " d"], b: Shaped[Array, " d"]) -> Float[Array, ""]:
        """One entry."""
        return self._entries(_row_numbers(a[0]), _row_numbers(b[0]))

    def of_rows(
        self, rows1: Float[Array, "n d"], rows2: Float[Array, "m d"]
    ) -> Float[Array, "n m"]:
        """Rows and columns picked from the matrix."""
        return self._entries(_row_numbers(rows1), _row_numbers(rows2).T)

    def _entries(self, i: Any, j: Any) -> jax.Array:
        # JAX clamps what lies outside, a wrong number; NaN cannot be missed.
        matrix = jnp.asarray(self.matrix, jnp.result_type(float))
        return matrix.at[i, j].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)

    def __repr__(self) -> str:
        shape = getattr(self.matrix, "shape", "?")
        return f"Precomputed(matrix {' x '.join(map(str, shape))})"


def _row_numbers(x: Any) -> jax.Array:
    # Rounded, not cut: 2.9999998 after a round trip through another precision is row 3.
    return jnp.round(jnp.asarray(x)).astype(jnp.int32)


def _checked_matrix(value: Any) -> Array:
    matrix = _checks.numeric_array("matrix", value)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise ValueError(
            f"matrix must be square (N, N), the kernel between all points, got {matrix.shape}. "
            "Stack real and synthetic points and compute all pairs."
        )
    _checks.finite("matrix", matrix)
    host = np.asarray(matrix, dtype=np.float64)
    largest, uneven = np.abs(host).max(), np.abs(host - host.T).max()
    if uneven > 1e-3 * largest:
        raise ValueError(
            f"matrix must be symmetric; entries differ from the transpose by up to {uneven:g}. "
            "Use (matrix + matrix.T) / 2 if that is rounding."
        )
    return matrix
