"""From rows to what they say: summary.json, two tables and the pictures."""

import csv
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

from . import picture
from .choices import choices
from .config import Patches
from .intervals import halves, interval, shape_of
from .patches import counts_of


class Table:
    """Rows of one kind of curve, by fold, dial and number of real patches."""

    def __init__(self, rows: list[dict], plan: Patches):
        """Sort the rows."""
        self.plan = plan
        self.counts = counts_of(plan)
        self.rows: dict[tuple, dict[int, dict]] = {}
        for row in (r for r in rows if r["kind"] in ("curves", "flow")):
            for n, one in row["sizes"].items():
                place = self.rows.setdefault((row["fold"], row["dial"], int(n)), {})
                place[row["seed"]] = one
        self.cells = list(self.rows)

    def seeds(self, cell: tuple) -> list[dict]:
        """Records of one cell, seed by seed."""
        return [self.rows[cell][seed] for seed in sorted(self.rows[cell])]

    def values(self, cell: tuple, name: str) -> np.ndarray:
        """Curves (s, c)."""
        return np.array([record[name] for record in self.seeds(cell)], float)

    def own(self, cell: tuple, name: str) -> np.ndarray:
        """The real patches alone at the ridge of their own (s,)."""
        return np.array([record["own ridge"][name] for record in self.seeds(cell)], float)


def curves(table: Table) -> Iterator[dict]:
    """Each cell: real patches alone, the least of the curve, all synthetic patches; intervals over seeds."""
    for cell in table.cells:
        fold, dial, n = cell
        record: dict = {"fold": fold, "dial": dial, "n": n, "seeds": len(table.rows[cell])}
        for name in ("wrong", "calibrated", "error", "auc"):
            values, counts = table.values(cell, name), table.counts
            # An area under the curve is better the larger it is.
            cost = 1.0 - values if name == "auc" else values
            best = int(
                values.mean(axis=0).argmax() if name == "auc" else values.mean(axis=0).argmin()
            )
            own = table.own(cell, name)
            record[name] = {
                "real only": interval(values[:, 0]),
                "real only, own ridge": interval(own),
                "best": interval(values[:, best]),
                "whole pool": interval(values[:, -1]),
                "best against real only": interval(values[:, best] - values[:, 0]),
                "best against real only, own ridge": interval(values[:, best] - own),
                "shape": shape_of(cost, counts),
            }
        yield record


def controls(rows: list[dict], table: Table) -> Iterator[dict]:
    """No real patches at all; and unpainted patches alone beside the real ones."""
    main = [row for row in rows if row["kind"] == "curves" and "synthetic only" in row]
    for fold, dial in dict.fromkeys((row["fold"], row["dial"]) for row in main):
        mine = [r["synthetic only"] for r in main if (r["fold"], r["dial"]) == (fold, dial)]
        yield {
            "control": "synthetic only",
            "fold": fold,
            "dial": dial,
            "counts": mine[0]["counts"],
            **{name: columns(np.array([m[name] for m in mine])) for name in ("wrong", "auc")},
        }
    painted = [row for row in main if "unpainted" in row]
    for fold, n in product(dict.fromkeys(r["fold"] for r in painted), table.plan.groups[0].real):
        mine = [r["unpainted"][str(n)] for r in painted if r["fold"] == fold]
        for form in ("plain", "balanced"):
            found = {name: np.array([m[form][name] for m in mine]) for name in SCORES}
            yield {
                "control": f"unpainted negatives only, {form}",
                "fold": fold,
                "n": n,
                "counts": mine[0]["counts"],
                **{name: columns(values) for name, values in found.items()},
                "against real only": {
                    name: columns(values - values[:, :1]) for name, values in found.items()
                },
            }


SCORES = ("wrong", "calibrated", "auc")


def columns(values: np.ndarray) -> dict[str, list]:
    """Means and half intervals by column."""
    return {"mean": values.mean(axis=0).tolist(), "half": halves(values).tolist()}


