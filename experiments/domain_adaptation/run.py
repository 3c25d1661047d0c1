"""Run the parts of the experiment, each from its own sub-package; an interrupted run goes on where it stopped."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PARTS = ("digits", "corrupted", "lesions", "theory")


def main(argv: list[str] | None = None) -> None:
    """Run one part or all of them, one after the other.

    Results go to OUT/PART; by default to results/PART, of other presets than cpu to results/PART/PRESET.
    """
    parser = argparse.ArgumentParser(
        prog="python -m experiments.domain_adaptation", description=__doc__
    )
    parser.add_argument("--part", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--preset", choices=("quick", "cpu", "gpu"), default="cpu")
    parser.add_argument("--out", type=Path, help="default: the folder results beside this file")
    parser.add_argument("--data-dir", help="default: SYNTHMIX_DATA_DIR")
    parser.add_argument("--fresh", action="store_true", help="replace earlier results")
    options = parser.parse_args(argv)
    for part in PARTS if options.part == "all" else (options.part,):
        print(f"{part}, preset {options.preset}", file=sys.stderr, flush=True)
        # A part is imported when it is its turn: the others may need packages that are not installed.
        run = import_module(f"{__package__}.{part}.run").run
        run(
            options.preset,
            folder(part, options.preset, options.out),
            options.fresh,
            options.data_dir,
        )


def folder(part: str, preset: str, out: Path | None) -> Path:
    """Where a part keeps its results."""
    if out is not None:
        return out / part
    return RESULTS / part if preset == "cpu" else RESULTS / part / preset
