"""`synthmix recommend`: how much of the synthetic data to add to the real data."""

import dataclasses
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import jax
import numpy as np
from tyro.conf import OmitArgPrefixes, Positional, arg

from synthmix_jax.advice import Advice, _adaptation, _approximation, _json, _recommend, recommend
from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import load

from . import _demo, _sources, _terminal
from ._options import Common, Processes, own_warnings_once, progress
from ._together import Together


@dataclass(frozen=True, eq=False)
class _Data:
    """What is asked about, and the demonstration it may come from."""

    real: Dataset
    synthetic: Dataset
    target: Dataset | np.ndarray | None
    demo: _demo.Demo | None = None


@dataclass(frozen=True)
class Recommend:
    """Recommend how much synthetic data to add to real data, from the real points alone.

    REAL and SYNTHETIC: a name (digits, cifar10, mnist, usps), a .npz file that holds x and y, a folder with
    x.npy and y.npy (memory-mapped), or one with a sub-folder of images a class. Without them: a demonstration on
    the built-in digits.

    Attributes:
        real: The real points: those you would train on.
        synthetic: Synthetic points, made by a generator that has not seen those.
        split: Part of REAL to load.
        synthetic_split: Part of SYNTHETIC to load.
        data_dir: Where named data sets lie; default the environment's SYNTHMIX_DATA_DIR.
        fitted_on: What the generator was fitted on; "real" needs the generator itself, from Python.
        weights: What one synthetic point may count relative to a real one.
        ridges: Ridges to try; default 0.001, 0.01, 0.1 and 1 times the kernel's mean diagonal.
        num_orders: Random orders of the synthetic points to average over; default 3, on features 1 of more than
            50,000 points.
        method: "exact", or on features where the kernel matrix of all points does not fit into memory; "auto" for
            exact where it fits, else nystrom.
        num_features: Features of the approximate methods.
        target: For domain adaptation (REAL comes from a source, SYNTHETIC imitates the target): real points of the
            target. A .npz file without y holds inputs alone.
        target_split: Part of TARGET to load.
        target_inputs: Read no labels of TARGET, though it has some.
        target_weights: What one labelled target point may count relative to a source one.
        adapt: Domain adaptation without any point of the target: only a bound.
        processes: Options of commands that run as several processes.
        common: Options of every command.
    """

    real: Annotated[Positional[str | None], arg(metavar="[REAL]")] = None
    synthetic: Annotated[Positional[str | None], arg(metavar="[SYNTHETIC]")] = None
    split: str = "train"
    synthetic_split: str = "train"
    data_dir: Annotated[Path | None, arg(metavar="DIR")] = None
    fitted_on: Literal["other", "real"] = "other"
    weights: tuple[float, ...] = _recommend.WEIGHTS
    ridges: Annotated[tuple[float, ...] | None, arg(metavar="FLOAT [FLOAT ...]")] = None
    num_orders: Annotated[int | None, arg(metavar="INT")] = None
    method: Literal["auto", "exact", "nystrom", "random_features"] = "auto"
    num_features: int = _approximation.NUM_FEATURES
    target: Annotated[str | None, arg(metavar="TARGET")] = None
    target_split: str = "train"
    target_inputs: bool = False
    target_weights: tuple[float, ...] = _adaptation.TARGET_WEIGHTS
    adapt: bool = False
    processes: OmitArgPrefixes[Processes] = field(default_factory=Processes)
    common: OmitArgPrefixes[Common] = field(default_factory=Common)

    def run(self) -> None:
        """Load or make the data, ask, show, save."""
        together = self.processes.start()
        data = together.each(partial(self._prepare, together))
        # Processes may differ in what they can hold in memory, and so in what they refuse.
        advice = together.each(partial(self._advise, data, together))
        together.first_alone(partial(self._show, advice, data.demo))

    def _prepare(self, together: Together) -> "_Data":
        """Check, then load or make the data."""
        self.common.check(make=together.first)
        self._check()
        if self.real is not None and self.synthetic is not None:
            return _Data(*self._load(self.real, self.synthetic), self._target())
        demo = _demo.make(self.common.seed)
        if together.first and not self.common.json:
            print(_demo.introduction(demo), end="\n\n")
        return _Data(demo.real, demo.pool, None, demo)

    def _show(self, advice: Advice, demo: _demo.Demo | None) -> None:
        if self.common.out is not None:
            advice.save(self.common.out)
        if self.common.json:
            sys.stdout.write(_json.text(advice))
            return
        _terminal.show(advice, self.common.out)
        if demo is not None:
            print("\n" + _demo.check(demo, advice))

    def _check(self) -> None:
        """Refuse what is wrong whatever the data holds."""
        _approximation.check(self.method, self.num_features)
        if self.real is not None and self.synthetic is None:
            raise ValueError(
                f"only {self.real!r} was given; recommend takes REAL and SYNTHETIC, or neither for a "
                "demonstration."
            )
        if self.fitted_on == "real":
            raise ValueError(
                "--fitted-on real: a generator that saw the real points must be fitted anew without each part "
                "of them, so samples in a file are not enough. From Python, with the generator: "
                "smx.recommend(real, smx.generators.refit(fit, 2000, key=key), key=key, "
                'fitted_on="real"), where fit(dataset) returns a fitted generator.'
            )
        if self.real is None and (self.target or self.adapt):
            raise ValueError(
                "--target and --adapt need REAL and SYNTHETIC: the demonstration has no other domain."
            )
        if self.target and self.adapt:
            raise ValueError(
                f"--adapt is for no target points at all, but --target names {self.target}: leave one of them out."
            )
        if self.target_inputs and not self.target:
            raise ValueError(
                "--target-inputs needs --target: the points whose labels are not read."
            )
        one_split = self.split == self.synthetic_split
        if self.real and self.synthetic and one_split and _sources.same(self.real, self.synthetic):
            raise ValueError(
                f"REAL and SYNTHETIC are both {self.real}: every synthetic point would be a copy of a real "
                "one. Name two different data sets."
            )

    def _load(self, real: str, synthetic: str) -> tuple[Dataset, Dataset]:
        return (
            load(real, split=self.split, data_dir=self.data_dir),
            load(synthetic, split=self.synthetic_split, data_dir=self.data_dir),
        )

    def _target(self) -> Dataset | np.ndarray | None:
        """Points of the target: with labels, inputs alone, or none."""
        if self.target is None:
            return None
        inputs = _sources.inputs_without_labels(self.target)
        if inputs is not None:
            return inputs
        found = load(self.target, split=self.target_split, data_dir=self.data_dir)
        return np.asarray(found.x) if self.target_inputs else found

    def _names(self) -> tuple[str, str]:
        """What the report calls the data: the last part of each path, if that tells them apart."""
        if self.real is None or self.synthetic is None:
            return _demo.NAMES
        real, synthetic = _sources.short_names([self.real, self.synthetic])
        return real, synthetic

    def _advise(self, data: "_Data", together: Together) -> Advice:
        # Every process computes the same, each on a device of its own: the regression takes no mesh here.
        with progress(shown=together.first) as tell:
            advice = own_warnings_once(
                partial(
                    recommend,
                    data.real,
                    data.synthetic,
                    key=jax.random.key(self.common.seed),
                    weights=self.weights,
                    ridges=self.ridges,
                    num_orders=self.num_orders,
                    method=self.method,
                    num_features=self.num_features,
                    names=self._names(),
                    progress=tell,
                    target_validation=data.target,
                    target_weights=self.target_weights,
                    adapt=self.adapt,
                )
            )
        command = {
            "command": "recommend",
            "seed": self.common.seed,
            "files": None if self.real is None else [self.real, self.synthetic],
            "splits": [self.split, self.synthetic_split],
        }
        if self.target is not None:
            command |= {
                "target": self.target,
                "target_split": self.target_split,
                "target_inputs": self.target_inputs,
            }
        return dataclasses.replace(advice, settings={**advice.settings, "command_line": command})
