"""SIGTERM, which clouds and Slurm send before they take a machine away: the run saves, and ends."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

EXIT_CODE = 128 + signal.SIGTERM


class Terminated(Exception):  # noqa: N818 (it was asked for)
    """SIGTERM came, and what can be kept is kept; says where."""


@contextlib.contextmanager
def ends_at_once() -> Iterator[None]:
    """SIGTERM ends the program with its code and a line, unless it comes within `told_to_stop`."""
    with _heard(_end):
        yield


@contextlib.contextmanager
def told_to_stop() -> Iterator[Callable[[], bool]]:
    """A function that says whether SIGTERM came since; a second one ends the program at once."""
    told = threading.Event()

    def tell() -> None:
        if told.is_set():
            os._exit(EXIT_CODE)
        told.set()

    with _heard(tell):
        yield told.is_set


def what_is_kept(folder: str | None) -> str:
    """What to say of a run that was stopped, recorded in a folder or nowhere."""
    if folder is None:
        return "Nothing was kept; with --workdir or --out the same command goes on where it was."
    return f"What was reached lies in {folder}; the same command goes on there."


@contextlib.contextmanager
def _heard(act: Callable[[], None]) -> Iterator[None]:
    """Do something whenever SIGTERM comes.

    Python runs handlers of signals between its own instructions, and one call of XLA may take minutes. A thread
    hears of the signal at once instead, by the byte that Python writes when it arrives.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    wakeup = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    listener = threading.Thread(target=_listen, args=(ear, act), daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGTERM, before)
        mouth.close()
        listener.join()
        ear.close()


def _listen(ear: socket.socket, act: Callable[[], None]) -> None:
    while heard := ear.recv(1):
        if heard[0] == signal.SIGTERM:
            act()


def _end() -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"synthmix: stopped by SIGTERM.\n")
    os._exit(EXIT_CODE)
