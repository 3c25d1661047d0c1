"""The loop over a population: chunk after chunk, told as it goes."""

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence

from synthmix_jax import _agreement

from . import _plan, _population
from ._book import Begun, Book
from ._population import Chunk
from ._sharding import Layout
from ._step import Points, Trainer

Progress = Callable[[int, int, str], None]

_logger = logging.getLogger("synthmix_jax")


class Stopped(Exception):  # noqa: N818 (not an error: it was asked for)
    """What `sweep` raises where its argument `stop` said so, before training or after an evaluation.

    Attributes:
        workdir: Folder that holds what was reached, from which the same call goes on; None where nothing was kept.
        done: Steps taken, of all models.
        total: Steps there are.
    """

    def __init__(self, workdir: str | None, done: int, total: int):
        kept = "nothing was kept: there is no workdir" if workdir is None else f"kept in {workdir}"
        super().__init__(f"stopped after {done} of {total} steps of all models; {kept}.")
        self.workdir, self.done, self.total = workdir, done, total


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """The loop over the chunks of a population, beginning with the one that was under way."""

    plan: _plan.Plan
    trainer: Trainer
    layout: Layout
    points: Points
    test: Points | None
    book: Book
    limit: float | None
    stop: Callable[[], bool] | None = None

    def __call__(self, meter: "Meter") -> tuple[str, ...]:
        """Train what is not finished; say what was decided.

        Raises:
            Stopped: `stop` said so.
        """
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
            # Compilation may have taken long.
            self._stop_if_told(meter)
            meter.go()
            for number, live, scores in chunk.run(start, on_devices):
                meter.tick(chunk, number)
                if number < self.plan.config.evaluations:
                    self.book.save(chunk, number, live, scores)
                else:
                    self.book.finish(chunk, live, scores, self.test)
                if number < self.plan.config.evaluations:  # after the last one the next chunk asks
                    self._stop_if_told(meter)
        return tuple(log)

    def _stop_if_told(self, meter: "Meter") -> None:
        """All processes stop where one was told to: none waits for another.

        Raises:
            Stopped: `stop` said so.
        """
        if self.stop is not None and _agreement.any_of(bool(self.stop())):
            raise Stopped(self.book.where, meter.done, meter.total)

    def _chunk(self, cells: Sequence[tuple[int, int]], layout: Layout) -> Chunk:
        models = layout.padded(len(cells))
        return Chunk(cells, self.trainer, self.plan, layout, self.points, models)


class Meter:
    """Tells how far a population is, in steps of all models."""

    def __init__(self, plan: _plan.Plan, progress: Progress | None):
        self._plan, self._progress = plan, progress
        self.total = sum(int(plan.num_steps[r]) for r, _ in plan.cells)
        self.done = 0  # steps of all models
        self._finished, self._fresh, self._seconds, self._since = 0, 0, 0.0, 0.0

    def start(self, finished: list[tuple[int, int]], begun: Begun | None) -> None:
        """Say what an earlier run has done."""
        self._finished = sum(int(self._plan.num_steps[r]) for r, _ in finished)
        under_way = [] if begun is None else self._reached(begun.cells, begun.number)
        self.done = self._finished + sum(under_way)
        if self._progress is not None:
            self._progress(self.done, self.total, "compiling")

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
        self.done = self._finished + sum(reached)
        if last:
            self._finished = self.done
        if self._progress is not None:
            rate = self._fresh * self._plan.config.batch_size / max(self._seconds, 1e-9)
            what = f"{len(chunk.cells)} models, step {max(reached)} ({rate:,.0f} points/s)"
            self._progress(self.done, self.total, what)

    def _reached(self, cells: Sequence[tuple[int, int]], number: int) -> list[int]:
        """Steps of each cell at so many evaluations."""
        return [int(self._plan.bounds(r)[number - 1]) if number else 0 for r, _ in cells]


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
