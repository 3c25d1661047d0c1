"""Choose kernel and lengthscale on the real data alone, by leave-one-out over a small grid.

Synthetic data must not choose the kernel: the real-only error it is compared with would no longer be the best
that real data alone can do.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from synthmix_jax import _numerics, kernels, krr
from synthmix_jax._typing import KernelFunction, Key
from synthmix_jax.dataset import Dataset

# Multiples of the median distance between real points.
FACTORS = (0.35, 0.5, 0.71, 1.0, 1.41)
RIDGES = (0.001, 0.01, 0.1, 1.0)

# Twenty kernels are tried: with more source points than this the choice would take longer than the answer.
_MOST_SOURCE = 1000
# The same of real points that are scored themselves, where the sweep is exact; and on features, where it is fast.
MOST_REAL, MOST_REAL_FAST = 2000, 500


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


def choose_kernel(
    real: Dataset,
    ridges: np.ndarray,
    *,
    key: Key,
    importance: np.ndarray | None = None,
    most: int = MOST_REAL,
    tick: Callable[[], None] | None = None,
) -> KernelChoice:
    """Leave-one-out over RBF and Laplace kernels, five lengthscales, raw and standardised features.

    Standardising (vectors only) gives each feature its own lengthscale, proportional to its standard
    deviation over the real points. That uses every point, so its leave-one-out error is exact up to O(1/n).

    Args:
        real: Real points; regression targets centred.
        ridges: Absolute ridges tried with each kernel.
        key: PRNG key of that part.
        importance: Weights (n,) of the points' leave-one-out errors; None for a plain mean.
        most: Of more points a random part of so many.
        tick: Called after each of the `num_candidates` kernels.

    Raises:
        ValueError: no candidate could be fitted, or all real points coincide.
    """
    if len(real) > most:
        rows = _some(len(real), most, key)
        real, importance = real[rows], None if importance is None else importance[rows]

    def error_of(kernel):
        sweep = krr.sweep(
            real, None, kernel=kernel, ridges=ridges, residuals=importance is not None
        )
        if importance is not None:
            assert sweep.loo_residuals is not None
            return (sweep.loo_residuals * importance).mean(axis=-1)
        assert sweep.loo_error is not None
        return sweep.loo_error

    return _least(_candidates(real, key), error_of, tick)


def num_candidates(real: Dataset) -> int:
    """Kernels that are tried: two families, and lengthscales of raw and, for vectors, standardised features."""
    vectors = real.x.ndim == 2 and real.x.shape[1] > 1
    return 2 * len(FACTORS) * (2 if vectors else 1)


def choose_kernel_for_target(
    source: Dataset, target: Dataset, ridges: np.ndarray, weight: float, *, key: Key
) -> KernelChoice:
    """The same candidates, by the leave-one-out error of target points fitted together with source points.

    Args:
        source: Real points of the source; of more than 1,000 a random part.
        target: Labelled real points of the target, the only ones scored.
        ridges: Absolute ridges tried with each kernel.
        weight: Of one target point.
        key: PRNG key.

    Raises:
        ValueError: no candidate could be fitted, or all points coincide.
    """
    if len(source) > _MOST_SOURCE:
        source = source[_some(len(source), _MOST_SOURCE, key)]
    groups = {"source": source, "target": target}

    def error_of(kernel):
        sweep = krr.sweep_groups(
            groups, kernel=kernel, ridges=ridges, weights={"target": weight}, score="target"
        )
        return sweep.loo_error["target"]

    return _least(_candidates(groups["source"], key), error_of)


def _some(number: int, most: int, key: Key) -> np.ndarray:
    """Rows at random: files are often sorted."""
    return np.sort(_numerics.host_generator(key).permutation(number)[:most])


def _least(
    candidates: list[kernels.Kernel],
    error_of: Callable[[kernels.Kernel], np.ndarray],
    tick: Callable[[], None] | None = None,
) -> KernelChoice:
    tried = []
    for kernel in candidates:
        errors = error_of(kernel)
        if np.isfinite(errors).any():
            tried.append((float(np.nanmin(errors)), kernel))
        if tick is not None:
            tick()
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
