"""Kernels of inner products: polynomial, arc-cosine and the neural tangent kernel.

With rho = a.b / (|a| |b|) and theta = arccos(rho), one infinitely wide ReLU layer under He scaling
takes the correlation rho of two inputs to that of their features, and passes gradients by its
derivative:

    kappa1(rho) = (sin(theta) + (pi - theta) cos(theta)) / pi = 2 E[relu(u) relu(v)]
    kappa0(rho) = kappa1'(rho) = (pi - theta) / pi            = 2 E[relu'(u) relu'(v)]

for standard normal u, v of correlation rho. Norms are kept, kappa1(1) = 1: depth iterates on rho
alone.

References:
    Cho and Saul (2009), Kernel methods for deep learning. [cho2009]
    Jacot, Gabriel and Hongler (2018), Neural tangent kernel. [jacot2018]
    Arora et al. (2019), On exact computation with an infinitely wide neural net. [arora2019]
"""

import abc
import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics
from synthmix_jax._typing import Array
from synthmix_jax.kernels import _parameters
from synthmix_jax.kernels._base import Kernel, as_rows, register


class DotProduct(Kernel):
    """A function of a.b, |a|^2 and |b|^2. Not translation invariant: centre the data on purpose."""

    @abc.abstractmethod
    def of_products(
        self,
        inner: Float[Array, "*shape"],
        square1: Float[Array, "*#shape"],
        square2: Float[Array, "*#shape"],
    ) -> Float[Array, "*shape"]:
        """The kernel from a.b, |a|^2 and |b|^2, which broadcast."""

    def pair(self, a: Shaped[Array, " d"], b: Shaped[Array, " d"]) -> Float[Array, ""]:
        """From three inner products."""
        return self.of_products(_dot(a, b), _dot(a, a), _dot(b, b))

    def of_rows(
        self, rows1: Float[Array, "n d"], rows2: Float[Array, "m d"]
    ) -> Float[Array, "n m"]:
        """From one matrix product and the norms."""
        return _of_rows(self, rows1, rows2)

    def diagonal(self, x: Shaped[Array, "n ..."]) -> Float[Array, " n"]:
        """From the norms."""
        rows = jnp.asarray(as_rows("x", x))
        square = jnp.sum(rows * rows, axis=1)
        return self.of_products(square, square, square)


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Polynomial(DotProduct):
    """(a.b + offset)^degree; the inner product is not divided by the number of features.

    Attributes:
        degree: A whole number of at least 1; 1 is the linear kernel. Static.
        offset: Zero (only the highest order) or positive; default 1.

    Raises:
        ValueError: `degree` below 1 or not whole, `offset` negative or not finite.
    """

    degree: int = dataclasses.field(metadata={"static": True})
    offset: _parameters.Parameter = dataclasses.field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        degree = _parameters.whole("degree", self.degree, remedy="Degree 1 is the linear kernel.")
        remedy = "A negative offset is not positive semi-definite."
        offset = _parameters.not_negative("offset", self.offset, remedy=remedy)
        object.__setattr__(self, "degree", degree)
        object.__setattr__(self, "offset", offset)

    def of_products(
        self,
        inner: Float[Array, "*shape"],
        square1: Float[Array, "*#shape"],
        square2: Float[Array, "*#shape"],
    ) -> Float[Array, "*shape"]:
        """(inner + offset)^degree."""
        return (inner + self.offset) ** self.degree


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ArcCosine(DotProduct):
    """Features of an infinitely wide random ReLU network: |a| |b| kappa1(kappa1(... rho)).

    The arc-cosine kernel of order 1 of Cho and Saul, composed `depth` times and scaled so that
    k(a, a) = |a|^2 at every depth; depth 1 equals theirs, |a| |b| J_1(theta) / pi.

    Attributes:
        depth: Number of hidden layers, at least 1. Static.

    Raises:
        ValueError: `depth` below 1 or not whole.
    """

    depth: int = dataclasses.field(default=1, metadata={"static": True})

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", _checked_depth(self.depth))

    def of_products(
        self,
        inner: Float[Array, "*shape"],
        square1: Float[Array, "*#shape"],
        square2: Float[Array, "*#shape"],
    ) -> Float[Array, "*shape"]:
        """`depth` layers on the correlation, then the norms."""
        rho, norms = _correlation(inner, square1, square2)
        for _ in range(self.depth):
            rho = _kappa1(rho)
        return norms * rho


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NTK(DotProduct):
    """Neural tangent kernel of an infinitely wide fully connected ReLU network, all layers trained.

    Conventions (those of Arora et al.): `depth` hidden layers, so depth + 1 weight matrices, no
    biases, standard normal weights, a factor sqrt(2 / width) after each hidden layer (He) and none
    on the input. In units of |a| |b|, from Sigma = Theta = rho, each layer does

        Theta <- kappa1(Sigma) + kappa0(Sigma) Theta,   Sigma <- kappa1(Sigma),

    and k = |a| |b| Theta, so that k(a, a) = (depth + 1) |a|^2. Where a and b are parallel it has a
    kink; the gradient there is that of the smooth part.

    Attributes:
        depth: Number of hidden layers, at least 1. Static.

    Raises:
        ValueError: `depth` below 1 or not whole.
    """

    depth: int = dataclasses.field(default=1, metadata={"static": True})

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", _checked_depth(self.depth))

    def of_products(
        self,
        inner: Float[Array, "*shape"],
        square1: Float[Array, "*#shape"],
        square2: Float[Array, "*#shape"],
    ) -> Float[Array, "*shape"]:
        """The recursion above, in units of |a| |b|."""
        rho, norms = _correlation(inner, square1, square2)
        tangent = rho
        for _ in range(self.depth):
            rho, tangent = _kappa1(rho), _kappa1(rho) + _kappa0(rho) * tangent
        return norms * tangent


