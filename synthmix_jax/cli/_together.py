"""A command in several processes: all do the work, process 0 speaks and writes, and all end alike."""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from synthmix_jax import _agreement, distributed

from . import _stopping

T = TypeVar("T")

# Codes that all processes end with together; with any other they wait for each other only where they agreed.
_TOGETHER = (0, _stopping.EXIT_CODE)
# Set where all processes know that one of them failed, so that all of them end.
_agreed = threading.Event()
# What this process alone refuses may be what all refuse: they have so long to say so before process 0 is gone.
_LAST_WORDS_S = 1.0


@dataclass(frozen=True)
class Together:
    """What a command needs to know of the other processes.

    Attributes:
        process: Which one this is.
        number: How many there are.
    """

    process: int = 0
    number: int = 1

    @property
    def first(self) -> bool:
        """Whether this process prints and writes."""
        return self.process == 0

    def each(self, what: Callable[[], T]) -> T:
        """Do it on every process; where it fails on one it fails on all, and none waits for one that has gone.

        Raises:
            ValueError: another process was given bad input; in its words.
            RuntimeError: another process failed for a reason of ours.
        """
        if self.number == 1:
            return what()
        try:
            result = what()
        except Exception as error:
            _agreement.first_of_all(self._words(error))
            _agreed.set()
            raise
        failed = _agreement.first_of_all("")
        if failed:
            _agreed.set()
        if failed.startswith(_BAD_INPUT):
            raise ValueError(failed.removeprefix(_BAD_INPUT))
        if failed:
            raise RuntimeError(failed)
        return result

    def first_alone(self, what: Callable[[], object]) -> None:
        """Do it on process 0 alone; where it fails, all fail."""
        self.each(lambda: what() if self.first else None)

    def _words(self, error: Exception) -> str:
        if isinstance(error, ValueError | OSError):
            return f"{_BAD_INPUT}process {self.process} says: {error}"
        return f"process {self.process} failed ({type(error).__name__}: {error}); its own output says more."


_BAD_INPUT = "refused: "


def join(
    coordinator: str | None, number: int | None, process: int | None, timeout_s: float
) -> Together:
    """Connect this process to the others.

    Raises:
        ValueError or TimeoutError: of `distributed.start`.
    """
    _agreed.clear()
    runtime = distributed.start(coordinator, number, process, timeout_s=timeout_s)
    if runtime.num_processes > 1:
        _keep_output_clean()
    return Together(runtime.process, runtime.num_processes)


def leave(code: int) -> None:
    """End with the other processes, or at once where they cannot be waited for."""
    import jax

    if not jax.distributed.is_initialized():
        return
    if code in _TOGETHER or _agreed.is_set():
        distributed.stop()
        return
    if jax.process_index() == 0:
        time.sleep(_LAST_WORDS_S)
    _end(code)


def leave_in_error() -> None:
    """Show the error being handled and end, without waiting for processes that wait for this one."""
    import jax

    if not jax.distributed.is_initialized():
        return
    if _agreed.is_set():
        distributed.stop()
        return
    traceback.print_exc()
    _end(1)


def _end(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _keep_output_clean() -> None:
    """Libraries in C that write to standard output (Gloo does, as it connects) write to standard error instead."""
    try:
        shown = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    except (OSError, ValueError):  # no files of the operating system behind them
        return
    encoding, errors = sys.stdout.encoding, sys.stdout.errors
    sys.stdout = os.fdopen(shown, "w", encoding=encoding, errors=errors, closefd=False)
