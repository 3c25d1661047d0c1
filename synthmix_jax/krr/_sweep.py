"""The public door: kernel ridge regression over all counts, ridges and weights at once."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, Int8

from synthmix_jax import _checks, _matching, _numerics
from synthmix_jax._best import Best, best_of
from synthmix_jax._typing import KernelFunction, Numbers
from synthmix_jax.dataset import Dataset

from . import _exact, _memory, _problem, _status

_Grid = Float[np.ndarray, "w l c"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Errors over weights, ridges and synthetic counts, as NumPy float64.

    Attributes:
        counts: Synthetic counts m (c,).
        ratios: m / n (c,).
        ridges: Absolute ridges (l,).
        weights: Weights of one synthetic point (w,).
        loo_error: Mean over the n real points of the squared leave-one-out error, summed over outputs
            (w, l, c); None with loo=False.
        loo_misclassified: Share of real points misclassified when left out; None for regression.
        loo_residuals: `loo_error` point by point (w, l, c, n); None unless residuals=True.
        loo_wrong: `loo_misclassified` point by point, 1.0 or 0.0 (w, l, c, n); None for regression or unless
            residuals=True.
        test_error: Mean over the test points of the squared error, summed over outputs; None without test.
        test_misclassified: Share of test points misclassified; None for regression or without test.
        status: What became of each cell (w, l, c): 0 ok, 1 imprecise, 2 failed; see `explain`.
        largest_eigenvalue: An upper bound for the kernel matrix, to judge ridges by.
    """

    counts: Int[np.ndarray, " c"]
    ratios: Float[np.ndarray, " c"]
    ridges: Float[np.ndarray, " l"]
    weights: Float[np.ndarray, " w"]
    loo_error: _Grid | None
    loo_misclassified: _Grid | None
    loo_residuals: Float[np.ndarray, "w l c n"] | None = field(repr=False)
    loo_wrong: Float[np.ndarray, "w l c n"] | None = field(repr=False)
    test_error: _Grid | None
    test_misclassified: _Grid | None
    status: Int8[np.ndarray, "w l c"] = field(repr=False)
    largest_eigenvalue: float

    def best(self, by: str = "loo") -> Best:
        """The cell of least error.

        Args:
            by: "loo" for the leave-one-out error, "test" for the test error. Choosing by test error and
                reporting it is optimistic.

        Raises:
            ValueError: the sweep has no such error, or no cell succeeded.
        """
        _checks.one_of("by", by, ("loo", "test"))
        errors = self.loo_error if by == "loo" else self.test_error
        if errors is None:
            remedy = "loo=True" if by == "loo" else "test=Dataset(...)"
            raise ValueError(f"this sweep has no {by} error; call sweep with {remedy}.")
        if not np.isfinite(errors).any():
            raise ValueError(f"no cell of the sweep succeeded. {self.explain(0, 0, 0)}")
        amounts = {"counts": self.counts, "ratios": self.ratios}
        return best_of(errors, **amounts, weights=self.weights, ridges=self.ridges)

    def explain(self, weight: int, ridge: int, count: int) -> str:
        """The status of the cell at these three indices, in words."""
        return _status.explain(
            int(self.status[weight, ridge, count]),
            ridge=float(self.ridges[ridge]),
            weight=float(self.weights[weight]),
            count=int(self.counts[count]),
            largest=self.largest_eigenvalue,
        )


def sweep(
    real: Dataset,
    synthetic: Dataset | None,
    *,
    kernel: KernelFunction,
    ridges: Numbers,
    counts: Numbers | None = None,
    weights: Numbers = (1.0,),
    test: Dataset | None = None,
    residuals: bool = False,
    loo: bool = True,
    memory_limit: float | int | None = None,
) -> Sweep:
    """Fit [real; first m synthetic points] for every m, ridge and weight, and score each fit.

    One Cholesky factorisation per (ridge, weight) serves all counts (see `krr._nested`): exact
    leave-one-out errors on the real points, and errors on `test`. Float64 inside, whatever the caller's
    flag. Leave-one-out is honest only if no synthetic point depends on a real one: a generator fitted on
    these real points must be cross-fitted (`recommend(..., fitted_on="real")`).

    Args:
        real: n >= 2 real points. Integer labels are regressed as centred one-hot targets (1 - 1/k, -1/k);
            real targets are taken as they are (no intercept: centre them, or add `kernels.Constant`).
        synthetic: m synthetic points, used in the given order; None for real points only.
        kernel: A kernel of `smx.kernels` or a callable (n, ...), (m, ...) -> (n, m).
        ridges: Absolute ridges mu (l,), added to the diagonal; positive.
        counts: Strictly increasing synthetic counts (c,) in 0..m; None for all of them.
        weights: Weights (w,) of one synthetic point relative to a real one; positive.
        test: Real points to test on, or None.
        residuals: Whether to keep the leave-one-out errors point by point, for intervals.
        loo: Whether to compute leave-one-out errors at all.
        memory_limit: Bytes the sweep may take; None for nine tenths of what is free.

    Returns:
        A `Sweep`. A cell whose factorisation failed is NaN with a status; the others stand.

    Raises:
        ValueError: data that do not match, non-positive ridges or weights, counts beyond the pool, a
            kernel of the wrong shape, or more memory needed than there is.

    References:
        Derived here; leave-one-out as in rasmussen2006, section 5.4.2.
    """
    _matching.check_data(real, synthetic, test)
    ridges = _checks.positive_values("ridges", ridges)
    weights = _checks.positive_values("weights", weights)
    n, m = len(real), 0 if synthetic is None else len(synthetic)
    counts = np.arange(m + 1) if counts is None else counts
    counts = _checks.count_values("counts", counts, largest=m)
    if not loo and test is None:
        raise ValueError("loo=False without test leaves nothing to compute; give test points.")
    if residuals and not loo:
        raise ValueError("residuals=True asks for leave-one-out errors, which loo=False turns off.")
    _check_memory(real, synthetic, test, counts, ridges, weights, residuals, memory_limit)

    classes = _matching.num_classes(real, synthetic, test)
    synthetic = synthetic[: int(counts[-1])] if synthetic is not None and counts[-1] else None
    with _numerics.x64():
        problem = _problem.build(real, synthetic, kernel, test, classes=classes)
        largest = float(_exact.row_sum_bound(problem.gram))
        result = _exact.solve(problem, ridges, weights, n, tuple(counts.tolist()), loo, residuals)
    errors = result.loo_error if loo else result.test_error
    assert errors is not None
    return Sweep(
        counts=counts,
        ratios=counts / n,
        ridges=ridges,
        weights=weights,
        status=_status.codes(np.asarray(errors), ridges, weights, largest),
        largest_eigenvalue=largest,
        **result._asdict(),
    )


def _check_memory(real, synthetic, test, counts, ridges, weights, residuals, limit) -> None:
    needed = _memory.estimate(
        len(real),
        int(counts[-1]),
        features=int(np.prod(real.x.shape[1:])),
        outputs=_matching.num_classes(real, synthetic, test) or int(np.prod(real.y.shape[1:])),
        tests=0 if test is None else len(test),
        counts=len(counts),
        ridges=len(ridges),
        weights=len(weights),
        residuals=residuals,
    )
    _memory.check(needed, limit, rows=len(real) + int(counts[-1]))
