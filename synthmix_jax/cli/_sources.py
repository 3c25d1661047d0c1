"""Where data come from on the command line: are two the same, and what they are called."""

from collections.abc import Sequence
from pathlib import Path

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
