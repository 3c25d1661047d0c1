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
    validation, labelled = material.targets((options.validation, options.labelled), shift, 0)

    def train(**mixes):
        return smx.training.sweep(
            lambda rngs: smx.models.SmallCNN(10, widths=options.widths, rngs=rngs),
            material.source,
            pool,
            validation=validation,
            test=corrupted(material.test, shift, 3000),
            seeds=options.seeds,
            config=options.training,
            **mixes,
        )

    ratios = train(ratios=options.ratios)
    shares = train(shares=options.shares, target=labelled)
    return {
        "ratios": list(options.ratios),
        "counts": np.asarray(ratios.realised_counts).tolist(),
        "wrong": rounded(ratios.test_error),
        "shares": [list(share) for share in options.shares],
        "wrong by share": rounded(shares.test_error),
        "failed": int((ratios.status != "").sum() + (shares.status != "").sum()),
    }
