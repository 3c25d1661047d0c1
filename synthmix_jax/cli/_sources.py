"""Where data come from on the command line: are two the same, and what they are called."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthmix_jax.loaders import _load, _tfds


def same(one: str, other: str) -> bool:
    """Whether both name one data set."""
    if Path(one).exists() and Path(other).exists():
        return Path(one).samefile(other)
    return one == other


def short_names(sources: Sequence[str]) -> tuple[str, ...]:
    """The last part of each path, if that tells all of them apart; else all in full."""
    short = tuple(Path(source).name or source for source in sources)
    return short if len(set(short)) == len(short) else tuple(sources)


def has_test(source: str) -> bool:
    """Whether a data set has a part called test: those with a name, and folders that hold one."""
    path = Path(source).expanduser()
    folder = (path / "train").is_dir() and (path / "test").is_dir()
    return source in _load._BY_NAME or folder or _tfds.is_prepared(path)


def inputs_without_labels(source: str) -> np.ndarray | None:
    """The x of a .npz file that holds no y; None for everything else, which `load` reads.

    Raises:
        ValueError: x is no array of numbers.
    """
    path = Path(source).expanduser()
    if path.suffix.lower() != ".npz" or not zipfile.is_zipfile(path):
        return None
    with np.load(path, allow_pickle=False) as arrays:
        if "y" in arrays or "x" not in arrays:
            return None
        x = arrays["x"]
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{path}: x holds no numbers; it must hold one row a point.")
    return x
