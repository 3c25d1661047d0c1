"""Train networks at many ratios of synthetic to real CIFAR-10 images; score them on the test images, once."""

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

import jax
import numpy as np
from scipy import stats

import synthmix_jax as smx
from experiments import _rows
from synthmix_jax import models

from . import data
from .config import PRESETS, Experiment, Network, Source
from .picture import picture

RESULTS = Path(__file__).parent / "results"
MODELS = {
    "small_cnn": models.SmallCNN,
    "resnet9": models.ResNet9,
    "vit_tiny": models.ViTTiny,
}


def run(
    network: Network, n: int, source: Source, experiment: Experiment, images: tuple, work: Path
) -> dict:
    """One sweep, ratios by seeds, as a record; a sweep that was interrupted goes on."""
    real, seen, test = images
    synthetic = data.pool(source, seen, int(n * max(experiment.ratios)))
    config = dataclasses.replace(network.training, num_real=n, num_validation=experiment.validation)
    build = MODELS[network.name]
    result = smx.training.sweep(
        lambda rngs: build(10, **dict(network.options), rngs=rngs),
        real,
        synthetic,
        test=test,
        ratios=experiment.ratios,
        seeds=experiment.seeds,
        config=config,
        workdir=work / f"{network.name} {n} {source.name}".replace(" ", "_").replace(",", ""),
        progress=tell if sys.stderr.isatty() else None,
    )
    advice = smx.advice.judge(result)
    return {
        "network": network.name,
        "n": n,
        "source": source.name,
        "parameters": result.settings["model"]["parameters"],
        "ratios": result.ratios.tolist(),
        "realised_counts": result.realised_counts.tolist(),
        "test_error": rounded(result.test_error),
        "validation_error": rounded(result.validation_error),
        "chosen_step": result.chosen_step.tolist(),
        "failed": int((result.status != "").sum()),
        "verdict": advice.verdict,
        "recommended_ratio": advice.ratio,
        "interval": list(advice.interval),
        "gain": advice.gain,
        "gain_interval": list(advice.gain_interval),
        "regret": regret(result, advice.ratio),
    }


def tell(done: int, total: int, what: str) -> None:
    """One line that overwrites itself."""
    print(f"\r{done / total:6.1%}  {what:60}", end="", file=sys.stderr)


def regret(result: smx.training.Result, ratio: float) -> float:
    """Test error at a ratio, less that of the ratio that is best on the test images."""
    error = np.nanmean(result.test_error, axis=1)
    return float(error[np.argmin(np.abs(result.realised_ratios - ratio))] - np.nanmin(error))


def rounded(values: np.ndarray) -> list:
    """Four decimals; NaN as null, which JSON has."""
    return [[None if np.isnan(v) else round(float(v), 4) for v in row] for row in values]


def summary(rows: list[dict]) -> list[dict]:
    """Test error in % of every ratio, and its paired difference to the real images alone, with 95 % intervals."""
    result = []
    for row in rows:
        error = 100 * np.array(row["test_error"], float)
        for ratio, count, each in zip(row["ratios"], row["realised_counts"], error, strict=True):
            result.append(
                {
                    **{name: row[name] for name in ("network", "n", "source")},
                    "ratio": ratio,
                    "count": count,
                    **interval("error", each),
                    **interval("against real only", each - error[0]),
                }
            )
    return result


def interval(name: str, values: np.ndarray) -> dict:
    """Mean over seeds and half of its 95 % interval (Student's t)."""
    values = values[np.isfinite(values)]
    half = None
    if len(values) > 1:
        error = values.std(ddof=1) / np.sqrt(len(values))
        half = round(float(stats.t.ppf(0.975, len(values) - 1) * error), 2)
    return {name: round(float(values.mean()), 2), f"{name} +-": half}


def main(argv: list[str] | None = None) -> None:
    """Run a preset, saving after every sweep; an interrupted run goes on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--data-dir", help="default: SYNTHMIX_DATA_DIR")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument(
        "--work", type=Path, help="where sweeps under way are kept; default: OUT/work"
    )
    parser.add_argument("--fresh", action="store_true", help="replace earlier results")
    arguments = parser.parse_args(argv)
    experiment = PRESETS[arguments.preset]
    head = {
        "command": f"python -m experiments.cifar10 --preset {arguments.preset}",
        "date": time.strftime("%Y-%m-%d"),
        "device": str(jax.devices()[0]),
        "cores": os.cpu_count(),
        "experiment": json.loads(json.dumps(dataclasses.asdict(experiment))),
    }
    rows = _rows.earlier(arguments.out, head, "experiment", arguments.fresh)
    done = {(row["network"], row["n"], row["source"]) for row in rows}
    images = data.parts(experiment, arguments.data_dir)
    work = arguments.work or arguments.out / "work"
    for network in experiment.networks:
        for n in network.real:
            for source in (s for s in experiment.sources if s.name in network.sources):
                if (network.name, n, source.name) in done:
                    continue
                rows.append(run(network, n, source, experiment, images, work))
                _rows.save(arguments.out, {**head, "summary": summary(rows), "rows": rows})
                shown = ("network", "n", "source", "verdict", "recommended_ratio")
                print(json.dumps({name: rows[-1][name] for name in shown}), file=sys.stderr)
    _rows.save(arguments.out, {**head, "summary": summary(rows), "rows": rows})
    picture(rows, arguments.out / "curves.png")
