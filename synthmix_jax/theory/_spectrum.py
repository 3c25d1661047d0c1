"""From a sample to what the formulas ask for: eigenvalues, coefficients, exponents, discrepancy.

Nystrom: with K = U diag(e) U^T on a sample of n inputs, e / n estimates the largest eigenvalues of the kernel
under the law of the inputs, and U^T f(X) / sqrt n the coefficients of f in its eigenfunctions [classical:
rasmussen2006, ch. 4.3]. Of noisy targets, E[v_j^2] = f_j^2 + s^2 / n given the inputs: `power` is v_j^2 - s^2 / n.

Both are good for ranks well below n and poor near n: the last eigenvalues are too small, and the sample knows none
beyond n. For `mixed_risk` estimate the spectrum from more inputs than the points it is asked about (inputs need no
targets: synthetic ones serve where they follow the same law).
"""

from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Shaped

from synthmix_jax import _checks, _numerics, kernels
from synthmix_jax._typing import Array, KernelFunction, Numbers

from . import _arrays

_matmul = partial(jnp.matmul, precision=_numerics.HIGHEST)

# Eigenvalues below this part of the largest, times their number, are rounding.
_ROUNDING = 2.3e-16


@dataclass(frozen=True, eq=False)
class SampleSpectrum:
    """The spectrum of a kernel on a sample of n inputs.

    Attributes:
        eigenvalues: e / n, falling (n,).
        coefficients: Of the targets on the eigenvectors, (n,) or (n, k), signs arbitrary; None without targets.
        power: coefficients^2 - noise_variance / n, summed over outputs (n,): unbiased for the squared coefficients
            of the truth given the inputs, and so negative at times; None without targets.
        noise_variance: Of the targets, summed over outputs; given or estimated.
        vectors: Eigenvectors (n, n), in the order of the eigenvalues.
    """

    eigenvalues: Float[np.ndarray, " n"]
    coefficients: Float[np.ndarray, "n ..."] | None
    power: Float[np.ndarray, " n"] | None
    noise_variance: float | None
    vectors: Float[np.ndarray, "n n"] = field(repr=False)

    def coefficients_of(self, values: Float[Array, "n ..."]) -> Float[np.ndarray, "n ..."]:
        """The coefficients of any function, from its values at the sample's inputs (n,) or (n, k).

        Raises:
            ValueError: not one value or row an input.
        """
        values = np.asarray(values, np.float64)
        if values.ndim not in (1, 2) or len(values) != len(self.vectors):
            raise ValueError(
                f"values have shape {values.shape} for {len(self.vectors)} inputs: give one value, or one row, "
                "an input."
            )
        return self.vectors.T @ values / np.sqrt(len(values))


@dataclass(frozen=True, eq=False)
class DiscrepancyCurve:
    """D(f*, g) = sum (theta_j - omega_j)^2 / mu_j^2 over the eigenvalues above a cutoff, for each cutoff.

    Attributes:
        cutoffs: Relative to the largest eigenvalue, falling (c,).
        kept: Eigenvalues above each (c,).
        value: D there, minus `noise` (c,): negative where there is nothing but noise.
        noise: What noise in the coefficients adds to D on average (c,), already subtracted. Where it exceeds
            `value`, D is not known.
    """

    cutoffs: Float[np.ndarray, " c"]
    kept: Int[np.ndarray, " c"]
    value: Float[np.ndarray, " c"]
    noise: Float[np.ndarray, " c"]


