"""Maximum mean discrepancy: the distance between the mean functions of two laws in the space of a kernel.

    MMD^2 = E k(X, X') + E k(Y, Y') - 2 E k(X, Y)

The unbiased estimate leaves out the pairs of a point with itself; the biased one (V-statistic) keeps them and is
the exact MMD^2 between the two empirical laws.

References:
    Gretton et al. (2012), A kernel two-sample test. [gretton2012]
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import kernels
from synthmix_jax._typing import Array, KernelFunction
from synthmix_jax.distances import _samples
from synthmix_jax.distances._pairs import PAIRS_AT_ONCE, mean_over_pairs

SUBSAMPLE = 2_000
"""The median distance is that of at most this many points of both samples together, always the same rows."""

MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Lengthscales of `kernel="mixture"` in units of the median distance (heuristic)."""


def mmd(
    x: Shaped[Array, "n ..."],
    y: Shaped[Array, "m ..."],
    *,
    kernel: KernelFunction | str | None = None,
) -> Float[Array, ""]:
    """The maximum mean discrepancy of two samples: the root of the unbiased estimate, zero where that is negative.

    Zero is thus an ordinary result: two samples of one law get it about half of the time. Use `mmd_squared` for the
    signed estimate, which is unbiased and can be averaged; the root is not unbiased.

    Unit: the square root of the kernel's values, so at most sqrt(2) with kernels of k(x, x) = 1; with `None` and
    "mixture" it does not change with the scale of the data. Cost: (n + m)^2 values of the kernel, in blocks, so
    memory does not grow with n m. A gradient flows to both samples, but not through the median distance.

    Args:
        x: Points (n, ...); one dimension means n points of one feature; images are flattened, uint8 counts as
            x / 255.
        y: Points (m, ...) with as many features; n and m may differ.
        kernel: None is an RBF whose lengthscale is the median distance between points of both samples together (of
            2,000 fixed rows where there are more); "mixture" the mean of RBFs at 1/4, 1/2, 1, 2 and 4 times that;
            otherwise a kernel, or a function (n, ...), (m, ...) -> (n, m) of points of their own shape, which JAX
            must be able to trace from 2^23 pairs of points on. Only distances under one kernel compare: for several
            pairs of samples, give it.

    Returns:
        A scalar, float32 if both samples are float32 or narrower, else float64.

    Raises:
        ValueError: the samples do not fit, are empty, hold text or non-finite values, one has a single point, or
            `kernel` is no kernel.

    References:
        Gretton et al. (2012), eq. 3. [gretton2012]
    """
    return _estimate(x, y, kernel, biased=False, rooted=True)


def mmd_squared(
    x: Shaped[Array, "n ..."],
    y: Shaped[Array, "m ..."],
    *,
    kernel: KernelFunction | str | None = None,
    biased: bool = False,
) -> Float[Array, ""]:
    """The squared maximum mean discrepancy: an unbiased estimate, which may be negative, or the V-statistic.

    Unbiased for a kernel fixed beforehand; one set by the median of the same data is not quite (heuristic).

    Args:
        x: Points (n, ...), as in `mmd`.
        y: Points (m, ...) with as many features.
        kernel: As in `mmd`.
        biased: Count pairs of a point with itself: then never negative, zero on itself, defined for single points,
            and too large on average, between samples of one law by (E k(X, X) - E k(X, X')) (1 / n + 1 / m).

    Returns:
        A scalar, float32 if both samples are float32 or narrower, else float64.

    Raises:
        ValueError: as `mmd`; single points only if not `biased`.

    References:
        Gretton et al. (2012), eqs. 3 and 5. [gretton2012]
    """
    return _estimate(x, y, kernel, biased=biased, rooted=False)


def _estimate(x: Any, y: Any, kernel: Any, *, biased: bool, rooted: bool) -> Array:
    a, b = _samples.paired(x, y)
    for name, rows in (("x", a), ("y", b)):
        if rows.shape[0] < 2 and not biased:
            raise ValueError(
                f"{name} holds one point, and the unbiased estimate needs two on each side. "
                "Use mmd_squared(x, y, biased=True)."
            )
    with _samples.precision(a):
        kernel = _resolve_kernel(kernel, x, y)
        # A function may be a new one every time, and need not be traceable: it is not worth a compilation.
        evaluate = _mmd_squared if isinstance(kernel, _Function) else _compiled
        value = evaluate(kernel, a, b, biased)
        return _samples.number(_samples.root(value) if rooted else value, a, b)


