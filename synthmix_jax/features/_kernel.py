"""A kernel of features: k(f(x1), f(x2)) is positive semi-definite for every map f."""

from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array, KernelFunction

FeatureMap: TypeAlias = Any
"""f: x (n, ...) -> (n, d), checked to be callable."""


def kernel_on(features: FeatureMap, kernel: Any) -> KernelFunction:
    """The kernel k(f(x1), f(x2)), accepted wherever a kernel is.

    Args:
        features: f, a map (n, ...) -> (n, d) such as `RandomConvolutions()` or a fitted `PCA`.
        kernel: k, a kernel or a function of (n, d) and (m, d) that returns (n, m).

    Returns:
        A function of (n, ...) and (m, ...) that returns (n, m). Its lengthscales are those of the
        features, so take them from there: `kernels.median_lengthscale(features(x))`.

    Raises:
        ValueError: one of them is a class or cannot be called.
    """
    for name, value in (("features", features), ("kernel", kernel)):
        if isinstance(value, type) or not callable(value):
            given = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
            raise ValueError(
                f"{name} must be a function or an object that can be called, got {given}. "
                "Give one of it, with its parameters."
            )
    return _KernelOn(features, kernel)


class _KernelOn:
    """k(f(x1), f(x2)), described by its `repr`."""

    def __init__(self, features: FeatureMap, kernel: KernelFunction) -> None:
        self.features = features
        self.kernel = kernel
        # `kernels.describe` prints module and qualified name of what is no `Kernel`.
        self.__module__ = "features"
        self.__qualname__ = repr(self)

    def __call__(
        self, x1: Shaped[Array, "n ..."], x2: Shaped[Array, "m ..."]
    ) -> Float[Array, "n m"]:
        """The matrix of k(f(x1_i), f(x2_j))."""
        rows = self.features(x1)
        return self.kernel(rows, rows if _same(x1, x2) else self.features(x2))

    def __repr__(self) -> str:
        return f"kernel_on({_named(self.features)}, {_named(self.kernel)})"


def _same(x1: Any, x2: Any) -> bool:
    """Whether both are the same points, so that features need computing once; cheap beside them."""
    if x1 is x2:
        return True
    on_host = isinstance(x1, np.ndarray) and isinstance(x2, np.ndarray)
    return on_host and x1.dtype == x2.dtype and np.array_equal(x1, x2)


def _named(function: Any) -> str:
    return getattr(function, "__name__", None) or repr(function)
