"""Kernels of the distance between two points: RBF, Laplace, Matérn.

Each is a profile of s = |(a - b) / lengthscale|^2. Matrices come from the expanded form

    |a - b|^2 = |a|^2 + |b|^2 - 2 a.b

which is one matrix product. It cancels: an offset of 100 costs 3e-3 in float32, so the data are
first moved to a common centre, where what is left is eps (|a|^2 + |b|^2). Below that the squared
distance is not known and is set to zero; else the square root in Matérn kernels would turn 1e-16
into 1e-8 on the diagonal.

References:
    Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, ch. 4. [rasmussen2006]
"""

import abc
import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics
from synthmix_jax._typing import Array
from synthmix_jax.kernels import _parameters
from synthmix_jax.kernels._base import Kernel, as_rows, register

_LENGTHSCALE_REMEDY = "kernels.median_lengthscale(x) gives a usual choice."


class Stationary(Kernel):
    """A function of the distance in units of `lengthscale`: one number, or (d,), one a feature."""

    lengthscale: _parameters.Parameter

    @abc.abstractmethod
    def profile(self, s: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The kernel as a function of the squared scaled distance; 1 at 0."""

    def __post_init__(self) -> None:
        checked = _parameters.positive(
            "lengthscale", self.lengthscale, remedy=_LENGTHSCALE_REMEDY, per_feature=True
        )
        object.__setattr__(self, "lengthscale", checked)

    def check(self, rows: Float[Array, "n d"]) -> None:
        """Lengthscales a feature must be as many as features."""
        shape = np.shape(self.lengthscale)
        if shape and shape != rows.shape[1:]:
            raise ValueError(
                f"{self!r} has {shape[0]} lengthscales, but a point has {rows.shape[1]} features. "
                "Give one lengthscale, or one a feature."
            )

    def pair(self, a: Shaped[Array, " d"], b: Shaped[Array, " d"]) -> Float[Array, ""]:
        """The profile of one distance, from differences."""
        return self.profile(jnp.sum(((a - b) / self.lengthscale) ** 2))

    def of_rows(
        self, rows1: Float[Array, "n d"], rows2: Float[Array, "m d"]
    ) -> Float[Array, "n m"]:
        """The profile of all distances, from one matrix product."""
        return _profiles(self, *_centred(rows1, rows2))

    def diagonal(self, x: Shaped[Array, "n ..."]) -> Float[Array, " n"]:
        """Ones."""
        rows = as_rows("x", x)
        self.check(rows)
        return jnp.ones(rows.shape[0])


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RBF(Stationary):
    """exp(-|a - b|^2 / (2 lengthscale^2)), the Gaussian kernel; its functions are analytic.

    Attributes:
        lengthscale: In the units of x; one number or (d,).

    Raises:
        ValueError: a lengthscale is zero, negative or not finite.
    """

    lengthscale: _parameters.Parameter

    def profile(self, s: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """exp(-s / 2)."""
        return jnp.exp(-0.5 * s)


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Laplace(Stationary):
    """exp(-|a - b| / lengthscale) with the Euclidean norm: Matérn of order 1/2.

    The same as `Matern(lengthscale, nu=0.5)`. Some libraries (scikit-learn's `laplacian_kernel`)
    put the l1 norm here.

    Attributes:
        lengthscale: In the units of x; one number or (d,).

    Raises:
        ValueError: a lengthscale is zero, negative or not finite.
    """

    lengthscale: _parameters.Parameter

    def profile(self, s: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """exp(-sqrt(s))."""
        return jnp.exp(-_root(s))


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Matern(Stationary):
    """Matérn kernels of half-integer order; functions are nu - 1/2 times differentiable.

    With r = |a - b| / lengthscale: exp(-r) for nu = 1/2; (1 + q) exp(-q), q = sqrt(3) r, for
    nu = 3/2; (1 + q + q^2 / 3) exp(-q), q = sqrt(5) r, for nu = 5/2.

    Attributes:
        lengthscale: In the units of x; one number or (d,).
        nu: 0.5, 1.5 or 2.5. Static.

    Raises:
        ValueError: a lengthscale is zero, negative or not finite, or `nu` is not offered.
    """

    lengthscale: _parameters.Parameter
    nu: float | int = dataclasses.field(default=1.5, kw_only=True, metadata={"static": True})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nu not in (0.5, 1.5, 2.5):
            raise ValueError(
                f"nu must be 0.5, 1.5 or 2.5, got {self.nu}. For smoother functions take RBF."
            )
        object.__setattr__(self, "nu", float(self.nu))

    def profile(self, s: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """An exponential times a polynomial of sqrt(2 nu s)."""
        q = math.sqrt(2.0 * self.nu) * _root(s)
        if self.nu == 0.5:
            return jnp.exp(-q)
        if self.nu == 1.5:
            return (1.0 + q) * jnp.exp(-q)
        return (1.0 + q + q**2 / 3.0) * jnp.exp(-q)


def squared_distances(
    rows1: Float[Array, "n d"], rows2: Float[Array, "m d"], *, centred: bool = False
) -> Float[Array, "n m"]:
    """|a - b|^2 of all pairs of rows by one matrix product; never negative.

    Args:
        rows1: Rows (n, d).
        rows2: Rows (m, d).
        centred: The rows are measured from a good centre already: do not move them to their mean.

    Returns:
        Accurate to a few eps (|a|^2 + |b|^2), with a and b measured from their common centre; zero
        where the distance is below that.
    """
    return _expanded(rows1, rows2) if centred else _expanded(*_centred(rows1, rows2))


def _centred(rows1: Array, rows2: Array) -> tuple[Array, Array]:
    count = max(rows1.shape[0] + rows2.shape[0], 1)
    centre = (rows1.sum(axis=0) + rows2.sum(axis=0)) / count
    if not isinstance(centre, np.ndarray):
        # Distances do not depend on the centre, so neither do their gradients.
        centre = jax.lax.stop_gradient(centre)
    return rows1 - centre, rows2 - centre


@jax.jit
def _profiles(kernel: Stationary, a: Array, b: Array) -> Array:
    """Compiled even where the caller is not; centring comes before, in float64 for NumPy data."""
    if np.ndim(kernel.lengthscale) == 0:
        # Scaling last: under vmap over lengthscales the matrix product is done once for all.
        return kernel.profile(_expanded(a, b) / kernel.lengthscale**2)
    # Centred before: dividing an offset by the lengthscale would round away what lies on top.
    return kernel.profile(_expanded(a / kernel.lengthscale, b / kernel.lengthscale))


def _expanded(rows1: Array, rows2: Array) -> jax.Array:
    a, b = jnp.asarray(rows1), jnp.asarray(rows2)
    norms = jnp.sum(a * a, axis=1)[:, None] + jnp.sum(b * b, axis=1)[None, :]
    squared = norms - 2.0 * jnp.matmul(a, b.T, precision=_numerics.HIGHEST)
    # Written so that NaN stays NaN.
    return jnp.where(squared <= 8.0 * jnp.finfo(norms.dtype).eps * norms, 0.0, squared)


def _root(s: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """sqrt(s) with derivative zero, not infinity, at zero: both branches of `where` are finite."""
    at_zero = s <= 0.0
    return jnp.where(at_zero, 0.0, jnp.sqrt(jnp.where(at_zero, 1.0, s)))
