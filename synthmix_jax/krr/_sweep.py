"""The public door: kernel ridge regression over all counts, ridges and weights at once."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Int8

from synthmix_jax import _checks, _devices, _matching, _numerics
from synthmix_jax._best import Best, best_of
from synthmix_jax._typing import Array, KernelFunction, Key, Numbers
from synthmix_jax.dataset import Dataset

from . import _approximate, _deal, _exact, _memory, _problem, _status
from ._features import FeatureMap
from ._rows import Stream

Progress = Callable[[int, int, str], None]
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
        method: "exact", "nystrom" or "random_features".
        features: The feature map of the other two methods; None for "exact".
        leverage_error: Largest error found of a leverage h, in units of 1 - h, where leverages of some cells were
            interpolated (`krr._leverage`): at some points in all cells, and at all points in some cells; a
            squared leave-one-out error is off by about twice that there.
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
    method: str = "exact"
    features: FeatureMap | None = field(default=None, repr=False)
    leverage_error: float = 0.0

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
    synthetic: Dataset | Stream | None,
    *,
    kernel: KernelFunction,
    ridges: Numbers,
    counts: Numbers | None = None,
    weights: Numbers = (1.0,),
    test: Dataset | None = None,
    residuals: bool = False,
    loo: bool = True,
    memory_limit: float | int | None = None,
    method: str = "exact",
    num_features: int = 2048,
    landmarks: str | Array = "uniform",
    key: Key | None = None,
    mesh: Any = None,
    progress: Progress | None = None,
    workdir: str | os.PathLike[str] | None = None,
) -> Sweep:
    """Fit [real; first m synthetic points] for every m, ridge and weight, and score each fit.

    By the exact method one Cholesky factorisation per (ridge, weight) serves all counts (see `krr._nested`):
    exact leave-one-out errors on the real points, and errors on `test`. Beyond memory the kernel is approximated
    by D features (`krr._nystrom`): one pass over the rows, then every cell from its sums; leave-one-out is that
    of regression on these features. Float64 inside, whatever the caller's flag.
    Leave-one-out is honest only if no synthetic point depends on a real one: a generator fitted on
    these real points must be cross-fitted (`recommend(..., fitted_on="real")`).

    Args:
        real: n >= 2 real points. Integer labels are regressed as centred one-hot targets (1 - 1/k, -1/k);
            real targets are taken as they are (no intercept: centre them, or add `kernels.Constant`).
        synthetic: m synthetic points, used in the given order; None for real points only. A data set over a memory
            map is read block by block; for the approximate methods also a `Stream`.
        kernel: A kernel of `smx.kernels` or a callable (n, ...), (m, ...) -> (n, m).
        ridges: Absolute ridges mu (l,), added to the diagonal; positive.
        counts: Strictly increasing synthetic counts (c,) in 0..m; None for all of them, with an approximate method
            for 33 evenly spaced ones.
        weights: Weights (w,) of one synthetic point relative to a real one; positive.
        test: Real points to test on, or None.
        residuals: Whether to keep the leave-one-out errors point by point, for intervals.
        loo: Whether to compute leave-one-out errors at all.
        memory_limit: Bytes the sweep may take; None for nine tenths of what is free.
        method: "exact"; "nystrom" (any kernel) or "random_features" (stationary kernels), approximations whose cost
            grows with the rows and not with their square; "auto" for exact where that fits into memory, else
            nystrom.
            It depends on the machine: name method and counts where results are to be compared.
        num_features: D of the approximate methods. Their error falls with it; time grows with its square.
        landmarks: Of "nystrom": "uniform" or "leverage" (ridge leverage scores at the mean log ridge), drawn from
            real and synthetic rows; or inputs (D, ...), whose number is D then.
        key: PRNG key of landmarks or frequencies; the approximate methods need it.
        mesh: Devices, as a `jax.sharding.Mesh` with axes "rows", "grid" or both; None for one device. Approximate
            methods spread rows over "rows" and cells over all devices. The exact method spreads cells (ridge,
            weight) over "grid", where each device holds the kernel matrix unless "rows" has several: these share
            it and its factor. Inputs are on every device; every process gives the same data and gets all results.
        progress: Told (done, total, what) by the approximate methods.
        workdir: Folder in which approximate methods keep their sums at every count: a pass that was interrupted
            goes on there, on any number of devices, and a sweep over other ridges or weights reads no row again.
            None to keep nothing.

    Returns:
        A `Sweep`. A cell whose factorisation failed is NaN with a status; the others stand.

    Raises:
        ValueError: data that do not match, non-positive ridges or weights, counts beyond the pool, a
            kernel of the wrong shape, more memory needed than there is, more landmarks than rows, random
            features of a kernel that is not stationary, a stream that ends early, or a mesh with other axes.

    References:
        Derived here; leave-one-out as in rasmussen2006, section 5.4.2.
    """
    _checks.one_of("method", method, _approximate.METHODS)
    pool = synthetic.head() if isinstance(synthetic, Stream) else synthetic
    _matching.check_data(real, pool, test)
    ridges = _checks.positive_values("ridges", ridges)
    weights = _checks.positive_values("weights", weights)
    n, m = len(real), 0 if synthetic is None else len(synthetic)
    if not loo and test is None:
        raise ValueError("loo=False without test leaves nothing to compute; give test points.")
    if residuals and not loo:
        raise ValueError("residuals=True asks for leave-one-out errors, which loo=False turns off.")
    asked = method
    on = None if mesh is None else _devices.check_mesh(mesh)
    if method == "auto":
        if key is None and isinstance(landmarks, str):
            raise ValueError(
                "method='auto' may draw landmarks at random, where memory does not hold the exact method: "
                "give key, "
                "such as jax.random.key(0)."
            )
        method = _affordable(
            real, synthetic, test, counts, ridges, weights, residuals, on, memory_limit
        )
        used = m if counts is None else int(np.max(np.asarray(counts), initial=0))
        num_features = min(num_features, n + min(used, m))
    if method != "exact":
        fields = _approximate.sweep(
            real,
            synthetic,
            kernel=kernel,
            ridges=ridges,
            counts=_approximate.counts_of(counts, m),
            weights=weights,
            test=test,
            residuals=residuals,
            loo=loo,
            memory_limit=memory_limit,
            method=method,
            num_features=num_features,
            landmarks=landmarks,
            key=key,
            mesh=_devices.one_device() if on is None else on,
            progress=progress,
            workdir=workdir,
        )
        return Sweep(**fields)
    if isinstance(synthetic, Stream):
        raise ValueError(
            "synthetic is a Stream, which method='exact' cannot hold. Take method='nystrom' or "
            "'random_features', or give a Dataset."
        )
    if workdir is not None and asked == "exact":
        raise ValueError(
            "workdir keeps the sums of an approximate method, and method is 'exact'; leave it out, or take "
            "method='nystrom' or 'random_features'."
        )
    counts = np.arange(m + 1) if counts is None else counts
    counts = _checks.count_values("counts", counts, largest=m)
    _memory.check(
        _needed(real, synthetic, test, counts, ridges, weights, residuals, on),
        memory_limit,
        rows=n + int(counts[-1]),
    )
    classes = _matching.num_classes(real, synthetic, test)
    synthetic = synthetic[: int(counts[-1])] if synthetic is not None and counts[-1] else None
    with _numerics.x64():
        places = tuple(counts.tolist())
        if on is None:
            problem = _problem.build(real, synthetic, kernel, test, classes=classes)
            largest = float(_exact.row_sum_bound(problem.gram))
            result = _exact.solve(problem, ridges, weights, n, places, loo, residuals)
        else:
            result, largest = _deal.solve(
                on,
                real,
                synthetic,
                kernel,
                test,
                classes=classes,
                ridges=ridges,
                weights=weights,
                counts=places,
                loo=loo,
                residuals=residuals,
            )
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


def _affordable(real, synthetic, test, counts, ridges, weights, residuals, on, limit) -> str:
    """The exact method where its matrices fit."""
    if isinstance(synthetic, Stream):
        return "nystrom"
    m = 0 if synthetic is None else len(synthetic)
    counts = _checks.count_values(
        "counts", np.arange(m + 1) if counts is None else counts, largest=m
    )
    needed = _needed(real, synthetic, test, counts, ridges, weights, residuals, on)
    return "exact" if _memory.fits(needed, limit) else "nystrom"


def _needed(real, synthetic, test, counts, ridges, weights, residuals, on) -> int:
    """Bytes of the exact method, where all devices of this process share them: on a CPU."""
    one = _memory.estimate(
        len(real),
        int(counts[-1]),
        features=int(np.prod(real.x.shape[1:])),
        outputs=_matching.num_classes(real, synthetic, test) or int(np.prod(real.y.shape[1:])),
        tests=0 if test is None else len(test),
        counts=len(counts),
        ridges=len(ridges),
        weights=len(weights),
        residuals=residuals,
        rows=1 if on is None else on.shape[_devices.ROWS],
        grid=1 if on is None else on.shape[_devices.GRID],
    )
    own = [] if on is None else on.local_devices
    return one * (len(own) if own and own[0].platform == "cpu" else 1)
