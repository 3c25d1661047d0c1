"""`synthmix train`: how much synthetic data to add, from networks trained at several ratios."""

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import numpy as np
from tyro.conf import OmitArgPrefixes, Positional, arg

from synthmix_jax import _atomic
from synthmix_jax.advice import Advice, _cautions, _json, judge
from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import load

from . import _demo, _recipe, _sources, _terminal, _train_text
from ._options import Common, Processes, own_warnings_once, progress
from ._recipe import Recipe
from ._stopping import Terminated, told_to_stop, what_is_kept
from ._together import Together

if TYPE_CHECKING:
    from synthmix_jax.training import Config, Result
else:
    # Training loads Flax, which --help does without.
    Config = Result = Any

# Seeds of one --seed, so that another one shares no repetition with it.
_APART = 1000
# The demonstration holds out more digits than it trains on, or its errors would be too coarse to tell anything.
_DEMO_HELD_OUT = 200
_NO_TEST = "none"


@dataclass(frozen=True, eq=False)
class Data:
    """What is trained on.

    Attributes:
        real: To train on and to hold out.
        synthetic: The pool.
        test: Data that nothing is chosen by, or None.
        names: What the report calls real and synthetic.
        introduction: What a demonstration is; else None.
    """

    real: Dataset
    synthetic: Dataset
    test: Dataset | None
    names: tuple[str, str]
    introduction: str | None = None


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is trained: the network and its name, the ratios and how."""

    name: str
    model: Any
    ratios: Sequence[float]
    config: Config


@dataclass(frozen=True)
class Train:
    """Train networks on several ratios of synthetic to real data, and recommend an amount by their errors.

    REAL and SYNTHETIC: a name (digits, cifar10, mnist, usps), a .npz file that holds x and y, or a folder with
    one sub-folder of images a class. Without them: a demonstration on the built-in digits.

    One network is trained for each ratio and seed, all in one program. The verdict rests on real points held out
    from each of them; test data are only shown beside it. The defaults, 7 ratios by 5 seeds of 500 steps, take
    under a minute for vectors and several for images of 8 x 8 pixels on two CPU cores; larger images want a GPU.

    Attributes:
        real: The real points: those you would train on.
        synthetic: Synthetic points, made by a generator that has not seen those.
        test: Test data, as REAL is given, or none; default the test part of REAL where it has one and --split is
            train.
        ratios: Ratios of synthetic to real points, between commas or spaces, with 0 among them; default
            0,0.25,0.5,1,2,4,8, or as far as SYNTHETIC goes.
        seeds: Networks at each ratio, at most 1000. Repetition i of --seed k has seed 1000 k + i, which draws its
            real points, held-out points, parameters and order.
        workdir: Folder (or gs://...) that records the run as it goes: after an interruption the same command
            goes on there. Default run in the folder of --out; without that none.
        split: Part of REAL to load.
        synthetic_split: Part of SYNTHETIC to load.
        test_split: Part of the test data to load; default test where there is one, else all.
        data_dir: Where named data sets lie; default the environment's SYNTHMIX_DATA_DIR.
        recipe: How each network is trained.
        processes: Options of commands that run as several processes.
        common: Options of every command.
    """

    real: Annotated[Positional[str | None], arg(metavar="[REAL]")] = None
    synthetic: Annotated[Positional[str | None], arg(metavar="[SYNTHETIC]")] = None
    test: Annotated[str | None, arg(metavar="TEST")] = None
    ratios: Annotated[tuple[str, ...] | None, arg(metavar="FLOAT[,FLOAT ...]")] = None
    seeds: int = 5
    workdir: Annotated[str | None, arg(metavar="DIR")] = None
    split: str = "train"
    synthetic_split: str = "train"
    test_split: Annotated[str | None, arg(metavar="STR")] = None
    data_dir: Annotated[Path | None, arg(metavar="DIR")] = None
    recipe: OmitArgPrefixes[Recipe] = field(default_factory=Recipe)
    processes: OmitArgPrefixes[Processes] = field(default_factory=Processes)
    common: OmitArgPrefixes[Common] = field(default_factory=Common)

    def run(self) -> None:
        """Load or make the data, train, judge, show, save."""
        together = self.processes.start()
        data, recipe = together.each(partial(self._prepare, together))
        plan = together.each(partial(self._plan, data, recipe))
        result = self._train(data, plan, together)
        name = plan.name
        advice = together.each(partial(self._advise, result, data, name))
        together.first_alone(partial(self._show, advice, result, name))

    def _prepare(self, together: Together) -> tuple[Data, Recipe]:
        """Check, then load or make the data."""
        self.common.check(make=together.first)
        self._check()
        return self._data()

    def _show(self, advice: Advice, result: Result, name: str) -> None:
        files = [] if self.common.out is None else _save(advice, result, self.common.out)
        if self.common.json:
            sys.stdout.write(_json.text(advice))
            return
        _train_text.show(result, name, self._folder())
        _terminal.show(advice, self.common.out, files)

    def _check(self) -> None:
        """Refuse what is wrong whatever the data holds.

        Raises:
            ValueError: data or options that contradict each other.
        """
        self.recipe.check()
        if self.real is not None and self.synthetic is None:
            swallowed = "" if self.ratios is None else " --ratios stands after the data sets."
            raise ValueError(
                f"only {self.real!r} was given; train takes REAL and SYNTHETIC, or neither for a demonstration."
                f"{swallowed}"
            )
        if not 1 <= self.seeds <= _APART:
            raise ValueError(f"--seeds must lie in 1 to {_APART}, got {self.seeds}.")
        most = 2**31 // _APART - 1
        if self.common.seed > most:
            raise ValueError(f"--seed must lie in 0 to {most} here, got {self.common.seed}.")
        if self.real is None or self.synthetic is None:
            if self.test is not None:
                raise ValueError(
                    "--test goes with REAL and SYNTHETIC; the demonstration has its own."
                )
            return
        parts = self.split, self.synthetic_split
        if _overlap(*parts) and _sources.same(self.real, self.synthetic):
            raise ValueError(
                f"REAL and SYNTHETIC are both {self.real}: every synthetic point would be a copy of a real "
                "one. Name two different data sets."
            )
        for role, source, split in (
            ("REAL", self.real, self.split),
            ("SYNTHETIC", self.synthetic, self.synthetic_split),
        ):
            test, part = self._test()
            if test is not None and _overlap(part, split) and _sources.same(test, source):
                raise ValueError(
                    f"{role} ({split}) and the test data ({part}) are both {test}: test errors would be those of "
                    "points trained on. Name other data with --test, or none."
                )

    def _test(self) -> tuple[str | None, str]:
        """Source and part of the test data; no source for none."""
        if self.test == _NO_TEST:
            return None, ""
        if self.test is not None:
            known = "test" if _sources.has_test(self.test) else "train"
            return self.test, self.test_split or known
        assert self.real is not None
        own = self.split == "train" and _sources.has_test(self.real)
        return (self.real, self.test_split or "test") if own else (None, "")

    def _data(self) -> tuple[Data, Recipe]:
        """The data, and how to train on them: the demonstration has defaults of its own."""
        if self.real is None or self.synthetic is None:
            return _demonstration(self.common.seed, self.recipe)
        test, part = self._test()
        parts = [(self.real, self.split), (self.synthetic, self.synthetic_split), (test, part)]
        real, synthetic, test = (
            None if source is None else load(source, split=split, data_dir=self.data_dir)
            for source, split in parts
        )
        assert real is not None
        assert synthetic is not None
        _cautions.check_classes(real, synthetic)
        first, second = _sources.short_names([self.real, self.synthetic])
        return Data(real, synthetic, test, (first, second)), self.recipe

    def _plan(self, data: Data, recipe: Recipe) -> "_Plan":
        """What to train, and how."""
        config = recipe.config(data.real)
        n, _ = recipe.sizes(data.real)
        pool = len(data.synthetic)
        ratios = _recipe.ratios(self.ratios, max(n, 1), pool, recipe.mixing)
        return _Plan(*recipe.named(data.real), ratios, config)

    def _train(self, data: Data, plan: "_Plan", together: Together) -> Result:
        """The errors of all that were trained."""
        from synthmix_jax.training import Stopped, sweep

        if data.introduction and together.first and not self.common.json:
            print(data.introduction, end="\n\n", flush=True)
        first = _APART * self.common.seed
        folder = self._folder()
        with progress(whole=True, shown=together.first) as tell, told_to_stop() as stop:
            try:
                return sweep(
                    plan.model,
                    data.real,
                    data.synthetic,
                    test=data.test,
                    ratios=plan.ratios,
                    seeds=range(first, first + self.seeds),
                    config=plan.config,
                    workdir=folder,
                    progress=tell,
                    stop=stop,
                )
            except KeyboardInterrupt:
                raise KeyboardInterrupt(what_is_kept(folder)) from None
            except Stopped as stopped:
                share = f"{stopped.done:,} of {stopped.total:,} steps were taken"
                raise Terminated(f"{share}. {what_is_kept(folder)}") from None

    def _advise(self, result: Result, data: Data, name: str) -> Advice:
        _refuse_failure(result)
        advice = own_warnings_once(partial(judge, result, names=data.names))
        return self._with_settings(advice, name)

    def _folder(self) -> str | None:
        """Where the run is recorded."""
        if self.workdir is None and self.common.out is not None:
            return str(self.common.out / "run")
        return self.workdir

    def _with_settings(self, advice: Advice, name: str) -> Advice:
        test, part = (None, "") if self.real is None else self._test()
        command = {
            "command": "train",
            "seed": self.common.seed,
            "files": None if self.real is None else [self.real, self.synthetic, test],
            "splits": [self.split, self.synthetic_split, part or None],
            "model": name,
        }
        return dataclasses.replace(advice, settings={**advice.settings, "command_line": command})


def _overlap(part: str, other: str) -> bool:
    """Whether two parts of one data set share points."""
    return part == other or "all" in (part, other)


def _demonstration(seed: int, recipe: Recipe) -> tuple[Data, Recipe]:
    """Digits, fifty to train on, and a blurred generator."""
    demo = _demo.make(seed)
    x, y = (
        np.concatenate([getattr(demo.real, name), getattr(demo.test, name)[:_DEMO_HELD_OUT]])
        for name in ("x", "y")
    )
    real = Dataset(x, y, class_names=demo.real.class_names)
    test = demo.test[_DEMO_HELD_OUT:]
    recipe = dataclasses.replace(
        recipe,
        model=recipe.model or "mlp",
        num_real=recipe.num_real or len(demo.real),
        num_validation=recipe.num_validation or _DEMO_HELD_OUT,
    )
    introduction = (
        f"{_demo.introduction(demo)} A few held-out digits could not judge networks, so {_DEMO_HELD_OUT} real ones "
        f"more are lent: each network is trained on {recipe.num_real} of these {len(real)} and judged on "
        f"{recipe.num_validation} others. The test data are {len(test):,} further digits."
    )
    return Data(real, demo.pool, test, _demo.NAMES, introduction), recipe


def _refuse_failure(result: Result) -> None:
    """Raise ValueError where no network without synthetic data was trained to the end.

    Raises:
        ValueError: as said.
    """
    alone = np.flatnonzero(result.ratios == 0.0)
    if np.isfinite(result.validation_error[alone]).any():
        return
    everywhere = "" if np.isfinite(result.validation_error).any() else ", and all others too"
    why = str(result.status[alone[0], 0]).replace("learning_rate", "--learning-rate")
    raise ValueError(
        f"all networks on real data alone failed{everywhere}, so there is nothing to compare with: "
        f"{why.replace('clip_norm', '--clip-norm')}"
    )


def _save(advice: Advice, result: Result, folder: Path) -> list[tuple[str, str]]:
    """Write the report and the table of runs; label and place of what `_terminal` does not know of."""
    advice.save(folder)
    runs = _train_text.runs(result).encode("ascii")
    _atomic.write(folder / "runs.csv", partial(_put, runs))
    return [("numbers", str(folder / "advice.json")), ("runs", str(folder / "runs.csv"))]


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)
