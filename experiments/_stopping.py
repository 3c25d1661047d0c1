"""SIGTERM, by which clouds and Slurm say that a machine goes: sweeps are told, save and end."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

EXIT_CODE = 128 + signal.SIGTERM


@contextlib.contextmanager
def told_to_stop() -> Iterator[Callable[[], bool]]:
    """A function that says whether SIGTERM came since."""
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told.is_set  # signals are the main thread's
        return
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        yield told.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
