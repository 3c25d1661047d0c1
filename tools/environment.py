"""Create a virtual environment and install this project into it, with one line that shows progress.

    python tools/environment.py .venv '.[dev]'

Called by the Makefile; standard library only. pip reads its own configuration as always. What it
prints goes to `install.log` in the environment, and is shown only if it fails.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - whoever calls may name any Python
    sys.exit(f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}.")

LOG_LINES_ON_FAILURE = 15


def main(folder: str, requirement: str) -> int:
    """Return 0 if the requirement stands installed."""
    venv, started = Path(folder), time.monotonic()
    fresh = not works(venv)
    if fresh:
        say(f"Creating the environment ({venv}): once, usually 1 to 3 minutes, 1 to 2 GB ...")
    else:
        say(f"Updating the environment ({venv}): usually less than a minute ...")
    if (fresh and not create(venv)) or not install(venv, requirement, started):
        return 1
    say(f"The environment is ready ({time.monotonic() - started:.0f} s).")
    return 0


def install(venv: Path, requirement: str, started: float) -> bool:
    """Install with pip, or show the end of what it said."""
    log, before = venv / "install.log", count_packages(venv)
    command = [venv / "bin/python", "-m", "pip", "install", "--progress-bar", "off", "--editable"]
    with log.open("w") as out:
        pip = subprocess.Popen([*command, requirement], stdout=out, stderr=subprocess.STDOUT)
        try:
            watch(pip, lambda: progress(log, count_packages(venv) - before), started)
        finally:
            if pip.poll() is None:
                pip.terminate()
                pip.wait()
    if pip.returncode:
        tail = log.read_text(errors="replace").splitlines()[-LOG_LINES_ON_FAILURE:]
        say(*tail, f"pip could not install {requirement}; all of its output: {log}", to=sys.stderr)
    return pip.returncode == 0


def works(venv: Path) -> bool:
    """Whether an earlier run left an environment that can be installed into."""
    command = [venv / "bin/python", "-m", "pip", "--version"]
    try:
        done = subprocess.run(command, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def create(venv: Path) -> bool:
    """Create the environment, or say what is missing."""
    try:
        import ensurepip  # noqa: F401
        import venv as _  # noqa: F401
    except ImportError:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        say(
            f"{sys.executable} comes without venv and ensurepip. On Debian and Ubuntu install "
            f"{package} (apt install {package}), elsewhere a complete Python, and try again.",
            to=sys.stderr,
        )
        return False
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        say((done.stdout + done.stderr).strip(), f"{venv} could not be created.", to=sys.stderr)
    return done.returncode == 0


def watch(pip: subprocess.Popen, progress: Callable[[], tuple[str, str]], started: float) -> None:
    """Show how far pip is: on a terminal in one line, elsewhere by a line when a stage begins."""
    terminal, last = sys.stdout.isatty(), ""
    while pip.poll() is None:
        stage, detail = progress()
        if terminal:
            line = f"  {stage}{detail}, {time.monotonic() - started:.0f} s"
            print(f"\r{line:<70}", end="", flush=True)
        elif stage != last:
            say(f"  {stage} ...")
            last = stage
        time.sleep(0.2)
    if terminal:
        print(f"\r{'':<70}\r", end="", flush=True)


def progress(log: Path, unpacked: int) -> tuple[str, str]:
    """The stage pip is in, and how far, read from what it has printed and unpacked."""
    lines = log.read_text(errors="replace").splitlines()
    plan = [line for line in lines if line.startswith("Installing collected packages: ")]
    if plan:
        wanted = plan[0].count(",") + 1
        return "2 of 2: unpacking packages", f", {min(max(unpacked, 0), wanted)} of {wanted}"
    found = sum(line.startswith("Collecting ") for line in lines)
    return "1 of 2: fetching packages", f", {found} so far"


def count_packages(venv: Path) -> int:
    """How many packages lie in the environment; pip writes their metadata as it unpacks them."""
    # Listed in one go: pip renames and removes folders meanwhile.
    names = [name for site in venv.glob("lib/python*/site-packages") for name in os.listdir(site)]
    return sum(name.endswith(".dist-info") for name in names)


def say(*lines: str, to=None) -> None:
    """Print at once, also into a pipe."""
    print(*lines, sep="\n", file=to or sys.stdout, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        say("\nInterrupted; the next run begins this step again.", to=sys.stderr)
        sys.exit(130)