def estimate_spectrum(
    kernel: KernelFunction,
    x: Shaped[Array, "n ..."],
    targets: Float[Array, "..."] | None = None,
    *,
    noise_variance: float | None = None,
) -> SampleSpectrum:
    """Eigenvalues of the kernel under the law of the inputs, and coefficients of the targets, from a sample.

    Args:
        kernel: A kernel or a callable.
        x: Inputs (n, ...), n >= 2.
        targets: (n,), or (n, k) for k outputs; as they are (subtract means before, if wanted).
        noise_variance: Of the targets, summed over outputs, zero for values of a known function. None estimates it
            from the residuals at the ridge of least generalised cross-validation score, |y - S y|^2 / tr(I - S)
            [classical]: good to 20 to 30 % where n is well above the effective dimension, and of no use where
            the function is as rough as noise to the kernel.

    Returns:
        A `SampleSpectrum`. Cost n^3.

    Raises:
        ValueError: shapes that do not fit, non-finite values, or a kernel that is not positive semi-definite.

    References:
        Rasmussen and Williams (2006), ch. 4.3. [rasmussen2006]
    """
    if hasattr(x, "num_classes"):
        raise ValueError(
            "x is a Dataset. Give its arrays: estimate_spectrum(kernel, data.x, targets)."
        )
    x = _checks.numeric_array("x", x)
    n = x.shape[0] if x.ndim else 0
    _checks.finite("x", x)
    if noise_variance is not None and np.ndim(noise_variance):
        raise ValueError(
            f"noise_variance must be one number, got shape {np.shape(noise_variance)}: the sum over outputs."
        )
    if n < 2:
        raise ValueError("x holds fewer than two inputs. Give a sample of them.")
    if targets is not None:
        if np.asarray(targets).dtype.kind in "iu":
            raise ValueError(
                "targets are integers, which are class labels elsewhere. Give columns of numbers, such as one-hot "
                "targets less 1 / k, or floats if they are quantities."
            )
        targets = np.asarray(_arrays.numbers("targets", targets, remedy="signed"))
        if targets.ndim not in (1, 2) or len(targets) != n:
            raise ValueError(
                f"targets have shape {targets.shape} for {n} inputs, wanted ({n},) or ({n}, k)."
            )
    with _numerics.x64():
        gram = jnp.asarray(kernels.gram(kernel, _numerics.as_float(x)), jnp.float64)
    values, vectors = spectrum_of(gram)
    if targets is None:
        return SampleSpectrum(values, None, None, None, vectors)
    coefficients = vectors.T @ targets / np.sqrt(n)
    squares = np.sum(coefficients.reshape(n, -1) ** 2, axis=1)
    if noise_variance is None:
        noise_variance = gcv_noise(values, squares)
    else:
        noise_variance = float(
            _arrays.numbers("noise_variance", noise_variance, remedy="It is a variance.")
        )
    return SampleSpectrum(
        values, coefficients, squares - noise_variance / n, noise_variance, vectors
    )


