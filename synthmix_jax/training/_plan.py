"""From data sets and ratios to what every model trains on: rows of one pool, drawn by seed and shared by ratios."""

import dataclasses
import math

import jax
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import mixing
from synthmix_jax._typing import Array, Numbers
from synthmix_jax.dataset import Dataset

from ._config import Config, Seeds


@dataclasses.dataclass(frozen=True, eq=False)
class Draw:
    """Rows of one repetition, shared by all ratios.

    Attributes:
        real: Real training rows of the pool (n,).
        validation: Real rows held out (v,), or those of validation points that were given.
        synthetic: All synthetic rows of the pool in nested order (m,).
    """

    real: Int[np.ndarray, " n"]
    validation: Int[np.ndarray, " v"]
    synthetic: Int[np.ndarray, " m"]


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """What every model of a population trains on.

    Attributes:
        config: How it is trained.
        seeds: One of each kind a repetition.
        draws: One a repetition.
        ratios: As requested (r,).
        counts: Synthetic points of each ratio (r,).
        places: Real and synthetic places of a batch (r, 2) with mixing "weight"; zeros with "count".
        weights: Weights of a real and of a synthetic point in a batch's mean loss (r, 2).
        shares: Share of the loss that is synthetic (r,).
        num_steps: Steps (r,).
        pool_size: Rows of the pool that are trained on.
    """

    config: Config
    seeds: Seeds
    draws: tuple[Draw, ...]
    ratios: Float[np.ndarray, " r"]
    counts: Int[np.ndarray, " r"]
    places: Int[np.ndarray, "r 2"]
    weights: Float[np.ndarray, "r 2"]
    shares: Float[np.ndarray, " r"]
    num_steps: Int[np.ndarray, " r"]
    pool_size: int

    @property
    def cells(self) -> list[tuple[int, int]]:
        """All (ratio, seed), those with equally many steps together."""
        order = np.argsort(-self.num_steps, kind="stable")
        return [(int(r), s) for r in order for s in range(len(self.seeds))]

    def bounds(self, ratio: int) -> Int[np.ndarray, " e"]:
        """Steps at which a model of this ratio is evaluated, the last its last."""
        e = self.config.evaluations
        return np.ceil(np.arange(1, e + 1) * self.num_steps[ratio] / e).astype(np.int64)

    def segment_steps(self) -> int:
        """Most steps between two evaluations of any model."""
        return max(int(np.diff(self.bounds(r), prepend=0).max()) for r in range(len(self.ratios)))

    def table(
        self, streams: dict[int, mixing.Streams], cell: tuple[int, int], first: int, last: int
    ) -> Int[np.ndarray, "t b"]:
        """Batches `first` to `last` - 1 of one model; `streams` holds one a repetition, made on use."""
        ratio, seed = cell
        if seed not in streams:
            streams[seed] = mixing.Streams(self.seeds.order[seed], self.pool_size)
        stream, draw = streams[seed], self.draws[seed]
        synthetic = draw.synthetic[: self.counts[ratio]]
        span = {"first": first, "last": last}
        if self.config.mixing == "count":
            rows = np.concatenate([draw.real, synthetic])
            return stream.table(rows, width=self.config.batch_size, **span)
        real_places, synthetic_places = self.places[ratio]
        parts = (
            stream.table(draw.real, width=int(real_places), **span),
            stream.table(synthetic, width=int(synthetic_places), **span),
        )
        return np.concatenate(parts, axis=1)


