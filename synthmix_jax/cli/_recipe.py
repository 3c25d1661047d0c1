"""Options of training: which networks, on how many points, and how; from a command line to a `training.Config`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from synthmix_jax import mixing
from synthmix_jax.dataset import Dataset

if TYPE_CHECKING:
    from synthmix_jax.training import Config
else:
    # Training loads Flax, which --help does without.
    Config = Any

# As in `synthmix_jax.models`, which --help does without.
MODELS = ("mlp", "small_cnn", "resnet9", "resnet18", "vit_tiny")

RATIOS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_STEPS, _EVALUATIONS = 500, 10
# Adam's steps are as long as the learning rate, and Muon's are scaled to them. Heuristic.
_LEARNING_RATES = {"sgd": 0.05, "adamw": 0.002, "muon": 0.002}
# Pixels along a side that small_cnn needs.
_SMALLEST = 8


@dataclass(frozen=True)
class Recipe:
    """How each network is trained.

    Attributes:
        model: Network; default small_cnn for images of at least 8 x 8 pixels, else mlp (and mlp in the
            demonstration, where it takes seconds).
        steps: Steps of every network, whatever its ratio: all cost the same, which is the fair comparison; default
            500.
        epochs: Instead of --steps, passes over each network's own points, so that more points train longer.
        batch_size: Points a step.
        optimizer: sgd (Nesterov momentum 0.9), adamw or muon.
        learning_rate: At its peak, after a rise over the first tenth; default 0.05 for sgd, 0.002 for adamw and
            muon.
        weight_decay: Of matrices and convolutions.
        schedule: How the learning rate falls.
        label_smoothing: Probability spread over all classes.
        clip_norm: Largest norm of a gradient; default no limit.
        flip: Mirror images left to right at random.
        shift: Move images at random by up to so many pixels each way.
        mixing: What ratios are. count: synthetic points per real point, every point counting the same. weight: all
            of SYNTHETIC is used, and the ratio is its total weight over that of the real points.
        num_real: Real points each network is trained on; default all that are not held out.
        num_validation: Real points held out from each network, to choose among its evaluations and among ratios;
            default a fifth of REAL.
        evaluations: How often a network is evaluated on these, and a checkpoint stored; default 10.
        models_at_once: Networks trained side by side in a batch; default 1 on CPU, 8 elsewhere.
    """

    model: Annotated[str | None, arg(metavar="{" + ",".join(MODELS) + "}")] = None
    steps: Annotated[int | None, arg(metavar="INT")] = None
    epochs: Annotated[float | None, arg(metavar="FLOAT")] = None
    batch_size: int = 64
    optimizer: Literal["sgd", "adamw", "muon"] = "sgd"
    learning_rate: Annotated[float | None, arg(metavar="FLOAT")] = None
    weight_decay: float = 5e-4
    schedule: Literal["cosine", "triangular", "constant"] = "cosine"
    label_smoothing: float = 0.0
    clip_norm: Annotated[float | None, arg(metavar="FLOAT")] = None
    flip: bool = False
    shift: int = 0
    mixing: Literal["count", "weight"] = "count"
    num_real: Annotated[int | None, arg(metavar="INT")] = None
    num_validation: Annotated[int | None, arg(metavar="INT")] = None
    evaluations: Annotated[int | None, arg(metavar="INT")] = None
    models_at_once: Annotated[int | None, arg(metavar="INT")] = None

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            ValueError: an unknown model, or both steps and epochs.
        """
        if self.model is not None and self.model not in MODELS:
            raise ValueError(f"--model must be one of {', '.join(MODELS)}, got {self.model!r}.")
        if self.steps is not None and self.epochs is not None:
            raise ValueError(
                f"--steps {self.steps} and --epochs {self.epochs:g} say how long to train twice; give one of them."
            )

    def sizes(self, real: Dataset) -> tuple[int, int]:
        """Real points to train on, and held out; whether there are enough is for `training` to say."""
        held_out = self.num_validation
        if held_out is None:
            spare = len(real) - (self.num_real or 0)
            fifth = max(real.num_classes or 1, round(len(real) / 5))
            held_out = max(1, min(fifth, spare))
        n = len(real) - held_out if self.num_real is None else self.num_real
        return n, held_out

    def config(self, real: Dataset) -> Config:
        """As a record that `training.sweep` takes."""
        from synthmix_jax.training import Config

        n, held_out = self.sizes(real)
        steps = _STEPS if self.steps is None else self.steps
        # As few evaluations as there are steps, unless a number was asked for.
        least = steps if self.epochs is None else int(self.epochs * n / max(1, self.batch_size))
        evaluations = max(1, min(_EVALUATIONS, least))
        return Config(
            steps=max(steps, _EVALUATIONS) if self.epochs is not None else steps,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            learning_rate=(
                _LEARNING_RATES[self.optimizer]
                if self.learning_rate is None
                else self.learning_rate
            ),
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            label_smoothing=self.label_smoothing,
            clip_norm=self.clip_norm,
            flip=self.flip,
            shift=self.shift,
            mixing=self.mixing,
            num_real=self.num_real,
            num_validation=held_out,
            evaluations=evaluations if self.evaluations is None else self.evaluations,
            models_at_once=self.models_at_once,
        )

    def named(self, real: Dataset) -> tuple[str, Any]:
        """Name of the network, and what makes it.

        Raises:
            ValueError: the network cannot take these points.
        """
        from synthmix_jax import models

        shape = real.x.shape[1:]
        images = len(shape) in (2, 3) and min(shape[:2]) >= _SMALLEST
        name = self.model or ("small_cnn" if images else "mlp")
        targets = 1 if real.y.ndim == 1 else real.y.shape[1]
        try:
            build = models.named(
                name, input_shape=shape, num_outputs=real.num_classes or int(targets)
            )
        except ValueError as error:
            raise ValueError(
                f"--model {name} cannot take points of shape {shape}: {error}"
            ) from error
        return name, build


def ratios(given: tuple[str, ...] | None, n: int, pool: int, kind: str) -> list[float]:
    """Ratios in rising order, from numbers between commas and spaces; without any, those that the pool allows.

    Raises:
        ValueError: no numbers, no ratio 0, or nothing else.
    """
    if given is None:
        return _that_fit(n, pool) if kind == "count" else list(RATIOS)
    cells = [cell.strip() for text in given for cell in text.split(",")]
    found = sorted(_number(cell) for cell in cells if cell)
    shown = ", ".join(f"{ratio:g}" for ratio in found)
    if 0.0 not in found:
        raise ValueError(
            f"--ratios {shown or 'is empty'}: there must be a 0, the real points alone, which everything is "
            "compared with."
        )
    largest = found[-1] if kind == "weight" else mixing.count_for_ratio(n, found[-1])
    if largest <= 0:
        raise ValueError(
            f"--ratios {shown}: with {n} real points none of them adds a synthetic point; give larger ones."
        )
    return found


def _that_fit(n: int, pool: int) -> list[float]:
    """The usual ratios; the whole pool in place of those that need more."""
    found = [ratio for ratio in RATIOS if mixing.count_for_ratio(n, ratio) <= pool]
    if len(found) < len(RATIOS) and mixing.count_for_ratio(n, found[-1]) < pool:
        found.append(pool / n)
    return found


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError as error:
        raise ValueError(
            f"--ratios: {cell!r} is no number. Give numbers between commas or spaces; options that take several "
            "values stand after the data sets."
        ) from error
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"--ratios: a ratio is zero or more, got {cell}.")
    return value
