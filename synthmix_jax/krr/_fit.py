"""One fit, or an average of fits over counts, as a function that predicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from synthmix_jax import _checks, _matching, _numerics
from synthmix_jax._typing import Array, KernelFunction, Numbers
from synthmix_jax.dataset import Dataset

from . import _nested, _problem, _status

_averaged = jax.jit(_nested.averaged_coefficients, static_argnames="n")


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted kernel expansion f(x) = sum_j k(x, x_j) c_j.

    Attributes:
        kernel: The kernel.
        x: Inputs of the expansion (N, ...), float64.
        coefficients: c (N, k), float64.
        flat: Whether predictions are (t,) (one regression target given as (n,)) or (t, k).
        pixels: Whether the real inputs came as uint8 images, read as x / 255.
    """

    kernel: KernelFunction
    x: np.ndarray
    coefficients: Float[np.ndarray, "N k"]
    flat: bool
    pixels: bool = False

    @classmethod
    def of(
        cls,
        real: Dataset,
        synthetic: Dataset | None,
        *,
        kernel: KernelFunction,
        coefficients: Float[np.ndarray, "N k"],
    ) -> "Fit":
        """An expansion over all real, then all synthetic points, with given coefficients (n + m, k)."""
        parts = [real] if synthetic is None else [real, synthetic]
        return cls.of_parts(parts, kernel=kernel, coefficients=coefficients)

    @classmethod
    def of_parts(
        cls,
        parts: Sequence[Dataset],
        *,
        kernel: KernelFunction,
        coefficients: Float[np.ndarray, "N k"],
    ) -> "Fit":
        """An expansion over the points of several data sets, one after the other."""
        flat = parts[0].num_classes is None and parts[0].y.ndim == 1
        x, pixels = _problem.stack_inputs(*parts), parts[0].x.dtype == np.uint8
        return cls(kernel, x, coefficients, flat, pixels)

    def predict(self, x: Array, *, block_size: int = 4096) -> np.ndarray:
        """Predict targets, or class scores (argmax over the last axis is the class).

        Args:
            x: Inputs (t, ...), as those fitted on.
            block_size: Test rows handled at a time, which bounds memory.

        Returns:
            Targets (t,) or (t, k), or class scores (t, k), float64.

        Raises:
            ValueError: features that do not match, non-finite values, or a block size below one.
        """
        return _problem.predict_in_blocks(
            lambda block: _product(
                _problem.evaluate(self.kernel, block, self.x), self.coefficients
            ),
            x,
            example=self.x,
            outputs=self.coefficients.shape[1],
            flat=self.flat,
            pixels=self.pixels,
            block_size=block_size,
        )


def fit(
    real: Dataset,
    synthetic: Dataset | None = None,
    *,
    kernel: KernelFunction,
    ridge: float | int,
    weight: float | int = 1.0,
) -> Fit:
    """Kernel ridge regression on all real and all synthetic points.

    Minimises sum_real |y - f|^2 + w sum_syn |y' - f|^2 + mu |f|^2_H. Float64 inside.

    Args:
        real: n >= 1 real points.
        synthetic: m synthetic points, or None.
        kernel: A kernel or a callable.
        ridge: Absolute ridge mu, positive.
        weight: Weight w of one synthetic point, positive.

    Raises:
        ValueError: data that do not match, a non-positive ridge or weight, or a matrix that is not
            positive definite at this ridge.
    """
    m = 0 if synthetic is None else len(synthetic)
    return fit_average(
        real, synthetic, kernel=kernel, ridge=ridge, weight=weight, counts=[m], frequencies=[1.0]
    )


def fit_average(
    real: Dataset,
    synthetic: Dataset | None,
    *,
    kernel: KernelFunction,
    ridge: float | int,
    counts: Numbers,
    frequencies: Numbers,
    weight: float | int = 1.0,
) -> Fit:
    """Average of the fits at several synthetic counts, from one factorisation.

    Args:
        real: n real points.
        synthetic: The pool, in the order that the counts refer to; None with counts [0].
        kernel: A kernel or a callable.
        ridge: Absolute ridge mu, positive.
        counts: Strictly increasing synthetic counts.
        frequencies: What each count contributes; normally they sum to one.
        weight: Weight w of one synthetic point, positive.

    Returns:
        The `Fit` whose predictions are sum_m frequency_m f_m(x); derived here (`krr._nested`).

    Raises:
        ValueError: as `fit`, or counts and frequencies that do not match.
    """
    _matching.check_data(real, synthetic, least=1)
    ridge = _checks.positive_value("ridge", ridge)
    weight = _checks.positive_value("weight", weight)
    counts = _checks.count_values("counts", counts, largest=len(synthetic) if synthetic else 0)
    frequencies = np.atleast_1d(np.asarray(frequencies, np.float64))
    if frequencies.shape != counts.shape or not np.isfinite(frequencies).all():
        raise ValueError(f"frequencies must be {len(counts)} finite numbers, one a count.")
    n, classes = len(real), _matching.num_classes(real, synthetic)
    synthetic = synthetic[: int(counts[-1])] if synthetic is not None and counts[-1] else None
    mass = np.array([frequencies[counts > row - n].sum() for row in range(n + int(counts[-1]))])
    mass[:n] = frequencies.sum()
    with _numerics.x64():
        problem = _problem.build(real, synthetic, kernel, classes=classes)
        coefficients = np.asarray(_averaged(problem, ridge, weight, jnp.asarray(mass), n=n))
        largest = float(jnp.max(jnp.sum(jnp.abs(problem.gram), axis=1)))
    if not np.isfinite(coefficients).all():
        raise ValueError(
            _status.explain(
                _status.FAILED, ridge=ridge, weight=weight, count=int(counts[-1]), largest=largest
            )
        )
    return Fit.of(real, synthetic, kernel=kernel, coefficients=coefficients)


_product = jax.jit(partial(jnp.matmul, precision=_numerics.HIGHEST))
