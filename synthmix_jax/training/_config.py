"""How networks are trained: one frozen record, the same for every model of a population."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from synthmix_jax import _checks

Optimizer = Literal["sgd", "adamw", "muon"]
Schedule = Literal["cosine", "triangular", "constant"]
Mixing = Literal["count", "weight"]
Choose = Literal["best", "last"]


@dataclasses.dataclass(frozen=True)
class Config:
    """How every model of a population is trained.

    The amount of training. `steps` is fixed compute: every model takes the same number of steps, so a model with
    more synthetic points sees each of its points less often. `epochs` is fixed passes: every model sees each of
    its own points that often, so a model with more synthetic points takes more steps, and a gain may come
    from the longer training alone. Fixed compute is the fair comparison and the default.

    The mix. "count": ratio r adds round(r n) synthetic points, the first of one nested order, each with
    `synthetic_weight` in the loss. "weight": every model with r > 0 uses the whole synthetic pool, and every batch
    holds the same share alpha = r / (1 + r) of it, exactly so in the loss: round(alpha b) of b places, weighted to
    alpha.

    Attributes:
        steps: Steps of every model, unless `epochs` is given.
        epochs: Passes of every model over its own points ("count"), or over the real points ("weight").
        batch_size: Points a step.
        optimizer: "sgd" (Nesterov), "adamw", or "muon" (matrices and convolutions; AdamW for the rest).
        learning_rate: At its peak.
        momentum: Of sgd and muon.
        weight_decay: Of matrices and convolutions, not of biases and norms. Coupled for sgd (added to the
            gradient), decoupled for adamw and muon (times the learning rate).
        schedule: "cosine" or "triangular" (to zero), after a linear rise over `warmup`; or "constant".
        warmup: Fraction of the steps in which the learning rate rises from zero.
        label_smoothing: Probability mass spread over all classes.
        dice: Weight of the soft Dice loss beside the cross-entropy where labels are maps; 0 for none.
        clip_norm: Largest norm of the gradient; None for no limit.
        flip: Whether images are mirrored left to right at random.
        shift: Images are moved by up to so many pixels each way, the border repeated by reflection.
        normalize: Whether inputs (images channel by channel) and regression targets are standardised, by mean and
            deviation of the real points (all that were given, of source and target together, held-out ones too;
            synthetic and test points never).
        mixing: What the ratios are: "count" or "weight".
        synthetic_weight: Weight of one synthetic point in the loss ("count").
        target_weight: Weight of one target point in the loss, where `sweep` is given `target` and ratios.
        num_real: Real training points of each model (with `target`: of the source), drawn class by class with
            the seed of the data; None for all that are not held out.
        num_validation: Real points held out to choose the epoch and the ratio; None for a fifth of the real
            points (at least as many as classes). They are target points where `sweep` is given `target`. None
            too where it is given validation points.
        evaluations: How often the validation error is computed, evenly over the steps, the last at their end.
        choose: Whether the parameters of the "best" evaluation are kept, or the "last" ones. Of equally good
            ones, the later.
        models_at_once: Models batched by `vmap`; the rest of a population takes its turn in `lax.map`. 1 for
            one at a time. None for the measured default: 1 on CPU, 8 elsewhere (not measured there).
    """

    steps: int = 1000
    epochs: float | None = None
    batch_size: int = 64
    optimizer: Optimizer = "sgd"
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Schedule = "cosine"
    warmup: float = 0.1
    label_smoothing: float = 0.0
    dice: float = 1.0
    clip_norm: float | None = None
    flip: bool = False
    shift: int = 0
    normalize: bool = True
    mixing: Mixing = "count"
    synthetic_weight: float = 1.0
    target_weight: float = 1.0
    num_real: int | None = None
    num_validation: int | None = None
    evaluations: int = 10
    choose: Choose = "best"
    models_at_once: int | None = None

    def __post_init__(self):
        """Refuse what no training can follow.

        Raises:
            ValueError: a value out of its range; the message names it.
        """
        for name, least in (("steps", 1), ("batch_size", 1), ("shift", 0), ("evaluations", 1)):
            _whole(name, getattr(self, name), least)
        for name in ("num_real", "num_validation", "models_at_once"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name), 1)
        for name in ("epochs", "clip_norm"):
            if getattr(self, name) is not None:
                _checks.positive_value(name, getattr(self, name))
        for name in ("learning_rate", "synthetic_weight", "target_weight"):
            _checks.positive_value(name, getattr(self, name))
        _between("momentum", self.momentum, 0.0, 1.0, below=True)
        _between("weight_decay", self.weight_decay, 0.0, np.inf, below=True)
        _between("dice", self.dice, 0.0, np.inf, below=True)
        _between("warmup", self.warmup, 0.0, 1.0)
        _between("label_smoothing", self.label_smoothing, 0.0, 1.0, below=True)
        _checks.one_of("optimizer", self.optimizer, ("sgd", "adamw", "muon"))
        _checks.one_of("schedule", self.schedule, ("cosine", "triangular", "constant"))
        _checks.one_of("mixing", self.mixing, ("count", "weight"))
        _checks.one_of("choose", self.choose, ("best", "last"))
        if self.mixing == "weight" and self.synthetic_weight != 1.0:
            raise ValueError(
                f"synthetic_weight is {self.synthetic_weight:g}, but with mixing='weight' the ratios are "
                "the weights: leave it at 1."
            )
        if self.epochs is None and self.evaluations > self.steps:
            raise ValueError(
                f"evaluations is {self.evaluations} but there are {self.steps} steps: evaluate less often."
            )


@dataclasses.dataclass(frozen=True)
class Seeds:
    """Seeds of the repetitions: one of each kind a repetition, shared by all ratios.

    Attributes:
        data: Of the real subset, the validation points and the order of the synthetic pool.
        init: Of the initial parameters (and a model's own noise, such as dropout).
        order: Of the batches and the augmentation.
    """

    data: tuple[int, ...]
    init: tuple[int, ...]
    order: tuple[int, ...]

    def __post_init__(self):
        """Raise ValueError unless there are equally many of each, at least one, all whole and >= 0."""
        for field in dataclasses.fields(self):
            values = getattr(self, field.name)
            if not values:
                raise ValueError(f"seeds.{field.name} is empty: give at least one seed.")
            for value in values:
                _whole(f"seeds.{field.name}", value, 0)
                if value >= 2**32:
                    raise ValueError(f"seeds.{field.name} must lie below 2**32, got {value}.")
            object.__setattr__(self, field.name, tuple(int(v) for v in values))
        if not len(self.data) == len(self.init) == len(self.order):
            raise ValueError(
                f"seeds must hold one of each kind a repetition, got {len(self.data)} of data, "
                f"{len(self.init)} of init and {len(self.order)} of order."
            )

    def __len__(self) -> int:
        return len(self.data)

    @classmethod
    def of(cls, seeds: "int | Sequence[int] | Seeds") -> "Seeds":
        """From a number of repetitions (seeds 0, 1, ...), a list of seeds used for all kinds, or Seeds.

        Raises:
            ValueError: no seeds, or seeds that are no whole numbers >= 0.
        """
        if isinstance(seeds, Seeds):
            return seeds
        if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
            if seeds < 1:
                raise ValueError(f"seeds must be at least 1 repetition, got {seeds}.")
            seeds = range(int(seeds))
        if isinstance(seeds, str | bool) or not hasattr(seeds, "__iter__"):
            raise ValueError(
                f"seeds must be a whole number, a list of them or Seeds, got {seeds!r}."
            )
        each = tuple(seeds)
        if len(set(each)) != len(each):
            raise ValueError(f"seeds holds {each}: repeated seeds would repeat the same runs.")
        return cls(each, each, each)


def _whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}.")


def _between(name: str, value: float, low: float, high: float, *, below: bool = False) -> None:
    number = isinstance(value, int | float | np.floating | np.integer)
    if not (number and low <= value <= high and (value < high or not below)):
        end = ")" if below else "]"
        raise ValueError(f"{name} must lie in [{low:g}, {high:g}{end}, got {value!r}.")
