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
from pathlib import Path

import jax

from experiments import _rows

from . import report
from .baselines import baselines
from .choosing import labels
from .config import FORTH, PRESETS, Digits
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
    """All that is computed: what it is, and how it is made. Seed by seed, so that what is cut short is whole seeds."""
    for cells in plan.cells:
        own = domains[cells.direction]
        for seed in range(cells.seeds):
            for n in cells.sizes:
                for name in cells.generators:
                    arguments = (own, plan, plan.generator(name), n, seed)
                    what = dict(direction=cells.direction, generator=name, n=n, seed=seed)
                    yield {"kind": "curves", **what}, partial(curves, *arguments)
                    if seed < cells.label_seeds:
                        yield {"kind": "labels", **what}, partial(labels, *arguments)
    yield from of_directions(plan, domains)
    for name in plan.networks.generators if plan.networks else ():
        what = {"kind": "networks", "direction": FORTH, "generator": name}
        yield what, partial(networks, domains[FORTH], plan, plan.generator(name), work)
    yield from with_unlabelled(plan, domains)


def of_directions(plan: Digits, domains: dict[str, Domains]) -> Iterator[tuple[dict, Callable]]:
    """Distances of every generator of a direction, in the repetitions with labels, and of source and floor."""
    for direction in dict.fromkeys(cells.direction for cells in plan.cells):
        mine = [cells for cells in plan.cells if cells.direction == direction]
        names = dict.fromkeys(name for cells in mine for name in cells.generators)
        for seed in range(max(cells.label_seeds for cells in mine)):
            for name in (None, *names):
                generator = None if name is None else plan.generator(name)
                what = {"kind": "distances", "direction": direction, "generator": name}
                yield (
                    {**what, "seed": seed},
                    partial(distances, domains[direction], plan, generator, seed),
                )


def with_unlabelled(plan: Digits, domains: dict[str, Domains]) -> Iterator[tuple[dict, Callable]]:
    """Importance weights and CORAL, in the repetitions with labels."""
    for cells in plan.cells:
        for seed in range(cells.label_seeds):
            for n in cells.sizes:
                for name in cells.generators:
                    what = {"kind": "baselines", "direction": cells.direction, "generator": name}
                    arguments = (domains[cells.direction], plan, plan.generator(name), n, seed)
                    yield {**what, "n": n, "seed": seed}, partial(baselines, *arguments)


def pack(out: Path) -> None:
    """Keep the rows in a file that is small enough for a repository."""
    (out / "rows.json.gz").write_bytes(gzip.compress((out / "results.json").read_bytes(), mtime=0))
    (out / "results.json").unlink()


def unpack(out: Path) -> None:
    """Go on from packed rows where there are no others."""
    packed, path = out / "rows.json.gz", out / "results.json"
    if packed.exists() and not path.exists():
        path.write_bytes(gzip.decompress(packed.read_bytes()))
