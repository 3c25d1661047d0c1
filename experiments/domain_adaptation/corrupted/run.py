"""Kernels, baselines and networks from clean CIFAR-10 images to corrupted ones; every row is saved as it comes."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import jax

from experiments import _rows

from .baselines import baselines
from .config import PRESETS, Plan
from .data import Material
from .kernels import curves
from .networks import network
from .report import report

KEY = ("what", "generator", "n", "kind", "strength", "seed")


def run(preset: str, out: Path, fresh: bool, data_dir: str | None) -> None:
    """Do what is not done yet, then write summary.json, shifts.csv and the pictures."""
    plan = PRESETS[preset]
    head = {
        "command": f"python -m experiments.domain_adaptation --part corrupted --preset {preset}",
        "date": time.strftime("%Y-%m-%d"),
        "device": str(jax.devices()[0]),
        "plan": json.loads(json.dumps(asdict(plan))),
    }
    rows = _rows.earlier(out, head, "plan", fresh)
    done = {tuple(row.get(name) for name in KEY) for row in rows}
    material = Material(plan, data_dir)
    for what, make in todo(plan, material):
        if tuple(what.get(name) for name in KEY) in done:
            continue
        start = time.perf_counter()
        rows.append({**what, **make()})
        rows[-1]["seconds"] = round(time.perf_counter() - start, 1)
        _rows.save(out, {**head, "rows": rows})
        print(*what.values(), rows[-1]["seconds"], "s", file=sys.stderr, flush=True)
    report(rows, plan, {k: v for k, v in head.items() if k != "plan"}, out)


def todo(plan: Plan, material: Material) -> Iterator[tuple[dict, Callable[[], dict]]]:
    """All rows: what they are, and how they are made; one seed of everything before the next."""
    main, *others = plan.groups
    baseline = plan.baselines
    for seed in range(main.seeds):
        yield from _curves(material, main, seed)
        for kind, strength in baseline.shifts if baseline and seed < baseline.seeds else ():
            what = {"what": "baselines", "kind": kind, "strength": strength, "seed": seed}
            yield what, partial(baselines, material, main, (kind, strength), seed)
        for kind, strength in plan.networks.shifts if plan.networks and seed == 0 else ():
            what = {"what": "network", "kind": kind, "strength": strength}
            yield what, partial(network, material, (kind, strength))
        for group in others:
            if seed < group.seeds:
                yield from _curves(material, group, seed)


def _curves(material, group, seed) -> Iterator[tuple[dict, Callable[[], dict]]]:
    for kind, strength in group.shifts:
        what = {"what": "curves", "generator": group.source.name, "n": group.n}
        what |= {"kind": kind, "strength": strength, "seed": seed}
        yield what, partial(curves, material, group, (kind, strength), seed)
