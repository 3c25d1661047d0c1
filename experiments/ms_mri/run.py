"""Run both tasks on brain MRI of multiple sclerosis, saving after every row; an interrupted run goes on."""

import argparse
import gzip
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import jax

from experiments import _rows

from . import choosing, networks, patches, report, segment_report, segments, sources
from .config import PRESETS, Patches, Segments
from .data import Cohort, Material, cohort
from .intervals import CAVEAT

RESULTS = Path(__file__).parent / "results"
KEY = ("kind", "fold", "dial", "seed", "n")


def rows_of(plan: Patches, material: Material, work: Path) -> Iterator[tuple[dict, Callable]]:
    """All that task 1 computes: what it is, and how it is made."""
    for group in plan.groups:
        for fold in group.folds:
            for seed in range(group.seeds):
                for dial in plan.dials:
                    what = {"kind": "curves", "fold": fold.name, "dial": dial, "seed": seed}
                    yield what, partial(patches.curves, material, group, fold, dial, seed)
        for fold in group.folds if group.main else ():
            what = {"kind": "distances", "fold": fold.name}
            yield what, partial(sources.distances, material, fold)
            for seed in range(plan.advice.seeds):
                for dial in plan.dials:
                    what = {"kind": "advice", "fold": fold.name, "dial": dial, "seed": seed}
                    yield what, partial(choosing.advice, material, fold, dial, seed)
    if plan.flow:
        for seed in range(plan.flow.seeds):
            fold = plan.flow.fold
            what = {"kind": "flow", "fold": fold.name, "dial": "flow", "seed": seed}
            yield what, partial(sources.flow, material, fold, seed, work)
    if plan.networks:
        nets = plan.networks
        for fold, n, dial in product(nets.folds, nets.real, nets.dials):
            what = {"kind": "network", "fold": fold.name, "dial": dial, "n": n}
            yield what, partial(networks.network, material, fold, dial, n, work)


def lesion_or_not(plan: Patches, head: dict, out: Path, options: argparse.Namespace) -> None:
    """Task 1: rows, then what they say."""
    patients = cohort(options.data_dir, made_up=options.preset == "quick")
    work = options.work or out.parent / "work"
    todo = rows_of(plan, Material(patients, plan), work)
    rows, head = completed(todo, plan, {**head, "data": patients.credit}, out, options.fresh)
    report.report(rows, plan, head, out)


def segmentation(plan: Segments, head: dict, out: Path, options: argparse.Namespace) -> None:
    """Task 2: rows, then what they say."""
    patients = cohort(options.data_dir, made_up=options.preset == "quick")
    todo = segment_rows(plan, patients, options.work or out.parent / "work")
    head = {**head, "data": patients.credit, "intervals": segment_report.CAVEAT}
    rows, head = completed(todo, plan, head, out, options.fresh)
    segment_report.report(rows, plan, head, out)


def segment_rows(plan: Segments, patients: Cohort, work: Path) -> Iterator[tuple[dict, Callable]]:
    """All that task 2 computes: what it is, and how it is made."""
    for fold in plan.folds:
        scene = segments.Scene(patients, plan, fold)
        yield {"kind": "threshold", "fold": fold.name}, lambda s=scene: segments.baseline(s)
        for n in (None, *plan.real):
            for dial in (None,) if n is None else (None, *plan.dials):
                what = {"kind": "segments", "fold": fold.name, "dial": dial, "n": n}
                yield what, lambda a=(scene, n, dial): segments.networks(*a, work)


def completed(
    todo: Iterator[tuple[dict, Callable]], plan: Any, head: dict, out: Path, fresh: bool
) -> tuple[list[dict], dict]:
    """Make the rows that are not there yet, saving after each; all rows, and what is said of them."""
    head = {**head, "plan": json.loads(json.dumps(asdict(plan)))}
    unpack(out)
    rows = _rows.earlier(out, head, "plan", fresh)
    _rows.earlier(out, head, "data", fresh)  # made-up brains and patients do not mix
    done = {tuple(row.get(name) for name in KEY) for row in rows}
    for what, make in todo:
        if tuple(what.get(name) for name in KEY) in done:
            continue
        start = time.perf_counter()
        rows.append({**what, **make()})
        rows[-1]["total seconds"] = round(time.perf_counter() - start, 2)
        _rows.save(out, {**head, "rows": rows})
        print(*what.values(), f"{rows[-1]['total seconds']} s", file=sys.stderr, flush=True)
    _rows.save(out, {**head, "rows": rows})
    pack(out)
    return rows, {k: v for k, v in head.items() if k != "plan"}


TASKS = {"patches": lesion_or_not, "segments": segmentation}


def pack(out: Path) -> None:
    """Keep the rows in a file that is small enough for a repository."""
    (out / "rows.json.gz").write_bytes(gzip.compress((out / "results.json").read_bytes(), mtime=0))
    (out / "results.json").unlink()


def unpack(out: Path) -> None:
    """Go on from packed rows where there are no others."""
    packed, path = out / "rows.json.gz", out / "results.json"
    if packed.exists() and not path.exists():
        path.write_bytes(gzip.decompress(packed.read_bytes()))


def main(argv: list[str] | None = None) -> None:
    """Run a preset."""
    parser = argparse.ArgumentParser(prog="python -m experiments.ms_mri", description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--task", choices=("all", *TASKS), default="all")
    parser.add_argument("--data-dir", help="folder that holds open_ms; default: SYNTHMIX_DATA_DIR")
    parser.add_argument("--out", type=Path, help="default: results/PRESET")
    parser.add_argument(
        "--work", type=Path, help="networks under way; default: a folder beside OUT"
    )
    parser.add_argument("--fresh", action="store_true", help="replace earlier results")
    options = parser.parse_args(argv)
    head = {
        "command": f"python -m experiments.ms_mri --preset {options.preset}",
        "date": time.strftime("%Y-%m-%d"),
        "device": f"{jax.devices()[0].platform}, {platform.machine()}, {os.cpu_count()} cores",
        "intervals": CAVEAT,
    }
    for name, task in TASKS.items():
        plan = getattr(PRESETS[options.preset], name)
        if options.task in ("all", name) and plan is not None:
            task(plan, head, (options.out or RESULTS / options.preset) / name, options)
