"""Which discrepancy predicts the best amount of synthetic data? Curves, distances, and what each would cost."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import jax
import numpy as np

from experiments import _rows

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


def short(values, digits: int = 4) -> list[float | None]:
    """So many significant digits; NaN as null, which JSON has."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in np.asarray(values, float)]


def work(config: Config):
    """Everything that is to be made: (what it is, how to make it)."""
    for study in config.studies:
        held: list[Pools] = []

        def pools(study=study, held=held) -> Pools:
            # Loaded when first needed: a finished data set is not loaded again.
            if not held:
                held.append(Pools(study.data, material(study)))
            return held[0]

        for n in study.real:
            for fit in range(config.fits):
                for draw in range(config.draws_of_real):
                    yield (
                        ("kernel", study.data, n, fit, draw),
                        lambda s=study, p=pools, a=(n, fit, draw): repetition(s, p(), *a, config),
                    )
        for source in study.sources if study.networks else ():
            for fit in range(config.network_fits):
                what = ("network", study.data, study.network_real, fit, source.name)
                yield (
                    what,
                    lambda s=study, p=pools, a=(source, study.network_real, fit): {
                        "kind": "network",
                        "data": s.data,
                        "n": a[1],
                        "fit": a[2],
                        "draw": a[0].name,
                        **perceptrons(s, p(), *a, config),
                    },
                )


def main(argv: list[str] | None = None) -> None:
    """Run a preset, saving after every row; an interrupted run goes on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fresh", action="store_true", help="replace earlier results")
    arguments = parser.parse_args(argv)
    config = PRESETS[arguments.preset]
    head = {
        "command": f"python -m experiments.metrics --preset {arguments.preset}",
        "date": time.strftime("%Y-%m-%d"),
        "device": str(jax.devices()[0]),
        "cores": os.cpu_count(),
        "config": json.loads(json.dumps(asdict(config))),
    }
    rows = _rows.earlier(arguments.out, head, "config", arguments.fresh)
    done = {(r["kind"], r["data"], r["n"], r["fit"], r["draw"]) for r in rows}
    for what, make in work(config):
        if what in done:
            continue
        start = time.perf_counter()
        rows.append(make())
        rows[-1]["total_seconds"] = round(time.perf_counter() - start, 1)
        _rows.save(arguments.out, {**head, "rows": rows})
        print(*what, f"{rows[-1]['total_seconds']} s", file=sys.stderr, flush=True)
    _rows.save(arguments.out, {**head, "rows": rows})
    report(rows, config, {k: v for k, v in head.items() if k != "config"}, arguments.out)
