"""Small networks on MNIST and synthetic USPS images, chosen on labelled target images."""

import dataclasses
from pathlib import Path

import numpy as np

import synthmix_jax as smx
from synthmix_jax import models

from .config import Digits, Generator
from .data import Domains, parts, pool
from .kernels import percent


def networks(domains: Domains, plan: Digits, generator: Generator, work: Path) -> dict:
    """Test error in % (r, s), ratios by seeds. The generator and the labelled images are those of seed 0."""
    nets = plan.networks
    assert nets is not None
    drawn = parts(domains, plan, nets.candidates, 0)
    result = smx.training.sweep(
        lambda rngs: models.SmallCNN(10, in_channels=1, widths=nets.widths, rngs=rngs),
        drawn.source,
        pool(generator, drawn.others, plan.pool, 0),
        validation=drawn.labelled,
        test=domains.test,
        ratios=nets.ratios,
        seeds=nets.seeds,
        config=dataclasses.replace(nets.training, num_real=nets.real),
        workdir=work / generator.name.replace(" ", "_").replace("%", "percent"),
    )
    return {
        "ratios": list(nets.ratios),
        "counts": result.realised_counts.tolist(),
        "parameters": result.settings["model"]["parameters"],
        "wrong": percent(result.test_error),
        "validation wrong": percent(result.validation_error),
        "failed": int(np.sum(result.status != "")),
    }
