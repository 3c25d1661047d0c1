"""What every result file says of itself: command, machine, date, versions; and runs that resume."""

import datetime
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax
import numpy as np

import synthmix_jax as smx


def provenance(command: str) -> dict[str, Any]:
    """Command, date, machine and versions, for the head of a result file."""
    return {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "devices": [str(d) for d in jax.devices()],
            "blas_threads": _blas_threads(),
        },
        "versions": {
            "synthmix_jax": smx.__version__,
            "jax": jax.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def write_json(path: Path, content: Any) -> None:
    """Write atomically: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(path.suffix + ".tmp")
    temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    os.replace(temporary, path)


def resumable(
    path: Path, settings: dict[str, Any], cells: Iterable[tuple], run: Callable[..., dict[str, Any]]
) -> list[dict[str, Any]]:
    """Run every cell that the file does not hold yet; one JSON line a cell, the first line the settings.

    Raises:
        SystemExit: the file was made with other settings; the message shows the difference.
    """
    rows = []
    settings = json.loads(json.dumps(settings))
    if path.exists():
        whole = [line for line in path.read_text().splitlines() if line.endswith("}")]
        lines = [json.loads(line) for line in whole]
        if lines[0] != settings:
            differing = {k for k in {*lines[0], *settings} if lines[0].get(k) != settings.get(k)}
            raise SystemExit(
                f"{path} was made with other settings ({', '.join(sorted(differing))} differ): remove it or "
                "name another file."
            )
        rows = lines[1:]
        path.write_text("".join(line + "\n" for line in whole))  # drop a line cut short by a kill
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings) + "\n")
    done = {tuple(row["cell"]) for row in rows}
    for cell in cells:
        if cell in done:
            continue
        row = {"cell": list(cell), **run(*cell)}
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        rows.append(row)
        if sys.stderr.isatty():
            print(f"\r{len(rows)} cells", end="", file=sys.stderr)
    return rows


def _blas_threads() -> int | None:
    """Threads of NumPy's and SciPy's linear algebra, the peers' too; None where nothing tells."""
    try:
        from threadpoolctl import threadpool_info
    except ModuleNotFoundError:
        return None
    found = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max(found, default=None)


def _processor() -> str:
    """The processor's name where Linux tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
