"""Density ratios by least squares, with exact leave-one-out in closed form (uLSIF).

    r(x) = 1 + sum_b alpha_b (phi_b(x) - mean of phi_b over the source),    phi_b an RBF on a target point
    J(r) = E_source[r^2] / 2 - E_target[r],    least, at -(1 + chi^2)/2, where r = p_target / p_source
    alpha = (C + ridge B I)^-1 (mean of phi over the target - mean of phi over the source)

with C the covariance of phi over the source and B the number of centres. That is unconstrained least-squares
importance fitting [kanamori2009] with two changes (derived here): a constant is among the functions and is not
penalised, so that a ridge draws the ratio to "no shift" and not to zero; and values of the ratio below zero are
clipped, not coefficients, which would bias it. Leaving source point i out changes one row of the sums, leaving
target point j out one term of a mean. With psi = phi - mean, h the mean of psi over the target, A = C + ridge B I,
and A' the same with the ridge times (n - 1)/n,

    r^-i(x_i) = (n - 1) p_i / (n - q_i),    p_i = 1 + psi_i . A'^-1 h,   q_i = 1 + psi_i . A'^-1 psi_i
    r^-j(x_j) = r(x_j) - (1 + psi_j . A^-1 psi_j - r(x_j)) / (u - 1)

so that one eigendecomposition of C serves every ridge and every point left out.

References:
    Kanamori, Hido and Sugiyama (2009), A Least-squares Approach to Direct Importance Estimation. [kanamori2009]
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, Key, Numbers
from synthmix_jax.kernels import median_lengthscale, squared_distances

from ._given import two_domains
from ._record import DensityRatio

_FACTORS = 2.0 ** np.arange(-1.0, 2.5, 0.5)
_RIDGES = 10.0 ** np.arange(-5.0, 1.5, 0.5)
_LEAST = 3
CONSTANT_SCORE = -0.5


def density_ratio(
    source_x: Shaped[Array, "n ..."],
    target_x: Shaped[Array, "u ..."],
    *,
    key: Key,
    lengthscales: Numbers | None = None,
    ridges: Numbers | None = None,
    num_centres: int = 200,
    cap: float | int | None = None,
) -> DensityRatio:
    """Estimate p_target / p_source at the source points, as weights that make the source look like the target.

    Lengthscale and ridge are those of the lowest leave-one-out score plus its standard error: the score alone falls
    for a fit that soars at one target point in a gap of the source (heuristic). The value at a source point is that
    of the fit without it: a point would otherwise lower its own weight, by its leverage. Needs no labels.

    Densities are hard to compare in many dimensions. With few points the ratio is drawn to one, which flatters the
    effective sample size; with domains far apart it rests on few source points or on none. Look at
    `effective_sample_size`, `score` and `coverage` before trusting it. Features of few dimensions
    (`smx.features.PCA`) give better ratios than pixels.

    Args:
        source_x: Source points (n, ...), at least three; uint8 counts as x / 255.
        target_x: Target points (u, ...) with the same features, at least three.
        key: PRNG key: which target points are centres where there are more than `num_centres`, and which of more
            than 2,000 points set the lengthscales tried.
        lengthscales: Lengthscales to try; default the median distance of all points times 1/2 to 4.
        ridges: Ridges to try, each times the number of centres; default 1e-5 to 10.
        num_centres: Most target points to put a basis function on.
        cap: Largest value of the ratio, before it is brought to mean one; None for none.

    Returns:
        The ratio at the source points, callable elsewhere by `.at(x)`.

    Raises:
        ValueError: different features, fewer than three points, NaN or infinity, all points the same, lengthscales,
            ridges or a cap that are not positive, or no centre.

    References:
        Kanamori, Hido and Sugiyama (2009), A Least-squares Approach to Direct Importance Estimation.
        [kanamori2009]
    """
    source, target = two_domains(source_x, target_x, least=_LEAST, names=("source_x", "target_x"))
    if isinstance(num_centres, bool) or not isinstance(num_centres, int) or num_centres < 1:
        raise ValueError(f"num_centres must be a whole number of at least 1, got {num_centres!r}.")
    cap = None if cap is None else _checks.positive_value("cap", cap)
    scales = _lengthscales(lengthscales, source, target, key)
    ridges = _RIDGES if ridges is None else _checks.positive_values("ridges", ridges)
    rng = _numerics.host_generator(key)
    chosen = np.sort(rng.permutation(len(target))[:num_centres])
    centres = target[chosen]
    with _numerics.x64():
        to_source = squared_distances(source, centres)
        fits = _fits(to_source, squared_distances(target, centres), scales, ridges)
        fits = {name: np.asarray(value) for name, value in fits.items()}
    # A matrix that could not be decomposed has a score of NaN, which must not be chosen.
    judged = fits["score"] + fits["error"]
    judged = np.where(np.isnan(judged), np.inf, judged)
    row, column = np.unravel_index(np.argmin(judged), judged.shape)
    values = np.clip(fits["source"][row, column], 0.0, cap)
    # Coverage is that of the fit without its cap.
    whole = np.clip(fits["source"][row, column], 0.0, None)
    ratio_there = np.clip(fits["target"][row, column], 0.0, None).mean()
    if values.sum() == 0.0 or not np.isfinite(values).all():
        values, ratio_there = np.ones(len(source)), np.inf  # no source point is like the target
    # Before they are brought to mean one: both means estimate 1 + chi^2 of the same fit.
    coverage = np.mean(whole**2) / ratio_there if ratio_there > 0.0 else 0.0
    return DensityRatio(
        values=values / values.mean(),
        lengthscale=float(scales[row]),
        ridge=float(ridges[column]),
        score=float(fits["score"][row, column]),
        score_error=float(fits["error"][row, column]),
        constant_score=CONSTANT_SCORE,
        scores=fits["score"],
        coverage=float(min(coverage, 1.0)),
        cap=cap,
        _centres=centres,
        _coefficients=fits["coefficients"][row, column],
        _mean=fits["mean"][row],
    )


def _lengthscales(
    given: Numbers | None, source: np.ndarray, target: np.ndarray, key: Key
) -> np.ndarray:
    """Those given, or the median distance of all points times a grid of factors."""
    if given is not None:
        return _checks.positive_values("lengthscales", given)
    together = np.concatenate([source, target])
    if not np.ptp(together, axis=0).any():
        raise ValueError(
            "source_x and target_x hold one and the same point throughout, so there is no ratio to estimate. "
            "Check the data."
        )
    return median_lengthscale(together, key=key) * _FACTORS


@jax.jit
def _fits(
    to_source: Float[Array, "n b"],
    to_target: Float[Array, "u b"],
    scales: Float[Array, " lengthscales"],
    ridges: Float[Array, " ridges"],
) -> dict[str, jax.Array]:
    """Fits of all lengthscales and ridges from squared distances to the centres; unclipped values left out.

    Returns:
        "source" (lengthscales, ridges, n) and "target" (lengthscales, ridges, u): values of the fits without the
        point; "score" and its standard "error" (lengthscales, ridges); "coefficients" (lengthscales, ridges, b);
        "mean" (lengthscales, b).
    """
    (n, b), u = to_source.shape, len(to_target)
    whole = ridges * b

    def of_scale(scale: jax.Array) -> dict[str, jax.Array]:
        at_source = jnp.exp(-0.5 * to_source / scale**2)
        mean = at_source.mean(axis=0)
        at_source, at_target = at_source - mean, jnp.exp(-0.5 * to_target / scale**2) - mean
        covariance = jnp.matmul(at_source.T, at_source, precision=_numerics.HIGHEST) / n
        eigenvalues, axes = jnp.linalg.eigh(covariance)
        eigenvalues = jnp.maximum(eigenvalues, 0.0)[:, None]
        at_source, at_target = at_source @ axes, at_target @ axes
        h = at_target.mean(axis=0)[:, None]

        inverse = 1.0 / (eigenvalues + whole * (n - 1) / n)
        p = 1.0 + at_source @ (h * inverse)
        q = 1.0 + at_source**2 @ inverse
        source = (n - 1) * p / jnp.maximum(n - q, jnp.finfo(q.dtype).tiny)

        inverse = 1.0 / (eigenvalues + whole)
        ratio = 1.0 + at_target @ (h * inverse)
        target = ratio - (1.0 + at_target**2 @ inverse - ratio) / (u - 1)

        halves, there = 0.5 * jnp.maximum(source, 0.0) ** 2, jnp.maximum(target, 0.0)
        score = halves.mean(axis=0) - there.mean(axis=0)
        error = jnp.sqrt(halves.var(axis=0) / n + there.var(axis=0) / u)
        coefficients = (axes @ (h * inverse)).T
        return {
            "source": source.T,
            "target": target.T,
            "score": score,
            "error": error,
            "coefficients": coefficients,
            "mean": mean,
        }

    return jax.lax.map(of_scale, scales)
