"""MNIST to USPS and back: rows saved as they come, then what they say."""

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

import jax

from experiments import _rows

from . import report
from .baselines import baselines
from .choosing import labels
from .config import FORTH, PRESETS, Cells, Digits
from .data import Domains, read
from .distances import distances
from .kernels import curves
from .networks import networks

NAMES = ("kind", "direction", "generator", "n", "seed")


def run(preset: str, out: Path, fresh: bool, data_dir: str | None) -> None:
    """All of the part; a run that was interrupted goes on.

    Args:
        preset: "quick", "cpu" or "gpu".
        out: Folder of the results.
        fresh: Whether earlier results are replaced.
        data_dir: Folder of the data; None for SYNTHMIX_DATA_DIR.
    """
    plan = PRESETS[preset]
    head = {
        "command": f"python -m experiments.domain_adaptation --part digits --preset {preset}",
        "date": time.strftime("%Y-%m-%d"),
        "device": f"{jax.devices()[0].platform}, {platform.machine()}, {os.cpu_count()} cores",
        "plan": json.loads(json.dumps(asdict(plan))),
    }
    unpack(out)
    rows = _rows.earlier(out, head, "plan", fresh)
    done = {tuple(row.get(name) for name in NAMES) for row in rows}
    for what, make in rows_of(plan, read(plan, data_dir), out / "work"):
        if tuple(what.get(name) for name in NAMES) in done:
            continue
        start = time.perf_counter()
        rows.append({**what, **make()})
        rows[-1]["seconds"] = round(time.perf_counter() - start, 2)
        _rows.save(out, {**head, "rows": rows})
        print(*what.values(), f"{rows[-1]['seconds']} s", file=sys.stderr, flush=True)
    _rows.save(out, {**head, "rows": rows})
    pack(out)
    report.report(rows, {name: head[name] for name in ("command", "date", "device")}, out)


def rows_of(
    plan: Digits, domains: dict[str, Domains], work: Path
) -> Iterator[tuple[dict, Callable]]:
    """All that is computed: what it is, and how it is made.

    Repetition by repetition, so that what is cut short lacks whole repetitions; networks after the first three.
    """
    turns = range(max(cells.turn + cells.seeds for cells in plan.cells))
    for turn in turns:
        if turn == min(3, turns[-1]):
            yield from networks_of(plan, domains[FORTH], work)
        for cells in plan.cells:
            yield from repetition(plan, cells, domains[cells.direction], turn - cells.turn)
    for cells in plan.cells:
        for seed in range(cells.label_seeds):
            for what, arguments in each(plan, cells, domains[cells.direction], seed):
                yield {"kind": "baselines", **what}, partial(baselines, *arguments)


def repetition(
    plan: Digits, cells: Cells, own: Domains, seed: int
) -> Iterator[tuple[dict, Callable]]:
    """Curves of one seed; in the first seeds the choice by labels, and distances."""
    if not 0 <= seed < cells.seeds:
        return
    for what, arguments in each(plan, cells, own, seed):
        yield {"kind": "curves", **what}, partial(curves, *arguments)
        if seed < cells.label_seeds:
            yield {"kind": "labels", **what}, partial(labels, *arguments)
    for name in (None, *cells.generators) if seed < cells.label_seeds else ():
        generator = None if name is None else plan.generator(name)
        what = {"direction": cells.direction, "generator": name, "seed": seed}
        yield {"kind": "distances", **what}, partial(distances, own, plan, generator, seed)


def each(plan: Digits, cells: Cells, own: Domains, seed: int) -> Iterator[tuple[dict, tuple]]:
    """Sizes and generators of one seed, and what makes a row of them."""
    for n, name in product(cells.sizes, cells.generators):
        what = {"direction": cells.direction, "generator": name, "n": n, "seed": seed}
        yield what, (own, plan, plan.generator(name), n, seed)


def networks_of(plan: Digits, own: Domains, work: Path) -> Iterator[tuple[dict, Callable]]:
    """Networks, generator by generator."""
    for name in plan.networks.generators if plan.networks else ():
        what = {"kind": "networks", "direction": FORTH, "generator": name}
        yield what, partial(networks, own, plan, plan.generator(name), work)


def pack(out: Path) -> None:
    """Keep the rows in a file that is small enough for a repository."""
    (out / "rows.json.gz").write_bytes(gzip.compress((out / "results.json").read_bytes(), mtime=0))
    (out / "results.json").unlink()


def unpack(out: Path) -> None:
    """Go on from packed rows where there are no others."""
    packed, path = out / "rows.json.gz", out / "results.json"
    if packed.exists() and not path.exists():
        path.write_bytes(gzip.decompress(packed.read_bytes()))
