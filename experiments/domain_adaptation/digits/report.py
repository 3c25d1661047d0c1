"""From rows to what they say: summary.json, curves.csv, tables.md and the pictures."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from experiments.ms_mri.intervals import interval, shape_of

from . import picture, tables
from .choices import choices, ranks
from .rows import CAVEAT, NAMES, by_weight, groups


def report(rows: list[dict], head: dict, out: Path) -> None:
    """Write everything that is made of the rows."""
    summary = {
        **head,
        "intervals": CAVEAT,
        "curves": list(curves(rows)),
        "choices": list(choices(rows)),
        "baselines": list(baselines(rows)),
        "distances": list(distances(rows)),
        "networks": list(networks(rows)),
        "ranks": ranks(rows),
        "minutes": round(sum(row["seconds"] for row in rows) / 60, 1),
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    (out / "tables.md").write_text(tables.tables(summary))
    with (out / "curves.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, (*NAMES, "weight", "count", "mean", "half"))
        writer.writeheader()
        writer.writerows(points(rows))
    picture.pictures(rows, summary, out)


def curves(rows: list[dict]) -> Iterator[dict]:
    """Each cell, in % of the test images: the blend beside source and synthetic images alone and the own images."""
    for what, mine in groups(rows, "curves"):
        counts, weights = np.array(mine[0]["counts"]), mine[0]["weights"]
        one = weights.index(1.0)
        by_count = np.array([row["wrong"][one] for row in mine])
        weighed = np.array([by_weight(row) for row in mine])
        source, blend = by_count[:, 0], by_count[:, -1]
        alone = np.array([row["synthetic only"]["wrong"][-1] for row in mine])
        own = np.array([row["own images"]["with source"] for row in mine])
        grid = np.array([row["wrong"] for row in mine])
        place = np.unravel_index(grid.mean(axis=0).argmin(), grid.shape[1:])
        yield {
            **what,
            "seeds": len(mine),
            "source only": interval(source),
            "synthetic only": interval(alone),
            "blend": interval(blend),
            "blend less source only": interval(blend - source),
            "blend less synthetic only": interval(blend - alone),
            "source + own images": interval(own),
            "blend less source + own images": interval(blend - own),
            "own images alone": interval([row["own images"]["alone"] for row in mine]),
            "hindsight by count": interval(by_count[:, by_count.mean(axis=0).argmin()]),
            "hindsight by weight": interval(weighed[:, weighed.mean(axis=0).argmin()]),
            "hindsight by both": {
                **interval(grid[:, place[0], place[1]]),
                "weight": weights[place[0]],
                "count": int(counts[place[1]]),
            },
            "shape by count": shape_of(by_count, counts),
            "shape by weight": weight_shape(weighed, [0.0, *weights]),
        }


def weight_shape(values: np.ndarray, weights: list[float]) -> dict:
    """As `shape_of`, with weights in the place of counts."""
    found = shape_of(values, np.arange(len(weights)))
    chosen = [weights[place] for place in found.pop("counts")]
    return {**found, "count": None, "weight": weights[found["count"]], "weights": chosen}


def baselines(rows: list[dict]) -> Iterator[dict]:
    """Importance weights and CORAL, and what they change."""
    for what, mine in groups(rows, "baselines"):
        sizes = [row["effective sample size"] for row in mine]
        record = {**what, "seeds": len(mine), "effective sample size": interval(sizes)}
        for name in ("source", "importance weights", "CORAL"):
            for way in ("alone", "with synthetic"):
                error, plain = (np.array([row[k][way] for row in mine]) for k in (name, "source"))
                record[f"{name}, {way}"] = interval(error)
                record[f"{name}, {way} less source, {way}"] = interval(error - plain)
        yield record


def distances(rows: list[dict]) -> Iterator[dict]:
    """Means over seeds, of inputs and of labelled images."""
    for what, mine in groups(rows, "distances"):
        for name in ("source", "floor", "synthetic"):
            if name in mine[0]:
                yield {
                    "direction": what["direction"],
                    "of": what["generator"] or name,
                    **{k: interval([row[name][k] for row in mine]) for k in ("inputs", "labelled")},
                }


def networks(rows: list[dict]) -> Iterator[dict]:
    """Test error by ratio, and its paired difference to no synthetic images."""
    for what, (row,) in groups(rows, "networks"):
        wrong = np.array(row["wrong"], float)
        best = np.array(row["validation wrong"], float).mean(axis=1).argmin()
        yield {
            **what,
            "ratios": row["ratios"],
            "wrong": [interval(each) for each in wrong],
            "against source only": [interval(each - wrong[0]) for each in wrong],
            "chosen ratio": row["ratios"][best],
            "parameters": row["parameters"],
            "failed": row["failed"],
            "shape": shape_of(wrong.T, np.array(row["counts"])),
        }


def points(rows: list[dict]) -> Iterator[dict]:
    """Every point of every curve."""
    for what, mine in groups(rows, "curves"):
        for w, weight in enumerate(mine[0]["weights"]):
            for c, count in enumerate(mine[0]["counts"]):
                found = interval([row["wrong"][w][c] for row in mine])
                shown = {k: None if v is None else round(v, 3) for k, v in found.items()}
                yield {**what, "weight": weight, "count": count, **shown}
