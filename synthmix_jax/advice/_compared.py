"""The distances that stand beside the advice: they inform, and decide nothing."""

import dataclasses
from typing import Any

from synthmix_jax._typing import Key
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
    from synthmix_jax.distances import compare  # brings ott: only for those who ask

    if min(len(real), len(pool)) < LEAST:
        return None
    name = "synthetic" if name == "real" else name
    table = compare(real, {name: pool}, key=key, num_bootstrap=NUM_BOOTSTRAP, per_class=False)
    if not seen:
        return table
    caution = "The generator was fitted on the real points it is compared with, which makes it look closer."
    return dataclasses.replace(table, warnings=(caution, *table.warnings))
