"""Which discrepancy predicts the best amount of synthetic data? Curves, distances, and what each would cost."""

import argparse
import functools
import gzip
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import jax
import numpy as np

from experiments import _rows

from .catalogue import Source
from .config import PRESETS, Config, Study
from .curves import counts_of, curve, weighted
from .data import material, parts
from .distances import distances, transfer
from .networks import perceptrons
from .report import report
from .sources import Pools, key_of

RESULTS = Path(__file__).parent / "results"


def repetition(study: Study, pools: Pools, n: int, fit: int, draw: int, config: Config) -> dict:
    """One user: some real points, and a choice of sources. Curves and distances of every one."""
    place = pools.material
    size = study.pools[study.real.index(n)]
    real, _ = parts(place.candidates, n, key_of(study.data, "real", draw))
    samples = {
        source.name: [
            pools.sample(source, size, fit=fit, draw=(n, draw, k)) for k in range(config.draws)
        ]
        for source in study.sources
    }
    start = time.perf_counter()
    first = {name: drawn[0] for name, drawn in samples.items()}
    found = distances(real, first, config, key_of(study.data, n, fit, draw))
    middle = time.perf_counter()
    curves = {
        name: [curve(real, pool, place, config) for pool in drawn]
        for name, drawn in samples.items()
    }
    others = {name: weighted(real, pool, place, config) for name, pool in first.items()}
    for name, one in others.items():
        for error in one:
            # With weight one it is the end of the curve.
            one[error] = np.append(one[error], curves[name][0][error][-1])
    ridge = config.ridges[len(config.ridges) // 2]
    return {
        "kind": "kernel",
        "data": study.data,
        "n": n,
        "fit": fit,
        "draw": draw,
        "seconds": [round(middle - start, 1), round(time.perf_counter() - middle, 1)],
        "counts": counts_of(size, config).tolist(),
        "distances": {
            metric: [short(by_source[name], 3) for name in samples]
            for metric, by_source in found.items()
        },
        "transfer": [
            short(transfer(real, pool, place, ridge, curves[name][0]["loo"][0]))
            for name, pool in first.items()
        ],
        "test": [[short(c["test"]) for c in each] for each in curves.values()],
        "loo": [short(np.mean([c["loo"] for c in each], axis=0)) for each in curves.values()],
        "wrong": [
            short(np.mean([c["wrong"] for c in each], axis=0), 3)
            for each in curves.values()
            if "wrong" in each[0]
        ],
        "ridge_at_end": float(np.mean([c["end"] for each in curves.values() for c in each])),
        "weighted": [[short(w["test"]), short(w["loo"])] for w in others.values()],
    }


def reference(study: Study, pools: Pools, fit: int, config: Config) -> dict:
    """The same distances with more real points than users have: what is left is not for want of data."""
    candidates = pools.material.candidates
    most = min(config.reference_points, len(candidates) - 1)
    real, _ = parts(candidates, most, key_of(study.data, "reference"))
    samples = {
        source.name: pools.sample(source, config.reference_synthetic, fit=fit, draw=("reference",))
        for source in study.sources
    }
    key = key_of(study.data, "reference", fit)
    found = distances(real, samples, config, key, max_points=most, forms=(False,))
    return {
        "kind": "reference",
        "data": study.data,
        "n": most,
        "fit": fit,
        "draw": 0,
        "distances": {
            metric: [short(by_source[name], 3) for name in samples]
            for metric, by_source in found.items()
        },
    }


def short(values, digits: int = 4) -> list[float | None]:
    """So many significant digits; NaN as null, which JSON has."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in np.asarray(values, float)]


def network(study: Study, pools: Pools, source: Source, fit: int, config: Config) -> dict:
    """Networks on one source."""
    found = perceptrons(study, pools, source, study.network_real, fit, config)
    head = {"kind": "network", "data": study.data, "n": study.network_real}
    return {**head, "fit": fit, "draw": source.name, **found}


def work(config: Config):
    """Everything that is to be made: (what it is, how to make it)."""
    for study in config.studies:
        # Loaded when first needed: a finished data set is not loaded again.
        pools = functools.cache(lambda study=study: Pools(study.data, material(study)))
        fits, draws = range(config.fits), range(config.draws_of_real)
        for n, fit, draw in itertools.product(study.real, fits, draws):
            what = ("kernel", study.data, n, fit, draw)
            yield what, later(repetition, study, pools, n, fit, draw, config)
        for fit in fits:
            most = min(config.reference_points, study.candidates - 1)
            yield (
                ("reference", study.data, most, fit, 0),
                later(reference, study, pools, fit, config),
            )
        trained = study.sources if study.networks else ()
        for source, fit in itertools.product(trained, range(config.network_fits)):
            what = ("network", study.data, study.network_real, fit, source.name)
            yield what, later(network, study, pools, source, fit, config)


def later(function: Callable, study: Study, pools: Callable[[], Pools], *arguments):
    """A call to be made, which loads the data."""
    return lambda: function(study, pools(), *arguments)


def pack(out: Path) -> None:
    """Keep the rows in a file that is small enough for a repository."""
    content = (out / "results.json").read_bytes()
    (out / "rows.json.gz").write_bytes(gzip.compress(content, mtime=0))


def unpack(out: Path) -> None:
    """Go on from packed rows where there are no others."""
    packed, path = out / "rows.json.gz", out / "results.json"
    if packed.exists() and not path.exists():
        path.write_bytes(gzip.decompress(packed.read_bytes()))


def main(argv: list[str] | None = None) -> None:
    """Run a preset, saving after every row; an interrupted run goes on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--out", type=Path, help="default: results, or results/dials")
    parser.add_argument("--fresh", action="store_true", help="replace earlier results")
    arguments = parser.parse_args(argv)
    config = PRESETS[arguments.preset]
    out = arguments.out or (RESULTS / "dials" if arguments.preset == "dials" else RESULTS)
    head = {
        "command": f"python -m experiments.metrics --preset {arguments.preset}",
        "date": time.strftime("%Y-%m-%d"),
        "device": str(jax.devices()[0]),
        "cores": os.cpu_count(),
        "config": json.loads(json.dumps(asdict(config))),
    }
    unpack(out)
    rows = _rows.earlier(out, head, "config", arguments.fresh)
    done = {(r["kind"], r["data"], r["n"], r["fit"], r["draw"]) for r in rows}
    for what, make in work(config):
        if what in done:
            continue
        start = time.perf_counter()
        rows.append(make())
        rows[-1]["total_seconds"] = round(time.perf_counter() - start, 1)
        _rows.save(out, {**head, "rows": rows})
        print(*what, f"{rows[-1]['total_seconds']} s", file=sys.stderr, flush=True)
    _rows.save(out, {**head, "rows": rows})
    pack(out)
    report(rows, config, {k: v for k, v in head.items() if k != "config"}, out)
