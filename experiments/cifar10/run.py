"""Train networks at many ratios of synthetic to real CIFAR-10 images; score them on the test images, once."""

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from etils import epath
from jax.experimental import multihost_utils
from scipy import stats

import synthmix_jax as smx
from experiments import _rows, _stopping
from synthmix_jax import models

from . import data
from .config import PRESETS, Experiment, Network
from .picture import ladder_picture, picture

RESULTS = Path(__file__).parent / "results"
MODELS = {
    "small_cnn": models.SmallCNN,
    "resnet9": models.ResNet9,
    "vit_tiny": models.ViTTiny,
}


def run(
    network: Network,
    n: int,
    source: str,
    synthetic: smx.Dataset,
    experiment: Experiment,
    images: tuple,
    work: Path,
    stop: Callable[[], bool] | None = None,
) -> dict:
    """One sweep, ratios by seeds, as a record; a sweep that was interrupted goes on."""
    real, _, test = images
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
        workdir=work / f"{network.name} {n} {source}".replace(" ", "_").replace(",", ""),
        progress=tell if sys.stderr.isatty() else None,
        stop=stop,
    )
    advice = smx.advice.judge(result)
    return {
        "network": network.name,
        "n": n,
        "source": source,
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


def compared(synthetic: smx.Dataset, test: smx.Dataset, number: int) -> dict:
    """Distances to test images of equally many synthetic ones, with floor and 90 % interval, debiased."""
    table = smx.distances.compare(
        test[:number],
        synthetic[:number],
        key=jax.random.key(3),
        metrics=["gaussian_wasserstein", "sliced_wasserstein", "energy", "mmd"],
        max_points=number,
        num_bootstrap=20,
        per_class=False,
        debias=True,
    )
    return {
        row.metric: {name: round(float(getattr(row, name)), 5) for name in ("value", "low", "high")}
        for row in table.rows
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
    """Run a preset, saving after every sweep; an interrupted run goes on where it stopped.

    Raises:
        SystemExit: with code 143 after a SIGTERM, when what was reached is stored; with words where OUT holds
            results of other settings.
    """
    arguments = _arguments(argv)
    if arguments.distributed:
        smx.distributed.start(arguments.coordinator, arguments.num_processes, arguments.process_id)
    stopped = refused = None
    with _stopping.told_to_stop() as stop:
        try:
            _run_all(arguments, stop)
        except smx.training.Stopped as reached:
            stopped = reached
        except _rows.OtherSettings as error:
            refused = error
    if arguments.distributed:
        smx.distributed.stop()  # all of them come here
    if refused is not None:
        raise refused
    if stopped is not None:
        print(f"{stopped} The same command goes on there.", file=sys.stderr)
        raise SystemExit(_stopping.EXIT_CODE)


def _run_all(arguments: argparse.Namespace, stop: Callable[[], bool]) -> None:
    """All sweeps of a preset.

    Raises:
        smx.training.Stopped: `stop` said so.
        OtherSettings: OUT holds results of those.
    """
    experiment = PRESETS[arguments.preset]
    own = RESULTS if arguments.preset == "cpu" else RESULTS / arguments.preset
    out = arguments.out or own
    settings = dataclasses.asdict(experiment)
    if experiment.ladder is None:
        del settings["ladder"]
    head = {
        "command": f"python -m experiments.cifar10 --preset {arguments.preset}",
        "date": time.strftime("%Y-%m-%d"),
        "device": str(jax.devices()[0]),
        "cores": os.cpu_count(),
        "experiment": json.loads(json.dumps(settings)),
    }
    cells = [
        (network, n, source)
        for network in experiment.networks
        for n in network.real
        for source in experiment.generators(network)
    ]
    writes = jax.process_index() == 0
    rows, todo = _left(cells, out, head, arguments.fresh)
    images = data.parts(experiment, arguments.data_dir)
    work = arguments.work or out / "work"
    pool = Pools(experiment, images[1], work)
    for network, n, source in todo:
        synthetic = pool(source, int(n * max(experiment.ratios)))
        row = run(network, n, source, synthetic, experiment, images, work, stop)
        if experiment.ladder is not None:
            number = experiment.ladder.compared
            row["distances"] = compared(pool(source, number), images[2], number)
        rows.append(row)
        if not writes:
            continue
        _rows.save(out, {**head, "summary": summary(rows), "rows": rows})
        shown = ("network", "n", "source", "verdict", "recommended_ratio")
        print(json.dumps({name: rows[-1][name] for name in shown}), file=sys.stderr)
    if not writes:
        return
    _rows.save(out, {**head, "summary": summary(rows), "rows": rows})
    picture(rows, out / "curves.png")
    if experiment.ladder is not None:
        ladder_picture(rows, experiment.ladder, out / "ladder.png")


def _left(
    cells: list[tuple[Network, int, str]], out: Path, head: dict[str, Any], fresh: bool
) -> tuple[list[dict[str, Any]], list[tuple[Network, int, str]]]:
    """Earlier rows, on process 0; and the sweeps without one, on all of several processes as process 0 sees OUT.

    Raises:
        OtherSettings: OUT holds results of those; on all processes.
    """
    rows, refused = [], None
    if jax.process_index() == 0:
        try:
            rows = _rows.earlier(out, head, "experiment", fresh)
        except _rows.OtherSettings as error:
            refused = error
    done = {(row["network"], row["n"], row["source"]) for row in rows}
    said = [
        refused is not None,
        *((network.name, n, source) in done for network, n, source in cells),
    ]
    other, *skip = multihost_utils.broadcast_one_to_all(np.array(said)).tolist()
    if other:
        raise refused or _rows.OtherSettings(f"process 0: {out} holds results of other settings.")
    return rows, [cell for cell, skipped in zip(cells, skip, strict=True) if not skipped]


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--data-dir", help="default: SYNTHMIX_DATA_DIR")
    parser.add_argument(
        "--out", type=Path, help="default: results, of other presets than cpu a folder in it"
    )
    parser.add_argument(
        "--work",
        type=epath.Path,
        help="where sweeps under way are kept, also gs://; default: OUT/work",
    )
    parser.add_argument("--fresh", action="store_true", help="replace earlier results")
    parser.add_argument(
        "--distributed",
        action="store_true",
        help="one of several processes, which share --work; process 0 writes OUT",
    )
    parser.add_argument(
        "--coordinator", help="HOST:PORT of process 0, where it is not found: implies --distributed"
    )
    parser.add_argument("--num-processes", type=int, help="of all machines; as --coordinator")
    parser.add_argument("--process-id", type=int, help="which of them; as --coordinator")
    arguments = parser.parse_args(argv)
    given = arguments.coordinator, arguments.num_processes, arguments.process_id
    arguments.distributed |= given != (None, None, None)
    if arguments.distributed and PRESETS[arguments.preset].ladder is not None:
        parser.error("--distributed: presets with a ladder train its flow in one process.")
    return arguments


class Pools:
    """Synthetic images by the name of their generator; flows are trained when the first is asked for."""

    def __init__(self, experiment: Experiment, seen: smx.Dataset, work: Path):
        """Nothing is fitted yet."""
        self.experiment, self.seen, self.work = experiment, seen, work
        self.flows: dict = {}

    def __call__(self, name: str, count: int) -> smx.Dataset:
        """`count` images of a generator."""
        for source in self.experiment.sources:
            if source.name == name:
                return data.pool(source, self.seen, count)
        if not self.flows:
            show = tell if sys.stderr.isatty() else None
            self.flows = data.flows(self.experiment.ladder, self.seen, self.work, show)
        return data.drawn(self.flows[name], count)
