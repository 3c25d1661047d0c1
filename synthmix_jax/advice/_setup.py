"""What every advice begins and ends with: kernel, ridges, counts, progress, the curve, what to redo it by."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from synthmix_jax import _checks, _numerics, kernels, krr, mixing
from synthmix_jax._typing import KernelFunction, Key, Numbers
from synthmix_jax._version import __version__
from synthmix_jax.dataset import Dataset
from synthmix_jax.krr import _problem

from . import _intervals, _kernel_choice, _verdict
from ._evidence import Progress
from ._records import Curve


def mean_target(real: Dataset) -> np.ndarray | float:
    """Mean of regression targets, which fits are centred by; zero for labels."""
    if real.num_classes is not None:
        return 0.0
    return np.asarray(_numerics.as_float(np.asarray(real.y))).mean(axis=0)


def kernel_and_ridges(
    real: Dataset,
    kernel: KernelFunction | None,
    ridges: Numbers | None,
    choose: Callable[[np.ndarray], _kernel_choice.KernelChoice],
) -> tuple[KernelFunction, np.ndarray, list[dict[str, Any]] | None]:
    """Kernel and ridges as given; or the default ridges, and the kernel `choose` finds; and what was tried."""
    if kernel is None:
        # Every candidate has the value one on its diagonal (the intercept aside).
        ridges = _checks.positive_values(
            "ridges", _kernel_choice.RIDGES if ridges is None else ridges
        )
        choice = choose(ridges)
        return choice.kernel, ridges, choice.grid
    if ridges is None:
        x = np.asarray(_numerics.as_float(np.asarray(real.x)))
        with _numerics.x64():
            scale = float(
                np.mean(
                    [_problem.evaluate(kernel, x[i : i + 1])[0, 0] for i in range(min(len(x), 64))]
                )
            )
        if not scale > 0:
            raise ValueError(
                f"kernel {kernels.describe(kernel)} is not positive on the diagonal (mean {scale:g})."
            )
        ridges = scale * np.asarray(_kernel_choice.RIDGES)
    return kernel, _checks.positive_values("ridges", ridges), None


def checked_counts(counts: Numbers | None, size: int, number: int = 60) -> np.ndarray:
    """Counts from zero within a pool; about `number` where none are given.

    Raises:
        ValueError: counts beyond the pool, or without zero.
    """
    if counts is None:
        return mixing.geometric_counts(size, number)
    checked = _checks.count_values("counts", counts, largest=size)
    if checked[0] != 0:
        raise ValueError(
            f"counts must start at 0, the real-only case everything is compared with; got {checked[0]}."
        )
    if len(checked) < 2:
        raise ValueError("counts must hold 0 and at least one more.")
    return checked


def curve_of(
    sweep: krr.Sweep, residuals: np.ndarray, choice: _verdict.Choice, frequencies: np.ndarray
) -> Curve:
    """The curve at the weight and ridge of a choice."""
    w, l, _ = choice.cell
    curve = residuals[w, l]
    error = curve.mean(axis=-1)
    best = int(np.nanargmin(error))
    half = _intervals.QUANTILE * _intervals.standard_error(curve - curve[best])
    wrong = sweep.loo_misclassified
    return Curve(
        counts=sweep.counts,
        error=error,
        low=error - half,
        high=error + half,
        misclassified=None if wrong is None else wrong[w, l],
        frequencies=frequencies.sum(axis=(0, 1)),
    )


class Ticker:
    """Counts steps and tells a progress callback."""

    def __init__(self, progress: Progress | None, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, what: str) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total, what)

    def within(self, done: int, total: int, what: str) -> None:
        """Tell how far the step that is under way has come."""
        if self.progress is not None:
            self.progress(self.done, self.total, f"{what}, {100 * done // max(total, 1)} %")


def key_words(key: Key) -> list[int]:
    """A PRNG key as whole numbers."""
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(key) if typed else key).tolist()


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    import platform

    return {
        "synthmix_jax": __version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
