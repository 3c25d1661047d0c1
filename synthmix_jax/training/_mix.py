"""From ratios or shares to what every batch is: counts, places, weights of points and numbers of steps.

Groups stand in the order of the pool: real (with a target: the source), synthetic, and, where there are any, target
points. What callers give and get as shares is in the order source, target, synthetic.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _checks, mixing
from synthmix_jax._typing import Numbers

from ._config import Config

_POOL_ORDER = (0, 2, 1)  # source, target, synthetic <-> source, synthetic, target
_TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Mix:
    """What the batches of each of r models are made of.

    Attributes:
        ratios: As requested, or synthetic over source share (r,).
        requested: Shares of source, target and synthetic points that were asked for (r, 3), or None.
        counts: Synthetic points of each model (r,).
        places: Places of a batch by group (r, g) where groups have places of their own; else zeros.
        weights: Weight of a point of each group in a batch's mean loss (r, g).
        group_shares: Share of the loss of each group (r, g).
        num_steps: Steps (r,).
    """

    ratios: Float[np.ndarray, " r"]
    requested: Float[np.ndarray, "r 3"] | None
    counts: Int[np.ndarray, " r"]
    places: Int[np.ndarray, "r g"]
    weights: Float[np.ndarray, "r g"]
    group_shares: Float[np.ndarray, "r g"]
    num_steps: Int[np.ndarray, " r"]


def of_ratios(ratios: Numbers, sizes: tuple[int, int, int], config: Config) -> Mix:
    """Mixes of ratios of synthetic to real (or source) points.

    Args:
        ratios: (r,).
        sizes: Training points of the model, of the synthetic pool, and target points; 0 for no target.
        config: Says what the ratios are.

    Raises:
        ValueError: no ratios, repeated or negative ones, more synthetic points than exist, or ratios that are
            weights beside target points.
    """
    n, pool, target = sizes
    if target and config.mixing == "weight":
        raise ValueError(
            "mixing is 'weight', whose ratios share the loss between two groups, but target points are a third: "
            "give shares=[[source, target, synthetic], ...] instead of ratios, or mixing='count'."
        )
    requested, counts = _amounts(n, pool, ratios, config)
    rows = [
        _of_ratio(sizes, float(q), int(m), config) for q, m in zip(requested, counts, strict=True)
    ]
    places, weights, shares = (list(column) for column in zip(*rows, strict=True))
    steps = [_num_steps(n + target, int(m), p, config) for m, p in zip(counts, places, strict=True)]
    return _mix(requested, None, counts, places, weights, shares, steps)


def of_shares(shares: Any, sizes: tuple[int, int, int], config: Config) -> Mix:
    """Mixes of shares of the loss: each group has places of its own, and weights that make its share exact.

    Args:
        shares: Of source, target and synthetic points (r, 3).
        sizes: Points of the source, of the synthetic pool, and of the target; 0 for none.
        config: With a number of steps.

    Raises:
        ValueError: shares that are negative, do not sum to one, are repeated or belong to a group that is not
            there; passes in place of steps, weights of points beside the shares, or a batch too small.
    """
    wanted = _checked_shares(shares, sizes, config)[:, : 3 if sizes[2] else 2]
    b = config.batch_size
    places = np.array([mixing.group_places(b, row) for row in wanted])
    weights = np.where(places > 0, wanted * b / np.maximum(places, 1), 0.0)
    counts = np.where(wanted[:, 1] > 0, sizes[1], 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(wanted[:, 1] > 0, wanted[:, 1] / wanted[:, 0], 0.0)
    steps = [config.steps] * len(wanted)
    return _mix(ratios, in_callers_order(wanted), counts, places, weights, wanted, steps)


def in_callers_order(group_shares: Float[np.ndarray, "r g"]) -> Float[np.ndarray, "r 3"]:
    """Shares of source, target and synthetic points; a group that is not there has none."""
    missing = np.zeros((len(group_shares), 3 - group_shares.shape[1]))
    return np.concatenate([group_shares, missing], axis=1)[:, _POOL_ORDER]


def _mix(
    ratios: Any, requested: Any, counts: Any, places: Any, weights: Any, shares: Any, steps: Any
) -> Mix:
    floats, whole = np.float64, np.int64
    return Mix(
        ratios=np.asarray(ratios, floats),
        requested=requested,
        counts=np.asarray(counts, whole),
        places=np.array(places, whole),
        weights=np.array(weights, floats),
        group_shares=np.array(shares, floats),
        num_steps=np.array(steps, whole),
    )


def _checked_shares(
    shares: Any, sizes: tuple[int, int, int], config: Config
) -> Float[np.ndarray, "r 3"]:
    """Normalised, in the order of the pool."""
    if config.epochs is not None:
        raise ValueError(
            f"epochs is {config.epochs:g}, but of shares every group has passes of its own: set steps instead."
        )
    for name in ("synthetic_weight", "target_weight"):
        if getattr(config, name) != 1.0:
            raise ValueError(
                f"{name} is {getattr(config, name):g}, but shares are the weights: leave it at 1."
            )
    given = np.asarray(_checks.numeric_array("shares", shares), np.float64)
    if given.ndim != 2 or given.shape[1] != 3 or len(given) == 0:
        raise ValueError(
            f"shares must be (r, 3), source, target and synthetic of each of r mixes, got shape {given.shape}: "
            "[[0.5, 0.2, 0.3]] is one mix."
        )
    bad = given[~(np.isfinite(given) & (given >= 0))]
    if bad.size:
        raise ValueError(f"shares must be zero or more, got {bad[0]:g}: 0 leaves a group out.")
    sums = given.sum(axis=1)
    far = np.flatnonzero(np.abs(sums - 1.0) > _TOLERANCE)
    if far.size:
        raise ValueError(
            f"shares[{far[0]}] is {given[far[0]].tolist()}, whose sum is {sums[far[0]]:g}, not 1: divide each row "
            "by its sum."
        )
    if len(np.unique(given, axis=0)) < len(given):
        raise ValueError(f"shares holds {given.tolist()}: each mix may be there once.")
    normal = (given / sums[:, None])[:, _POOL_ORDER]
    for group, name in ((1, "synthetic"), (2, "target")):
        used = np.flatnonzero(normal[:, group] > 0)
        if used.size and not sizes[group]:
            raise ValueError(
                f"shares[{used[0]}] gives {name} points a share of {normal[used[0], group]:g}, and there are none: "
                f"give {name}, or a share of 0."
            )
    return normal


def _amounts(
    n: int, pool: int, ratios: Numbers, config: Config
) -> tuple[Float[np.ndarray, " r"], Int[np.ndarray, " r"]]:
    plan = mixing.plan(n, pool if config.mixing == "count" else 2**40, ratios)
    requested, counts = plan.requested, plan.counts
    if requested.ndim != 1 or requested.size == 0:
        raise ValueError("ratios is empty: give at least one, and 0 for the real points alone.")
    if (np.diff(np.sort(requested)) == 0).any():
        raise ValueError(f"ratios holds {requested.tolist()}: each may be there once.")
    if config.mixing == "weight":
        counts = np.where(requested > 0, pool, 0)
        if pool == 0 and (requested > 0).any():
            raise ValueError(
                "a positive ratio needs synthetic points, and there are none: give synthetic, or ratios=[0]."
            )
    return requested, counts


def _of_ratio(
    sizes: tuple[int, int, int], ratio: float, count: int, config: Config
) -> tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]:
    """Places in a batch, weights of points, and the shares of the loss they make."""
    n, _, target = sizes
    b = config.batch_size
    if config.mixing == "weight":
        share = ratio / (1.0 + ratio)
        of_real, of_synthetic = mixing.places(b, share)
        weights = (1 - share) * b / of_real, share * b / of_synthetic if of_synthetic else 0.0
        return (of_real, of_synthetic), weights, (1 - share, share)
    w, v = config.synthetic_weight, config.target_weight
    total = n + w * count + v * target
    # The mean weight over the model's points is one, so the learning rate means the same.
    mean = total / (n + count + target)
    weights, shares = (1.0 / mean, w / mean, v / mean), (n / total, w * count / total)
    if not target:
        return (0, 0), weights[:2], shares
    return (0, 0, 0), weights, (*shares, v * target / total)


def _num_steps(real: int, count: int, places: tuple[int, ...], config: Config) -> int:
    if config.epochs is None:
        return config.steps
    if config.mixing == "count":
        return math.ceil(config.epochs * (real + count) / config.batch_size)
    return math.ceil(config.epochs * real / places[0])
