"""Results of trained networks made by hand: no training needed."""

import numpy as np

from synthmix_jax.training import Config, History, Result, Seeds

RATIOS = (0.0, 0.5, 1.0, 2.0, 4.0)


def result_of(
    errors,
    *,
    ratios=RATIOS,
    n=100,
    pool=None,
    num_validation=200,
    test=None,
    status=None,
    num_classes=10,
    **config,
):
    """A plausible `training.Result` with these validation errors (r, s)."""
    errors, ratios = np.asarray(errors, float), np.asarray(ratios, float)
    config = Config(**config)
    counts = np.floor(ratios * n + 0.5).astype(int)
    pool = int(counts.max()) if pool is None else pool
    if config.mixing == "weight":
        counts = np.where(ratios > 0, pool, 0)
    weight = config.synthetic_weight
    shares = weight * counts / (n + weight * counts)
    if config.mixing == "weight":
        shares = ratios / (1 + ratios)
    nothing = np.full((*errors.shape, 1), np.nan)
    return Result(
        ratios=ratios,
        realised_counts=counts,
        realised_ratios=counts / n,
        realised_shares=shares,
        seeds=Seeds.of(errors.shape[1]),
        num_real=n,
        num_validation=num_validation,
        pool=pool,
        num_steps=np.full(len(ratios), 1000),
        test_error=np.full(errors.shape, np.nan) if test is None else np.asarray(test, float),
        test_loss=np.full(errors.shape, np.nan),
        validation_error=errors,
        chosen_step=np.full(errors.shape, 1000),
        history=History(np.full(nothing.shape, 1000), nothing, nothing, nothing),
        status=np.full(errors.shape, "", dtype="<U60") if status is None else status,
        config=config,
        num_classes=num_classes,
        log=("Trained by hand.",),
        settings={"model": "none"},
    )


def errors_of(means, seeds=5, spread=0.004, key=0):
    """Errors (r, s) around these means, with a seed's own level on top."""
    rng = np.random.default_rng(key)
    means = np.asarray(means, float)[:, None]
    level = rng.normal(0, 0.02, seeds)
    return means + level + rng.normal(0, spread, (len(means), seeds))


MEANS = {
    "use part": (0.30, 0.24, 0.20, 0.24, 0.36),
    "use all": (0.30, 0.26, 0.23, 0.20, 0.18),
    "use none": (0.30, 0.33, 0.36, 0.40, 0.45),
}


def result_for(verdict, **options):
    """A result that ends in this verdict."""
    if verdict == "no clear optimum":
        errors = errors_of((0.30, 0.28, 0.27, 0.28, 0.29), spread=0.05)
    else:
        errors = errors_of(MEANS[verdict])
    return result_of(errors, **options)
