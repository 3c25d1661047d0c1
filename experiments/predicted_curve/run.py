"""How good are curves predicted from samples? Against leave-one-out, and against test images."""

import argparse
import json
import os
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import jax
import numpy as np
from scipy import stats

import synthmix_jax as smx
from experiments import _rows
from synthmix_jax.generators import ClassGaussian, Shifted, draw

from .config import PRESETS, Case, Study
from .picture import picture

RESULTS = Path(__file__).parent / "results"


def samples(study: Study, case: Case, n: int, seed: int):
    """Real images, a pool whose generator saw other images, and test images."""
    split, sample, order = jax.random.split(jax.random.key(seed), 3)
    if study.data == "digits":
        # One data set: test images, real ones and those of the generator are parts of it.
        whole = smx.load("digits", split="all")
        test, rest = whole.split(study.test / len(whole), key=split)
        test = test[: study.test]
    else:
        rest = smx.load(study.data, split="train")
        test = smx.load(study.data, split="test")[: study.test]
    real, rest = rest.split(n / len(rest), key=split)
    seen, _ = rest.split(case.fitted_on / len(rest), key=split)
    dials = {"blur": case.blur, "label_shift": case.label_shift, "offset": case.offset}
    generator = Shifted(ClassGaussian.fit(seen, rank=case.rank), **dials)
    return real, draw(generator, study.pool, key=sample), test, order


