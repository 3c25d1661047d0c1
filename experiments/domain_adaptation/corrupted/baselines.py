"""What else could be done about a shift: target labels, importance weights, CORAL, the generator's own images."""

from typing import Any

import jax
import numpy as np

import synthmix_jax as smx

from .config import Group, Shift
from .data import Material
from .kernels import bandwidth, parts, rounded


def baselines(material: Material, group: Group, shift: Shift, seed: int) -> dict:
    """Test error of each, at its best ridge and weights; and of the choice by the target labels."""
    plan, options = material.plan, material.plan.baselines
    assert options is not None
    source, pool, test = parts(material, group, shift, seed)
    labelled, unlabelled, own = (
        material.features(part)
        for part in (
            *material.targets((options.labelled, options.unlabelled), shift, seed),
            material.own(group.source.fitted_on, shift, seed),
        )
    )
    kernel = bandwidth(source)

    def swept(groups, **how):
        return smx.krr.sweep_groups(groups, kernel=kernel, ridges=plan.ridges, test=test, **how)

    pca = smx.features.PCA.fit(source.x, options.dimensions)
    ratio = smx.adaptation.density_ratio(pca(source.x), pca(unlabelled.x), key=jax.random.key(seed))
    by_target = {"target": options.target_weights}
    found = {
        "source": swept({"source": source}),
        "target labels": swept({"target": labelled}),
        "source + target labels": swept({"source": source, "target": labelled}, weights=by_target),
        "importance weights": swept({"source": source}, importance={"source": ratio.values}),
        "CORAL": swept({"source": smx.adaptation.coral(source, unlabelled.x)}),
        "the generator's images": swept({"own": own}),
        "source + the generator's images": swept(
            {"source": source, "own": own}, weights={"own": options.synthetic_weights}
        ),
    }
    three = swept(
        {"source": source, "target": labelled, "synthetic": pool},
        counts={"synthetic": options.counts},
        weights={**by_target, "synthetic": options.synthetic_weights},
        score="target",
    )
    found["source + target labels + synthetic"] = three
    wrong = {name: float(np.asarray(one.test_misclassified).min()) for name, one in found.items()}
    return {
        "wrong": {name: rounded(value) for name, value in wrong.items()},
        "choice": choice(three),
        "effective sample size": rounded(float(ratio.effective_sample_size)),
        "coverage": rounded(float(ratio.coverage)),
    }


def choice(three: Any) -> dict:
    """What leave-one-out on the labelled target images chooses, and what it costs against the best of the grid."""
    chosen, best = three.best(by="target"), three.best(by="test")
    without = np.take(three.test_error, 0, axis=list(three.axes).index("synthetic count"))
    return {
        "count": int(chosen.counts["synthetic"]),
        "weights": {name: float(w) for name, w in chosen.weights.items()},
        "ridge": float(chosen.ridge),
        "wrong": rounded(float(three.test_misclassified[chosen.index])),
        "error": rounded(float(three.test_error[chosen.index])),
        "best error": rounded(float(best.error)),
        "best error without synthetic": rounded(float(without.min())),
        "regret": rounded(float(three.test_error[chosen.index] / best.error - 1.0)),
    }
