"""SmallCNN at many ratios: does what regression shows hold for a network?"""

import dataclasses
from pathlib import Path

import numpy as np

import synthmix_jax as smx

from . import nested
from .config import Fold
from .data import Material
from .patches import short


def network(material: Material, fold: Fold, dial: float, n: int, work: Path) -> dict:
    """One population, ratios by seeds; an interrupted one goes on."""
    plan = material.plan.networks
    assert plan is not None
    pool, test = material.pool(fold.train, dial, 0), material.test(fold)
    real = material.all_real(fold)
    ratios = [ratio for ratio in plan.ratios if round(ratio * n) <= len(pool)]
    result = smx.training.sweep(
        lambda rngs: smx.models.SmallCNN(2, in_channels=1, widths=plan.widths, rngs=rngs),
        real,
        pool,
        test=test,
        ratios=ratios,
        seeds=plan.seeds,
        config=dataclasses.replace(plan.training, num_real=n, num_validation=plan.validation),
        workdir=work / f"network {fold.name} {dial} {n}".replace(" ", "_"),
        keep_models=True,
    )
    advice = smx.advice.judge(result)
    auc = [
        [ranked(result.model(r, s), test) for s in range(plan.seeds)] for r in range(len(ratios))
    ]
    return {
        "parameters": result.settings["model"]["parameters"],
        "ratios": ratios,
        "counts": result.realised_counts.tolist(),
        "wrong": short(result.test_error),
        "auc": short(auc),
        "validation": short(result.validation_error),
        "failed": int((result.status != "").sum()),
        "verdict": advice.verdict,
        "count": advice.count,
        "gain": short(advice.gain),
        "gain interval": short(advice.gain_interval),
    }


def ranked(model, test: smx.Dataset) -> float:
    """Area under the curve of one network."""
    scores = np.asarray(model(np.asarray(test.x)))
    return float(nested.area(scores[:, 1] - scores[:, 0], np.asarray(test.y)))
