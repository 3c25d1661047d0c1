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


def wasserstein_of(table: Any, name: str) -> tuple[float, float, float] | None:
    """Wasserstein distance of a sample to the real points, sampling error included, and its interval.

    With labels where both have them (`distances.labelled_wasserstein`), else of inputs; None where not computed.
    """
    if table is None:
        return None
    rows = {r.metric: r for r in table.rows if r.synthetic == name and r.label is None}
    for metric in ("labelled_wasserstein", "wasserstein"):
        if metric in rows and math.isfinite(rows[metric].value):
            row = rows[metric]
            return float(row.value), float(row.low), float(row.high)
    return None
