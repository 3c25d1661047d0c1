"""What each way of training is worth on the same test patches of the target."""

import warnings

import numpy as np

import synthmix_jax as smx

from .config import Plan
from .data import Material, key_of, other
from .scores import Problem, Squares, lengthscale

POOLS = ("source", "screened", "known", "both")
RATIO_RANK = 10  # principal components that densities are compared in


def counts_of(plan: Plan) -> np.ndarray:
    """Synthetic counts, from none to the whole pool."""
    return smx.mixing.geometric_counts(plan.pool, plan.counts)


def weights_of(plan: Plan, n: int) -> np.ndarray:
    """Weights of one synthetic patch at which the whole pool has each of the shares."""
    shares = np.asarray(plan.shares)
    return shares / (1 - shares) * n / plan.pool


def pools(material: Material, source: str, target: str, side: str, dial: float, seed: int) -> dict:
    """Errors with more and more patches of each pool, or with more weight on all of them."""
    plan = material.plan
    test, counts = material.test(target, side), counts_of(plan)
    drawn = {t: material.pool(source, target, t, side, dial, seed) for t in POOLS}
    row: dict = {"sizes": {}, "synthetic only": {}, "shares": {}}
    most = material.source(source, max(plan.real), seed)
    for name, pool in drawn.items():
        # Distances are the same for all numbers of real patches.
        squares = Squares([most, pool], test)
        for n in plan.real:
            real = most[:n]
            scale, first = lengthscale(real.x), slice(0, n)
            problem = squares.problem(n, scale, plan.ridge)
            row["sizes"].setdefault(str(n), {})
            row["sizes"][str(n)][name] = problem.found(counts, calibrate=first)
            if n == plan.weighed and name in plan.weighed_pools:
                row["shares"][name] = [
                    problem.found(weights=np.r_[np.ones(n), np.full(len(pool), w)], calibrate=first)
                    for w in weights_of(plan, n)
                ]
        alone = squares.problem(0, lengthscale(np.asarray(pool.x)[:500]), plan.ridge)
        row["synthetic only"][name] = alone.found()
    return row


def baselines(material: Material, source: str, target: str, side: str, seed: int) -> dict:
    """All that needs no painted lesions, by number of source patches."""
    return {
        "sizes": {
            str(n): _baselines(material, source, target, side, seed, n) for n in material.plan.real
        }
    }


def _baselines(material: Material, source: str, target: str, side: str, seed: int, n: int) -> dict:
    plan = material.plan
    test, real = material.test(target, side), material.source(source, n, seed)
    few = material.labelled(target, side, plan.labels, seed)
    scale, first = lengthscale(real.x), slice(0, n)
    alone = Problem.of([real], test, scale, plan.ridge)
    found = {"source only": alone.found(calibrate=first)}
    found["target labels only"] = Problem.of([few], test, lengthscale(few.x), plan.ridge).found(
        calibrate=slice(0, len(few))
    )
    found["source and target labels"] = with_labels(plan, real, few, None, test, scale)
    screened = material.pool(source, target, "screened", side, plan.dials[0], seed)
    found["source, target labels and screened"] = with_labels(
        plan, real, few, screened, test, scale
    )
    seen = {
        "as found": material.unlabelled(source, target, side, seed),
        "as tested": np.asarray(
            material.labelled(target, side, _most(material, target, side), seed).x
        ),
    }
    for name, x in seen.items():
        found[f"importance, {name}"] = importance(plan, alone, real, x, test, scale)
        moved = smx.adaptation.coral(real, x)
        found[f"CORAL, {name}"] = Problem.of([moved], test, lengthscale(moved.x), plan.ridge).found(
            calibrate=first
        )
    for tissue in POOLS[:3]:
        found[f"unpainted, {tissue}"] = unpainted(
            material, source, target, tissue, side, seed, real, test
        )
    return found


def _most(material: Material, target: str, side: str) -> int:
    """Patches of the other side, as many with lesions as without, up to three times those that are labelled."""
    y = np.asarray(material.candidates(target).y)[material.on(target, other(side))]
    return min(2 * int(np.bincount(y, minlength=2).min()), 3 * material.plan.labels)


