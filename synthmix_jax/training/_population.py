"""Populations: many models trained by one compiled program, evaluation by evaluation."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import _sharding
from ._plan import Plan
from ._sharding import Layout
from ._step import Cell, Points, Scores, Trainer


@dataclasses.dataclass(frozen=True, eq=False)
class Chunk:
    """Models that are trained together; compiled for their number.

    Attributes:
        cells: (ratio, seed) of each.
        trainer: One model, pure.
        plan: What each trains on.
        layout: Where they live.
        points: The pool, on the host.
    """

    cells: Sequence[tuple[int, int]]
    trainer: Trainer
    plan: Plan
    layout: Layout
    points: Points

    def compile(self) -> tuple[Any, tuple[int, int]]:
        """The program from one evaluation to the next, and the bytes it holds and scratches on one device."""
        lengths = (self.plan.segment_steps(), self.plan.config.batch_size)
        models = self.layout.padded(len(self.cells))
        data = _shapes(self._data())
        state = self.state_structure()
        tables = jax.ShapeDtypeStruct((models, *lengths), np.int32)
        until = jax.ShapeDtypeStruct((models,), np.int32)
        own = self.layout.like((state, data, tables, until), shared=False)
        points = self.layout.like(_shapes(self.points), shared=True)
        program = self.layout.program(self.trainer.advance, shared=1, donate=True)
        compiled = program.lower(*own, points).compile()
        return compiled, _bytes(compiled)

    def state_structure(self) -> Any:
        """Shapes of all models' states, padded to the devices."""
        return jax.eval_shape(jax.vmap(self.trainer.init), _shapes(self._data()))

    def run(
        self, program: Any, points: Points, begun: tuple[int, Any, list[Scores]] | None
    ) -> Iterator[tuple[int, Any, list[Scores]]]:
        """Train; after every evaluation, give their number, the state and all scores so far.

        Args:
            program: Of `compile`.
            points: The pool, on the devices.
            begun: What an earlier run gave last, its state on the host; None to begin.
        """
        layout, data = self.layout, self._data()
        on_devices = layout.spread(data)
        if begun is None:
            first, scores = 0, []
            state = layout.program(self.trainer.init, shared=0)(on_devices)
        else:
            first, held, scores = begun
            state = layout.spread(_padded(held, layout.padded(len(self.cells))))
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
        """The state of the cells on the host, without what pads the devices."""
        return self._trimmed(_sharding.gather(state))

    def test(self, state: Any, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """Errors and losses of the chosen parameters on other points (c,), (c,)."""
        rows = jnp.arange(len(points.y), dtype=jnp.int32)

        def one(kept, points):
            return self.trainer.evaluate(kept.params, kept.rest, rows, points)

        program = self.layout.program(one, shared=1)
        return self._trimmed(_sharding.gather(program(state.kept, self.layout.repeat(points))))

    def _data(self) -> Cell:
        plan = self.plan
        at = _padded(np.array(self.cells), self.layout.padded(len(self.cells)))
        ratio, seed = at[:, 0], at[:, 1]
        return Cell(
            init_seed=np.array(plan.seeds.init, np.uint32)[seed],
            order_seed=np.array(plan.seeds.order, np.uint32)[seed],
            num_steps=plan.num_steps[ratio].astype(np.int32),
            real_weight=plan.weights[ratio, 0].astype(np.float32),
            synthetic_weight=plan.weights[ratio, 1].astype(np.float32),
            validation=np.stack([plan.draws[s].validation for s in seed]).astype(np.int32),
        )

    def _tables(self, streams: dict, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Batches between two evaluations (c, t, b), and the steps at which models stop (c,).

        What pads the devices stops at once.
        """
        plan, models = self.plan, self.layout.padded(len(self.cells))
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
) -> tuple[Chunk, Any, int]:
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
        program, (held, scratch) = chunk.compile()
        needed = held + scratch
        if limit is None or needed <= limit:
            return chunk, program, needed
        if at_once > 1 and held < 0.7 * limit:
            at_once = max(1, min(at_once - 1, int(at_once * 0.9 * (limit - held) / scratch)))
        elif local > 1:
            fewer = max(1, min(local - 1, int(local * 0.9 * limit / needed)))
            size = min(size, fewer * layout.num_devices)
        else:
            raise ValueError(
                f"one model a device needs {needed / 1e9:.2f} GB and {limit / 1e9:.2f} GB are free for it: "
                "lower batch_size, take a smaller model or fewer points, or raise memory_limit (in bytes)."
            )


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