def _resolve_kernel(kernel: Any, x: Any, y: Any) -> kernels.Kernel:
    """What `kernel` means for these samples, as a `Kernel`: a pytree, so an argument of jitted functions."""
    if isinstance(kernel, kernels.Kernel):
        return kernel
    if kernel is None or (isinstance(kernel, str) and kernel == "mixture"):
        of_length = kernels.RBF if kernel is None else RBFMixture
        return of_length(_median(*_samples.paired(x, y)))
    if not kernels.is_kernel(kernel):
        raise ValueError(
            f'kernel must be None, "mixture", a kernel such as kernels.RBF(1.0) or a function, got {kernel!r}.'
        )
    shapes = {np.shape(z)[1:] or (1,) for z in (x, y)}
    return _Function(kernel, shapes.pop() if len(shapes) == 1 else (-1,))


def _mmd_squared(
    kernel: kernels.Kernel,
    a: Float[Array, "n d"],
    b: Float[Array, "m d"],
    biased: bool,
    *,
    pairs_at_once: int = PAIRS_AT_ONCE,
) -> Float[Array, ""]:
    """MMD^2 of rows already cast; traceable and differentiable."""
    kernel.check(a)
    kernel.check(b)
    mean = functools.partial(mean_over_pairs, pairs_at_once=pairs_at_once)
    within = mean(kernel.of_rows, a, a, off_diagonal=not biased)
    within = within + mean(kernel.of_rows, b, b, off_diagonal=not biased)
    return (within - 2.0 * mean(kernel.of_rows, a, b)).astype(a.dtype)


_compiled = functools.partial(jax.jit, static_argnames=("biased", "pairs_at_once"))(_mmd_squared)


@kernels.register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RBFMixture(kernels.RBF):
    """The mean of RBFs at `MULTIPLES` of one lengthscale: sees differences at several scales."""

    def profile(self, s: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The mean of exp(-s / (2 c^2)) over the multiples c."""
        each = [jnp.exp((-0.5 / c**2) * s) for c in MULTIPLES]
        return functools.reduce(jnp.add, each) / len(each)


@kernels.register
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class _Function(kernels.Kernel):
    """A plain function as a kernel of flattened rows; the function sees points of the shape both samples have."""

    function: Any = dataclasses.field(metadata={"static": True})
    shape: tuple[int, ...] = dataclasses.field(metadata={"static": True})

    def pair(self, a: Shaped[Array, " d"], b: Shaped[Array, " d"]) -> Float[Array, ""]:
        return self.of_rows(a[None], b[None])[0, 0]

    def of_rows(
        self, rows1: Float[Array, "n d"], rows2: Float[Array, "m d"]
    ) -> Float[Array, "n m"]:
        first, second = (rows.reshape(len(rows), *self.shape) for rows in (rows1, rows2))
        return kernels.gram(self.function, first, second)


def _median(a: Array, b: Array) -> Any:
    """The median distance between rows of both samples together, 1 if all are identical: no kernel then matters."""
    n, m = a.shape[0], b.shape[0]
    if n + m > SUBSAMPLE:
        chosen = np.sort(np.random.default_rng(0).choice(n + m, SUBSAMPLE, replace=False))
        a, b = a[chosen[chosen < n]], b[chosen[chosen >= n] - n]
    if not _samples.is_traced(a, b):
        rows = np.concatenate([np.asarray(a), np.asarray(b)])
        return kernels.median_lengthscale(rows) if (rows != rows[0]).any() else 1.0
    return jax.lax.stop_gradient(_traced_median(jnp.concatenate([a, b])))


def _traced_median(rows: jax.Array) -> jax.Array:
    """`kernels.median_lengthscale` inside a trace, where a lengthscale of identical rows cannot be refused."""
    pairs = np.triu_indices(rows.shape[0], 1)
    distances = _samples.root(kernels.squared_distances(rows, rows)[pairs])
    median = jnp.median(distances)
    apart = jnp.nanmedian(jnp.where(distances > 0.0, distances, jnp.nan))
    return jnp.where(median > 0.0, median, jnp.where(apart > 0.0, apart, 1.0))
