"""`synthmix generate`: fit a generator on real data, draw from it, and check that it does not copy."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import jax
import numpy as np
from tyro.conf import OmitArgPrefixes, Positional, arg

from synthmix_jax import _numerics, generators
from synthmix_jax.dataset import Dataset
from synthmix_jax.generators._sampling import Generator
from synthmix_jax.loaders import load

from . import _generate_files, _generate_models, _generate_text
from ._generate_models import MODELS, Fitting, Model, Options
from ._options import Common, Progress, progress

if TYPE_CHECKING:
    from synthmix_jax.distances import NearestNeighbours
else:
    # Distances load OTT, which --help does without.
    NearestNeighbours = Any

# Folded into the key, so that splitting, fitting, sampling and choosing what is tested share no random numbers.
_SPLIT, _FIT, _SAMPLE, _TEST = range(1, 5)
# Most synthetic and most held-out points that are looked at for copies, and fewest held-out ones.
_TESTED, _LEAST = 5000, 10


@dataclass(frozen=True, eq=False)
class Made:
    """What one run made.

    Attributes:
        name: What the real data are called.
        model: The kind of generator.
        options: What it was fitted with.
        fitted: Real points it was fitted on.
        held_out: Real points it has not seen.
        synthetic: Its samples.
        generator: The fitted generator.
        tested: Numbers of the samples that were looked at for copies, rising.
        nearest: The test of copies on these; None with too few held-out points.
        seconds: How long each part took.
        settings: The command, to redo the run. JSON-like.
    """

    name: str
    model: Model
    options: Options
    fitted: Dataset
    held_out: Dataset
    synthetic: Dataset
    generator: Generator
    tested: np.ndarray
    nearest: NearestNeighbours | None
    seconds: dict[str, float]
    settings: dict[str, Any]


@dataclass(frozen=True)
class Generate:
    """Fit a generator on real data, draw synthetic points, and check that they are no copies.

    REAL: a name (digits, cifar10, mnist, usps), a .npz file that holds x and y, or a folder with one sub-folder of
    images a class. Without it: the built-in digits.

    A part of REAL is held out from the generator. It shows whether samples are copies, and it is the real data for
    synthmix recommend: points that the generator was fitted on would make it look better than it is.

    Attributes:
        real: The real points.
        model: Generator. gaussian: one a class, of low rank. mixture: several a class. smote: points between
            neighbours. flow: a network, conditional flow matching; trained, so slower.
        count: Synthetic points; default as many as the generator is fitted on. Classes are balanced.
        held_out: Share of REAL that is held out from the generator, of every class.
        split: Part of REAL to load.
        data_dir: Where named data sets lie; default the environment's SYNTHMIX_DATA_DIR.
        fitting: How the generator is fitted.
        out: File for the samples that ends in .npz, with the other files beside it, or a folder for all. Without
            it nothing is written.
        seed: Seed of everything random; the same seed gives the same samples.
        json: Print the answer as JSON, and nothing else, on standard output.
    """

    real: Annotated[Positional[str | None], arg(metavar="[REAL]")] = None
    model: Annotated[str, arg(metavar="{" + ",".join(MODELS) + "}")] = "gaussian"
    count: Annotated[int | None, arg(metavar="INT")] = None
    held_out: float = 0.2
    split: str = "train"
    data_dir: Annotated[Path | None, arg(metavar="DIR")] = None
    fitting: OmitArgPrefixes[Fitting] = field(default_factory=Fitting)
    out: Annotated[Path | None, arg(metavar="FILE.npz|DIR")] = None
    seed: int = 0
    json: bool = False

    def run(self) -> None:
        """Load, split, fit, draw, look for copies; save, show."""
        Common(seed=self.seed).check()
        model, options = self._check()
        places = None if self.out is None else _generate_files.Places.of(self.out)
        source = self.real or "digits"
        if places is not None:
            places.check(source)
        real = load(source, split=self.split, data_dir=self.data_dir)
        _check_data(real, self.model, model)
        with progress(whole=True) as tell:
            made = self._make(real, model, options, tell)
        numbers = _generate_text.numbers(made, places)
        if places is not None:
            _generate_files.write(made, numbers, places)
        if self.json:
            sys.stdout.write(numbers)
        else:
            _generate_text.show(made, places)

    def _check(self) -> tuple[Model, Options]:
        """The model and its options.

        Raises:
            ValueError: what is wrong whatever the data holds.
        """
        if self.count is not None and self.count < 1:
            raise ValueError(f"--count must be at least 1, got {self.count}.")
        if not 0.0 < self.held_out < 1.0:
            raise ValueError(
                f"--held-out is a share strictly between 0 and 1, got {self.held_out:g}."
            )
        return _generate_models.chosen(self.model, self.fitting)

    def _make(self, real: Dataset, model: Model, options: Options, tell: Progress | None) -> Made:
        key = jax.random.key(self.seed)
        fitted, held_out = _divide(real, self.held_out, jax.random.fold_in(key, _SPLIT))
        seconds, at = {}, time.perf_counter()

        def took(part: str) -> None:
            nonlocal at
            seconds[part], at = time.perf_counter() - at, time.perf_counter()

        _say(tell, 0, "fitting")
        generator = self._fit(model, fitted, options, jax.random.fold_in(key, _FIT), tell)
        took("fit")
        _say(tell, 1, "drawing")
        count = len(fitted) if self.count is None else self.count
        drawn = generators.draw(generator, count, key=jax.random.fold_in(key, _SAMPLE))
        synthetic = _as_real(drawn, real)
        took("draw")
        _say(tell, 2, "looking for copies")
        rng = _numerics.host_generator(jax.random.fold_in(key, _TEST))
        tested, nearest = _look_for_copies(fitted, held_out, synthetic, rng)
        took("look for copies")
        return Made(
            name=Path(self.real).name or self.real if self.real else "UCI digits",
            model=model,
            options=options,
            fitted=fitted,
            held_out=held_out,
            synthetic=synthetic,
            generator=generator,
            tested=tested,
            nearest=nearest,
            seconds=seconds,
            settings={
                "command": "generate",
                "real": self.real,
                "split": self.split,
                "model": self.model,
                "options": options,
                "count": self.count,
                "held_out": self.held_out,
                "seed": self.seed,
            },
        )

    def _fit(self, model: Model, data: Dataset, options: Options, key, tell: Progress | None):
        try:
            return model.fit(data, options, key, tell)
        except KeyboardInterrupt:
            folder = self.fitting.workdir
            where = "Nothing was kept."
            if "workdir" in model.options:
                where = "Nothing was kept; with --workdir the same command goes on where it was."
            if folder is not None:
                where = f"What was reached lies in {folder}; the same command goes on there."
            raise KeyboardInterrupt(where) from None


def _check_data(real: Dataset, name: str, model: Model) -> None:
    """Raise ValueError for data that the model cannot be fitted on, or that cannot be divided."""
    if real.num_classes is None:
        if model.classes_only:
            others = [other for other, one in MODELS.items() if not one.classes_only]
            raise ValueError(
                f"--model {name} needs class labels, and REAL holds regression targets (float y); take --model "
                f"{' or '.join(others)}."
            )
        return
    counts = np.bincount(np.asarray(real.y), minlength=real.num_classes)
    for few, words in ((0, "no points"), (1, "one point")):
        if (counts == few).any():
            label = int(np.flatnonzero(counts == few)[0])
            raise ValueError(
                f"class {_generate_text.class_name(real, label)} has {words} in REAL; each needs one to fit on and "
                "one to hold out. Leave the class out, or add points."
            )


def _divide(real: Dataset, share: float, key) -> tuple[Dataset, Dataset]:
    """The part to fit on, and the part held out.

    Raises:
        ValueError: a part, or a class of the part to fit on, would be empty.
    """
    fitted, held_out = real.split(1.0 - share, key=key)
    if real.num_classes is not None:
        missing = np.setdiff1d(np.arange(real.num_classes), np.asarray(fitted.y))
        if missing.size:
            label = _generate_text.class_name(real, int(missing[0]))
            raise ValueError(
                f"--held-out {share:g} leaves no point of class {label} to fit on; hold out less."
            )
    return fitted, held_out


def _as_real(drawn: Dataset, real: Dataset) -> Dataset:
    """The samples in the form of the real data: bytes where these are bytes, and with the names of the classes."""
    x = np.asarray(drawn.x)
    if real.x.dtype == np.uint8:
        x = np.clip(np.rint(255.0 * x), 0, 255).astype(np.uint8)
    if real.num_classes is None:
        return Dataset(x, drawn.y)
    return Dataset(x, drawn.y, num_classes=real.num_classes, class_names=real.class_names)


def _look_for_copies(
    fitted: Dataset, held_out: Dataset, synthetic: Dataset, rng: np.random.Generator
) -> tuple[np.ndarray, NearestNeighbours | None]:
    """The test on at most some thousand points, drawn at random; which samples those were."""
    from synthmix_jax.distances import nearest_neighbours

    some = [np.sort(rng.permutation(len(data))[:_TESTED]) for data in (held_out, synthetic)]
    if len(held_out) < _LEAST:
        return some[1], None
    arrays = [np.asarray(data.x)[at] for data, at in zip((held_out, synthetic), some, strict=True)]
    return some[1], nearest_neighbours(np.asarray(fitted.x), *arrays)


def _say(tell: Progress | None, done: int, what: str) -> None:
    if tell is not None:
        tell(done, 3, what)
