"""Memory of this process, from /proc/self/status where there is one (Linux). Imports nothing heavy."""

import sys
import threading
from pathlib import Path

STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """Resident memory of this process now."""
    return _status("VmRSS")


def peak_bytes() -> int:
    """Peak resident memory of this process.

    Not getrusage's: on Linux a process inherits the peak of the one that started it, which would hide its own.
    """
    return _status("VmHWM")


class Watch:
    """The peak of this process's anonymous pages above what was there at the start, by a thread.

    Attributes:
        known: Whether the system tells; elsewhere all is zero.
        peak: Bytes, the peak above the start.
        since: The same since `restart`.
        peak_file: Bytes of mapped files at their most, counted apart: the system takes such pages back at will.
    """

    def __init__(self):
        self.known = STATUS.exists()
        self.peak = self.peak_file = self.since = 0
        self._before, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        if self.known:
            self._before = _status("RssAnon")
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self.known:
            self._thread.join()
            self._look()

    def restart(self) -> None:
        """Begin `since` anew."""
        self.since = 0

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self._look()

    def _look(self) -> None:
        above = _status("RssAnon") - self._before
        self.peak, self.since = max(self.peak, above), max(self.since, above)
        self.peak_file = max(self.peak_file, _status("RssFile"))


def _status(field: str) -> int:
    if not STATUS.exists():  # the peak is all there is; a difference is then a lower bound
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    lines = STATUS.read_text().splitlines()
    line = next(line for line in lines if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024
