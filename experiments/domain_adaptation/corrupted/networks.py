"""Small networks on clean source images and synthetic corrupted ones, scored on corrupted test images."""

import numpy as np

import synthmix_jax as smx

from .config import GOOD, Shift
from .data import Material, corrupted
from .kernels import rounded


def network(material: Material, shift: Shift) -> dict:
    """Test error, ratios by seeds. The evaluation is chosen by labelled target images."""
    options = material.plan.networks
    assert options is not None
    real = options.training.num_real or 0
    pool = material.pool(GOOD, shift, 0, int(real * max(options.ratios)))
    (validation,) = material.targets((options.validation,), shift, 0)
    result = smx.training.sweep(
        lambda rngs: smx.models.SmallCNN(10, widths=options.widths, rngs=rngs),
        material.source,
        pool,
        validation=validation,
        test=corrupted(material.test, shift, 3000),
        ratios=options.ratios,
        seeds=options.seeds,
        config=options.training,
    )
    return {
        "ratios": list(options.ratios),
        "counts": np.asarray(result.realised_counts).tolist(),
        "wrong": rounded(result.test_error),
        "failed": int((result.status != "").sum()),
    }
