"""Source, target and synthetic points for the tests of domain adaptation."""

import jax
import numpy as np

import synthmix_jax as smx

KEY = jax.random.key(0)
KERNEL = smx.kernels.RBF(1.0)
GRID = dict(kernel=KERNEL, ridges=[0.03, 0.3], weights=[0.3, 1.0], counts=[0, 20, 60])
QUICK = dict(**GRID, target_weights=[1.0, 4.0], num_orders=1, num_bootstrap=100, distances=False)
SIZES = {"source": 30, "target": 20, "synthetic": 60}


def turned(seed, size, angle=0.0, outputs=False):
    """Three clouds on a circle, turned by an angle: a shift that changes which inputs go with which label."""
    rng = np.random.default_rng(seed)
    y = np.arange(size) % 3
    at = 2.1 * y + angle
    x = 0.7 * rng.normal(size=(size, 2)) + 1.5 * np.stack([np.cos(at), np.sin(at)], axis=1)
    return smx.Dataset(
        x, np.sin(2 * x[:, 0] + angle) + 0.1 * rng.normal(size=size) if outputs else y
    )


def three(angle=0.9, imitated=0.9, outputs=False):
    return (
        turned(0, SIZES["source"], 0.0, outputs),
        turned(1, SIZES["target"], angle, outputs),
        turned(2, SIZES["synthetic"], imitated, outputs),
    )


def recommend(source, synthetic, **changes):
    return smx.recommend(source, synthetic, **{"key": KEY, **QUICK, **changes})
