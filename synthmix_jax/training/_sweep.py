"""`sweep`: networks at many ratios of synthetic to real data and many seeds, trained as one population."""

import dataclasses
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from synthmix_jax import _checks, _free_memory
from synthmix_jax._typing import Numbers
from synthmix_jax._version import __version__
from synthmix_jax.dataset import Dataset

from . import _describe, _plan, _points, _population, _sharding
from ._book import Begun, Book
from ._config import Config, Seeds
from ._population import Chunk
from ._predictor import Standardization
from ._result import Result
from ._sharding import Layout
from ._step import Points, Trainer
from ._workdir import FORMAT, Workdir

Progress = Callable[[int, int, str], None]

_logger = logging.getLogger("synthmix_jax")


def sweep(
    model: Callable[[Any], Any],
    real: Dataset,
    synthetic: Dataset | None,
    *,
    test: Dataset | None,
    ratios: Numbers,
    seeds: int | Sequence[int] | Seeds,
    config: Config | None = None,
    validation: Dataset | None = None,
    workdir: str | os.PathLike[str] | None = None,
    mesh: Mesh | None = None,
    keep_models: bool = False,
    memory_limit: float | int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Train one network for every ratio and seed, all in one compiled program, and score each on real data.

    Every repetition draws its real training points, its held-out real points and the order of the synthetic pool
    by its data seed; all ratios share them, the initial parameters, the order of the points they have in
    common and the augmentation, so that differences between ratios are paired. The parameters of the evaluation
    with the least validation error are kept; `test` is scored once, with those.

    A model's numbers depend on nothing but its own data, seeds and configuration: not on the other models, on how
    they are batched, on the number of devices, or on interruptions (to rounding, where a different
    program does the arithmetic).

    Args:
        model: From `flax.nnx.Rngs` to a Flax NNX module that maps (b, ...) to scores (b, classes) or targets
            (b, k); images without channels are given one. `lambda rngs: smx.models.SmallCNN(10, rngs=rngs)`.
        real: Real points, to train on and to hold out. With label maps (`Dataset.dense`) the network segments:
            it maps (b, h, w, c) to scores of every pixel (b, h, w, classes), as `models.UNet` does.
        synthetic: The pool of synthetic points; None where all ratios are 0. Uint8 images on both sides stay
            uint8 on the device.
        test: Real points that nothing is chosen by; None for none.
        ratios: Ratios of synthetic to real training points (r,), each once; `Config.mixing` says what they mean.
        seeds: Number of repetitions, a list of seeds, or `Seeds` for each kind of randomness apart.
        config: How to train; default `Config()`.
        validation: Real points to choose by, instead of held-out ones of `real`: where points are not independent
            (patches of one patient, say), only the caller knows what may be held out.
        workdir: Folder (local or gs://) that records the run as it goes. The same call resumes there, with the
            same numbers; other settings are refused.
        mesh: Devices to spread the models over; None for all of them, of all processes (`jax.distributed`).
        keep_models: Whether `Result.model` gives the trained networks.
        memory_limit: Bytes of one device the program may hold; None for nine tenths of what is free. A
            population that needs more is trained in chunks, one after the other, and the log says so.
        progress: Called as progress(done, total, what) after every evaluation, in steps of all models.

    Returns:
        Errors (r, s), histories and status of each cell.

    Raises:
        ValueError: data that do not match each other or the model, labels outside the classes, a ratio that
            needs more synthetic points than exist, no seeds, a workdir that cannot be written to or holds another
            sweep, or a model that does not fit into memory.

    References:
        The question, shidani2026; nested subsets and paired streams are derived here.
    """
    config = Config() if config is None else config
    seeds = Seeds.of(seeds)
    with jax.enable_x64(False):  # the same numbers whatever the caller's flag
        _check(model, config, mesh)
        _points.check(real, synthetic, test, config, validation)
        held_out = 0 if validation is None else len(validation)
        plan = _plan.make_plan(real, synthetic, ratios, seeds, config, held_out)
        points = _points.pooled(real, synthetic, config, validation)
        trainer = Trainer(model, config, len(real), real.num_classes, real.dense)
        network = _describe.describe(trainer, points)
        layout = _layout(mesh, config)
        data = {"real": real, "synthetic": synthetic, "test": test}
        data |= {} if validation is None else {"validation": validation}
        settings = _settings(plan, network, data, keep_models, layout)
        folder = None if workdir is None else Workdir(workdir, settings)
        try:
            book = Book(plan, trainer, folder, keep_models)
            on_test = None if test is None else _points.like(points, test, real, config)
            run = _Run(plan, trainer, layout, points, on_test, book, _limit(layout, memory_limit))
            log = run(_Meter(plan, progress))
            unit = Standardization(points.mean, points.scale, *_points.target_moments(real, config))
            return book.result(settings, log, unit)
        finally:
            if folder is not None:
                folder.close()


@dataclasses.dataclass(frozen=True, eq=False)
class _Run:
    """The loop over the chunks of a population, beginning with the one that was under way."""

    plan: _plan.Plan
    trainer: Trainer
    layout: Layout
    points: Points
    test: Points | None
    book: Book
    limit: float | None

    def __call__(self, meter: "_Meter") -> tuple[str, ...]:
        """Train what is not finished; say what was decided."""
        log: list[str] = []
        begun, lost = self.book.under_way()
        finished = [cell for cell in self.plan.cells if cell in self.book.done]
        if finished or begun:
            where = f", {len(begun.cells)} go on from evaluation {begun.number}" if begun else ""
            log.append(_say(f"resumed: {len(finished)} models were finished{where}"))
        if lost:
            log.append(_say(f"a checkpoint could not be read ({lost}): its models begin anew"))
        meter.start(finished, begun)
        if not self.book.unfinished():
            return tuple(log)
        on_devices = self.layout.repeat(self.points)
        full: Chunk | None = None
        while todo := self.book.unfinished():
            cells, held = (todo, None) if begun is None else (begun.cells, begun)
            if full is None:
                chunk, needed = _population.split(cells, self._chunk, self.layout, self.limit)
                log.append(_say(_memory_words(chunk, needed, self.limit, len(cells))))
                # What memory allows is tried out once: the chunks that follow take the same programs.
                full = chunk if len(chunk.cells) < len(cells) else None
            else:
                chunk = full.holding(cells)
            begun = None
            start = chunk.begin(None if held is None else held.state_of(chunk))
            meter.go()
            for number, live, scores in chunk.run(start, on_devices):
                meter.tick(chunk, number)
                if number < self.plan.config.evaluations:
                    self.book.save(chunk, number, live, scores)
                else:
                    self.book.finish(chunk, live, scores, self.test)
        return tuple(log)

    def _chunk(self, cells: Sequence[tuple[int, int]], layout: Layout) -> Chunk:
        models = layout.padded(len(cells))
        return Chunk(cells, self.trainer, self.plan, layout, self.points, models)


class _Meter:
    """Tells how far a population is, in steps of all models."""

    def __init__(self, plan: _plan.Plan, progress: Progress | None):
        self._plan, self._progress = plan, progress
        self._total = sum(int(plan.num_steps[r]) for r, _ in plan.cells)
        self._done, self._fresh, self._seconds, self._since = 0, 0, 0.0, 0.0

    def start(self, finished: list[tuple[int, int]], begun: Begun | None) -> None:
        """Say what an earlier run has done."""
        self._done = sum(int(self._plan.num_steps[r]) for r, _ in finished)
        under_way = [] if begun is None else self._reached(begun.cells, begun.number)
        if self._progress is not None:
            self._progress(self._done + sum(under_way), self._total, "compiling")

    def go(self) -> None:
        """Compilation is over: seconds count from here."""
        self._since = time.monotonic()

    def tick(self, chunk: Chunk, number: int) -> None:
        """Say how far a chunk is."""
        reached = self._reached(chunk.cells, number)
        self._fresh += sum(reached) - sum(self._reached(chunk.cells, number - 1))
        now = time.monotonic()
        self._seconds, self._since = self._seconds + now - self._since, now
        last = number == self._plan.config.evaluations
        done = self._done + sum(reached)
        if last:
            self._done = done
        if self._progress is not None:
            rate = self._fresh * self._plan.config.batch_size / max(self._seconds, 1e-9)
            what = f"{len(chunk.cells)} models, step {max(reached)} ({rate:,.0f} points/s)"
            self._progress(done, self._total, what)

    def _reached(self, cells: Sequence[tuple[int, int]], number: int) -> list[int]:
        """Steps of each cell at so many evaluations."""
        return [int(self._plan.bounds(r)[number - 1]) if number else 0 for r, _ in cells]


def _check(model: Any, config: Any, mesh: Any) -> None:
    if not callable(model):
        raise ValueError(
            f"model must be a callable from nnx.Rngs to a module, got {type(model).__name__}: "
            "lambda rngs: smx.models.SmallCNN(10, rngs=rngs)."
        )
    if hasattr(model, "train") and hasattr(model, "eval") and not isinstance(model, type):
        raise ValueError(
            "model is a network already; every seed needs one of its own. Pass what makes it: "
            "lambda rngs: smx.models.SmallCNN(10, rngs=rngs)."
        )
    if not isinstance(config, Config):
        raise ValueError(
            f"config must be a training.Config, got {type(config).__name__}: Config(steps=1000)."
        )
    if mesh is not None and not isinstance(mesh, Mesh):
        raise ValueError(
            f"mesh must be a jax.sharding.Mesh, or None for all devices, got {type(mesh).__name__}."
        )
    if mesh is not None and not mesh.local_devices:
        raise ValueError(
            f"mesh holds no device of process {jax.process_index()}: give every process a part of it."
        )


def _layout(mesh: Mesh | None, config: Config) -> Layout:
    mesh = Mesh(np.array(jax.devices()), ("models",)) if mesh is None else mesh
    layout = Layout(mesh, 1)
    # Measured on CPU: one model's activations stay in the cache. Elsewhere not measured: a few models
    # fill the device without multiplying its memory.
    default = 1 if layout.platform == "cpu" else 8
    return dataclasses.replace(layout, at_once=config.models_at_once or default)


def _limit(layout: Layout, given: float | int | None) -> float | None:
    """Bytes of one device."""
    if given is not None:
        return _checks.positive_value("memory_limit", given)
    mine = [d for d in layout.mesh.devices.flat if d.process_index == jax.process_index()]
    free = _free_memory.available(mine[0]) if mine else None
    # Virtual devices of a CPU share its memory. All processes must split alike.
    share = len(mine) if layout.platform == "cpu" else 1
    limit = _sharding.least(math.inf if free is None else 0.9 * free / share)
    return None if math.isinf(limit) else limit


def _memory_words(chunk: Chunk, needed: int, limit: float | None, todo: int) -> str:
    at_once, devices = chunk.layout.at_once, chunk.layout.num_devices
    how = "one after the other" if at_once == 1 else f"{at_once} at a time"
    text = f"{len(chunk.cells)} models on {devices} {chunk.layout.platform} device(s), {how}: "
    text += f"{_population.in_words(needed)} a device"
    if limit is not None:
        text += f" of {_population.in_words(limit)} allowed"
    if len(chunk.cells) < todo:
        text += f"; {todo} do not fit together, so the others follow in chunks"
    return text


def _say(text: str) -> str:
    _logger.info(text)
    return text


def _settings(
    plan: _plan.Plan,
    network: dict[str, Any],
    data: dict[str, Dataset | None],
    keep_models: bool,
    layout: Layout,
) -> dict[str, Any]:
    config = dataclasses.asdict(plan.config)
    at_once = config.pop("models_at_once")
    return {
        "format": FORMAT,
        "config": config,
        "ratios": plan.ratios.tolist(),
        "counts": plan.counts.tolist(),
        "num_real": len(plan.draws[0].real),
        "num_validation": len(plan.draws[0].validation),
        "seeds": {k: list(v) for k, v in dataclasses.asdict(plan.seeds).items()},
        "model": network,
        "data": {name: _points.fingerprint(d) for name, d in data.items()},
        "keep_models": bool(keep_models),
        "not_compared": {
            "models_at_once": at_once,
            "devices": f"{layout.num_devices} {layout.platform}",
            "processes": jax.process_count(),
            "versions": {"synthmix_jax": __version__, "jax": jax.__version__},
        },
    }