def trained(rows: list[dict]) -> Iterator[dict]:
    """Networks: errors and areas, and paired differences to the real patches alone."""
    for row in (r for r in rows if r["kind"] == "network"):
        wrong, auc = (np.array(row[name], float) for name in ("wrong", "auc"))
        yield {
            **{
                k: row[k]
                for k in ("fold", "dial", "n", "ratios", "counts", "verdict", "count", "gain")
            },
            "wrong": columns(wrong.T),
            "auc": columns(auc.T),
            "against real only": columns((wrong - wrong[0]).T),
            "auc against real only": columns((auc - auc[0]).T),
            "shape": shape_of(wrong.T, np.array(row["counts"])),
        }


def lines(table: Table) -> Iterator[dict]:
    """For curves.csv: every point of every curve, in % (areas too)."""
    for cell in table.cells:
        head = dict(zip(("fold", "generator", "real patches"), cell, strict=True))
        if not isinstance(head["generator"], str):
            head["generator"] = f"dial {head['generator']:g}"
        by_count: dict[int, dict] = {}
        for name in ("wrong", "calibrated", "auc", "error"):
            values, counts = table.values(cell, name), table.counts
            scale = 1.0 if name == "error" else 100.0
            means, half = scale * values.mean(axis=0), scale * halves(values)
            against = scale * halves(values - values[:, :1])
            for place, count in enumerate(counts.tolist()):
                one = by_count.setdefault(count, {})
                one |= {WORDS[name]: means[place], f"{WORDS[name]} +-": half[place]}
                one |= {f"{WORDS[name]}, against none, +-": against[place]}
        for count in sorted(by_count):
            numbers = {k: round(float(v), 3) for k, v in by_count[count].items()}
            yield {**head, "synthetic patches": count, **numbers}


WORDS = {
    "wrong": "error %",
    "calibrated": "calibrated error %",
    "auc": "area under ROC %",
    "error": "squared error",
}


def report(rows: list[dict], plan: Patches, head: dict, out: Path) -> None:
    """Write everything."""
    table = Table(rows, plan)
    result = {
        **head,
        "minutes": sum(row["total seconds"] for row in rows) / 60,
        "curves": list(curves(table)),
        "controls": list(controls(rows, table)),
        "choices": choices(rows, table),
        "networks": list(trained(rows)),
        "distances": [
            {k: r[k] for k in ("kind", "fold", "distances")} for r in rows if "distances" in r
        ],
        "flow seconds": [row["seconds"] for row in rows if row["kind"] == "flow"],
    }
    (out / "summary.json").write_text(json.dumps(rounded(result)) + "\n")
    write_table(out / "curves.csv", lines(table), head["data"])
    write_table(out / "choices.csv", flat(result["choices"]), head["data"])
    picture.draw(rows, table, result, head["data"], out)


def flat(records: list[dict]) -> Iterator[dict]:
    """Intervals as two columns, in %; lists as text."""
    for record in records:
        line: dict = {}
        for name, value in record.items():
            if isinstance(value, dict) and "mean" in value:
                line |= {name: percent(value["mean"]), f"{name} +-": percent(value["half"])}
            elif isinstance(value, dict):
                line[name] = "; ".join(f"{k}: {v}" for k, v in value.items())
            else:
                line[name] = value
        yield line


def percent(value: float | None) -> float | None:
    """Two decimals."""
    return None if value is None else round(100.0 * value, 2)


def write_table(path: Path, records: Iterator[dict], credit: str) -> None:
    """CSV; the last line says whose images they are."""
    table = list(records)
    with path.open("w", newline="") as file:
        columns = dict.fromkeys(key for line in table for key in line)
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
        file.write(f'"{credit}"\n')


def rounded(value):
    """Numbers to four digits; NaN as null."""
    if isinstance(value, dict):
        return {str(k): rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.4g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
