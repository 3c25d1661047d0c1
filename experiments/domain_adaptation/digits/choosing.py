"""Labelled target images as a third group: they join the training, and choose by exact leave-one-out."""

import numpy as np

import synthmix_jax as smx

from .config import Digits, Generator
from .data import Domains, parts, pool
from .kernels import kernel, percent, rounded


def labels(domains: Domains, plan: Digits, generator: Generator, n: int, seed: int) -> dict:
    """Leave-one-out error on the labelled target images, and test error, over all weights and counts.

    Arrays have the axes (weight of a labelled target image, weight of a synthetic image, count).
    """
    drawn = parts(domains, plan, n, seed)
    synthetic = pool(generator, drawn.others, plan.pool, seed)
    counts = smx.mixing.geometric_counts(plan.pool, plan.group_counts)
    options = {"kernel": kernel(drawn.source), "ridges": [plan.ridge], "test": domains.test}
    sweep = smx.krr.sweep_groups(
        {"source": drawn.source, "target": drawn.labelled, "synthetic": synthetic},
        counts={"synthetic": counts},
        weights={"target": plan.label_weights, "synthetic": plan.group_weights},
        score="target",
        **options,
    )
    alone = smx.krr.sweep(drawn.labelled, None, loo=False, **options)
    grid = lambda values: in_order(sweep, values)
    return {
        "counts": counts.tolist(),
        "label weights": list(plan.label_weights),
        "weights": list(plan.group_weights),
        "left out squared": rounded(grid(sweep.loo_error["target"])),
        "left out wrong": percent(grid(sweep.loo_misclassified["target"])),
        "squared": rounded(grid(sweep.test_error)),
        "wrong": percent(grid(sweep.test_misclassified)),
        "labels alone": {
            "wrong": float(100 * alone.test_misclassified[0, 0, 0]),
            "squared": float(alone.test_error[0, 0, 0]),
        },
    }


AXES = ("target weight", "synthetic weight", "synthetic count")


def in_order(sweep, values: np.ndarray) -> np.ndarray:
    """Errors with the three axes that vary, in the order of `AXES`."""
    names = list(sweep.axes)
    return np.moveaxis(values, [names.index(name) for name in AXES], range(3)).reshape(
        [len(sweep.axes[name]) for name in AXES]
    )
