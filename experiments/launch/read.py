"""What a working folder holds: test errors by ratio with their intervals, and what is unfinished.

    python -m experiments.launch.read gs://bucket/run [more folders ...]

Reads config.json, cells.jsonl and the names of checkpoints, and writes nothing: safe while the run goes on. A
folder of several runs is read run by run.
"""

import argparse
import json
import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from etils import epath
from scipy import stats

# The number of a checkpoint: finished cells times this, plus evaluations of those under way.
_PER_CELL = 10**6


@dataclass(frozen=True)
class Row:
    """One ratio.

    Attributes:
        mix: The ratio, or the shares of source, target and synthetic points.
        count: Synthetic points of each model.
        error: Mean error over finished seeds; NaN without any.
        half: Half of its 95 % interval (Student's t); NaN with fewer than two seeds.
        change: Mean difference to the first row, paired by seed; NaN where the first row is not ratio 0.
        change_half: Half of its 95 % interval.
        finished: Seeds that were trained to the end.
        failed: Seeds whose loss was not finite.
    """

    mix: str
    count: int
    error: float
    half: float
    change: float
    change_half: float
    finished: int
    failed: int


@dataclass(frozen=True)
class Summary:
    """One run.

    Attributes:
        folder: Where it lies.
        model: Class of the network.
        num_real: Real points of each model.
        seeds: Repetitions of each ratio.
        metric: "test_error"; "validation_error" where there were no test data.
        rows: One for each ratio.
        checkpoint: Evaluations that models under way have behind them; None without a checkpoint.
        evaluations: Of each model.
    """

    folder: str
    model: str
    num_real: int
    seeds: int
    metric: str
    rows: tuple[Row, ...]
    checkpoint: int | None
    evaluations: int

    @property
    def unfinished(self) -> int:
        """Models that are neither trained to the end nor failed."""
        return sum(self.seeds - row.finished - row.failed for row in self.rows)


def runs(folder: str) -> list[epath.Path]:
    """The folder itself, or those in it that hold a run.

    Raises:
        ValueError: there is none.
    """
    path = epath.Path(folder).expanduser()
    if (path / "config.json").exists():
        return [path]
    inner = sorted(path.iterdir()) if path.exists() else []
    found = [each for each in inner if (each / "config.json").exists()]
    if not found:
        raise ValueError(
            f"{folder} holds no run (no config.json there, nor one folder down): name the --workdir of the run."
        )
    return found


def read(path: epath.Path) -> Summary:
    """Read one run.

    Raises:
        ValueError: a file that a sweep did not write.
    """
    try:
        config = json.loads((path / "config.json").read_text())
        mixes = config.get("ratios", config.get("shares"))
        counts, seeds = config["counts"], len(config["seeds"]["data"])
        cells = _cells(path, len(mixes), seeds)
        metric = "validation_error" if config["data"]["test"] is None else "test_error"
        errors, ended = _table(cells, metric, len(mixes), seeds)
        first_is_zero = "ratios" in config and mixes[0] == 0
        return Summary(
            folder=str(path),
            model=config["model"]["class"],
            num_real=config["num_real"],
            seeds=seeds,
            metric=metric,
            rows=tuple(
                _row(
                    mix, counts[i], errors[i], errors[0] if i and first_is_zero else None, *ended[i]
                )
                for i, mix in enumerate(mixes)
            ),
            checkpoint=_checkpoint(path, len(cells)),
            evaluations=config["config"]["evaluations"],
        )
    except (KeyError, TypeError, IndexError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a whole run of training.sweep ({error!r}).") from error


def text(summary: Summary) -> str:
    """As a table, errors in units of the metric (a share for classes)."""
    lines = [
        f"{summary.folder}",
        f"{summary.model}, {summary.num_real:,} real points, {summary.seeds} seeds; mean {_NAMES[summary.metric]} "
        "and difference to ratio 0 (paired by seed), with 95 % intervals",
        "",
        f"{'ratio':>16} {'synthetic':>10} {'error':>20} {'against real only':>22} {'seeds':>7}",
    ]
    for row in summary.rows:
        seeds = f"{row.finished}/{summary.seeds}" + (f", {row.failed} failed" if row.failed else "")
        error, change = _shown(row.error, row.half), _shown(row.change, row.change_half, "+")
        lines.append(f"{row.mix:>16} {row.count:>10,} {error:>20} {change:>22} {seeds:>7}")
    total = summary.seeds * len(summary.rows)
    if not summary.unfinished:
        lines += ["", f"all {total} models are finished"]
        return "\n".join(lines)
    where = "no checkpoint: they begin anew"
    if summary.checkpoint is not None:
        where = f"a checkpoint holds evaluation {summary.checkpoint} of {summary.evaluations}"
    lines += ["", f"unfinished: {summary.unfinished} of {total} models; {where}"]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Print the table of every run; the exit code is 0, 3 while models are unfinished, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="experiments.launch.read", description=__doc__)
    parser.add_argument("folder", nargs="+", help="--workdir of a run, or a folder of several")
    arguments = parser.parse_args(argv)
    unfinished = 0
    try:
        for folder in arguments.folder:
            for path in runs(folder):
                summary = read(path)
                unfinished += summary.unfinished
                print(text(summary), end="\n\n")
    except (ValueError, OSError, ImportError) as error:
        print(f"experiments.launch.read: {error}", file=sys.stderr)
        return 2
    return 3 if unfinished else 0


