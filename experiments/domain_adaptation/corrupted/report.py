"""From rows to what they say: summary.json, shifts.csv and the pictures."""

import csv
import json
from pathlib import Path

import numpy as np

from . import picture, shifts
from .config import Plan


def report(rows: list[dict], plan: Plan, head: dict, out: Path) -> None:
    """Write everything."""
    groups = []
    for group in plan.groups:
        records = shifts.Records(rows, group, plan)
        if records.rows:
            one = {"generator": group.source.name, "n": group.n}
            one |= {"shares": records.shares().tolist(), "shifts": shifts.table(records)}
            if len(records.rows) >= MANY:
                one["correlations"] = shifts.correlations(records)
                one["errors and distances"] = shifts.errors_and_distances(records)
            groups.append(one)
    result = {
        **head,
        "minutes": sum(row["seconds"] for row in rows) / 60,
        "counts": list(plan.counts),
        "groups": groups,
        "baselines": baselines(rows),
        "networks": networks(rows),
    }
    (out / "summary.json").write_text(json.dumps(rounded(result)) + "\n")
    write_table(out / "shifts.csv", groups)
    if groups:
        picture.errors(groups[0], out / "errors.png")
        picture.optimum(groups[0], out / "optimum.png")


MANY = 8
"""Shifts from which rank correlations are worth a look."""


def baselines(rows: list[dict]) -> list[dict]:
    """Each shift: mean error in % of every method, and the choice by the labelled target images."""
    result = []
    mine = [row for row in rows if row["what"] == "baselines"]
    for shift in dict.fromkeys((row["kind"], row["strength"]) for row in mine):
        own = [row for row in mine if (row["kind"], row["strength"]) == shift]
        names = own[0]["wrong"]
        choices = [row["choice"] for row in own]
        result.append(
            {
                "kind": shift[0],
                "strength": shift[1],
                "seeds": len(own),
                "wrong": {
                    name: shifts.interval(np.array([100 * r["wrong"][name] for r in own]))
                    for name in names
                },
                "regret": shifts.interval(np.array([choice["regret"] for choice in choices])),
                "chosen wrong": shifts.interval(
                    np.array([100 * choice["wrong"] for choice in choices])
                ),
                "chosen counts": [choice["count"] for choice in choices],
                "effective sample size": [row["effective sample size"] for row in own],
            }
        )
    return result


def networks(rows: list[dict]) -> list[dict]:
    """Each shift: error in % of every ratio and its paired difference to none, over seeds."""
    result = []
    for row in (r for r in rows if r["what"] == "network"):
        wrong = 100 * np.array(row["wrong"], float)
        result.append(
            {k: row[k] for k in ("kind", "strength", "ratios", "counts", "failed")}
            | {"wrong": [shifts.interval(each) for each in wrong]}
            | {"against source only": [shifts.interval(each - wrong[0]) for each in wrong]}
        )
    return result


def write_table(path: Path, groups: list[dict]) -> None:
    """One line a shift."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for group in groups:
            for line in group["shifts"]:
                wrong, error = line["wrong"], line["error"]
                means = [wrong[k]["mean"] for k in ("source only", "synthetic only", "best")]
                gain = wrong["best - source only"]
                sides = line["distances"]["wasserstein"]
                numbers = [*means, gain["mean"], gain["half"], wrong["best share"]]
                numbers += [error["best share"], error["best count"]]
                numbers += [sides["source"], sides["synthetic"]]
                head = [group["generator"], group["n"], line["kind"], line["strength"]]
                writer.writerow([*head, line["seeds"], *map(short, numbers)])


COLUMNS = (
    *("generator", "source images", "kind", "strength", "seeds"),
    *("source only %", "synthetic only %", "best %", "best - source only", "+-"),
    *("best share by error %", "best share by squared error", "best count by squared error"),
    *("W(S, T)", "W(T', T)"),
)


def short(value: float | None) -> str:
    """Four digits."""
    return "" if value is None else f"{value:.4g}"


def rounded(value):
    """Numbers to four digits; NaN as null."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if np.isfinite(value) else None
    return value
