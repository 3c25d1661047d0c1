"""What the three cases of domain adaptation share: options, names, what is checked, what is recorded."""

from collections.abc import Mapping
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


def check_overlap(target: np.ndarray, training: Mapping[str, np.ndarray]) -> None:
    """Refuse target points that are trained on under another name: their errors would flatter.

    Args:
        target: Inputs of the target (t, ...).
        training: Inputs of the source, and of the synthetic points.

    Raises:
        ValueError: more target points are among them than coincide by chance.
    """
    mine = _bytes(target)
    for name, x in training.items():
        theirs = _bytes(x)
        seen = set(theirs)
        shared = sum(row in seen for row in mine)
        # Values from a short list coincide by chance: training points do among themselves.
        own = 1.0 - len(seen) / len(theirs)
        chance = own + 3.0 * np.sqrt(own * (1.0 - own) / len(mine))
        if shared > chance * len(mine):
            raise ValueError(
                f"target_validation overlaps training: {shared} of its {len(mine)} points are also among the "
                f"{name} "
                "points. Errors on points that are trained on under another name flatter. Take them out of one of "
                "the two."
            )


def settings(options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """Everything needed to redo the run; `given` is what the case adds or changes."""
    return {
        "fitted_on": options.fitted_on,
        "key": _setup.key_words(options.key),
        "weights": options.weights.tolist(),
        "num_bootstrap": options.num_bootstrap,
        "distances": options.distances,
        "versions": _setup.versions(),
        **{name: kernels.describe(v) if name == "kernel" else v for name, v in given.items()},
    }


def _bytes(x: np.ndarray) -> list[bytes]:
    rows = np.asarray(_numerics.as_rows(np.asarray(x)))
    # Minus zero is zero.
    return [row.tobytes() for row in np.ascontiguousarray(rows + 0.0)]