_NAMES = {"test_error": "test error", "validation_error": "held-out error (no test data)"}


def _cells(path: epath.Path, ratios: int, seeds: int) -> dict[tuple[int, int], dict[str, Any]]:
    """The final values of each finished cell, by ratio and seed."""
    lines = path / "cells.jsonl"
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for line in lines.read_text().splitlines() if lines.exists() else []:
        entry = json.loads(line)
        ratio, seed = entry["cell"]
        if not (0 <= ratio < ratios and 0 <= seed < seeds):
            raise IndexError(f"cell {[ratio, seed]}")
        if "step" not in entry:  # those with a step are evaluations on the way
            found.setdefault((ratio, seed), {})[entry["metric"]] = entry["value"]
    return found


def _table(cells: dict, metric: str, ratios: int, seeds: int) -> tuple[np.ndarray, list]:
    """Errors (ratios, seeds), NaN where there is none; and how many are finished and failed at each ratio."""
    errors = np.full((ratios, seeds), np.nan)
    ended = [[0, 0] for _ in range(ratios)]
    for (ratio, seed), values in cells.items():
        failed = values["failed"] >= 0
        ended[ratio][failed] += 1
        if not failed and values[metric] is not None:
            errors[ratio, seed] = values[metric]
    return errors, ended


def _row(
    mix: Any, count: int, errors: np.ndarray, first: np.ndarray | None, finished: int, failed: int
) -> Row:
    shown = " ".join(f"{part:g}" for part in (mix if isinstance(mix, list) else [mix]))
    change = math.nan, math.nan
    if first is not None:
        change = _interval(errors - first)
    return Row(shown, count, *_interval(errors), *change, finished, failed)


def _interval(values: np.ndarray) -> tuple[float, float]:
    """Mean over seeds and half of its 95 % interval."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return math.nan, math.nan
    half = math.nan
    if len(values) > 1:
        error = values.std(ddof=1) / np.sqrt(len(values))
        half = float(stats.t.ppf(0.975, len(values) - 1) * error)
    return float(values.mean()), half


def _checkpoint(path: epath.Path, finished: int) -> int | None:
    """Evaluations in the newest checkpoint that fits the finished cells."""
    folder = path / "checkpoints"
    names = [each.name for each in folder.iterdir()] if folder.exists() else []
    numbers = [int(name) for name in names if name.isdecimal()]
    fitting = [number % _PER_CELL for number in numbers if number // _PER_CELL == finished]
    return max(fitting, default=None)


def _shown(value: float, half: float, sign: str = "") -> str:
    if math.isnan(value):
        return "-"
    interval = "" if math.isnan(half) else f" ± {half:.4f}"
    return f"{value:{sign}.4f}{interval}"


if __name__ == "__main__":
    sys.exit(main())
