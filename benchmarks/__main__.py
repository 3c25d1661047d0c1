"""All suites beside their peers, in one run.

    python -m benchmarks                          # about half an hour on two idle cores
    python -m benchmarks --quick                  # tiny sizes, under a minute: does everything run?
    python -m benchmarks --suite scale --out DIR  # one suite, results elsewhere

Prints tables and writes summary.json and summary.png. Suites that are not run keep what the file in DIR says of
them. Without --quick and --out the results go to benchmarks/results and the table at the head of README.md is
written anew; with --quick and without --out nothing is written. Exit code 2: an unknown suite or a device that is
not there.
"""

import argparse
import json
import sys
import traceback
from pathlib import Path
from typing import Any

SUITES = ("krr", "distances", "training", "scale")
DEVICES = ("cpu", "gpu", "tpu")
RESULTS = Path(__file__).parent / "results"


def main(argv: list[str] | None = None) -> int:
    """Run, print, write; returns the exit code."""
    options = parser().parse_args(argv)
    complaint = unknown(options.suite) or missing(options.device)
    if complaint:
        print(complaint, file=sys.stderr)
        return 2
    out = options.out or (None if options.quick else RESULTS)
    if options.quick and out is not None and out.resolve() == RESULTS.resolve():
        print(
            "--quick numbers mean nothing: give --out another folder than benchmarks/results.",
            file=sys.stderr,
        )
        return 2
    suites = list(dict.fromkeys(options.suite))
    summary = measure(suites, options.quick, command_of(options, suites), out)

    from benchmarks import _table

    _table.show(summary)
    return 1 if any("failed" in suite for suite in summary["suites"].values()) else 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--suite", nargs="+", default=list(SUITES), metavar="NAME", help=", ".join(SUITES)
    )
    made.add_argument("--quick", action="store_true", help="tiny sizes, under a minute")
    made.add_argument("--device", choices=DEVICES, help="default: the one JAX takes")
    made.add_argument("--out", type=Path, metavar="DIR", help="default: benchmarks/results")
    return made


def command_of(options: argparse.Namespace, suites: list[str]) -> str:
    """The command that measures the same, wherever its results go."""
    chosen = [] if suites == list(SUITES) else ["--suite", *suites]
    device = ["--device", options.device] if options.device else []
    return " ".join(["python", "-m", "benchmarks", *chosen, *["--quick"] * options.quick, *device])


def unknown(suites: list[str]) -> str | None:
    """What is wrong with these names, in one line."""
    wrong = [name for name in suites if name not in SUITES]
    if wrong:
        return f"unknown suite {', '.join(map(repr, wrong))}; choose from {', '.join(SUITES)}."
    return None


def missing(device: str | None) -> str | None:
    """Start JAX on the device; if it is not there, one line that says so.

    For accelerators JAX chooses by itself and is then asked: naming "gpu" would demand every maker's.
    """
    import jax

    if device is None:
        return None
    jax.config.update("jax_platforms", "cpu" if device == "cpu" else None)
    try:
        found = jax.default_backend()
    except RuntimeError as error:
        found = f"an error ({str(error).splitlines()[0]})"
    if found == device:
        return None
    extra = {"gpu": " Is jax[cuda12] installed?", "tpu": " Is jax[tpu] installed?"}.get(device, "")
    return f"no {device} here: JAX started on {found}.{extra}"


def measure(suites: list[str], quick: bool, command: str, out: Path | None) -> dict[str, Any]:
    """Run the suites with the rates before, between and after them; write after each what there is."""
    from benchmarks import _rates, _suite
    from benchmarks._record import provenance

    head = {**provenance(command), "quick": quick}
    summary = {**head, "suites": kept(out, head)}
    rates = _rates.measure(quick)
    for name in suites:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            found = _suite.run_suite(name, quick, rates)
            rates = found["rates"]["after"]
        except Exception as error:
            # The other suites' minutes are not lost over one; the exit code tells.
            traceback.print_exc()
            found = {"failed": repr(error)}
        summary["suites"][name] = {**found, "command": command}
        if out is not None:
            write(summary, out)
    return summary


def kept(out: Path | None, head: dict[str, Any]) -> dict[str, Any]:
    """Suites of an earlier run of the same kind, on the same machine with the same versions, in that folder."""
    path = None if out is None else out / "summary.json"
    if path is None or not path.exists():
        return {}
    earlier = json.loads(path.read_text())
    same = ("quick", "machine", "versions")
    if any(earlier.get(name) != head[name] for name in same):
        print(f"{path} is of another machine, other versions or sizes: replaced", file=sys.stderr)
        return {}
    return earlier["suites"]


def write(summary: dict[str, Any], out: Path) -> None:
    """summary.json and summary.png; the head of README.md where the results are the repository's own."""
    from benchmarks import _picture, _table
    from benchmarks._record import write_json

    write_json(out / "summary.json", summary)
    _picture.draw(summary, out / "summary.png")
    if out.resolve() == RESULTS.resolve():
        _table.write_head(RESULTS.parent / "README.md", summary)


if __name__ == "__main__":
    sys.exit(main())
