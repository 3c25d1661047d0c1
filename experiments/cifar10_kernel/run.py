"""Recommend a count on CIFAR-10 pixels, then look at the test curve to see what following it costs."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import jax
import numpy as np

import synthmix_jax as smx
from synthmix_jax.generators import ClassGaussian, Shifted, draw

from .config import PRESETS, Config, Source

RESULTS = Path(__file__).parent / "results"


def data(train: smx.Dataset, test: smx.Dataset, source: Source, config: Config, seed: int):
    """Real images, a pool from a generator that saw other images, and test images."""
    split, sample, advice = jax.random.split(jax.random.key(seed), 3)
    real, rest = train.split(config.real / len(train), key=split)
    seen, _ = rest.split(source.fitted_on / len(rest), key=split)
    generator = Shifted(ClassGaussian.fit(seen, rank=source.rank), offset=source.offset)
    # Real pixels are uint8 and count as x / 255; the generator's are floats on that scale.
    return real, draw(generator, config.pool, key=sample), test[: config.test], advice


def run(train, test, source: Source, config: Config, seed: int) -> dict:
    """The advice, and the whole test curve at its kernel, weight and ridge."""
    real, pool, test, key = data(train, test, source, config, seed)
    start = time.perf_counter()
    advice = smx.recommend(real, pool, key=key, num_orders=config.num_orders, distances=False)
    seconds = time.perf_counter() - start
    order = smx.mixing.nested_order(pool.y, key=key, num_classes=10)
    curve = smx.krr.sweep(
        real,
        pool[order],
        kernel=advice.kernel,
        ridges=[advice.ridge],
        weights=[advice.weight],
        counts=advice.curve.counts,
        loo=False,
        test=test,
    )
    error, wrong = curve.test_error[0, 0], curve.test_misclassified[0, 0]
    at = int(np.flatnonzero(curve.counts == advice.count)[0])
    bagged = advice.predict(test.x).argmax(axis=1)
    return {
        "source": source.name,
        "seed": seed,
        "seconds": seconds,
        "verdict": advice.verdict,
        "count": advice.count,
        "weight": advice.weight,
        "ridge": advice.ridge,
        "kernel": smx.kernels.describe(advice.kernel),
        "interval": list(advice.interval),
        "within_interval": advice.interval[0] <= advice.count <= advice.interval[1],
        "gain": advice.gain,
        "gain_interval": list(advice.gain_interval),
        "best_count_on_test": int(curve.counts[error.argmin()]),
        "excess_of_squared_error": float(error[at] / error.min() - 1),
        "misclassified": {
            "real only": 100 * float(wrong[0]),
            "recommended": 100 * float(wrong[at]),
            "bagged": 100 * float(np.mean(bagged != np.asarray(test.y))),
            "whole pool": 100 * float(wrong[-1]),
            "best on test": 100 * float(wrong.min()),
        },
        "curve": {
            "counts": curve.counts.tolist(),
            "test_error": error.tolist(),
            "test_misclassified": wrong.tolist(),
            "loo_error": advice.curve.error.tolist(),
        },
    }


def picture(rows: list[dict], path: Path) -> None:
    """Leave-one-out and test error against the count, one panel a generator."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(row["source"] for row in rows))
    figure, axes = plt.subplots(1, len(names), figsize=(5 * len(names), 3.6), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for row in (r for r in rows if r["source"] == name):
            counts = row["curve"]["counts"]
            axis.plot(
                counts, row["curve"]["loo_error"], color="#0072B2", label="left-out real images"
            )
            axis.plot(counts, row["curve"]["test_error"], color="#444444", label="test images")
            axis.axvline(row["count"], color="#D55E00", lw=1, ls=":", label="recommended")
        axis.set_xscale("symlog", linthresh=10)
        axis.set_xlim(left=0)
        axis.set(title=name, xlabel="synthetic images", ylabel="squared error")
        axis.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))  # one entry a line, not one a seed
    axes[0, 0].legend(unique.values(), unique.keys(), frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main(argv: list[str] | None = None) -> None:
    """Run a preset and write results.json and curves.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--data-dir", help="default: SYNTHMIX_DATA_DIR")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args(argv)
    config = PRESETS[arguments.preset]
    train, test = (
        smx.load("cifar10", split=split, data_dir=arguments.data_dir) for split in ("train", "test")
    )
    rows = []
    for source in config.sources:
        for seed in range(config.seeds):
            rows.append(run(train, test, source, config, seed))
            brief = {k: v for k, v in rows[-1].items() if k not in ("curve", "kernel")}
            print(json.dumps(brief), file=sys.stderr)
    arguments.out.mkdir(parents=True, exist_ok=True)
    temporary = arguments.out / "results.json.tmp"
    head = {"command": f"python -m experiments.cifar10_kernel --preset {arguments.preset}"}
    head |= {
        "date": time.strftime("%Y-%m-%d"),
        "device": str(jax.devices()[0]),
        "cores": os.cpu_count(),
    }
    temporary.write_text(
        json.dumps({**head, "config": asdict(config), "rows": rows}, indent=1) + "\n"
    )
    os.replace(temporary, arguments.out / "results.json")
    picture(rows, arguments.out / "curves.png")
