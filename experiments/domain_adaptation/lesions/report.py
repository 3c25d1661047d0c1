"""What rows say: means over both sides of the target's brain, with intervals over seeds."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from .cells import POOLS, counts_of
from .config import Plan
from .data import SIDES

CAVEAT = (
    "Three patients in all, two of them here. Intervals are over seeds (other patches and other pools of the same "
    "patients). They do not measure the variance between patients."
)
MEASURES = ("wrong", "auc", "calibrated")
PAIRS = (("screened", "source"), ("known", "screened"), ("both", "source"))


def report(rows: list[dict], plan: Plan, head: dict[str, Any], out: Path) -> dict[str, Any]:
    """Write summary.json and curves.csv; the summary."""
    folds = [f"{source} to {target}" for source, target in plan.folds]
    summary: dict[str, Any] = {
        **head,
        "intervals": CAVEAT,
        "seeds complete": {
            fold: min(
                len(values(rows, fold, d, ("sizes", str(plan.real[0]), "source"), "wrong"))
                for d in plan.dials
            )
            for fold in folds
        },
        "counts": counts_of(plan).tolist(),
        "facts": {f"{r['fold']}, {r['side']}": _facts(r) for r in rows if r["kind"] == "facts"},
        "baselines": {fold: _baselines(rows, plan, fold) for fold in folds},
        "pools": {
            fold: {
                str(n): {f"{dial:g}": _pools(rows, plan, fold, n, dial) for dial in plan.dials}
                for n in plan.real
            }
            for fold in folds
        },
        "synthetic only": {
            fold: {
                f"{dial:g}": {
                    pool: _means(rows, fold, dial, ("synthetic only", pool), ("wrong", "auc"))
                    for pool in POOLS
                }
                for dial in plan.dials
            }
            for fold in folds
        },
        "shares": {
            fold: {f"{dial:g}": _shares(rows, plan, fold, dial) for dial in plan.dials}
            for fold in folds
        },
        "distances": distances(rows, plan),
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    with (out / "curves.csv").open("w", newline="") as file:
        file.write(f"# {head['data']}\n")
        table = csv.writer(file)
        table.writerow(("fold", "n", "dial", "pool", "count", "measure", "mean", "half"))
        for fold in folds:
            for n in plan.real:
                for dial in plan.dials:
                    for pool in POOLS:
                        table.writerows(_lines(rows, plan, fold, n, dial, pool))
    return summary


def values(
    rows: list[dict], fold: str, dial: float | None, path: tuple, measure: str
) -> np.ndarray:
    """A measure of all seeds (s, ...), the mean over both sides; seeds that are not complete are left out."""
    kind, found = "baselines" if dial is None else "pools", {}
    for row in rows:
        if (row["kind"], row["fold"], row.get("dial")) == (kind, fold, dial):
            value = row
            for name in path:
                value = value[name]
            numbers = [v[measure] for v in value] if isinstance(value, list) else value[measure]
            found.setdefault(row["seed"], []).append(np.asarray(numbers, float))
    return np.array(
        [np.mean(found[s], axis=0) for s in sorted(found) if len(found[s]) == len(SIDES)]
    )


def interval(sample: np.ndarray) -> dict[str, float | None]:
    """Mean, and half of its 95 % interval (Student's t) over seeds; None for a single one."""
    from scipy import stats

    half = None
    if len(sample) > 1:
        half = float(stats.t.ppf(0.975, len(sample) - 1) * sample.std(ddof=1) / len(sample) ** 0.5)
    return {
        "mean": round(float(sample.mean()), 4),
        "half": None if half is None else round(half, 4),
    }


def chosen(curves: np.ndarray) -> np.ndarray:
    """Each curve (s, c) at the place that is best on average over the seeds of the other half (s,)."""
    odd = np.arange(len(curves)) % 2 == 1
    best = [int(curves[half].mean(axis=0).argmin()) for half in (~odd, odd) if half.any()]
    return curves[np.arange(len(curves)), np.where(odd, best[0], best[-1])]


def _facts(row: dict) -> dict:
    return {"tests": row["tests"], "slipped": row["slipped"]}


def _means(rows, fold, dial, path, measures=MEASURES) -> dict:
    return {m: interval(values(rows, fold, dial, path, m)) for m in measures}


def _baselines(rows: list[dict], plan: Plan, fold: str) -> dict:
    first = next(r for r in rows if r["kind"] == "baselines" and r["fold"] == fold)
    result: dict = {}
    for n in map(str, plan.real):
        result[n] = {
            name: _means(rows, fold, None, ("sizes", n, name)) for name in first["sizes"][n]
        }
        for name in first["sizes"][n]:
            if "effective" in first["sizes"][n][name]:
                for more in ("effective", "coverage"):
                    sample = values(rows, fold, None, ("sizes", n, name), more)
                    result[n][name][more] = interval(sample)
    return result


def _pools(rows: list[dict], plan: Plan, fold: str, n: int, dial: float) -> dict:
    """For each pool its ends and its best count, and differences of pools, paired by seed."""
    get = lambda pool, m: values(rows, fold, dial, ("sizes", str(n), pool), m)
    result: dict = {}
    for pool in POOLS:
        curves = {m: get(pool, m) for m in MEASURES}
        wrong = curves["wrong"]
        result[pool] = {
            "none": {m: interval(c[:, 0]) for m, c in curves.items()},
            "all": {m: interval(c[:, -1]) for m, c in curves.items()},
            "best count": int(counts_of(plan)[wrong.mean(axis=0).argmin()]),
            "at chosen count": interval(chosen(wrong)),
            "gain of all": interval(wrong[:, 0] - wrong[:, -1]),
        }
    result["differences"] = {
        f"{a} less {b}": {
            "all": {m: interval(get(a, m)[:, -1] - get(b, m)[:, -1]) for m in MEASURES},
            "at chosen count": interval(chosen(get(a, "wrong")) - chosen(get(b, "wrong"))),
        }
        for a, b in PAIRS
    }
    return result


def _shares(rows: list[dict], plan: Plan, fold: str, dial: float) -> dict:
    """Error and area over the share of the whole pool, at one number of real patches."""
    result: dict = {"n": plan.weighed, "shares": [0.0, *plan.shares, 1.0]}
    for pool in plan.weighed_pools:
        by_measure = {}
        for m in ("wrong", "auc"):
            start = values(rows, fold, dial, ("sizes", str(plan.weighed), pool), m)[:, :1]
            inner = values(rows, fold, dial, ("shares", pool), m)
            end = values(rows, fold, dial, ("synthetic only", pool), m)[:, None]
            by_measure[m] = [interval(c) for c in np.hstack([start, inner, end]).T]
        result[pool] = by_measure
    return result


def distances(rows: list[dict], plan: Plan) -> dict:
    """Mean distances, and how often the nearer of two pools is the better one.

    One cell is a fold, side, dial and seed. In it the pool on the source's tissue is compared with the screened
    one, and beside it each pool at one dial with the same at another, by the error at the whole pool, mean over the
    numbers of real patches.
    """
    pools = {_cell(r): r for r in rows if r["kind"] == "pools"}
    cells = [r for r in rows if r["kind"] == "distances"]
    result: dict = {}
    for metric in plan.metrics:
        means: dict = {}
        for row in cells:
            for name, found in row["distances"][metric].items():
                place = means.setdefault(row["fold"], {}).setdefault(f"{row['dial']:g}", {})
                place.setdefault(name, []).append((found["value"], found["floor"]))
        order = {m: _ordered(cells, pools, plan, metric, m) for m in ("wrong", "auc", "squared")}
        result[metric] = {
            "mean": {
                fold: {
                    dial: {
                        name: dict(
                            zip(
                                ("value", "floor"),
                                np.round(np.mean(v, axis=0), 4).tolist(),
                                strict=True,
                            )
                        )
                        for name, v in names.items()
                    }
                    for dial, names in dials.items()
                }
                for fold, dials in means.items()
            },
            "order": order,
        }
    return result


def _cell(row: dict) -> tuple:
    return row["fold"], row["side"], row["dial"], row["seed"]


def _ordered(cells, pools, plan: Plan, metric: str, measure: str) -> dict:
    """Share of cells in which the nearer pool is better: screened against source, and by dials of one pool."""
    sign = -1.0 if measure == "auc" else 1.0
    error = lambda row, pool: np.mean(
        [sign * row["sizes"][str(n)][pool][measure][-1] for n in plan.real]
    )
    far = lambda row, pool: row["distances"][metric][pool]["value"]
    tissue, dials, same = [], [], {}
    for cell in cells:
        row = pools[_cell(cell)]
        near = far(cell, "screened") - far(cell, "source")
        tissue.append(near * (error(row, "screened") - error(row, "source")) > 0)
        for pool in ("source", "screened"):
            same.setdefault((*_cell(cell)[:2], cell["seed"], pool), []).append(
                (far(cell, pool), error(row, pool))
            )
    for points in same.values():
        for i, (a, x) in enumerate(points):
            dials += [(a - b) * (x - y) > 0 for b, y in points[:i]]
    right = lambda found: {"right": int(np.sum(found)), "of": len(found)}
    return {"screened against source": right(tissue), "dials of one pool": right(dials)}


def _lines(rows: list[dict], plan: Plan, fold: str, n: int, dial: float, pool: str):
    """Lines of curves.csv."""
    for measure in MEASURES:
        curves = values(rows, fold, dial, ("sizes", str(n), pool), measure)
        for count, sample in zip(counts_of(plan), curves.T, strict=True):
            found = interval(sample)
            yield fold, n, f"{dial:g}", pool, int(count), measure, found["mean"], found["half"]
