"""A cell of kernel regressions: source and synthetic images at every count and weight, and what stands beside.

Kernel: RBF, exp(-gamma |x - x'|^2) with gamma one over the squared median distance of the n source images. Nothing
in this module is chosen by anything: all counts and weights are scored on the test images.
"""

import math

import numpy as np

import synthmix_jax as smx

from .config import Digits, Generator
from .data import Domains, Parts, parts, pool


def kernel(source: smx.Dataset) -> smx.kernels.RBF:
    """The kernel of a cell: its lengthscale is sqrt(1 / (2 gamma))."""
    return smx.kernels.RBF(smx.kernels.median_lengthscale(source.x) / math.sqrt(2.0))


def curves(domains: Domains, plan: Digits, generator: Generator, n: int, seed: int) -> dict:
    """Errors on the test images: of source and synthetic images together (w, c), of synthetic ones alone (c,)."""
    drawn = parts(domains, plan, n, seed)
    synthetic = pool(generator, drawn.others, plan.pool, seed)
    counts = smx.mixing.geometric_counts(plan.pool, plan.counts)
    options = {"kernel": kernel(drawn.source), "ridges": [plan.ridge], "test": domains.test}
    blend = smx.krr.sweep(
        drawn.source, synthetic, counts=counts, weights=plan.weights, loo=False, **options
    )
    # The first ten, one a class, take the place of the real points: they are always in.
    first, rest = synthetic[:10], synthetic[10:]
    alone = smx.krr.sweep(first, rest, counts=counts[counts >= 10] - 10, loo=False, **options)
    return {
        "counts": counts.tolist(),
        "weights": list(plan.weights),
        "wrong": percent(blend.test_misclassified[:, 0]),
        "squared": rounded(blend.test_error[:, 0]),
        "synthetic only": {
            "counts": (alone.counts + 10).tolist(),
            "wrong": percent(alone.test_misclassified[0, 0]),
            "squared": rounded(alone.test_error[0, 0]),
        },
        "own images": own_images(drawn, plan, generator, options),
    }


def own_images(drawn: Parts, plan: Digits, generator: Generator, options: dict) -> dict:
    """The real target images that the generator was fitted on, rightly labelled: alone, and beside the source.

    At most as many as there are synthetic ones: the first, in classes that take turns.
    """
    own = drawn.others[: min(generator.fitted_on, plan.pool)]
    both = smx.krr.sweep(drawn.source, own, counts=[len(own)], loo=False, **options)
    alone = smx.krr.sweep(own, None, loo=False, **options)
    return {
        "number": len(own),
        "with source": float(100 * both.test_misclassified[0, 0, 0]),
        "alone": float(100 * alone.test_misclassified[0, 0, 0]),
    }


def percent(shares: np.ndarray) -> list:
    """Shares as percent, to a thousandth."""
    return np.round(100.0 * np.asarray(shares), 3).tolist()


def rounded(values: np.ndarray) -> list:
    """Six decimals."""
    return np.round(np.asarray(values), 6).tolist()
