"""`Kernel`: write k(a, b) for one pair of points, get Gram matrices, sums, products and scalings.

A kernel is a frozen dataclass and a pytree. Its hyperparameters are leaves, so that `jax.grad`
gives a gradient for each and `jax.vmap` runs over many; what decides the shape of the program
(`nu`, `depth`, `degree`) is static metadata, marked `field(metadata={"static": True})`.

References:
    Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, ch. 4. [rasmussen2006]
"""

import abc
import dataclasses
import math
from typing import Any, TypeVar

import jax
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array
from synthmix_jax.kernels import _parameters

T = TypeVar("T", bound=type)


class Kernel(abc.ABC):
    """A positive semi-definite function of two points.

    A new kernel writes `pair`; where a product of matrices is faster than n m pairs it also writes
    `of_rows`, and a test holds the two against each other.
    """

    # NumPy scalars then leave `np.float64(2.0) * kernel` to `__rmul__`.
    __array_ufunc__ = None

    @abc.abstractmethod
    def pair(self, a: Shaped[Array, " d"], b: Shaped[Array, " d"]) -> Float[Array, ""]:
        """k(a, b) for two flattened points (d,)."""

    def of_rows(
        self, rows1: Float[Array, "n d"], rows2: Float[Array, "m d"]
    ) -> Float[Array, "n m"]:
        """The matrix of all pairs of rows that are already flattened and cast."""
        return jax.vmap(lambda a: jax.vmap(lambda b: self.pair(a, b))(rows2))(rows1)

    def check(self, rows: Float[Array, "n d"]) -> None:  # noqa: B027  (a hook; most take all rows)
        """Raise a ValueError for rows this kernel cannot take; the default takes all."""

    def __call__(
        self, x1: Shaped[Array, "n ..."], x2: Shaped[Array, "m ..."]
    ) -> Float[Array, "n m"]:
        """The matrix of k(x1_i, x2_j).

        Args:
            x1: Points (n, ...); images are flattened, uint8 counts as x / 255.
            x2: Points (m, ...) with as many features.

        Raises:
            ValueError: x1 and x2 differ in their number of features.
        """
        rows1, rows2 = paired_rows(x1, x2)
        self.check(rows1)
        self.check(rows2)
        return self.of_rows(rows1, rows2)

    def diagonal(self, x: Shaped[Array, "n ..."]) -> Float[Array, " n"]:
        """k(x_i, x_i) without the matrix."""
        rows = as_rows("x", x)
        self.check(rows)
        return jax.vmap(lambda a: self.pair(a, a))(rows)

    def __add__(self, other: Any) -> "Kernel":
        return Sum(self, other) if isinstance(other, Kernel) else NotImplemented

    def __mul__(self, other: Any) -> "Kernel":
        if isinstance(other, Kernel):
            return Product(self, other)
        if isinstance(other, int | float | np.number | np.ndarray | jax.Array):
            return Scaled(other, self)
        return NotImplemented

    __rmul__ = __mul__

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        inside = ", ".join(_parameters.shown(f.name, getattr(self, f.name)) for f in fields)
        return f"{type(self).__name__}({inside})"


def register(cls: T) -> T:
    """Make a frozen dataclass a pytree; fields whose metadata say "static" are no leaves.

    Unlike `jax.tree_util.register_dataclass`, rebuilding skips `__post_init__`: leaves may be
    tracers, gradients or placeholders, which no check of hyperparameters should see.
    """
    fields = dataclasses.fields(cls)
    static = [f.name for f in fields if f.metadata.get("static")]
    leaves = [f.name for f in fields if not f.metadata.get("static")]

    def flatten(kernel: Any) -> Any:
        key = jax.tree_util.GetAttrKey
        children = tuple((key(name), getattr(kernel, name)) for name in leaves)
        return children, tuple(getattr(kernel, name) for name in static)

    def unflatten(metadata: Any, children: Any) -> Any:
        new = object.__new__(cls)
        for name, value in zip((*leaves, *static), (*children, *metadata), strict=True):
            object.__setattr__(new, name, value)
        return new

    jax.tree_util.register_pytree_with_keys(cls, flatten, unflatten)
    return cls


