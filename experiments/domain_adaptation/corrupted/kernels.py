"""Curves of kernel regression over counts and weights of synthetic target images, and distances beside them."""

import jax
import numpy as np

import synthmix_jax as smx

from .config import FOURTH, Group, Shift
from .data import Material

LABELLED = FOURTH
"""Shifts that label-aware distances are computed of."""


def curves(material: Material, group: Group, shift: Shift, seed: int) -> dict:
    """Test errors (weights, ridges, counts), those of the pool alone, and distances."""
    plan = material.plan
    source, pool, test = parts(material, group, shift, seed)
    kernel = bandwidth(source)
    found = smx.krr.sweep(
        source,
        pool,
        kernel=kernel,
        ridges=plan.ridges,
        weights=plan.weights,
        counts=plan.counts,
        test=test,
        loo=False,
    )
    alone = smx.krr.sweep(
        pool, None, kernel=kernel, ridges=plan.ridges, counts=[0], test=test, loo=False
    )
    assert alone.test_misclassified is not None
    assert alone.test_error is not None
    return {
        "wrong": rounded(found.test_misclassified),
        "error": rounded(found.test_error),
        "pool alone": {
            "wrong": rounded(alone.test_misclassified[0, :, 0]),
            "error": rounded(alone.test_error[0, :, 0]),
        },
        "failed": int((found.status == 2).sum()),
        "distances": distances(material, source, pool, shift, seed),
    }


def parts(material: Material, group: Group, shift: Shift, seed: int) -> tuple:
    """Features of source images, synthetic images and test images."""
    source = material.features(material.clean(group.n, seed))
    pool = material.features(material.pool(group.source, shift, seed, material.plan.pool))
    return source, pool, material.tested(shift)


def bandwidth(source: smx.Dataset) -> smx.kernels.RBF:
    """exp(-|a - b|^2 / median of the squared distances of source images)."""
    return smx.kernels.RBF(smx.kernels.median_lengthscale(source.x) / np.sqrt(2.0))


def distances(material: Material, source, pool, shift: Shift, seed: int) -> dict:
    """To target images that nothing else uses, of source images, synthetic ones, and other target images."""
    number = material.plan.compared
    target, other = (material.features(t) for t in material.targets((number,) * 2, shift, seed))
    sides = {"source": source[:number], "synthetic": pool[:number], "target": other}
    return {name: between(target, side, shift in LABELLED) for name, side in sides.items()}


def between(target: smx.Dataset, other: smx.Dataset, labels: bool) -> dict:
    """W1 (debiased, entropic) and sliced W2; with labels the label-aware W2 too, which takes longest."""
    transport = smx.distances.transport(target.x, other.x, p=1, epsilon=0.02)
    sliced = smx.distances.sliced_wasserstein(target.x, other.x, key=jax.random.key(0))
    values = {"wasserstein": transport.value, "sliced": sliced}
    if labels:
        # A label means what target images of the class look like.
        joint = smx.distances.labelled_transport(target, other, labels="shared", epsilon=0.02)
        values["labelled"] = joint.value
    return {name: rounded(float(value)) for name, value in values.items()}


def rounded(values):
    """Five digits; NaN as null, which JSON has."""
    if isinstance(values, float):
        return float(f"{values:.5g}") if np.isfinite(values) else None
    return (
        [rounded(value) for value in np.asarray(values, float).tolist()]
        if np.ndim(values)
        else rounded(float(values))
    )