def make_plan(
    real: Dataset,
    synthetic: Dataset | None,
    ratios: Numbers,
    seeds: Seeds,
    config: Config,
    validation: int = 0,
) -> Plan:
    """Draw subsets, orders and held-out points, and turn ratios into counts and weights.

    With `validation` points that were given, which end the pool, no real points are held out.

    Raises:
        ValueError: too few real points for what is asked, or a ratio that needs more synthetic points
            than exist.
    """
    pool = 0 if synthetic is None else len(synthetic)
    n, held_out = _sizes(real, config, validation)
    amounts = _amounts(n, pool, ratios, config)
    draws = tuple(_draw(real, synthetic, n, held_out, seed) for seed in seeds.data)
    if validation:
        given = len(real) + pool + np.arange(validation)
        draws = tuple(dataclasses.replace(draw, validation=given) for draw in draws)
    places, weights, shares = zip(
        *(_weights(n, pool, float(q), int(m), config) for q, m in zip(*amounts, strict=True)),
        strict=True,
    )
    steps = [_num_steps(n, int(m), p, config) for m, p in zip(amounts[1], places, strict=True)]
    if min(steps) < config.evaluations:
        raise ValueError(
            f"evaluations is {config.evaluations} but {config.epochs:g} epochs are only {min(steps)} steps: "
            "evaluate less often or train longer."
        )
    return Plan(
        config=config,
        seeds=seeds,
        draws=draws,
        ratios=amounts[0],
        counts=amounts[1],
        places=np.array(places, np.int64),
        weights=np.array(weights, np.float64),
        shares=np.array(shares, np.float64),
        num_steps=np.array(steps, np.int64),
        pool_size=len(real) + pool,
    )


def _sizes(real: Dataset, config: Config, validation: int = 0) -> tuple[int, int]:
    """Training and held-out points."""
    held_out = 0 if validation else config.num_validation
    if held_out is None:
        spare = len(real) if config.num_real is None else len(real) - config.num_real
        held_out = min(max(real.num_classes or 1, round(len(real) / 5)), max(spare, 1))
    n = len(real) - held_out if config.num_real is None else config.num_real
    if n < 1 or n + held_out > len(real):
        raise ValueError(
            f"real holds {len(real)} points, too few for {max(n, 1)} to train on and {held_out} held out "
            "for validation: lower num_real or num_validation."
        )
    return n, held_out


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


def _weights(
    n: int, pool: int, ratio: float, count: int, config: Config
) -> tuple[tuple[int, int], tuple[float, float], float]:
    """Places in a batch, weights of points, and the share of the loss they make."""
    if config.mixing == "count":
        w = config.synthetic_weight
        # The mean weight over the model's points is one, so the learning rate means the same.
        mean = (n + w * count) / (n + count)
        return (0, 0), (1.0 / mean, w / mean), mixing.share(n, count, w)
    share = ratio / (1.0 + ratio)
    of_real, of_synthetic = mixing.places(config.batch_size, share)
    b = config.batch_size
    weights = (1 - share) * b / of_real, share * b / of_synthetic if of_synthetic else 0.0
    return (of_real, of_synthetic), weights, share


def _num_steps(n: int, count: int, places: tuple[int, int], config: Config) -> int:
    if config.epochs is None:
        return config.steps
    if config.mixing == "count":
        return math.ceil(config.epochs * (n + count) / config.batch_size)
    return math.ceil(config.epochs * n / places[0])


def _draw(real: Dataset, synthetic: Dataset | None, n: int, held_out: int, seed: int) -> Draw:
    """Points held out, points trained on (nested in n), each in proportion to the classes; and the pool's order."""
    by_split, by_pool = jax.random.split(jax.random.key(seed))
    proportions = None
    if real.num_classes is not None and not real.dense:
        proportions = np.bincount(np.asarray(real.y), minlength=real.num_classes)
    order = mixing.nested_order(
        _to_order(real), key=by_split, num_classes=real.num_classes, proportions=proportions
    )
    pool = np.zeros(0, np.int64)
    if synthetic is not None:
        nested = mixing.nested_order(
            _to_order(synthetic), key=by_pool, num_classes=synthetic.num_classes
        )
        pool = len(real) + nested
    return Draw(order[held_out : held_out + n], order[:held_out], pool)


def _to_order(data: Dataset) -> Array:
    """What an order is drawn by: labels, or anything real for label maps, whose order is plain chance."""
    return np.zeros(len(data)) if data.dense else data.y
