"""The distances that stand beside the advice: they inform, and decide nothing."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

LEAST = 4
"""Points on each side that can be halved."""

NUM_BOOTSTRAP = 50


def compared(real: Dataset, pool: Dataset, name: str, seen: bool, *, key: Key) -> Any:
    """All distances between the real points and the pool, over all points, not class by class.

    Args:
        real: The real points.
        pool: The synthetic points.
        name: What to call them.
        seen: Whether the generator was fitted on these real points.
        key: PRNG key.

    Returns:
        A `distances.Table`, with a caution where the generator saw the points; None for too few points.
    """
    return compared_several(real, {"synthetic" if name == "real" else name: pool}, seen, key=key)


def compared_several(
    real: Dataset | Array, pools: Mapping[str, Any], seen: bool, *, key: Key
) -> Any:
    """The same for several samples by name: in domain adaptation the source's too, against the target's.

    Args:
        real: The real points; inputs alone where labels are unknown.
        pools: What is compared with them.
        seen: Whether the last one's generator was fitted on these real points.
        key: PRNG key.
    """
    from synthmix_jax.distances import compare  # brings ott: only for those who ask

    if min(len(real), *map(len, pools.values())) < LEAST:
        return None
    table = compare(real, pools, key=key, num_bootstrap=NUM_BOOTSTRAP, per_class=False)
    if not seen:
        return table
    caution = "The generator was fitted on the real points it is compared with, which makes it look closer."
    return dataclasses.replace(table, warnings=(caution, *table.warnings))


def wasserstein_of(table: Any, *names: str) -> dict[str, Any]:
    """Distances of the source, and of the synthetic points, to the real ones, as fields of an `Adaptation`.

    With labels where there are classes (`distances.labelled_wasserstein`), else of inputs; the sampling error is
    included. Nothing without a table, or where not all were computed by one metric.
    """
    rows = [] if table is None else [r for r in table.rows if r.label is None]
    for metric in ("labelled_wasserstein", "wasserstein"):
        found = {r.synthetic: r for r in rows if r.metric == metric and math.isfinite(r.value)}
        if all(name in found for name in names):
            values = [
                (float(found[n].value), float(found[n].low), float(found[n].high)) for n in names
            ]
            fields = ("source_distance", "synthetic_distance")
            return {"distance_metric": metric, **dict(zip(fields, values, strict=False))}
    return {}
