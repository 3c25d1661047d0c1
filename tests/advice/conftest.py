"""Advice made by hand, one for each verdict: what reports and pictures are tested on."""

import dataclasses

import numpy as np
import pytest

from synthmix_jax import kernels, mixing
from synthmix_jax.advice import Advice, Copies, Curve
from synthmix_jax.krr import Sweep

RIDGES = np.array([0.01, 0.1])
WEIGHTS = np.array([0.1, 1.0])

# Verdict: depth of the dip and rise of the far end (relative), place of the dip, interval, gain, its interval.
SHAPES = {
    "use part": (0.16, 0.25, 40, (11, 271), 0.14, (0.05, 0.23)),
    "use all": (0.30, 0.0, 2000, (190, 2000), 0.25, (0.12, 0.38)),
    "use none": (0.0, 0.60, 0, (0, 9), -0.02, (-0.09, 0.04)),
    "no clear optimum": (0.08, 0.15, 53, (0, 2000), 0.05, (-0.04, 0.14)),
}


@pytest.fixture
def make_advice():
    """A function that makes a plausible `Advice` of a verdict."""
    return advice


def advice(verdict="use part", *, n=50, pool=2000, weight=0.1, counts=None, labels=True, **changes):
    """A plausible `Advice`; `changes` replace its fields."""
    depth, rise, count, interval, gain, gain_interval = SHAPES[verdict]
    counts = mixing.geometric_counts(pool, 40) if counts is None else np.asarray(counts)
    count, low, high = (int(counts[np.argmin(abs(counts - c))]) for c in (count, *interval))
    grid = error_grid(counts, n, depth, rise, count)
    w = int(np.flatnonzero(weight == WEIGHTS)[0])
    sweep = sweep_of(counts, grid, n, labels)
    record = Advice(
        verdict=verdict,
        count=count,
        ratio=count / n,
        weight=weight,
        ridge=0.01,
        kernel=kernels.RBF(1.5),
        interval=(low, high),
        gain=gain,
        gain_interval=gain_interval,
        distances=None,
        sweep=sweep,
        curve=curve_of(sweep, w, count),
        real_only_error=float(grid[0, :, 0].min()),
        error=float(grid[w, 0, np.flatnonzero(counts == count)[0]]),
        num_real=n,
        pool=int(counts[-1]),
        copies=Copies(0.0, 0.08, False),
        warnings=(),
        settings={"fitted_on": "other", "num_bootstrap": 1000, "num_orders": 3, "seed": 0},
        names=("digits", "blurred digits"),
        predictor=lambda x: np.zeros(len(x)),
    )
    return dataclasses.replace(record, **changes)


def error_grid(counts, n, depth, rise, best):
    """Errors (w, l, c): a dip of some depth at `best`, then a rise."""
    position = np.log1p(counts / (0.1 * n))
    peak = max(np.log1p(best / (0.1 * n)), 1e-9)
    fall = np.minimum(position / peak, 1.0) if best else np.zeros(len(counts))
    climb = np.maximum(position - peak, 0.0) / max(position[-1] - peak, 1e-9)
    curve = 0.335 * (1.0 - depth * np.sin(0.5 * np.pi * fall) + rise * climb**2)
    return curve * np.array([[[1.0], [1.06]], [[1.0], [1.05]]]) + 0.02 * np.array(
        [[[0.0]], [[1.0]]]
    ) * (counts > 0)


def curve_of(sweep, w, count):
    """The curve at one weight and the first ridge, its band shut where the error is least."""
    error = sweep.loo_error[w, 0]
    best = int(np.argmin(error))
    half = 0.012 * abs(np.log1p(sweep.counts) - np.log1p(sweep.counts[best]))
    frequencies = np.exp(-0.5 * (np.log1p(sweep.counts) - np.log1p(count)) ** 2)
    return Curve(
        counts=sweep.counts,
        error=error,
        low=error - half,
        high=error + half,
        misclassified=None if sweep.loo_misclassified is None else sweep.loo_misclassified[w, 0],
        frequencies=frequencies / frequencies.sum(),
    )


def sweep_of(counts, grid, n, labels):
    """The sweep that holds these errors."""
    return Sweep(
        counts=counts,
        ratios=counts / n,
        ridges=RIDGES,
        weights=WEIGHTS,
        loo_error=grid,
        loo_misclassified=np.round(0.5 * grid * n) / n if labels else None,
        loo_residuals=None,
        loo_wrong=None,
        test_error=None,
        test_misclassified=None,
        status=np.zeros(grid.shape, np.int8),
        largest_eigenvalue=30.0,
    )
