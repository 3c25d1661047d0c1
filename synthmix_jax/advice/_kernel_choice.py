"""Choose kernel and lengthscale on the real data alone, by leave-one-out over a small grid.

Synthetic data must not choose the kernel: the real-only error it is compared with would no longer be the best
that real data alone can do.
"""

from typing import Any, NamedTuple

import numpy as np

from synthmix_jax import _numerics, kernels, krr
from synthmix_jax._typing import KernelFunction, Key
from synthmix_jax.dataset import Dataset

# Multiples of the median distance between real points.
FACTORS = (0.35, 0.5, 0.71, 1.0, 1.41)
RIDGES = (0.001, 0.01, 0.1, 1.0)


class KernelChoice(NamedTuple):
    """The kernel of least leave-one-out error, and the grid it was chosen from.

    Attributes:
        kernel: The kernel.
        error: Its leave-one-out error at its best ridge.
        grid: Kernel and error of each candidate, best first.
    """

    kernel: KernelFunction
    error: float
    grid: list[dict[str, Any]]


def choose_kernel(real: Dataset, ridges: np.ndarray, *, key: Key) -> KernelChoice:
    """Leave-one-out over RBF and Laplace kernels, five lengthscales, raw and standardised features.

    Standardising (vectors only) gives each feature its own lengthscale, proportional to its standard
    deviation over the real points. That uses every point, so its leave-one-out error is exact up to O(1/n).

    Args:
        real: Real points; regression targets centred.
        ridges: Absolute ridges tried with each kernel.
        key: PRNG key; above 2,000 points the median distance is that of a random sample.

    Raises:
        ValueError: no candidate could be fitted, or all real points coincide.
    """
    tried = []
    for kernel in _candidates(real, key):
        sweep = krr.sweep(real, None, kernel=kernel, ridges=ridges)
        assert sweep.loo_error is not None
        if np.isfinite(sweep.loo_error).any():
            tried.append((sweep.best().error, kernel))
    if not tried:
        raise ValueError(
            "no kernel could be fitted to the real points at any ridge: raise the ridges."
        )
    tried.sort(key=lambda pair: pair[0])
    grid = [{"kernel": kernels.describe(k), "loo_error": float(e)} for e, k in tried]
    return KernelChoice(tried[0][1], tried[0][0], grid)


def _candidates(real: Dataset, key: Key) -> list[kernels.Kernel]:
    x = np.asarray(_numerics.as_rows(np.asarray(real.x)))
    scales: list[Any] = [np.asarray(1.0)]
    deviation = x.std(axis=0)
    varied = deviation > 1e-12 * max(1.0, float(np.abs(x).max()))
    if real.x.ndim <= 2 and x.shape[1] > 1 and varied.any():
        # Constant features cannot be standardised; they take the mean scale of the others.
        scales.append(np.where(varied, deviation, deviation[varied].mean()))
    found: list[kernels.Kernel] = []
    for scale in scales:
        median = kernels.median_lengthscale(x / scale, key=key)
        shape = scale if scale.ndim else float(scale)
        for factor in FACTORS:
            found += [
                kernels.RBF(factor * median * shape),
                kernels.Laplace(factor * median * shape),
            ]
    # Regression targets are centred by a mean that holds each point, so a wide constant
    # lets every left-out fit find its own.
    if real.num_classes is None:
        return [kernels.Sum(kernel, kernels.Constant(_INTERCEPT)) for kernel in found]
    return found


_INTERCEPT = 100.0
