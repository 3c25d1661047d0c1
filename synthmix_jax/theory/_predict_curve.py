"""From two samples to the whole curve of the error against the number of synthetic points, and beyond the pool."""

from dataclasses import dataclass
from warnings import warn

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _checks, _matching, _numerics, kernels
from synthmix_jax._best import Best, best_of
from synthmix_jax._typing import KernelFunction, Numbers
from synthmix_jax.dataset import Dataset

from . import _plug_in, _resolvent


@dataclass(frozen=True, eq=False)
class PredictedCurve:
    """Predicted squared error on new real points, their noise included, over weights, ridges and counts.

    Attributes:
        counts: Synthetic counts m (c,); may go beyond the pool.
        ratios: m / n (c,).
        ridges: Absolute ridges (l,).
        weights: Weights of one synthetic point (w,).
        error: Mean squared error, summed over outputs (w, l, c), as `krr.Sweep.loo_error`; NaN beyond `reach`, and
            close to interpolation: where `radius` is above 0.7.
        standard_error: Of `error`, from the scatter of the residuals; the error of the approximation comes on top
            (see `radius`). None for method="spectrum".
        radius: How much of the error is due to the draw of the points (w, l, c): the spectral radius of M' in
            docs/theory.md. Predictions are good to 1, 3, 4 and 7 % up to 0.3, 0.5, 0.6 and 0.7, where they end
            (digits); None for method="spectrum".
        reach: The largest count each cell can be predicted for (w, l); None for method="spectrum".
        pool: Synthetic points the prediction was made from.
        method: "resolvent" or "spectrum".
    """

    counts: Int[np.ndarray, " c"]
    ratios: Float[np.ndarray, " c"]
    ridges: Float[np.ndarray, " l"]
    weights: Float[np.ndarray, " w"]
    error: Float[np.ndarray, "w l c"]
    standard_error: Float[np.ndarray, "w l c"] | None
    radius: Float[np.ndarray, "w l c"] | None
    reach: Float[np.ndarray, "w l"] | None
    pool: int
    method: str

    def best(self, *, beyond: bool = False) -> Best:
        """The cell of least error among those that could be predicted; each ridge and weight has its own.

        Args:
            beyond: Whether counts above the pool take part. Predictions there are the lower the farther they go, so
                that the least of them is too good to be true.

        Raises:
            ValueError: no cell could be predicted.
        """
        errors = np.where((self.counts <= self.pool) | beyond, self.error, np.nan)
        if not np.isfinite(errors).any():
            raise ValueError(
                "no cell could be predicted. Ask for counts within the pool, and give larger ridges."
            )
        amounts = {"counts": self.counts, "ratios": self.ratios}
        return best_of(errors, **amounts, weights=self.weights, ridges=self.ridges)


