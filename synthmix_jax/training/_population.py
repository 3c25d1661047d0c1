"""Populations: many models trained by one compiled program, evaluation by evaluation."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from . import _sharding
from ._plan import Plan
from ._sharding import Layout
from ._step import Cell, Points, Scores, Trainer


class Programs(NamedTuple):
    """Programs of so many models: fresh ones, from one evaluation to the next, and the test."""

    init: Any
    advance: Any
    test: Any


@dataclasses.dataclass(frozen=True, eq=False)
class Chunk:
    """Models that are trained together.

    Attributes:
        cells: (ratio, seed) of each.
        trainer: One model, pure.
        plan: What each trains on.
        layout: Where they live.
        points: The pool, on the host.
        models: Models the programs are for, the same on every device; the last one is repeated to fill up.
        programs: Of `compile`; None before.
    """

    cells: Sequence[tuple[int, int]]
    trainer: Trainer
    plan: Plan
    layout: Layout
    points: Points
    models: int
    programs: Programs | None = None

    def compile(self) -> tuple["Chunk", tuple[int, int]]:
        """This chunk with its programs, and the bytes that training holds and scratches on one device."""
        lengths = (self.plan.segment_steps(), self.plan.config.batch_size)
        models, layout = self.models, self.layout
        data = _shapes(self._data())
        state = self.state_structure()
        tables = jax.ShapeDtypeStruct((models, *lengths), np.int32)
        until = jax.ShapeDtypeStruct((models,), np.int32)
        own = layout.like((state, data, tables, until), shared=False)
        points = layout.like(_shapes(self.points), shared=True)
        program = layout.program(self.trainer.advance, shared=1, donate=True)
        compiled = program.lower(*own, points).compile()

        def test(kept, points):
            rows = jnp.arange(len(points.y), dtype=jnp.int32)
            return self.trainer.evaluate(kept.params, kept.rest, rows, points)

        programs = Programs(
            init=layout.program(self.trainer.init, shared=0),
            advance=compiled,
            test=layout.program(test, shared=1),
        )
        return dataclasses.replace(self, programs=programs), _bytes(compiled)

    def holding(self, cells: Sequence[tuple[int, int]]) -> "Chunk":
        """The same programs for other cells, as many as there is room for."""
        return dataclasses.replace(self, cells=cells[: self.models])

    def state_structure(self) -> Any:
        """Shapes of all models' states, padded to the devices."""
        return jax.eval_shape(jax.vmap(self.trainer.init), _shapes(self._data()))

    def begin(self, held: tuple[int, Any, list[Scores]] | None) -> tuple[int, Any, list[Scores]]:
        """Evaluations passed, state on the devices and scores: fresh, or from what `run` gave, on the host."""
        if held is None:
            state = self._ready.init(self.layout.spread(self._data()))
            return 0, jax.block_until_ready(state), []
        number, state, scores = held
        return number, self.layout.spread(_padded(state, self.models)), scores

    def run(
        self, begun: tuple[int, Any, list[Scores]], points: Points
    ) -> Iterator[tuple[int, Any, list[Scores]]]:
        """Train; after every evaluation, give their number, the state and all scores so far.

        Args:
            begun: Of `begin`; its state is used up, as is every state once the next one is asked for.
            points: The pool, on the devices.
        """
        layout, program = self.layout, self._ready.advance
        on_devices = layout.spread(self._data())
        first, state, scores = begun
        streams: dict = {}
        evaluations = self.plan.config.evaluations
        tables = self._tables(streams, first) if first < evaluations else None
        for number in range(first, evaluations):
            assert tables is not None
            state, seen = program(state, on_devices, *map(layout.spread, tables), points)
            # The devices are at work: the next batches are drawn meanwhile.
            tables = self._tables(streams, number + 1) if number + 1 < evaluations else None
            scores = [*scores, self._trimmed(_sharding.gather(seen))]
            yield number + 1, state, scores

    def host_state(self, state: Any) -> Any:
        """The state of the cells on the host, without what fills up."""
        return self._trimmed(_sharding.gather(state))

    def test(self, state: Any, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """Errors and losses of the chosen parameters on other points (c,), (c,)."""
        scores = self._ready.test(state.kept, self.layout.repeat(points))
        return self._trimmed(_sharding.gather(scores))

    @property
    def _ready(self) -> Programs:
        assert self.programs is not None, "compile() comes first"
        return self.programs

    def _data(self) -> Cell:
        plan = self.plan
        at = _padded(np.array(self.cells), self.models)
        ratio, seed = at[:, 0], at[:, 1]
        return Cell(
            init_seed=np.array(plan.seeds.init, np.uint32)[seed],
            order_seed=np.array(plan.seeds.order, np.uint32)[seed],
            num_steps=plan.num_steps[ratio].astype(np.int32),
            weights=plan.weights[ratio].astype(np.float32),
            validation=np.stack([plan.draws[s].validation for s in seed]).astype(np.int32),
        )

    def _tables(self, streams: dict, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Batches between two evaluations (c, t, b), and the steps at which models stop (c,).

        What fills up stops at once.
        """
        plan, models = self.plan, self.models
        tables = np.zeros((models, plan.segment_steps(), plan.config.batch_size), np.int32)
        until = np.zeros(models, np.int32)
        for place, cell in enumerate(self.cells):
            bounds = [0, *plan.bounds(cell[0]).tolist()]
            first, last = bounds[number], bounds[number + 1]
            tables[place, : last - first] = plan.table(streams, cell, first, last)
            until[place] = last
        return tables, until

    def _trimmed(self, tree: Any) -> Any:
        return jax.tree.map(lambda a: a[: len(self.cells)], tree)


def split(
    cells: Sequence[tuple[int, int]],
    make: Callable[[Sequence[tuple[int, int]], Layout], Chunk],
    layout: Layout,
    limit: float | None,
) -> tuple[Chunk, int]:
    """The longest chunk from the front of `cells` that fits into memory, compiled, and its bytes a device.

    What is scratch shrinks with the models batched at once, what is held with the models of the chunk.

    Raises:
        ValueError: one model a device does not fit.
    """
    size, at_once = len(cells), layout.at_once
    while True:
        local = layout.padded(size) // layout.num_devices
        at_once = min(at_once, local)
        chunk = make(cells[:size], dataclasses.replace(layout, at_once=at_once))
        chunk, (held, scratch) = chunk.compile()
        needed = held + scratch
        if limit is None or needed <= limit:
            return chunk, needed
        if at_once > 1 and held < 0.7 * limit:
            at_once = max(1, min(at_once - 1, int(at_once * 0.9 * (limit - held) / scratch)))
        elif local > 1:
            fewer = max(1, min(local - 1, int(local * 0.9 * limit / needed)))
            size = min(size, fewer * layout.num_devices)
        else:
            raise ValueError(
                f"one model a device needs {in_words(needed)} and {in_words(limit)} are free for it: "
                "lower batch_size, take a smaller model or fewer points, or raise memory_limit (in bytes)."
            )


def in_words(size: float | int) -> str:
    """Bytes in the unit that reads best."""
    for unit, power in (("GB", 9), ("MB", 6)):
        if size >= 10**power:
            return f"{size / 10**power:.2f} {unit}"
    return f"{size / 1e3:.2f} kB"


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(np.shape(a), np.asarray(a).dtype), tree)


def _padded(tree: Any, models: int) -> Any:
    """Repeat the last model up to a number that every device has an equal part of."""

    def pad(array: Any) -> np.ndarray:
        host = np.asarray(array)
        return np.concatenate([host, np.repeat(host[-1:], models - len(host), axis=0)])

    return jax.tree.map(pad, tree)


def _bytes(compiled: Any) -> tuple[int, int]:
    """What a compiled program holds on one device (arguments, and results that do not reuse them), and scratch."""
    seen = compiled.memory_analysis()
    if seen is None:
        return 0, 0
    held = seen.argument_size_in_bytes + seen.output_size_in_bytes - seen.alias_size_in_bytes
    return int(held), int(seen.temp_size_in_bytes)
