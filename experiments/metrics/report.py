"""From rows to the answer: summary.json, table.csv and picture.png."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import components, ranks, rules
from .catalogue import families
from .cells import Cell, cells
from .config import Config
from .picture import picture, picture_of_dials


def predictors(found: list[Cell]) -> dict[str, Callable]:
    """name -> (cell -> (g, f, d) or None): every distance in every form."""
    names = dict.fromkeys(key for cell in found for key in cell.distances)
    return {
        f"{metric}, {form}": lambda cell, key=(metric, form): cell.distances.get(key)
        for metric, form in names
    }


def with_many_points(found: list[Cell]) -> dict[str, Callable]:
    """The same distances as they would be with more real points."""
    names = dict.fromkeys(metric for cell in found for metric in cell.reference)
    return {
        f"{metric}, many points": lambda cell, key=metric: cell.reference.get(key)
        for metric in names
    }


def own_scores() -> dict[str, Callable]:
    """What leave-one-out says, as predictors of order: the best count, and the gain it expects."""
    return {
        "leave-one-out count": lambda cell: -cell.counts[cell.loo.argmin(axis=-1)].astype(float),
        "leave-one-out gain": lambda cell: cell.loo.min(axis=-1) / cell.loo[..., 0],
    }


def by_dial(found: list[Cell], config: Config) -> dict:
    """Order within families of one kind of damage: each counts as a data set."""
    apart = [
        cell.only(places, f"{cell.data}: {dial}")
        for cell in found
        for dial, places in families(cell.sources).items()
    ]
    scores = predictors(apart) | own_scores() | with_many_points(apart)
    resamples = ranks.Resamples.of(apart, config.resamples)
    best = {
        f"{cell.data}, n = {cell.n}": dict(
            zip(cell.sources, cell.counts[cell.amount].mean(axis=1).tolist(), strict=True)
        )
        for cell in apart
    }
    wanted = [ranks.targets(cell) for cell in apart]
    return {"best counts": best, "ranking": ranks.ranking(apart, wanted, scores, resamples)}


def network_targets(rows: list[dict], cell: Cell) -> dict[str, np.ndarray]:
    """Best count and gain of the networks (g, f) in this cell; empty where none were trained."""
    mine = {
        (row["draw"], row["fit"]): row
        for row in rows
        if (row["kind"], row["data"], row["n"]) == ("network", cell.data, cell.n)
    }
    if not mine:
        return {}
    fits = sorted({fit for _, fit in mine})
    # (g, f, r): mean over seeds.
    test = np.array([[np.mean(mine[s, f]["test"], axis=1) for f in fits] for s in cell.sources])
    counts = np.array(next(iter(mine.values()))["counts"])
    return {"count": counts[test.argmin(axis=2)], "gain": 1.0 - test.min(axis=2) / test[..., 0]}


def summary(rows: list[dict], config: Config) -> dict:
    """All that the README states."""
    found = cells(rows, config)
    known = predictors(found)
    scores = known | own_scores() | with_many_points(found)
    resamples = ranks.Resamples.of(found, config.resamples)
    trained = [(cell, network_targets(rows, cell)) for cell in found]
    trained = [(cell, wanted) for cell, wanted in trained if wanted]
    kernel = [row for row in rows if row["kind"] == "kernel"]
    result = {
        "optima": [record for cell in found for record in components.optima(cell)],
        "scatter": components.scatter(found),
        "ranking": ranks.ranking(found, [ranks.targets(c) for c in found], scores, resamples),
        "regret": rules.table(found, known, resamples),
        "regret by weight": rules.table(found, known, resamples, weighted=True),
        "ridge_at_end": float(np.mean([row["ridge_at_end"] for row in kernel])),
    }
    if trained:
        some, wanted = map(list, zip(*trained, strict=True))
        only = ranks.Resamples.of(some, config.resamples)
        result["networks"] = {
            "ranking": ranks.ranking(some, wanted, scores | same_in_regression(), only),
            "optima": [
                {
                    "data": cell.data,
                    "n": cell.n,
                    "source": name,
                    "count": counts.tolist(),
                    "gain": gains.tolist(),
                }
                for cell, each in trained
                for name, counts, gains in zip(
                    cell.sources, each["count"], each["gain"], strict=True
                )
            ],
        }
    return result


def same_in_regression() -> dict[str, Callable]:
    """The optima of kernel regression as predictors of the networks'."""
    spread = lambda cell, values: np.broadcast_to(values[..., None], cell.cost.shape[:3])
    return {
        "count of kernel regression": lambda c: spread(c, -c.counts[c.amount].astype(float)),
        "gain of kernel regression": lambda c: spread(c, -c.gain),
    }


def table(result: dict) -> list[dict]:
    """One line for each predictor: agreement, and regret by either rule; then what needs no distance."""
    lines = []
    for name, by_target in result["ranking"].items():
        line = {"predictor": name}
        for target in ("count", "gain", "share by weight", "count, misclassified"):
            if target in by_target:
                line |= ends(f"agreement with {target}", by_target[target]["mean"])
        for rule in rules.RULES:
            regret = result.get("regret", {}).get(f"{name} | {rule}")
            if regret:
                line |= ends(f"regret, {rule}", regret["regret"])
        lines.append(line)
    for name, regret in result.get("regret", {}).items():
        if " | " not in name:
            lines.append({"predictor": name, **ends("regret", regret["regret"])})
    return lines


def ends(name: str, values: list) -> dict:
    """Three columns."""
    rounded = [None if v is None else round(v, 4) for v in values]
    return dict(zip((name, f"{name}, low", f"{name}, high"), rounded, strict=True))


def report(rows: list[dict], config: Config, head: dict, out: Path) -> None:
    """Write everything; of families of damage the order alone."""
    found = cells(rows, config)
    graded = any(families(cell.sources) for cell in found)
    result = by_dial(found, config) if graded else summary(rows, config)
    result["minutes"] = sum(row["total_seconds"] for row in rows) / 60
    content = json.dumps({**head, **rounded(result)})
    (out / "summary.json").write_text(content + "\n")
    lines = table(result)
    columns = dict.fromkeys(key for line in lines for key in line)
    with (out / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(lines)
    if graded:
        picture_of_dials(result, out / "picture.png")
    else:
        picture(result, found, out / "picture.png")


def rounded(value):
    """Numbers of a record to four digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
