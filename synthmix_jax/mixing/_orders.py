"""Nested orders: one permutation of the pool whose every prefix is a fair data set of its size.

Nesting pairs the counts (the 100-point set contains the 50-point set), which is what makes differences
between counts precise, and what lets one factorisation serve all of them.
"""

import numpy as np

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, Key


def nested_order(
    y: Array, *, key: Key, num_classes: int | None = None, proportions: Array | None = None
) -> np.ndarray:
    """Seeded order of a pool in which every prefix is as balanced as its size and the pool allow.

    For labels, classes are dealt in rounds: while no class has run out, the class counts of a prefix
    differ by at most one; with `proportions` they are one multiple of the proportions, each rounded to a
    neighbouring whole number at the half (the apportionment of Webster and Sainte-Lague). Classes that ran
    out are passed over. Within a round and within a class the order is random. For real targets (floats)
    the order is a plain random permutation.

    Args:
        y: Labels (m,) as integers, or targets (m,) or (m, k) as floats.
        key: PRNG key.
        num_classes: Number of classes; default the largest label plus one.
        proportions: Positive wanted class proportions (k,), any scale; default equal.

    Returns:
        Permutation (m,) of 0..m-1.

    Raises:
        ValueError: labels outside 0..num_classes - 1, or proportions of the wrong length or not positive for
            a class that is present.
    """
    y = np.asarray(_checks.numeric_array("y", y))
    rng = _numerics.host_generator(key)
    if y.dtype.kind not in "biu":  # bfloat16 is of kind "V"
        return rng.permutation(len(y))
    if y.ndim != 1:
        raise ValueError(
            f"labels must be (m,), got shape {y.shape}: give one label a point, or floats for a plain "
            "random order."
        )
    num_classes = num_classes if num_classes is not None else int(y.max(initial=-1)) + 1
    if len(y) and not 0 <= y.min() <= y.max() < num_classes:
        raise ValueError(
            f"labels must lie in 0..{num_classes - 1}, got {y.min()} to {y.max()}: "
            "renumber them or raise num_classes."
        )
    due = np.ones(num_classes)
    if proportions is not None:
        due = np.asarray(proportions, np.float64)
        if due.shape != (num_classes,):
            raise ValueError(f"proportions must hold {num_classes} numbers, got shape {due.shape}.")
        present = np.bincount(y, minlength=num_classes) > 0
        if not (np.isfinite(due).all() and (due[present] > 0).all()):
            raise ValueError("proportions must be positive for every class that is present.")
    # Point number r of class c is dealt at time (r + 1/2) / due_c: sorting these times serves every class
    # at its rate. A random key breaks ties, so that no class is always first of its round.
    time = np.empty(len(y))
    for label in range(num_classes):
        rows = np.flatnonzero(y == label)
        time[rows] = (rng.permutation(len(rows)) + 0.5) / due[label]
    return np.lexsort((rng.random(len(y)), time))


def geometric_counts(largest: int, number: int = 60) -> np.ndarray:
    """About `number` counts from 0 to `largest`, dense at first and then evenly spaced in logarithm.

    Args:
        largest: The last count, zero or more.
        number: How many counts at most; at least 2.

    Returns:
        Strictly increasing whole numbers that contain 0 and `largest`.
    """
    if largest < 0 or number < 2:
        raise ValueError(f"largest must be >= 0 and number >= 2, got {largest} and {number}.")
    if largest < number:
        return np.arange(largest + 1)
    # Rounding merges the small counts of a geometric grid: widen it as far as the number allows.
    best = np.array([largest])
    for points in range(2, 4 * number):
        counts = np.unique(np.round(np.geomspace(1, largest, points)).astype(np.int64))
        if len(counts) >= number:
            break
        best = counts
    return np.concatenate([[0], best])
