"""From data sets and ratios to what every model trains on: rows of one pool, drawn by seed and shared by ratios."""

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import mixing
from synthmix_jax._typing import Array, Key, Numbers
from synthmix_jax.dataset import Dataset

from . import _mix
from ._config import Config, Seeds

_TARGET = 0x7A96  # keeps the order of target points apart from that of others made of the same seed


@dataclasses.dataclass(frozen=True, eq=False)
class Draw:
    """Rows of one repetition, shared by all ratios.

    Attributes:
        real: Real training rows of the pool (n,).
        validation: Real rows held out (v,), or those of validation points that were given.
        synthetic: All synthetic rows of the pool in nested order (m,).
        target: Target training rows of the pool (u,).
    """

    real: Int[np.ndarray, " n"]
    validation: Int[np.ndarray, " v"]
    synthetic: Int[np.ndarray, " m"]
    target: Int[np.ndarray, " u"]


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """What every model of a population trains on.

    Attributes:
        config: How it is trained.
        seeds: One of each kind a repetition.
        draws: One a repetition.
        mix: What their batches are made of.
        starts: Rows of the pool at which the synthetic points begin, and the target points if there are any.
        pool_size: Rows of the pool that are trained on.
    """

    config: Config
    seeds: Seeds
    draws: tuple[Draw, ...]
    mix: _mix.Mix
    starts: tuple[int, ...]
    pool_size: int

    @property
    def ratios(self) -> Float[np.ndarray, " r"]:
        """As requested (r,); of shares, synthetic over source."""
        return self.mix.ratios

    @property
    def counts(self) -> Int[np.ndarray, " r"]:
        """Synthetic points of each model (r,)."""
        return self.mix.counts

    @property
    def places(self) -> Int[np.ndarray, "r g"]:
        """Places of a batch by group (r, g) where groups have places of their own; else zeros."""
        return self.mix.places

    @property
    def weights(self) -> Float[np.ndarray, "r g"]:
        """Weight of a point of each group in a batch's mean loss (r, g): real, synthetic, target."""
        return self.mix.weights

    @property
    def shares(self) -> Float[np.ndarray, " r"]:
        """Share of the loss that is synthetic (r,)."""
        return self.mix.group_shares[:, 1]

    @property
    def num_steps(self) -> Int[np.ndarray, " r"]:
        """Steps (r,)."""
        return self.mix.num_steps

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
        groups = draw.real, synthetic, draw.target
        if self.mix.requested is None and self.config.mixing == "count":
            return stream.table(np.concatenate(groups), width=self.config.batch_size, **span)
        # Two groups or three: without a target there are places of two.
        parts = [
            stream.table(rows, width=int(width), **span)
            for rows, width in zip(groups, self.places[ratio], strict=False)
        ]
        return np.concatenate(parts, axis=1)


def make_plan(
    real: Dataset,
    synthetic: Dataset | None,
    ratios: Numbers | None,
    seeds: Seeds,
    config: Config,
    validation: int = 0,
    *,
    target: Dataset | None = None,
    shares: Any = None,
) -> Plan:
    """Draw subsets, orders and held-out points, and turn ratios or shares into counts and weights.

    The pool holds real, synthetic and target points in this order. With `validation` points that were given, which
    end it, nothing is held out; else target points are held out where there are any, real ones where not.

    Raises:
        ValueError: too few real or target points for what is asked, ratios and shares or neither, or what a mix
            cannot be.
    """
    if (ratios is None) == (shares is None):
        which = "neither" if ratios is None else "both"
        raise ValueError(
            f"ratios and shares: {which} given, but exactly one says how the groups are mixed. Give ratios of "
            "synthetic to real points, or shares (r, 3) of source, target and synthetic points with ratios=None."
        )
    pool = 0 if synthetic is None else len(synthetic)
    n, held_out = _sizes(real, config, 1 if target is not None else validation)
    of_target, parts, starts = 0, len(real) + pool, (len(real),)
    if target is not None:
        of_target, held_out = _target_sizes(target, real.num_classes, config, validation)
        starts, parts = (*starts, parts), parts + len(target)
    sizes = n, pool, of_target
    if shares is None:
        assert ratios is not None
        mix = _mix.of_ratios(ratios, sizes, config)
    else:
        mix = _mix.of_shares(shares, sizes, config)
    draws = tuple(_draw(real, synthetic, target, n, held_out, seed) for seed in seeds.data)
    if validation:
        given = parts + np.arange(validation)
        draws = tuple(dataclasses.replace(draw, validation=given) for draw in draws)
    if mix.num_steps.min() < config.evaluations:
        raise ValueError(
            f"evaluations is {config.evaluations} but {config.epochs:g} epochs are only {mix.num_steps.min()} "
            "steps: evaluate less often or train longer."
        )
    return Plan(config, seeds, draws, mix, starts, pool_size=parts)


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


def _target_sizes(
    target: Dataset, classes: int | None, config: Config, validation: int
) -> tuple[int, int]:
    """Target points to train on, and those held out."""
    total, held_out = len(target), 0 if validation else config.num_validation
    if held_out is None:
        held_out = min(max(classes or 1, round(total / 5)), max(total - 1, 1))
    if held_out >= total:
        raise ValueError(
            f"target holds {total} points, too few for 1 to train on and {held_out} held out for validation: lower "
            "num_validation, or give validation points of the target apart."
        )
    return total - held_out, held_out


def _draw(
    real: Dataset,
    synthetic: Dataset | None,
    target: Dataset | None,
    n: int,
    held_out: int,
    seed: int,
) -> Draw:
    """Points held out, points trained on (nested in n), each in proportion to the classes; and the pool's order."""
    by_split, by_pool = jax.random.split(jax.random.key(seed))
    order, pool = _split_order(real, real.num_classes, by_split), np.zeros(0, np.int64)
    if synthetic is not None:
        nested = mixing.nested_order(
            _to_order(synthetic), key=by_pool, num_classes=synthetic.num_classes
        )
        pool = len(real) + nested
    if target is None:
        return Draw(order[held_out : held_out + n], order[:held_out], pool, np.zeros(0, np.int64))
    by_target = jax.random.fold_in(jax.random.key(seed), _TARGET)
    rows = len(real) + len(pool) + _split_order(target, real.num_classes, by_target)
    return Draw(order[:n], rows[:held_out], pool, rows[held_out:])


def _split_order(data: Dataset, classes: int | None, key: Key) -> Int[np.ndarray, " n"]:
    """An order whose prefixes hold the classes in proportion."""
    proportions = None
    if classes is not None and not data.dense:
        proportions = np.bincount(np.asarray(data.y), minlength=classes)
    return mixing.nested_order(
        _to_order(data), key=key, num_classes=classes, proportions=proportions
    )


def _to_order(data: Dataset) -> Array:
    """What an order is drawn by: labels, or anything real for label maps, whose order is plain chance."""
    return np.zeros(len(data)) if data.dense else data.y