def spectrum_of(gram: Float[Array, "n n"]) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of gram / n (n,), falling and with rounding set to zero, and eigenvectors (n, n).

    Raises:
        ValueError: non-finite values, or a kernel that is not positive semi-definite.
    """
    with _numerics.x64():
        values, vectors = (np.asarray(v)[..., ::-1] for v in _eigh(gram / len(gram)))
    _checks.finite("the kernel's matrix", values)
    # Kernel matrices computed in float32 have eigenvalues of about -1e-7 of the largest.
    if values[-1] < -1e-6 * max(values[0], -values[-1]):
        raise ValueError(
            f"the kernel is not positive semi-definite: its matrix has eigenvalues from {values[-1]:.3g} to "
            f"{values[0]:.3g}. Use another kernel."
        )
    if not values[0] > 0.0:
        raise ValueError("the kernel is zero on these inputs. Use another kernel or lengthscale.")
    return np.where(values > _ROUNDING * len(values) * values[0], values, 0.0), vectors


def effective_dimension(eigenvalues: Numbers, kappa: Numbers) -> Float[Array, "..."]:
    """sum_j mu_j / (mu_j + kappa): how many eigenfunctions a regularisation of kappa > 0 lets through.

    With kappa = ridge / n it is the textbook's; with `MixedRisk.kappa` that of random points. Broadcasts over
    kappa.

    Raises:
        ValueError: negative eigenvalues or a kappa that is not positive.
    """
    eigenvalues = _arrays.eigenvalues_of(eigenvalues)
    kappa = _arrays.numbers(
        "kappa", kappa, positive=True, remedy="At zero it is the number of eigenvalues."
    )
    with _numerics.x64():
        wide = _arrays.wide((eigenvalues, kappa))
        result = jnp.sum(wide[0] / (wide[0] + wide[1][..., None]), axis=-1)
    return _arrays.handed_out(result, eigenvalues, kappa)


def discrepancy_curve(
    eigenvalues: Numbers,
    truth: Numbers,
    generator: Numbers,
    *,
    cutoffs: Numbers | None = None,
    coefficient_variance: float = 0.0,
) -> DiscrepancyCurve:
    """The discrepancy between truth and generator, against the cutoff of small eigenvalues.

    The eigenvalues stand in the denominator, squared: what a sample says about D depends on where they are cut
    off, by many orders of magnitude. A curve with a plateau has a D; one that rises to its end has none.

    Args:
        eigenvalues: mu_j >= 0 (j,); those of zero are never kept.
        truth: Coefficients theta of f* (j,) or (j, k).
        generator: Coefficients omega of g, of the same shape.
        cutoffs: Relative to the largest eigenvalue, in (0, 1]; four a decade from 1 to the smallest eigenvalue,
            or 1e-12, if None.
        coefficient_variance: Of each difference theta_j - omega_j, summed over outputs: noise_variance / n for
            coefficients of n noisy targets.

    Returns:
        A `DiscrepancyCurve`.

    Raises:
        ValueError: shapes that do not fit, numbers out of range.

    References:
        shidani2026 (D, as published summaries give it). The curve is this library's.
    """
    values = np.asarray(_arrays.eigenvalues_of(eigenvalues))
    theta, omega = (
        np.asarray(_arrays.coefficients_of(name, v, len(values)))
        for name, v in (("truth", truth), ("generator", generator))
    )
    if theta.shape != omega.shape:
        raise ValueError(
            f"truth has shape {theta.shape} and generator {omega.shape}; give the same."
        )
    if cutoffs is None:
        cutoffs = np.logspace(0, -12, 49)
        # Below the smallest eigenvalue the curve would repeat itself, and look like a plateau.
        least = np.min(values[values > 0]) / np.max(values)
        cutoffs = cutoffs[: int(np.sum(cutoffs >= least)) + 1]
    cutoffs = np.sort(_checks.positive_values("cutoffs", cutoffs))[::-1]
    if cutoffs[0] > 1.0:
        raise ValueError(f"cutoffs are relative to the largest eigenvalue, got {cutoffs[0]:g} > 1.")
    variance = float(
        _arrays.numbers("coefficient_variance", coefficient_variance, remedy="It is a variance.")
    )
    order = np.argsort(values)[::-1]
    order = order[values[order] > 0]
    falling = values[order]
    squares = np.sum(((theta - omega)[order]).reshape(len(order), -1) ** 2, axis=1)
    # A cutoff of 1 keeps the largest, rounding or not.
    kept = np.searchsorted(-falling, -cutoffs * falling[0] * (1.0 - 1e-12), side="right")
    noise = variance * np.cumsum(falling**-2.0)[kept - 1]
    return DiscrepancyCurve(cutoffs, kept, np.cumsum(squares / falling**2)[kept - 1] - noise, noise)


def gcv_noise(values: np.ndarray, squares: np.ndarray) -> float:
    """|y - S y|^2 / tr(I - S) at the least generalised cross-validation score."""
    n = len(values)
    ridges = values[0] * np.logspace(-12, 2, 113)[:, None]
    missed = ridges / (values + ridges)
    residual, freedom = np.sum(missed**2 * squares, axis=1), np.sum(missed, axis=1)
    # Divided by freedom alone, an interpolation would pass for a fit without noise. Fits that leave less than a
    # tenth of the freedom say nothing about noise.
    score = np.where(freedom >= 0.1 * n, residual / freedom**2, np.inf)
    best = np.argmin(score)
    return float(n * residual[best] / freedom[best])


_eigh = jax.jit(partial(jnp.linalg.eigh, symmetrize_input=True))
