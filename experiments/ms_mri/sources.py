"""Other looks at the generator: a flow in its place, and distances between real and synthetic patches."""

import dataclasses
import time
from pathlib import Path

import synthmix_jax as smx
from synthmix_jax.generators import Flow, draw

from .config import Fold
from .data import Material, key_of
from .patches import cell

SPACES = {"pixels": smx.features.Pixels(), "features": smx.features.RandomConvolutions()}


def flow(material: Material, fold: Fold, seed: int, work: Path) -> dict:
    """A class-conditional flow trained on the real patches that the regression is fitted on, then its pool.

    The flow knows nothing but these patches of the training patients: the route of the paper.
    """
    plan = material.plan.flow
    assert plan is not None
    real = material.real(fold, plan.real, seed)
    start = time.perf_counter()
    fitted = Flow.fit(
        real,
        key=key_of("flow", fold.name, seed),
        config=plan.training,
        workdir=work / f"flow {fold.name} {seed}".replace(" ", "_"),
    )
    fitted = dataclasses.replace(fitted, sampler_steps=plan.sampler_steps)
    middle = time.perf_counter()
    pool = draw(fitted, material.plan.pool, key=key_of("flow pool", fold.name, seed))
    drawn = time.perf_counter()
    found = cell(material, fold, pool, plan.real, seed)
    return {
        "seconds": {"training": round(middle - start, 1), "drawing": round(drawn - middle, 1)},
        "sizes": {str(plan.real): found},
        "distances": compared(material, fold, {"flow": pool}),
    }


def distances(material: Material, fold: Fold) -> dict:
    """Real patches of the training patients against each dial's, and against the test patient's real ones."""
    plan = material.plan
    others = {f"dial {dial:g}": material.pool(fold.train, dial, 0) for dial in plan.dials}
    # Nothing is chosen by the distance to the test patient: it is the yardstick for the others.
    return {"distances": compared(material, fold, {**others, "test patient": material.test(fold)})}


def compared(material: Material, fold: Fold, others: dict[str, smx.Dataset]) -> dict:
    """{features: {metric: {name: value, floor, excess and interval}}}, of lesion patches alone and of all."""
    most = material.plan.compared
    real = material.all_real(fold)
    result: dict = {}
    for words in material.plan.spaces:
        table = smx.distances.compare(
            real[:most],
            {name: pool[:most] for name, pool in others.items()},
            key=key_of("distances"),
            metrics=material.plan.metrics,
            features=SPACES[words],
            num_bootstrap=material.plan.halves,
            max_points=most,
        )
        for row in table.rows:
            if row.label in (None, 1):
                patches = "all patches" if row.label is None else "lesion patches"
                place = result.setdefault(words, {}).setdefault(patches, {})
                place.setdefault(row.metric, {})[row.synthetic] = {
                    name: float(f"{getattr(row, name):.3g}")
                    for name in ("value", "floor", "excess", "excess_low", "excess_high")
                }
    return result
