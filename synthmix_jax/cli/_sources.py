"""Where data come from on the command line: are two the same, and what they are called."""

from collections.abc import Sequence
from pathlib import Path


def same(one: str, other: str) -> bool:
    """Whether both name one data set."""
    if Path(one).exists() and Path(other).exists():
        return Path(one).samefile(other)
    return one == other


def short_names(sources: Sequence[str]) -> tuple[str, ...]:
    """The last part of each path, if that tells all of them apart; else all in full."""
    short = tuple(Path(source).name or source for source in sources)
    return short if len(set(short)) == len(short) else tuple(sources)
