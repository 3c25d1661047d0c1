"""What is known of every cell: finished ones, those under way, and the record made of them."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ._mix import in_callers_order
from ._plan import Plan
from ._population import Chunk
from ._predictor import Predictor, Standardization
from ._result import History, Result
from ._step import Scores, Trainer
from ._workdir import Workdir

Place = tuple[int, int]

_SCORES = [f"scores.{field}" for field in Scores._fields]
_FINAL = ("test_error", "test_loss", "validation_error", "chosen_step", "failed")
_HISTORY = ("train_loss", "error", "loss")


@dataclasses.dataclass(frozen=True, eq=False)
class Done:
    """A finished cell: its evaluations (e,), the chosen one, test scores, and when it failed (-1: never)."""

    history: Scores
    step: int
    error: float
    test_error: float
    test_loss: float
    failed: int


@dataclasses.dataclass(frozen=True, eq=False)
class Begun:
    """Cells under way, from a checkpoint."""

    cells: list[Place]
    number: int
    arrays: dict[str, np.ndarray]

    def state_of(self, chunk: Chunk) -> tuple[int, Any, list[Scores]]:
        """What `Chunk.begin` goes on from, for as many of the cells as the chunk holds."""
        structure = chunk.state_structure()
        leaves = [self.arrays[name][: len(chunk.cells)] for name in _names(structure)]
        state = jax.tree.unflatten(jax.tree.structure(structure), leaves)
        seen = [self.arrays[name][: len(chunk.cells)] for name in _SCORES]
        return self.number, state, [Scores(*(a[:, e] for a in seen)) for e in range(self.number)]


class Book:
    """Cells, finished and under way; with a folder, it survives the process."""

    def __init__(self, plan: Plan, trainer: Trainer, folder: Workdir | None, keep_models: bool):
        """Read what the folder holds of this plan.

        Raises:
            ValueError: a finished cell is not there whole.
        """
        self._plan, self._trainer, self._folder, self._keep = plan, trainer, folder, keep_models
        self.done: dict[Place, Done] = {}
        self._params: dict[Place, list[np.ndarray]] = {}
        if folder is not None:
            self._read(folder)

    @property
    def where(self) -> str | None:
        """The folder, as text."""
        return None if self._folder is None else str(self._folder.path)

    def unfinished(self) -> list[Place]:
        """Cells yet to be finished, in the order of the plan."""
        return [cell for cell in self._plan.cells if cell not in self.done]

    def under_way(self) -> tuple[Begun | None, str]:
        """The checkpoint of unfinished cells, if there is one; and why one cannot be gone on from."""
        if self._folder is None:
            return None, ""
        names = [*_names(self._trainer.state_structure()), *_SCORES]
        arrays, about, why = self._folder.newest(len(self.done), names)
        if arrays is None:
            return None, why
        return Begun(_places(about["cells"]), about["number"], arrays), ""

    def save(self, chunk: Chunk, number: int, state: Any, scores: Sequence[Scores]) -> None:
        """Store a chunk between two evaluations."""
        if self._folder is None:
            return
        host = chunk.host_state(state)
        arrays = dict(zip(_names(host), map(np.asarray, jax.tree.leaves(host)), strict=True))
        arrays |= dict(zip(_SCORES, _stacked(scores), strict=True))
        about = {"cells": list(chunk.cells), "number": number, "arrays": list(arrays)}
        self._folder.checkpoint(len(self.done), number, arrays, about)

    def finish(self, chunk: Chunk, state: Any, scores: Sequence[Scores], test: Any) -> None:
        """Test the chosen parameters of a chunk and write down what came out."""
        number = len(chunk.cells)
        on_test = [np.full(number, np.nan)] * 2
        if test is not None:
            error, loss = chunk.test(state, test)
            on_test = [self._exact(error, len(test.y)), loss]
        kept, failed = chunk.host_state((state.kept, state.failed))
        if self._keep:
            self._store_params(chunk, kept)
        history = _stacked(scores)
        held_out = len(self._plan.draws[0].validation)
        history = Scores(*history)
        history = history._replace(error=self._exact(history.error, held_out))
        chosen = self._exact(kept.error, held_out)
        lines: list[dict[str, Any]] = []
        done: dict[Place, Done] = {}
        for place, cell in enumerate(chunk.cells):
            bad = int(failed[place]) >= 0
            done[cell] = Done(
                history=Scores(*(a[place] for a in history)),
                step=int(kept.step[place]),
                error=_finite(chosen[place], bad),
                test_error=_finite(on_test[0][place], bad),
                test_loss=_finite(on_test[1][place], bad),
                failed=int(failed[place]),
            )
            lines += self._lines(cell, done[cell])
        if self._folder is not None:
            self._folder.add(lines)
            self._folder.clear()
        self.done |= done

    def result(
        self, settings: dict[str, Any], log: tuple[str, ...], unit: Standardization
    ) -> Result:
        """The record of all cells."""
        plan = self._plan
        shape = len(plan.ratios), len(plan.seeds)
        rows = [[self.done[r, s] for s in range(shape[1])] for r in range(shape[0])]

        def table(get: Any, dtype: Any = np.float64) -> np.ndarray:
            return np.array([[get(done) for done in row] for row in rows], dtype)

        draw = plan.draws[0]
        return Result(
            ratios=plan.ratios,
            realised_counts=plan.counts,
            realised_ratios=plan.counts / len(draw.real),
            realised_shares=plan.shares,
            seeds=plan.seeds,
            num_real=len(draw.real),
            num_validation=len(draw.validation),
            pool=len(draw.synthetic),
            num_steps=plan.num_steps,
            test_error=table(lambda d: d.test_error),
            test_loss=table(lambda d: d.test_loss),
            validation_error=table(lambda d: d.error),
            chosen_step=table(lambda d: d.step, np.int64),
            history=History(
                step=table(lambda d: d.history.step, np.int64),
                train_loss=table(lambda d: d.history.train_loss),
                validation_error=table(lambda d: d.history.error),
                validation_loss=table(lambda d: d.history.loss),
            ),
            status=np.array([[_status(d) for d in row] for row in rows], object),
            config=plan.config,
            num_classes=self._trainer.classes,
            dense=self._trainer.dense,
            log=log,
            settings=settings,
            num_target=len(draw.target),
            shares=plan.mix.requested,
            realised_group_shares=in_callers_order(plan.mix.group_shares),
            _models=self._models(unit) if self._keep else None,
        )

    def _exact(self, error: Any, number: int) -> np.ndarray:
        """Misclassified points of so many, without the rounding of float32."""
        wide = np.asarray(error, np.float64)
        counted = self._trainer.classes is not None and not self._trainer.dense
        return np.rint(wide * number) / number if counted else wide

    def _models(self, unit: Standardization):
        trainer, params = self._trainer, self._params

        def model(ratio: int, seed: int) -> Predictor:
            if self.done[ratio, seed].failed >= 0:
                raise ValueError(
                    f"there is no model of this cell: {_status(self.done[ratio, seed])}"
                )
            structure = jax.eval_shape(trainer.fresh, jax.ShapeDtypeStruct((), np.uint32))
            leaves = params[ratio, seed]
            return Predictor(
                trainer.assemble(jax.tree.unflatten(jax.tree.structure(structure), leaves)), unit
            )

        return model

    def _read(self, folder: Workdir) -> None:
        for cell, lines in folder.cells().items():
            try:
                self.done[cell] = _from_lines(lines, self._plan.config.evaluations)
            except (KeyError, ValueError, TypeError) as error:
                raise folder.damaged(f"cell {list(cell)} is not whole in cells.jsonl") from error
        if self._keep:
            for arrays, about in folder.kept():
                self._take_params(_places(about["cells"]), arrays)
            missing = [list(cell) for cell in self.done if cell not in self._params]
            if missing:
                raise folder.damaged(f"the models of cells {missing} cannot be read")

    def _store_params(self, chunk: Chunk, kept: Any) -> None:
        tree = (kept.params, kept.rest)
        arrays = {
            f"{place:05d}": np.asarray(leaf) for place, leaf in enumerate(jax.tree.leaves(tree))
        }
        if self._folder is not None:
            about = {"cells": list(chunk.cells), "arrays": list(arrays)}
            self._folder.keep(len(self.done), arrays, about)
        self._take_params(list(chunk.cells), arrays)

    def _take_params(self, cells: list[Place], arrays: dict[str, np.ndarray]) -> None:
        for place, cell in enumerate(cells):
            self._params[cell] = [arrays[name][place] for name in sorted(arrays)]

    def _lines(self, cell: Place, done: Done) -> list[dict[str, Any]]:
        plan, (ratio, seed) = self._plan, cell
        who = {
            "cell": list(cell),
            "ratio": _json(float(plan.ratios[ratio])),
            "count": int(plan.counts[ratio]),
            "seed": plan.seeds.data[seed],
        }
        if plan.mix.requested is not None:
            who["shares"] = plan.mix.requested[ratio].tolist()
        values = done.test_error, done.test_loss, done.error, done.step, done.failed
        finals = dict(zip(_FINAL, values, strict=True))
        lines = [{**who, "metric": name, "value": _json(value)} for name, value in finals.items()]
        for field in _HISTORY:
            values = getattr(done.history, field).tolist()
            lines += [
                {**who, "metric": f"history.{field}", "step": step, "value": _json(value)}
                for step, value in zip(done.history.step.tolist(), values, strict=True)
            ]
        return lines


def _from_lines(lines: list[dict[str, Any]], evaluations: int) -> Done:
    """A finished cell from its lines; the evaluations are in their order.

    Raises:
        KeyError, ValueError or TypeError: not all is there.
    """
    final = {line["metric"]: line["value"] for line in lines if "step" not in line}
    series = [[e for e in lines if e["metric"] == f"history.{field}"] for field in _HISTORY]
    if any(len(entries) != evaluations for entries in series):
        raise ValueError("evaluations are missing")
    return Done(
        history=Scores(
            np.array([int(entry["step"]) for entry in series[0]], np.int64),
            *(np.array([float(entry["value"]) for entry in entries]) for entries in series),
        ),
        step=int(final["chosen_step"]),
        error=float(final["validation_error"]),
        test_error=float(final["test_error"]),
        test_loss=float(final["test_loss"]),
        failed=int(final["failed"]),
    )


def _stacked(scores: Sequence[Scores]) -> list[np.ndarray]:
    """Each field (c, e), NaN where a number is not finite."""
    fields = [np.stack([getattr(s, field) for s in scores], axis=1) for field in Scores._fields]
    return [np.where(np.isfinite(values), values, np.nan).astype(values.dtype) for values in fields]


def _finite(value: Any, bad: bool) -> float:
    return float(value) if np.isfinite(value) and not bad else math.nan


def _json(value: float | int) -> float | int | None:
    """JSON knows no NaN and no infinity: a value that is one becomes null."""
    return value if math.isfinite(value) else None


def _status(done: Done) -> str:
    if done.failed < 0:
        return ""
    return (
        f"the loss was not finite at step {done.failed}: lower learning_rate, set clip_norm, or look for "
        "extreme inputs."
    )


def _names(tree: Any) -> list[str]:
    """A name for every leaf, in the order of the leaves."""
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [f"{i:05d}{jax.tree_util.keystr(path)}" for i, (path, _) in enumerate(paths)]


def _places(cells: list[list[int]]) -> list[Place]:
    return [(int(r), int(s)) for r, s in cells]