def as_rows(name: str, x: Any) -> Array:
    """Flatten points (n, ...) to rows (n, d) of floats; n = 0 is allowed."""
    wide = _numerics.as_float(_checks.numeric_array(name, x))
    if wide.ndim == 0:
        raise ValueError(f"{name} must have one row a point, got a scalar. Give x[None].")
    return wide.reshape(wide.shape[0], math.prod(wide.shape[1:]))


def paired_rows(x1: Any, x2: Any) -> tuple[Array, Array]:
    """Rows of both arguments of a kernel, which must agree in their number of features."""
    rows1, rows2 = as_rows("x1", x1), as_rows("x2", x2)
    if rows1.shape[1] != rows2.shape[1]:
        raise ValueError(
            f"x1 {np.shape(x1)} and x2 {np.shape(x2)} have {rows1.shape[1]} and {rows2.shape[1]} "
            "features a point. Compare points of one kind, image sizes included."
        )
    return rows1, rows2


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class _Pairing(Kernel):
    """What sums and products of two kernels share."""

    first: Kernel
    second: Kernel

    def check(self, rows: Float[Array, "n d"]) -> None:
        """Both kernels must take the rows."""
        self.first.check(rows)
        self.second.check(rows)


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Sum(_Pairing):
    """k1(a, b) + k2(a, b); written `k1 + k2`."""

    def pair(self, a: Shaped[Array, " d"], b: Shaped[Array, " d"]) -> Float[Array, ""]:
        """The sum for one pair."""
        return self.first.pair(a, b) + self.second.pair(a, b)

    def of_rows(
        self, rows1: Float[Array, "n d"], rows2: Float[Array, "m d"]
    ) -> Float[Array, "n m"]:
        """The sum of both matrices."""
        return self.first.of_rows(rows1, rows2) + self.second.of_rows(rows1, rows2)

    def __repr__(self) -> str:
        return f"{self.first!r} + {self.second!r}"


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Product(_Pairing):
    """k1(a, b) k2(a, b); written `k1 * k2`. Positive semi-definite by Schur's product theorem."""

    def pair(self, a: Shaped[Array, " d"], b: Shaped[Array, " d"]) -> Float[Array, ""]:
        """The product for one pair."""
        return self.first.pair(a, b) * self.second.pair(a, b)

    def of_rows(
        self, rows1: Float[Array, "n d"], rows2: Float[Array, "m d"]
    ) -> Float[Array, "n m"]:
        """The entrywise product of both matrices."""
        return self.first.of_rows(rows1, rows2) * self.second.of_rows(rows1, rows2)

    def __repr__(self) -> str:
        return f"{_factor(self.first)} * {_factor(self.second)}"


@register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Scaled(Kernel):
    """scale k(a, b); written `scale * k`.

    Attributes:
        scale: A positive number: the prior variance where k(x, x) = 1.
        kernel: k.

    Raises:
        ValueError: `scale` is zero, negative, not finite or not a scalar.
    """

    scale: _parameters.Parameter
    kernel: Kernel

    def __post_init__(self) -> None:
        remedy = (
            "A negative multiple is no kernel; leave the kernel out instead of scaling by zero."
        )
        scale = _parameters.positive("the scale of a kernel", self.scale, remedy=remedy)
        object.__setattr__(self, "scale", scale)

    def pair(self, a: Shaped[Array, " d"], b: Shaped[Array, " d"]) -> Float[Array, ""]:
        """The multiple for one pair."""
        return self.scale * self.kernel.pair(a, b)

    def of_rows(
        self, rows1: Float[Array, "n d"], rows2: Float[Array, "m d"]
    ) -> Float[Array, "n m"]:
        """The multiple of the matrix."""
        return self.scale * self.kernel.of_rows(rows1, rows2)

    def check(self, rows: Float[Array, "n d"]) -> None:
        """The kernel that is scaled must take the rows."""
        self.kernel.check(rows)

    def __repr__(self) -> str:
        number = _parameters.shown("scale", self.scale).removeprefix("scale=")
        return f"{number} * {_factor(self.kernel)}"


def _factor(kernel: Kernel) -> str:
    return f"({kernel!r})" if isinstance(kernel, Sum) else repr(kernel)
