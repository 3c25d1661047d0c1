"""What the three cases of domain adaptation share: options, names, what is checked, what is recorded."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from synthmix_jax import _matching, _numerics, kernels
from synthmix_jax._typing import KernelFunction, Key, Numbers
from synthmix_jax.dataset import Dataset

from . import _setup
from ._evidence import Progress

TARGET_WEIGHTS = (1.0, 3.0, 10.0)


class Options(NamedTuple):
    """Options of `recommend`, checked."""

    key: Key
    kernel: KernelFunction | None
    ridges: Numbers | None
    weights: np.ndarray
    target_weights: np.ndarray
    counts: Numbers | None
    num_orders: int
    num_bootstrap: int
    folds: int
    names: tuple[str, str]
    progress: Progress | None
    memory_limit: float | int | None
    distances: bool
    fitted_on: str

    @classmethod
    def of(cls, names: tuple[str, str], **given: Any) -> "Options":
        """Options whose names cannot be mistaken for the source's."""
        real = "source" if names[0] == "real" else names[0]
        synthetic = "synthetic" if names[1] in ("source", "real") else names[1]
        return cls(names=(real, synthetic), **given)

    def keys(self) -> dict[str, Key]:
        """One key for each use of chance."""
        names = ("order", "fold", "bootstrap", "ratio")
        return dict(zip(names, jax.random.split(self.key, len(names)), strict=True))


def check_pair(source: Dataset, other: Dataset, name: str) -> None:
    """Refuse a data set that does not match the source.

    Raises:
        ValueError: no data set, no points, label maps, or other features, targets or class names.
    """
    if not isinstance(other, Dataset):
        raise ValueError(
            f"{name} must be a Dataset, got {type(other).__name__}: smx.Dataset(x, y)."
        )
    if len(other) == 0:
        raise ValueError(f"{name} holds no points.")
    _matching.refuse_maps(name, other)
    _matching.check_match(source, other, name, first="the source")


def check_overlap(target: Dataset, training: Mapping[str, Dataset], names: Sequence[str]) -> None:
    """Refuse target points that are trained on under another name: their errors would flatter.

    Values from a short list coincide by chance, and those of two training sets with each other too: what exceeds
    that rate by three standard errors is refused; of numbers that never coincide a single one.

    Args:
        target: Labelled target points.
        training: Source and synthetic points.
        names: Which of them to look through.

    Raises:
        ValueError: more target points are among them than coincide by chance.
    """
    mine, rows = _rows(target), {name: _rows(data) for name, data in training.items()}
    for name in names:
        shared = len(mine & rows[name])
        chance = _coincidence(rows, name, len(mine))
        if shared > chance * len(mine):
            raise ValueError(
                f"target_validation overlaps training: {shared} of its {len(mine)} points are also among the "
                f"{name} "
                "points. Errors on points that are trained on under another name flatter. Take them out of one "
                "of the two."
            )


def repeated(target: Dataset, training: Mapping[str, Dataset]) -> list[str]:
    """A warning where target points repeat each other: one left out is then predicted from its own copy."""
    rows = {name: _rows(data) for name, data in training.items()}
    copies = len(target) - len(_rows(target))
    if copies <= _coincidence(rows, "source", len(target)) * len(target):
        return []
    return [
        f"{copies} of the {len(target)} target points are copies of others: each is predicted from its copy "
        "when left "
        "out, which flatters. Give every point once."
    ]


def settings(options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """Everything needed to redo the run; `given` is what the case adds or changes."""
    return {
        "fitted_on": options.fitted_on,
        "key": _setup.key_words(options.key),
        "weights": options.weights.tolist(),
        "num_bootstrap": options.num_bootstrap,
        "distances": options.distances,
        "memory_limit": options.memory_limit,
        "names": list(options.names),
        "versions": _setup.versions(),
        **{name: kernels.describe(v) if name == "kernel" else v for name, v in given.items()},
    }


def _coincidence(rows: Mapping[str, set[bytes]], name: str, count: int) -> float:
    """How often points of the other training sets equal one of `name`, plus three standard errors of `count`."""
    others = [found for other, found in rows.items() if other != name]
    rate = max((len(found & rows[name]) / len(found) for found in others), default=0.0)
    return min(rate + 3.0 * float(np.sqrt(rate * (1.0 - rate) / count)), 1.0)


def _rows(data: Dataset) -> set[bytes]:
    """Different points with their labels, in single precision: a copy may have been saved so."""
    x = np.asarray(_numerics.as_rows(np.asarray(data.x)))
    y = np.asarray(data.y, np.float64).reshape(len(x), -1)
    # Minus zero is zero.
    both = np.ascontiguousarray(np.concatenate([x, y], axis=1).astype(np.float32) + 0.0)
    return {row.tobytes() for row in both}