def with_labels(
    plan: Plan,
    real: smx.Dataset,
    few: smx.Dataset,
    pool: smx.Dataset | None,
    test: smx.Dataset,
    scale: float,
) -> dict:
    """A few labelled target patches join as a group; exact leave-one-out error on them chooses weights."""
    groups = {"source": real, "target": few} | ({} if pool is None else {"synthetic": pool})
    weights = {"target": plan.target_weights}
    if pool is not None:
        weights["synthetic"] = plan.synthetic_weights
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few points: that is the question here
        sweep = smx.krr.sweep_groups(
            groups,
            kernel=smx.kernels.RBF(scale),
            ridges=(plan.ridge,),
            weights=weights,
            score="target",
        )
    best = sweep.best(by="target")
    each = np.concatenate([np.full(len(d), best.weights[name]) for name, d in groups.items()])
    problem = Problem.of(list(groups.values()), test, scale, plan.ridge)
    both = slice(len(real), len(real) + len(few))
    return {**problem.found(weights=each, calibrate=both), "weights": best.weights}


def importance(
    plan: Plan,
    alone: Problem,
    real: smx.Dataset,
    x: np.ndarray,
    test: smx.Dataset,
    scale: float,
) -> dict:
    """Source patches weighted by the density ratio in a few principal components of both domains."""
    stacked = np.concatenate([np.asarray(real.x), x])
    rank = min(RATIO_RANK, len(real) // 2)
    ratio_features = smx.features.PCA.fit(stacked, rank)
    ratio = smx.adaptation.density_ratio(
        np.asarray(ratio_features(real.x)),
        np.asarray(ratio_features(x)),
        key=key_of("ratio", len(real)),
    )
    sweep = smx.krr.sweep_groups(
        {"source": real},
        kernel=smx.kernels.RBF(scale),
        ridges=(plan.ridge,),
        importance={"source": ratio.values},
        test=test,
    )
    found = alone.found(weights=np.maximum(ratio.values, 1e-9), calibrate=slice(0, len(real)))
    assert sweep.test_misclassified is not None
    return {
        **found,
        "wrong": float(f"{sweep.test_misclassified.item():.4g}"),
        "effective": float(f"{ratio.effective_sample_size:.3g}"),
        "coverage": float(f"{ratio.coverage:.3g}"),
    }


def unpainted(
    material: Material,
    source: str,
    target: str,
    tissue: str,
    side: str,
    seed: int,
    real: smx.Dataset,
    test: smx.Dataset,
) -> dict:
    """Control: unpainted patches alone as further negatives, half as many as a pool has patches.

    Negatives, real or not, are weighed so that together they weigh what the lesions weigh.
    """
    plan = material.plan
    pool = material.pool(source, target, tissue, side, plan.dials[0], seed)
    free = pool[np.flatnonzero(np.asarray(pool.y) == 0)]
    lesions = int((np.asarray(real.y) == 1).sum())
    y = np.concatenate([np.asarray(real.y), np.zeros(len(free), int)])
    weights = np.where(y == 1, 1.0, lesions / (y == 0).sum())
    problem = Problem.of([real, free], test, lengthscale(real.x), plan.ridge)
    return problem.found(weights=weights, calibrate=slice(0, len(real)))


def distances(
    material: Material, source: str, target: str, side: str, dial: float, seed: int
) -> dict:
    """W(S, T) and W(T', T) with their floors, in pixels; T are the test patches. Nothing is chosen by them."""
    plan = material.plan
    others = {t: material.pool(source, target, t, side, dial, seed)[: plan.compared] for t in POOLS}
    others["source patches"] = material.source(source, max(plan.real), seed)[: plan.compared]
    table = smx.distances.compare(
        material.test(target, side)[: plan.compared],
        others,
        key=key_of("distances"),
        metrics=plan.metrics,
        features=smx.features.Pixels(),
        num_bootstrap=plan.halves,
        max_points=plan.compared,
        per_class=False,
    )
    result: dict = {}
    for row in table.rows:
        names = ("value", "floor", "excess", "excess_low", "excess_high")
        result.setdefault(row.metric, {})[row.synthetic] = {
            name: float(f"{getattr(row, name):.4g}") for name in names
        }
    return {"distances": result}
