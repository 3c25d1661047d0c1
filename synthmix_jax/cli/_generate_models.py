"""The generators that `synthmix generate` fits: a line of `MODELS` each, with the options that it takes."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from tyro.conf import arg

from synthmix_jax import generators
from synthmix_jax._typing import Key
from synthmix_jax.dataset import Dataset
from synthmix_jax.generators._sampling import Generator

from ._options import Progress

# Options given, by name -> what the generator is fitted with.
Options = dict[str, Any]
Fit = Callable[[Dataset, Options, Key, Progress | None], Generator]
_INT, _FLOAT = arg(metavar="INT"), arg(metavar="FLOAT")


@dataclass(frozen=True)
class Fitting:
    """How the generator is fitted; what is not given is chosen by --model.

    Attributes:
        rank: gaussian, mixture: directions that a class, or a component, varies in; default 10.
        shrinkage: gaussian: share of the covariance of all classes together in that of each, in 0 to 1, or auto;
            default 0.
        components: mixture: Gaussians a class; default 5.
        neighbours: smote: nearest points that a partner is drawn from; default 5.
        steps: flow: steps of training.
        batch_size: flow: points a step.
        learning_rate: flow: of Adam.
        widths: flow: channels of each level of the network for images; default 32 64.
        width: flow: units of a layer of the network for vectors.
        flip: flow: mirror images left to right at random.
        guidance: flow: weight of classifier-free guidance; default 0.
        sampler_steps: flow: steps of the sampler; default 20.
        workdir: flow: folder that records the training as it goes; the same command goes on there.
    """

    rank: Annotated[int | None, _INT] = None
    shrinkage: Annotated[str | None, arg(metavar="FLOAT|auto")] = None
    components: Annotated[int | None, _INT] = None
    neighbours: Annotated[int | None, _INT] = None
    steps: Annotated[int | None, _INT] = None
    batch_size: Annotated[int | None, _INT] = None
    learning_rate: Annotated[float | None, _FLOAT] = None
    widths: Annotated[tuple[int, ...] | None, arg(metavar="INT [INT ...]")] = None
    width: Annotated[int | None, _INT] = None
    flip: bool = False
    guidance: Annotated[float | None, _FLOAT] = None
    sampler_steps: Annotated[int | None, _INT] = None
    workdir: Annotated[str | None, arg(metavar="DIR")] = None

    def given(self) -> Options:
        """The options that were given, by name."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            name: value for name, value in found.items() if value is not None and value is not False
        }


@dataclass(frozen=True)
class Model:
    """One kind of generator.

    Attributes:
        title: What it is, in words.
        options: Those it takes, with a default where it is ours.
        classes_only: Whether it needs class labels.
        fit: Fits it.
    """

    title: str
    options: Options
    classes_only: bool
    fit: Fit


def chosen(name: str, fitting: Fitting) -> tuple[Model, Options]:
    """The model of that name, and the options it is fitted with.

    Raises:
        ValueError: no such model, or an option that it does not take.
    """
    if name not in MODELS:
        raise ValueError(f"--model {name} is unknown; there are {', '.join(MODELS)}.")
    model, given = MODELS[name], fitting.given()
    for option in given:
        if option not in model.options:
            takes = ", ".join(map(flag, model.options))
            raise ValueError(
                f"{flag(option)} does not apply to --model {name}, which takes {takes}."
            )
    ours = {option: value for option, value in model.options.items() if value is not None}
    return model, {**ours, **given}


def flag(option: str) -> str:
    """An option as it is typed."""
    return f"--{option.replace('_', '-')}"


def _gaussian(data: Dataset, options: Options, key: Key, tell: Progress | None):
    options = dict(options)
    if "shrinkage" in options and options["shrinkage"] != "auto":
        options["shrinkage"] = _number("shrinkage", options["shrinkage"])
    return generators.ClassGaussian.fit(data, **options)


def _mixture(data: Dataset, options: Options, key: Key, tell: Progress | None):
    return generators.ClassMixture.fit(data, **options, key=key)


def _smote(data: Dataset, options: Options, key: Key, tell: Progress | None):
    return generators.SMOTE.fit(data, **options)


def _flow(data: Dataset, options: Options, key: Key, tell: Progress | None):
    options = dict(options)
    workdir = options.pop("workdir", None)
    sampling = {name: options.pop(name) for name in _SAMPLING if name in options}
    config = generators.FlowConfig(**options)
    flow = generators.Flow.fit(data, key=key, config=config, workdir=workdir, progress=tell)
    return dataclasses.replace(flow, **sampling)


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{flag(option)} must be a number or auto, got {text!r}.") from error


_SAMPLING = ("guidance", "sampler_steps")
_TRAINING = ("steps", "batch_size", "learning_rate", "widths", "width", "flip", "workdir")
_FLOW: Options = dict.fromkeys(_TRAINING + _SAMPLING)

# A new generator is a function above and a line here; an option of its own is a field of `Fitting`.
MODELS = {
    "gaussian": Model("one Gaussian a class", {"rank": 10, "shrinkage": None}, False, _gaussian),
    "mixture": Model(
        "a mixture of Gaussians a class",
        {"components": 5, "rank": 10},
        True,
        _mixture,
    ),
    "smote": Model("SMOTE", {"neighbours": 5}, False, _smote),
    "flow": Model("a flow", _FLOW, True, _flow),
}
