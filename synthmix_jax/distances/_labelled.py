"""Transport of labelled points: what it costs to turn one labelled data set into another.

    cost((x, y), (x', y')) = |x - x'|^2 + W2(class y, class y')^2

with each class a Gaussian of its features (alvarezmelis2020). Two meanings of a label:

- "own": a label is what its own points look like, in either data set. Labels need not agree; two data sets that
  differ by a renaming of classes are at zero. This is OTDD.
- "shared": a label means what the *real* points of that class look like, on both sides, so class y of either is at
  zero from class y of the other. A point with a wrong label then pays for it, and a renaming is seen (derived
  here).

References:
    Alvarez-Melis and Fusi (2020), Geometric dataset distances via optimal transport. [alvarezmelis2020]
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _checks, _matching
from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

from . import _gaussian, _samples
from ._cost import HeldCost, cost_matrix
from ._sinkhorn import Solution
from ._wasserstein import (
    MAX_ITERATIONS,
    THRESHOLD,
    ConvergenceError,
    absolute,
    check_options,
    divergence,
    stopping_for,
)

MEANINGS = ("own", "shared")


class LabelledTransport(NamedTuple):
    """A labelled transport problem, its parts and how well it was solved.

    Attributes:
        value: The distance, in the unit of the points; NaN without convergence.
        cost: value^2: the Sinkhorn divergence of the joint cost.
        covariate: The part of `cost` that moves inputs (debiased; may be slightly negative).
        label: The part that changes classes; what is left is the entropy's.
        class_distances: W2 between class i of the real and class j of the synthetic points (k, k), as the costs had
            it; NaN for classes without points.
        epsilon: The absolute regularisation, in the unit of the cost.
        iterations: Sinkhorn iterations over the three problems.
        marginal_error: Largest L1 error of a marginal.
        converged: Whether it is below the threshold.
    """

    value: Float[Array, ""]
    cost: Float[Array, ""]
    covariate: Float[Array, ""]
    label: Float[Array, ""]
    class_distances: Float[np.ndarray, "k k"]
    epsilon: Float[Array, ""]
    iterations: Int[Array, ""]
    marginal_error: Float[Array, ""]
    converged: Array


def labelled_wasserstein(
    real: Dataset,
    synthetic: Dataset,
    *,
    labels: str = "own",
    epsilon: float | int = 0.01,
    threshold: float = THRESHOLD,
    max_iterations: int = MAX_ITERATIONS,
) -> Float[Array, ""]:
    """The label-aware distance between two labelled data sets, after OTDD: debiased, to the power 1/2.

    Measures: the effort to turn one data set into the other, moving inputs and changing classes. Unit: that of
        the inputs.
    Cost: three transport problems, and a nuclear norm for each pair of classes. Bias: as `wasserstein`, and
        that of the class covariances; compare with a floor (`compare`).

    Args:
        real: Labelled points.
        synthetic: Labelled points with as many features; other numbers of points a class, or other classes, are
            fine.
        labels: "own" (OTDD: a label is what its own points look like, names do not matter) or "shared" (a label
            means what real points of that class look like; wrong labels and swapped classes are seen).
        epsilon: Entropic regularisation relative to the mean cost.
        threshold: L1 error of the marginals at which iterations stop.
        max_iterations: Most iterations of each problem.

    Returns:
        The distance; zero on itself.

    Raises:
        ValueError: no labels, inputs that do not match, or options out of range.
        ConvergenceError: the iterations ended too early; `labelled_transport` returns that instead.

    References:
        alvarezmelis2020; "shared" is derived here.
    """
    found = labelled_transport(
        real,
        synthetic,
        labels=labels,
        epsilon=epsilon,
        threshold=threshold,
        max_iterations=max_iterations,
    )
    if not found.converged:
        raise ConvergenceError(
            f"labelled_wasserstein: no convergence after {int(found.iterations)} iterations: the marginals are off "
            f"by {float(found.marginal_error):.2g}. Raise epsilon or max_iterations."
        )
    return found.value


def labelled_transport(
    real: Dataset,
    synthetic: Dataset,
    *,
    labels: str = "own",
    epsilon: float | int = 0.01,
    threshold: float = THRESHOLD,
    max_iterations: int = MAX_ITERATIONS,
) -> LabelledTransport:
    """`labelled_wasserstein` with the part of inputs, the part of labels, and the class-to-class distances.

    Args:
        real: Labelled points.
        synthetic: Labelled points with as many features.
        labels: "own" or "shared".
        epsilon: Entropic regularisation relative to the mean cost.
        threshold: L1 error of the marginals at which iterations stop.
        max_iterations: Most iterations of each problem.

    Returns:
        A `LabelledTransport`; value NaN where the iterations did not converge.

    Raises:
        ValueError: no labels, inputs that do not match, or options out of range.
    """
    check_options(epsilon=epsilon, threshold=threshold, max_iterations=max_iterations)
    _checks.one_of("labels", labels, MEANINGS)
    for name, data in (("real", real), ("synthetic", synthetic)):
        if not isinstance(data, Dataset) or data.num_classes is None:
            raise ValueError(
                f"{name} must be a Dataset with integer labels, got {data!r}. For regression, compare inputs and "
                "targets side by side: wasserstein of np.column_stack([x, y]), both scaled to matter alike."
            )
        _matching.refuse_maps(name, data)
    x, y = _samples.paired(real.x, synthetic.x, names=("real.x", "synthetic.x"))
    x_labels, y_labels = np.asarray(real.y), np.asarray(synthetic.y)
    k = max(real.num_classes or 0, synthetic.num_classes or 0)
    one, two = class_moments(x, x_labels, k), class_moments(y, y_labels, k)
    if labels == "shared":
        missing = sorted(set(y_labels.tolist()) - set(x_labels.tolist()))
        if missing:
            raise ValueError(
                f'synthetic has points of class {missing[0]}, real has none, so labels="shared" gives it no '
                'meaning. Leave those points out, or use labels="own".'
            )
        two = one
    between = [class_squares(a, b) for a, b in ((one, two), (one, one), (two, two))]
    middle = _samples.centre(x)
    x, y = x - middle, y - middle
    with _samples.precision(x):
        tables = [jnp.asarray(np.nan_to_num(table), x.dtype) for table in between]
        found = _labelled(
            jnp.asarray(x),
            jnp.asarray(y),
            x_labels,
            y_labels,
            tables,
            epsilon,
            stopping_for(threshold, max_iterations, len(x), len(y)),
        )
        found = {name: _samples.number(value) for name, value in found.items()}
    return LabelledTransport(class_distances=np.sqrt(between[0]), **found)


@jax.jit
def _labelled(x, y, x_labels, y_labels, tables, epsilon, stopping) -> dict[str, Array]:
    """The divergence of the joint cost, and its parts from the three plans."""
    samples = ((x, x_labels, y, y_labels), (x, x_labels, x, x_labels), (y, y_labels, y, y_labels))
    inputs = [cost_matrix(u, v, 2) for u, _, v, _ in samples]
    classes = [
        t[lu[:, None], lv[None, :]] for (_, lu, _, lv), t in zip(samples, tables, strict=True)
    ]
    joint = [HeldCost(c + l) for c, l in zip(inputs, classes, strict=True)]
    a, b = (jnp.full(len(v), 1.0 / len(v), v.dtype) for v in (x, y))
    eps = absolute(epsilon, joint[0].mean())
    found = divergence(joint[0], joint[1], joint[2], a, b, eps, stopping)
    solutions: list[Solution] = [s for s in (found.xy, found.xx, found.yy) if s is not None]
    masses = ((a, b), (a, a), (b, b))
    plans = [c.plan(*m, eps, s.f, s.g) for c, m, s in zip(joint, masses, solutions, strict=True)]
    part = lambda costs: functools.reduce(
        jnp.add,
        [w * jnp.sum(P * C) for w, P, C in zip((1.0, -0.5, -0.5), plans, costs, strict=True)],
    )
    converged = jnp.all(jnp.stack([s.converged for s in solutions]))
    cost = jnp.where(converged, found.cost, jnp.nan)
    return {
        "value": _samples.root(cost),
        "cost": cost,
        "covariate": part(inputs),
        "label": part(classes),
        "epsilon": eps,
        "iterations": functools.reduce(jnp.add, [s.iterations for s in solutions]),
        "marginal_error": jnp.max(jnp.stack([s.error for s in solutions])),
        "converged": converged,
    }


class Moments(NamedTuple):
    """Gaussians of classes: means (k, d), factors with covariance = factor^T factor (k, r, d), points in each."""

    means: np.ndarray
    factors: np.ndarray
    sizes: np.ndarray


def class_moments(x: Float[Array, "n d"], labels: Int[np.ndarray, " n"], k: int) -> Moments:
    """The Gaussian of each class; rows of zeros give all factors one shape."""
    x = np.asarray(x, np.float64)
    d = x.shape[1]
    means, factors = np.zeros((k, d)), []
    sizes = np.bincount(labels, minlength=k)
    for c in range(k):
        rows = x[labels == c]
        means[c] = rows.mean(axis=0) if len(rows) else 0.0
        scaled = (rows - means[c]) / math.sqrt(max(len(rows), 1))
        factors.append(np.linalg.qr(scaled, mode="r") if len(rows) > d else scaled)
    most = max(map(len, factors))
    padded = [np.pad(f, ((0, most - len(f)), (0, 0))) for f in factors]
    return Moments(means, np.stack(padded), sizes)


def class_squares(one: Moments, two: Moments) -> Float[np.ndarray, "k k"]:
    """Squared W2 between the Gaussians of all pairs of classes; zero of a class with itself, NaN without points."""
    with jax.enable_x64(True):
        found = np.array(_all_pairs(one.means, one.factors, two.means, two.factors))
    if one is two:
        np.fill_diagonal(found, 0.0)
    found[one.sizes == 0, :] = np.nan
    found[:, two.sizes == 0] = np.nan
    return found


def class_costs(x: Float[Array, "n d"], labels: Int[np.ndarray, " n"], k: int) -> np.ndarray:
    """Squared distances between the classes of one sample; as far as the farthest, where one has no points."""
    moments = class_moments(x, labels, k)
    squares = class_squares(moments, moments)
    far = np.nanmax(squares, initial=0.0)
    squares = np.where(np.isnan(squares), far, squares)
    np.fill_diagonal(squares, 0.0)
    return squares


@jax.jit
def _all_pairs(means1, factors1, means2, factors2) -> Array:
    def row(first):
        return jax.lax.map(
            lambda second: _gaussian._squared_between(first, second), (means2, factors2)
        )

    return jax.lax.map(row, (means1, factors1))
