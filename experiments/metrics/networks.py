"""The same sources with trained networks in the place of kernel regression: perceptrons at several ratios."""

import functools
import math

import synthmix_jax as smx
from synthmix_jax import training

from .catalogue import Source
from .config import Config, Study
from .sources import Pools


def perceptrons(
    study: Study, pools: Pools, source: Source, n: int, fit: int, config: Config
) -> dict:
    """Test errors (r, s) of networks with the same number of steps each, on one fit of one source."""
    candidates, test = pools.material.candidates, pools.material.test
    size = math.ceil(max(study.networks) * n)
    pool = pools.sample(source, max(size, 1), fit=fit, draw=("networks",))
    outputs = candidates.num_classes or 1
    build = functools.partial(
        smx.models.MLP, outputs, in_features=math.prod(candidates.x.shape[1:]), widths=(128, 128)
    )
    # Held-out points choose nothing here (the last step is kept); they are the fewest that may be.
    settings = training.Config(
        steps=config.network_steps,
        num_real=n,
        num_validation=20,
        choose="last",
        evaluations=1,
    )
    result = training.sweep(
        lambda rngs: build(rngs=rngs),
        candidates,
        pool,
        test=test,
        ratios=study.networks,
        seeds=config.network_seeds,
        config=settings,
    )
    return {
        "counts": result.realised_counts.tolist(),
        "test": result.test_error.tolist(),
        "loss": result.test_loss.tolist(),
    }