def _checked_depth(depth: int) -> int:
    return _parameters.whole("depth", depth, remedy="Depth counts hidden layers; try 1 to 5.")


@jax.jit
def _of_rows(kernel: DotProduct, a: Array, b: Array) -> Array:
    """Compiled even where the caller is not: the NTK is 5 times slower operation by operation."""
    square1, square2 = jnp.sum(a * a, axis=1), jnp.sum(b * b, axis=1)
    return kernel.of_products(_dot(a, b.T), square1[:, None], square2[None, :])


def _dot(a: Array, b: Array) -> jax.Array:
    return jnp.matmul(a, b, precision=_numerics.HIGHEST)


def _correlation(inner: Array, square1: Array, square2: Array) -> tuple[jax.Array, jax.Array]:
    """Return rho and |a| |b|; rho = 0 where a point is zero, with finite gradients there too."""
    away = (square1 > 0.0) & (square2 > 0.0)
    norms = jnp.sqrt(jnp.where(away, square1, 1.0)) * jnp.sqrt(jnp.where(away, square2, 1.0))
    return jnp.where(away, inner / norms, 0.0), jnp.where(away, norms, 0.0)


def _angle(rho: jax.Array) -> jax.Array:
    """arccos, with values within rounding of +-1 taken as +-1 and the derivative there as zero.

    Beside 1, arccos turns an error of 1e-16 into an angle of 1e-8; at 1 its derivative is infinite.
    """
    inside = 1.0 - jnp.abs(rho) > 8.0 * jnp.finfo(rho.dtype).eps
    edge = jnp.where(rho > 0.0, 0.0, jnp.pi)
    return jnp.where(inside, jnp.arccos(jnp.where(inside, rho, 0.0)), edge)


def _kappa0(rho: jax.Array) -> jax.Array:
    return 1.0 - _angle(rho) / jnp.pi


@jax.custom_jvp
def _kappa1(rho: jax.Array) -> jax.Array:
    theta = _angle(rho)
    return (jnp.sin(theta) + (jnp.pi - theta) * jnp.cos(theta)) / jnp.pi


@_kappa1.defjvp
def _kappa1_jvp(primals, tangents):
    # kappa1' = kappa0; differentiating sin and arccos apart gives infinity minus infinity at 1.
    (rho,), (change,) = primals, tangents
    return _kappa1(rho), _kappa0(rho) * change
