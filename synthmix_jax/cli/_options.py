"""What all commands share: options, and how long work is shown."""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

from tyro.conf import arg

from synthmix_jax.advice import Advice

from . import _together
from ._together import Together

Progress = Callable[[int, int, str], None]


@runtime_checkable
class Command(Protocol):
    """What a command is: options as fields, help as its docstring, and `run`."""

    def run(self) -> None:
        """Do it; print the answer."""
        ...


@dataclass(frozen=True)
class Common:
    """Options of every command.

    Attributes:
        out: Folder for the results; made if absent. Without it nothing is written.
        seed: Seed of everything random; the same seed gives the same answer.
        json: Print the answer as JSON, and nothing else, on standard output.
    """

    out: Annotated[Path | None, arg(metavar="DIR")] = None
    seed: int = 0
    json: bool = False

    def check(self, *, make: bool = True) -> None:
        """Refuse before any work is done; make the folder for the results.

        Args:
            make: Whether this process writes there.

        Raises:
            ValueError: the folder is a file, or the seed is negative.
        """
        if self.out is not None and self.out.exists() and not self.out.is_dir():
            raise ValueError(f"--out {self.out} is a file; name a folder.")
        if self.out is not None and make:
            try:
                self.out.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ValueError(
                    f"--out {self.out} cannot be made ({error.strerror}); name another folder."
                ) from error
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"--seed must lie in 0 to 2^31 - 1, got {self.seed}.")


@dataclass(frozen=True)
class Processes:
    """Options of commands that run as several processes.

    Attributes:
        distributed: Run as one of several processes, each started with the same command: TPU pods, GKE, Slurm
            (srun) and Open MPI (mpirun) say which one this is. Process 0 prints and writes.
        coordinator: Anywhere else: address of process 0, a free port there.
        num_processes: With that: how many processes there are.
        process_id: With that: which of them this one is, from 0.
        connect_timeout: Seconds to wait for the other processes.
    """

    distributed: bool = False
    coordinator: Annotated[str | None, arg(metavar="HOST:PORT")] = None
    num_processes: Annotated[int | None, arg(metavar="INT")] = None
    process_id: Annotated[int | None, arg(metavar="INT")] = None
    connect_timeout: float = 300.0

    def start(self) -> Together:
        """Connect to the others, where there are any; before JAX is used.

        Raises:
            ValueError or TimeoutError: of `distributed.start`.
        """
        given = self.coordinator, self.num_processes, self.process_id
        if not self.distributed and given == (None, None, None):
            return Together()
        return _together.join(*given, self.connect_timeout)


@contextlib.contextmanager
def progress(*, whole: bool = False, shown: bool = True) -> Iterator[Progress | None]:
    """A bar on stderr where someone is watching, None where nobody is.

    Args:
        whole: Whether the time left is estimated from all that was done; else from the last half minute, in which
            slow work may report nothing.
        shown: False where another process shows it.
    """
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    period = 1e9 if whole else 30.0
    with Bar(console=Console(stderr=True), transient=True, speed_estimate_period=period) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, total, what: bar.update(
            task, completed=done, total=total, description=what
        )


def own_warnings_once(advise: Callable[[], Advice]) -> Advice:
    """The advice, without the warnings that it shows itself; others are issued as they were."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        advice = advise()
    for warning in caught:
        if str(warning.message) not in advice.warnings:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return advice
