"""The plain plug-in: a spectrum and coefficients estimated from two samples, put into `mixed_risk`.

With K = U diag(e) U^T on all N inputs, e_j / N and sqrt(N) U_ij estimate eigenvalues and eigenfunctions
[classical: rasmussen2006, ch. 4.3]. The mean of eigenfunction times target over the rows of one sample estimates a
coefficient; it is dropped within two standard errors of zero, and else shrunk by the part of its square that its
variance explains. Noise is estimated as by `estimate_spectrum`, from each sample alone.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from synthmix_jax._typing import Array

from ._risk import mixed_risk
from ._spectrum import gcv_noise, spectrum_of


class _Side(NamedTuple):
    coefficients: np.ndarray
    noise: float


def plug_in_error(
    gram: Float[Array, "N N"],
    targets: Float[Array, "N k"],
    *,
    n: int,
    ridges: np.ndarray,
    weights: np.ndarray,
    counts: np.ndarray,
) -> Float[np.ndarray, "w l c"]:
    """Expected squared error on real points, their noise included, from estimated spectrum and coefficients."""
    values, vectors = spectrum_of(gram)
    # What is no part of the kernel's space cannot be learned, and is to the error what noise is.
    functions = vectors * np.sqrt(len(vectors)) * (values > 0.0)
    targets = np.asarray(targets)
    real = _side(gram[:n, :n], functions[:n], targets[:n])
    synthetic = _side(gram[n:, n:], functions[n:], targets[n:])
    risk = mixed_risk(
        values,
        real.coefficients,
        synthetic.coefficients,
        n=n,
        m=counts,
        ridge=ridges[:, None],
        weight=weights[:, None, None],
        noise_variance=real.noise,
        synthetic_noise_variance=synthetic.noise,
    )
    return np.asarray(risk) + real.noise


def _side(gram: Array, functions: np.ndarray, targets: np.ndarray) -> _Side:
    """Shrunk coefficients (J, k) and the noise of one sample of at least two rows."""
    count = len(targets)
    means = functions.T @ targets / count
    squares = (functions**2).T @ targets**2 / count
    variance = np.sum(squares - means**2, axis=1) / (count - 1)
    power = np.sum(means**2, axis=1)
    # Two standard errors: eigenfunctions of small eigenvalues are many, and sit on single rows.
    kept = np.where(power > 4.0 * variance, 1.0 - variance / np.maximum(power, 1e-300), 0.0)
    values, vectors = spectrum_of(gram)
    own = np.sum((vectors.T @ targets) ** 2, axis=1) / count
    whole = float(np.mean(np.sum(targets**2, axis=1)))
    noise = min(gcv_noise(values, own), whole)
    coefficients = means * np.sqrt(kept)[:, None]
    # On one sample eigenfunctions overlap, and can tell of more than there is.
    excess = np.sum(coefficients**2) / max(whole - noise, 1e-300)
    return _Side(coefficients / np.sqrt(max(excess, 1.0)), noise)
