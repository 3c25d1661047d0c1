"""From one patient to another, with lesions painted on either's tissue; every row is saved as it comes."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import jax

from experiments import _rows

from . import cells, picture, report
from .config import PRESETS, Plan
from .data import SIDES, TISSUES, Material, made_up, read

KEY = ("kind", "fold", "side", "dial", "seed")


def run(preset: str, out: Path, fresh: bool, data_dir: str | None) -> None:
    """Do what is not done yet, then write summary.json, curves.csv and the pictures."""
    plan = PRESETS[preset]
    cohort = made_up(plan) if preset == "quick" else read(plan, data_dir)
    head = {
        "command": f"python -m experiments.domain_adaptation --part lesions --preset {preset}",
        "date": time.strftime("%Y-%m-%d"),
        "device": f"{jax.devices()[0].platform}, {platform.machine()}, {os.cpu_count()} cores",
        "data": cohort.credit,
        "plan": json.loads(json.dumps(asdict(plan))),
    }
    rows = _rows.earlier(out, head, "plan", fresh)
    _rows.earlier(out, head, "data", fresh)  # made-up brains and patients do not mix
    done = {tuple(row.get(name) for name in KEY) for row in rows}
    for what, make in todo(plan, Material(cohort, plan)):
        if tuple(what.get(name) for name in KEY) in done:
            continue
        start = time.perf_counter()
        rows.append({**what, **make()})
        rows[-1]["seconds"] = round(time.perf_counter() - start, 1)
        _rows.save(out, {**head, "rows": rows})
        print(*what.values(), rows[-1]["seconds"], "s", file=sys.stderr, flush=True)
    _rows.save(out, {**head, "rows": rows})
    summary = report.report(rows, plan, {k: v for k, v in head.items() if k != "plan"}, out)
    picture.draw(rows, plan, summary, cohort.credit, out)


def todo(plan: Plan, material: Material) -> Iterator[tuple[dict, Callable[[], dict]]]:
    """All rows: what they are, and how they are made; one seed of everything before the next."""
    for source, target in plan.folds:
        for side in SIDES:
            what = {"kind": "facts", "fold": f"{source} to {target}", "side": side}
            yield what, partial(facts, material, source, target, side)
    for seed in range(plan.seeds):
        for source, target in plan.folds:
            for side in SIDES:
                what = {"fold": f"{source} to {target}", "side": side, "seed": seed}
                where = (material, source, target, side)
                yield {"kind": "baselines", **what}, partial(cells.baselines, *where, seed)
                for dial in plan.dials:
                    one = {**what, "dial": dial}
                    yield {"kind": "pools", **one}, partial(cells.pools, *where, dial, seed)
                    if seed < plan.distances:
                        make = partial(cells.distances, *where, dial, seed)
                        yield {"kind": "distances", **one}, make


def facts(material: Material, source: str, target: str, side: str) -> dict:
    """How many test patches there are, and what the screen lets slip by."""
    slipped = {t: material.slipped(source, target, t, side) for t in TISSUES}
    return {"tests": len(material.test(target, side)), "slipped": slipped}
