"""Regression toward a generator: shrink to a given function g instead of to zero.

The objective (1 - lt)/N sum (y - f)^2 + lt |f - g|^2_H [arXiv 2510.08095, taken from published summaries]
has, with the absolute ridge mu = N lt / (1 - lt), the minimiser

    residual form    f = g + K(., X) (K + mu I)^-1 (y - g(X)),       exact for any callable g;
    projected form   f = K(., X) (K + mu I)^-1 (y + mu beta),        beta = (K + eta I)^-1 g(X),

the second being the paper's Lemma 2.1 (as published summaries give it), which replaces g by its interpolation
g' = K(., X) beta within the span of the training kernels. Since y + mu beta = (y - K beta) + (K + mu I) beta, it is
the residual form of g'.

One eigendecomposition K = U diag(e) U^T serves all ridges [classical]: with r = y - g(X),
c = U (U^T r / (e + mu)), (A^-1)_ii = sum_j U_ij^2 / (e_j + mu), effective dimension sum_j e_j / (e_j + mu).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from synthmix_jax import _checks, _matching, _numerics
from synthmix_jax._typing import Array, KernelFunction, Numbers
from synthmix_jax.dataset import Dataset

from . import _problem

_matmul = partial(jnp.matmul, precision=_numerics.HIGHEST)

# Above this relative error of interpolating g, the two forms are said to disagree. Heuristic.
_DISAGREEMENT = 0.1


@dataclass(frozen=True)
class BestRidge:
    """The ridge of least error on a path, and its place in it."""

    ridge: float
    error: float
    index: int


@dataclass(frozen=True, eq=False)
class TowardPath:
    """Regression toward a generator at every ridge.

    Attributes:
        ridges: Absolute ridges mu (l,).
        loo_error: Mean squared leave-one-out error, summed over outputs (l,). g is held fixed: exact if g
            did not see the real targets.
        gcv: Generalised cross-validation score, n |(I - S) r|^2 / (n - tr S)^2, summed over outputs (l,).
        effective_dimension: tr S = sum e / (e + mu) (l,).
        form: "residual" or "projected".
        projection_error: Leave-one-out error of interpolating g from the real inputs, relative to the
            mean square of g: near 0 when g lies in the span of the kernels, near 1 when it does not.
        coefficients: Expansion coefficients of f - g, or of f in the projected form (l, n, k).
    """

    ridges: Float[np.ndarray, " l"]
    loo_error: Float[np.ndarray, " l"]
    gcv: Float[np.ndarray, " l"]
    effective_dimension: Float[np.ndarray, " l"]
    form: str
    projection_error: float
    coefficients: Float[np.ndarray, "l n k"] = field(repr=False)
    kernel: KernelFunction = field(repr=False)
    x: np.ndarray = field(repr=False)
    g: Callable[[Any], Any] = field(repr=False)
    flat: bool = field(repr=False)
    pixels: bool = field(repr=False)

    def predict(self, x: Array) -> np.ndarray:
        """Predictions at every ridge: (l, t) for targets (n,), else (l, t, k); float64.

        Raises:
            ValueError: features that do not match, or non-finite values.
        """
        x = np.asarray(_problem.check_query(x, self.x, pixels=self.pixels))
        with _numerics.x64():
            cross = _problem.evaluate(self.kernel, np.asarray(_numerics.as_float(x)), self.x)
            fitted = np.asarray(_matmul(cross, self.coefficients))
        if self.form == "residual":
            fitted = fitted + _targets_of(self.g, x, fitted.shape[-1])
        return fitted[..., 0] if self.flat else fitted

    def best(self, by: str = "loo") -> BestRidge:
        """The ridge of least leave-one-out error, or of least generalised cross-validation score.

        Args:
            by: "loo" or "gcv".
        """
        errors = {"loo": self.loo_error, "gcv": self.gcv}[_checks.one_of("by", by, ("loo", "gcv"))]
        index = int(np.argmin(errors))
        return BestRidge(float(self.ridges[index]), float(errors[index]), index)


def toward(
    real: Dataset,
    g: Callable[[Any], Any],
    *,
    kernel: KernelFunction,
    ridges: Numbers,
    form: str = "residual",
    jitter: float = 1e-8,
) -> TowardPath:
    """Kernel ridge regression that shrinks toward `g`, at all ridges from one eigendecomposition.

    Args:
        real: n >= 2 real points; labels are regressed as centred one-hot targets (n, k).
        g: The generator's regression function, x (t, ...) -> targets (t,) or (t, k), or class scores
            (t, k). Called on the host with the inputs as they are.
        kernel: A kernel or a callable.
        ridges: Absolute ridges mu (l,), positive.
        form: "residual" (exact for any g) or "projected" (the paper's Lemma 2.1, for comparison).
        jitter: eta of the projected form, absolute, positive.

    Returns:
        A `TowardPath`. With g = 0 it is plain kernel ridge regression.

    Raises:
        ValueError: non-positive ridges or jitter, an unknown form, g of the wrong shape, or a kernel that is
            not positive semi-definite.

    Warns:
        UserWarning: form="projected" and g is not within reach of the real points' kernels, so that the
            projection changes it: the two forms then disagree.

    References:
        shidani2026 (objective, Lemma 2.1, as published summaries give them).
    """
    _matching.check_data(real, None)
    ridges = _checks.positive_values("ridges", ridges)
    jitter = _checks.positive_value("jitter", jitter)
    _checks.one_of("form", form, ("residual", "projected"))
    classes = _matching.num_classes(real)
    targets = _matching.encode_targets(real.y, classes)
    toward_targets = _targets_of(g, np.asarray(real.x), targets.shape[1])
    x = _problem.stack_inputs(real)
    with _numerics.x64():
        gram = _problem.evaluate(kernel, x)
        result = jax.tree.map(
            np.asarray,
            _path(gram, targets, toward_targets, ridges, jitter, projected=form == "projected"),
        )
    _check_definite(result.pop("spectrum"))
    path = TowardPath(
        ridges=ridges,
        form=form,
        kernel=kernel,
        x=x,
        g=g,
        flat=classes is None and real.y.ndim == 1,
        pixels=real.x.dtype == np.uint8,
        **{**result, "projection_error": float(result["projection_error"])},
    )
    if form == "projected" and path.projection_error > _DISAGREEMENT:
        warnings.warn(
            f"the projected form replaces g by its interpolation from {len(real)} points, which misses "
            f"{path.projection_error:.0%} of g's mean square between them: its conclusions will differ from "
            "the residual form's. Prefer form='residual'.",
            stacklevel=2,
        )
    return path


@partial(jax.jit, static_argnames="projected")
def _path(gram, targets, toward_targets, ridges, jitter, *, projected) -> dict[str, jax.Array]:
    n = gram.shape[0]
    spectrum, vectors = jnp.linalg.eigh(gram, symmetrize_input=True)
    values = jnp.maximum(
        spectrum, 0.0
    )  # rounding leaves eigenvalues of about -1e-16 of the largest

    def solve(right, ridge):
        return _matmul(vectors, _matmul(vectors.T, right) / (values + ridge)[:, None])

    def inverse_diagonal(ridge):
        return _matmul(vectors**2, 1.0 / (values + ridge))

    beta = solve(toward_targets, jitter)
    missed = jnp.mean((beta / inverse_diagonal(jitter)[:, None]) ** 2)
    size = jnp.mean(toward_targets**2)
    aim = _matmul(gram, beta) if projected else toward_targets

    def one(ridge):
        c = solve(targets - aim, ridge)
        left_out = c / inverse_diagonal(ridge)[:, None]
        dimension = jnp.sum(values / (values + ridge))
        # (I - S) r = mu c, and n - tr S = sum mu / (e + mu): no cancellation at small ridges.
        freedom = jnp.sum(ridge / (values + ridge))
        gcv = n * jnp.sum((ridge * c) ** 2) / freedom**2
        loo = jnp.mean(jnp.sum(left_out**2, axis=1))
        return loo, gcv, dimension, c + beta if projected else c

    loo, gcv, dimension, coefficients = jax.lax.map(one, ridges)
    return {
        "spectrum": spectrum,
        "loo_error": loo,
        "gcv": gcv,
        "effective_dimension": dimension,
        "coefficients": coefficients,
        "projection_error": jnp.where(size > 0, missed / jnp.where(size > 0, size, 1.0), 0.0),
    }


def _check_definite(spectrum: np.ndarray) -> None:
    # Kernel matrices given in float32 have eigenvalues of about -1e-7 of the largest.
    if spectrum[0] < -1e-6 * max(spectrum[-1], 0.0):
        raise ValueError(
            f"the kernel is not positive semi-definite: its matrix has eigenvalues from {spectrum[0]:.3g} to "
            f"{spectrum[-1]:.3g}. No ridge mends that; use another kernel."
        )


def _targets_of(g: Callable[[Any], Any], x: np.ndarray, outputs: int) -> np.ndarray:
    values = np.asarray(g(x), dtype=np.float64)
    if values.shape == (len(x),):
        values = values[:, None]
    if values.shape != (len(x), outputs):
        raise ValueError(
            f"g returned shape {values.shape} for {len(x)} inputs; wanted ({len(x)}, {outputs})"
            + (
                f" or ({len(x)},)."
                if outputs == 1
                else ": one column an output (a class for labels)."
            )
        )
    _checks.finite("g(x)", values)
    return values
