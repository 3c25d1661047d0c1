"""What unlabelled target images can do without a generator: importance weights, and aligned moments (CORAL)."""

import jax

import synthmix_jax as smx

from .config import Digits, Generator
from .data import Domains, parts, pool
from .kernels import kernel


def baselines(domains: Domains, plan: Digits, generator: Generator, n: int, seed: int) -> dict:
    """Errors in % on the test images: source images weighted or aligned, alone and with all synthetic images."""
    drawn = parts(domains, plan, n, seed)
    synthetic = pool(generator, drawn.others, plan.pool, seed)
    unlabelled = drawn.unlabelled.x
    key = jax.random.fold_in(jax.random.key(seed), 2)
    ratio = smx.adaptation.density_ratio(drawn.source.x, unlabelled, key=key)
    aligned = smx.adaptation.coral(drawn.source, unlabelled)
    ways = {
        "source": (drawn.source, None),
        "importance weights": (drawn.source, {"source": ratio.values}),
        "CORAL": (aligned, None),
    }
    found: dict = {"effective sample size": float(ratio.effective_sample_size)}
    for name, (source, importance) in ways.items():
        sweep = smx.krr.sweep_groups(
            {"source": source, "synthetic": synthetic},
            kernel=kernel(source),
            ridges=[plan.ridge],
            counts={"synthetic": [0, plan.pool]},
            importance=importance,
            test=domains.test,
        )
        alone, both = sweep.test_misclassified.ravel()
        found[name] = {"alone": float(100 * alone), "with synthetic": float(100 * both)}
    return found