def measured(study: Study, real, pool, test, key, **amounts):
    """Leave-one-out curves of each order (orders, w, l, c), and the test curve as their mean (w, l, c)."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    sweeps = [
        smx.krr.sweep(real, pool[rng.permutation(len(pool))], test=test, **amounts)
        for _ in range(study.orders)
    ]
    return (
        np.stack([sweep.loo_error for sweep in sweeps]),
        np.mean([sweep.test_error for sweep in sweeps], axis=0),
    )


def regret(curve: np.ndarray, test: np.ndarray) -> float:
    """What choosing by `curve` costs on the test curve, relative to its best cell."""
    return float(test.ravel()[np.nanargmin(curve)] / test.min() - 1.0)


def run(study: Study, case: Case, n: int, seed: int) -> dict:
    """One record: how the curves agree, and what choosing by each costs."""
    real, pool, test, key = samples(study, case, n, seed)
    kernel = smx.kernels.RBF(float(smx.kernels.median_lengthscale(real.x)) / np.sqrt(2.0))
    counts = smx.mixing.geometric_counts(study.pool, study.counts)
    shown = -1, len(study.ridges) // 2  # the largest weight, the middle ridge
    amounts = {"kernel": kernel, "ridges": study.ridges, "weights": study.weights, "counts": counts}
    start = time.perf_counter()
    loo, error = measured(study, real, pool, test, key, **amounts)
    middle = time.perf_counter()
    with warnings.catch_warnings():
        # What cannot be predicted is counted below.
        warnings.simplefilter("ignore", UserWarning)
        whole = smx.theory.predict_curve(real, pool, **amounts)
        seconds = time.perf_counter() - middle
        part = smx.theory.predict_curve(real, pool[: study.part], **amounts)
    plug_in = smx.theory.predict_curve(real, pool, method="spectrum", **amounts)
    mean = loo.mean(axis=0)
    later = counts > study.part
    # The count alone, each at every ridge and weight; then all three.
    cells = list(np.ndindex(error.shape[:2]))
    curves = {
        "one order": loo[0],
        "mean of orders": mean,
        "predicted": whole.error,
        "predicted from a part": part.error,
        "plug-in": plug_in.error,
        "all": np.broadcast_to(-np.arange(len(counts)), error.shape),
        "none": np.broadcast_to(np.arange(len(counts)), error.shape),
    }
    rivals = ("all", "none")
    return {
        "data": study.data,
        "case": case.name,
        "n": n,
        "seed": seed,
        "seconds": {"one order": (middle - start) / study.orders, "predicted": seconds},
        "regret_of_count": {
            name: float(np.mean([regret(curve[cell], error[cell]) for cell in cells]))
            for name, curve in curves.items()
        },
        "regret": {
            name: regret(curve, error) for name, curve in curves.items() if name not in rivals
        },
        # All relative to the mean of the orders, whose own error is that of `one order` over the root.
        "apart": {
            "one order": float(np.mean(np.abs(loo[0] / mean - 1.0))),
            "predicted": float(np.nanmean(np.abs(whole.error / mean - 1.0))),
            "predicted, largest": float(np.nanmax(np.abs(whole.error / mean - 1.0))),
            "beyond the part": float(np.nanmean(np.abs(part.error / mean - 1.0)[..., later])),
            "beyond the part, largest": float(
                np.nanmax(np.abs(part.error / mean - 1.0)[..., later])
            ),
            "plug-in": float(np.mean(np.abs(plug_in.error / mean - 1.0))),
        },
        "predicted": float(np.mean(np.isfinite(whole.error))),
        "signed": {
            "predicted": float(np.nanmean(whole.error / mean - 1.0)),
            "beyond the part": float(np.nanmean((part.error / mean - 1.0)[..., later])),
        },
        "reach_of_part": np.round(part.reach).tolist(),
        "reached_beyond": float(np.mean(np.isfinite(part.error[..., later]))),
        "reached": float(np.mean(np.isfinite(part.error))),
        "curve": {
            "counts": counts.tolist(),
            "loo": np.round(loo[:, *shown], 5).tolist(),
            "test": np.round(error[shown], 5).tolist(),
            "predicted": or_null(whole.error[shown]),
            "part": or_null(part.error[shown]),
            "plug_in": np.round(plug_in.error[shown], 5).tolist(),
        },
    }


def or_null(values: np.ndarray) -> list[float | None]:
    """Rounded; NaN as null, which JSON has."""
    return [None if np.isnan(v) else round(float(v), 5) for v in values]


def tables(rows: list[dict]) -> list[dict]:
    """Means over seeds with 95 % intervals (Student's t), one record for each data set, case and n."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault((row["data"], row["case"], row["n"]), []).append(row)
    result = []
    for (data, case, n), members in groups.items():
        record = {"data": data, "case": case, "n": n, "seeds": len(members)}
        for field in ("regret_of_count", "regret", "apart", "signed"):
            record[field] = {}
            for name in members[0][field]:
                values = np.array([m[field][name] for m in members])
                # No scatter, no interval: one seed has none.
                half = None
                if len(values) > 1:
                    error = np.std(values, ddof=1) / np.sqrt(len(values))
                    half = float(stats.t.ppf(0.975, len(values) - 1) * error)
                record[field][name] = [float(np.mean(values)), half]
        result.append(record)
    return result


def save(out: Path, head: dict, rows: list[dict]) -> None:
    """Write results.json in one step."""
    # Curves of the first seed only: they are what the picture shows.
    kept = [row if row["seed"] == 0 else {**row, "curve": None} for row in rows]
    _rows.save(out, {**head, "summary": tables(rows), "rows": kept})


def main(argv: list[str] | None = None) -> None:
    """Run a preset, saving after every row; an interrupted run goes on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fresh", action="store_true", help="replace earlier results")
    arguments = parser.parse_args(argv)
    studies = PRESETS[arguments.preset]
    head = {
        "command": f"python -m experiments.predicted_curve --preset {arguments.preset}",
        "date": time.strftime("%Y-%m-%d"),
        "device": str(jax.devices()[0]),
        "cores": os.cpu_count(),
        "studies": json.loads(json.dumps([asdict(study) for study in studies])),
    }
    rows = _rows.earlier(arguments.out, head, "studies", arguments.fresh)
    done = {(row["data"], row["case"], row["n"], row["seed"]) for row in rows}
    for study in studies:
        for case in study.cases:
            for n in study.real:
                for seed in range(study.seeds):
                    if (study.data, case.name, n, seed) in done:
                        continue
                    rows.append(run(study, case, n, seed))
                    save(arguments.out, head, rows)
                    brief = {k: v for k, v in rows[-1].items() if k != "curve"}
                    print(json.dumps(brief), file=sys.stderr)
    save(arguments.out, head, rows)
    picture(rows, arguments.out / "curves.png")
