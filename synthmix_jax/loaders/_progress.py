"""A progress bar on stderr where someone is watching, and silence where nobody is."""

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def track(steps: Sequence[_T], title: str) -> Iterable[_T]:
    """The steps, one by one, with a bar that shows how many are done and goes when all are.

    Args:
        steps: What to go through.
        title: What is being done, shown beside the bar.
    """
    if not sys.stderr.isatty():
        return steps
    from rich.console import Console
    from rich.progress import track as with_bar

    return with_bar(steps, title, console=Console(stderr=True), transient=True)
