"""Kernel regression where theory knows the answer, from one command; every part is saved as soon as it is done."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import jax

from . import figure1, heatmap, phase, ucurves, validation
from ._save import saved, write, write_table
from .config import PRESETS

RESULTS = Path(__file__).parent / "results"
PARTS = {
    "figure1": figure1,
    "heatmap": heatmap,
    "ucurves": ucurves,
    "phase": phase,
    "validation": validation,
}


def main(argv: list[str] | None = None) -> None:
    """Run the parts of a preset that are not done yet, and draw all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--part", choices=sorted(PARTS), help="one part only")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fresh", action="store_true", help="replace earlier results")
    arguments = parser.parse_args(argv)
    config, out = PRESETS[arguments.preset], arguments.out
    out.mkdir(parents=True, exist_ok=True)
    for name in [arguments.part] if arguments.part else PARTS:
        part, part_config, path = PARTS[name], getattr(config, name), out / f"{name}.json"
        settings = json.loads(json.dumps(asdict(part_config)))
        content = None if arguments.fresh else saved(path, settings)
        if content is None:
            start = time.perf_counter()
            with jax.enable_x64(True):
                result = part.run(part_config)
            if "table" in result:
                write_table(out / f"{name}.csv", result.pop("table"))
            content = {
                "command": f"python -m experiments.krr --preset {arguments.preset}",
                "date": time.strftime("%Y-%m-%d"),
                "device": jax.default_backend(),
                "cores": os.cpu_count(),
                "seconds": round(time.perf_counter() - start, 1),
                "settings": settings,
                "result": result,
            }
            write(path, json.dumps(content) + "\n")
        part.draw(content["result"], part_config, out)
        print(f"{name}: {content['seconds']} s", file=sys.stderr)
        print(json.dumps(content["result"]["summary"]))