def predict_curve(
    real: Dataset,
    synthetic: Dataset,
    *,
    kernel: KernelFunction,
    ridges: Numbers,
    counts: Numbers | None = None,
    weights: Numbers = (1.0,),
    method: str = "resolvent",
) -> PredictedCurve:
    """Predict the error with any number of synthetic points, also more than there are.

    `krr.sweep` measures the leave-one-out error with the first m points, for each m: one order of the pool, and
    no point beyond it. This predicts what the mean over all orders would be, and goes on past the end of the
    pool. At no and at all points it is the leave-one-out error itself. Real and synthetic inputs may differ in
    law. How good it is on data: experiments/predicted_curve.

    Like leave-one-out it is honest only if no synthetic point depends on a real one; and it predicts squared
    errors, not misclassification.

    Args:
        real: n >= 2 real points. Integer labels are regressed as centred one-hot targets (1 - 1/k, -1/k).
        synthetic: The pool, M >= 2 synthetic points in any order, a random sample of what the generator makes.
            With few points on either side (below some twenty) predictions between none and all are rough.
        kernel: A kernel of `smx.kernels` or a callable.
        ridges: Absolute ridges (l,), positive.
        counts: Strictly increasing counts (c,) of zero or more; about 60 from 0 to M if None.
        weights: Weights (w,) of one synthetic point relative to a real one; positive.
        method: "resolvent" reads all it needs off the regression on the samples. "spectrum" estimates eigenvalues,
            coefficients and noise, takes both laws of inputs for one, and puts them into `mixed_risk`: the plain
            plug-in, for comparison, and far off where inputs have more dimensions than can be estimated (images).

    Returns:
        A `PredictedCurve`. One eigendecomposition of M by M for each ridge and each weight, and memory for some
        thirty matrices of that size.

    Raises:
        ValueError: data that do not match, numbers out of range, a kernel matrix that cannot be factored.

    Warns:
        UserWarning: counts beyond what the pool can tell, or cells too close to interpolation; their errors are
            NaN.

    References:
        Derived here; fewer points as a larger ridge, for one sample: Patil and Du (2023). [patil2023]
    """
    _matching.check_data(real, synthetic)
    if synthetic is None or len(synthetic) < 2:
        raise ValueError(
            "synthetic holds fewer than two points. Give a sample to predict from, or use krr.sweep for real "
            "points alone."
        )
    ridges = _checks.positive_values("ridges", ridges)
    weights = _checks.positive_values("weights", weights)
    _checks.one_of("method", method, ("resolvent", "spectrum"))
    n, pool = len(real), len(synthetic)
    counts = _counts_of(counts, pool)
    classes = _matching.num_classes(real, synthetic)
    targets = np.concatenate(
        [_matching.encode_targets(data.y, classes) for data in (real, synthetic)]
    )
    inputs = [np.asarray(_numerics.as_float(np.asarray(data.x))) for data in (real, synthetic)]
    with _numerics.x64():
        gram = jnp.asarray(kernels.gram(kernel, np.concatenate(inputs)), jnp.float64)
    _checks.finite(f"the matrix of kernel {kernels.describe(kernel)}", gram)
    amounts = {"ridges": ridges, "weights": weights, "counts": counts}
    if method == "spectrum":
        error = _plug_in.plug_in_error(gram, targets, n=n, **amounts)
        deviation = radius = reach = None
    else:
        error, deviation, radius, reach = _by_resolvent(gram, targets, n, **amounts)
    return PredictedCurve(
        counts=counts,
        ratios=counts / n,
        ridges=ridges,
        weights=weights,
        error=error,
        standard_error=deviation,
        radius=radius,
        reach=reach,
        pool=pool,
        method=method,
    )


def _counts_of(counts: Numbers | None, pool: int) -> np.ndarray:
    if counts is None:
        return np.unique(np.concatenate([[0], np.geomspace(1, pool, 60).round().astype(np.int64)]))
    return _checks.count_values("counts", counts, largest=np.iinfo(np.int64).max)


def _by_resolvent(gram, targets, n, *, ridges, weights, counts):
    pool = len(gram) - n
    shape = len(weights), len(ridges)
    error, deviation, radius = np.empty((3, *shape, len(counts)))
    reach = np.full(shape, np.inf)
    inside = counts <= pool
    with _numerics.x64():
        targets = jnp.asarray(targets, jnp.float64)
        split = [jnp.asarray(counts[which], jnp.float64) for which in (inside, ~inside)]
        for l, ridge in enumerate(ridges):
            reduced = _resolvent.reduce(gram, targets, jnp.asarray(ridge), n=n)
            if not bool(jnp.isfinite(jnp.sum(reduced.posterior))):
                raise ValueError(
                    f"the kernel matrix of the real points cannot be factored with ridges = {ridge:g}. "
                    "Give a larger ridge, or drop repeated points."
                )
            alike = _resolvent.uniform(reduced)
            for w, weight in enumerate(weights):
                own = jnp.asarray(ridge / weight)
                if inside.any():
                    family = _resolvent.thinned(reduced, alike, own)
                    curves = _resolvent.below(family, own, split[0])
                    for values, new in zip((error, deviation, radius), curves, strict=False):
                        values[w, l, inside] = new
                curves, reach[w, l] = _resolvent.beyond(alike, own, split[1])
                for values, new in zip((error, deviation, radius), curves, strict=False):
                    values[w, l, ~inside] = new
    if np.any(counts[-1] > reach):
        warn(
            f"counts go to {counts[-1]}, and the {pool} synthetic points can tell of at most "
            f"{int(reach.min())} at the least favourable weight and ridge: errors beyond `reach` are NaN. Give "
            "larger ridges, smaller weights or more synthetic points.",
            stacklevel=3,
        )
    lost = int(np.sum(np.isnan(error) & (counts <= reach[..., None])))
    if lost:
        warn(
            f"{lost} of {error.size} cells are too close to interpolation to be predicted, and are NaN: their "
            "ridges are small for so few points. Give larger ridges, or measure these counts by krr.sweep.",
            stacklevel=3,
        )
    return error, deviation, radius, reach
