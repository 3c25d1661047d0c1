"""What choosing the number of synthetic patches costs, rule by rule, on the test curve."""

from collections import Counter
from typing import Any

import numpy as np

from .intervals import interval, regret_of

NAMES = {"error": "squared error", "wrong": "misclassified"}


def choices(rows: list[dict], table) -> list[dict]:
    """Each cell and rule: the chosen counts, and what they cost against the best fixed count of this cell."""
    advised = {
        (row["fold"], row["dial"], row["seed"]): row["sizes"]
        for row in rows
        if row["kind"] == "advice"
    }
    records = []
    for cell in table.cells:
        fold, dial, n = cell
        seeds = sorted(table.rows[cell])
        found = {
            "none": np.zeros(len(seeds), int),
            "all": np.full(len(seeds), len(table.counts) - 1),
            "leave-one-out, same pool": table.values(cell, "left out error").argmin(axis=1),
        }
        kept = {rule: seeds for rule in found}
        mine = [s for s in seeds if str(n) in advised.get((fold, dial, s), {})]
        given = [advised[fold, dial, s][str(n)] for s in mine]
        if mine:
            found["recommend"] = place(table, [advice["count"] for advice in given])
            kept["recommend"] = mine
        across = across_patients(table, cell)
        for name, chosen in across.items():
            found[f"across patients, {NAMES[name]}"] = place(table, chosen)
            kept[f"across patients, {NAMES[name]}"] = seeds
        for rule, places in found.items():
            record = described(table, cell, rule, kept[rule], places)
            if rule == "recommend":
                record["verdicts"] = dict(Counter(advice["verdict"] for advice in given))
                record["expected gain"] = interval(np.array([a["gain"] for a in given]))
            records.append(record)
    return records


def described(
    table, cell: tuple, rule: str, seeds: list[int], places: np.ndarray
) -> dict[str, Any]:
    """Counts and regrets, in both measures of error; and the error itself."""
    fold, dial, n = cell
    counts = table.counts
    record: dict[str, Any] = {"fold": fold, "dial": dial, "n": n, "rule": rule}
    order = sorted(table.rows[cell])
    rows = [order.index(seed) for seed in seeds]
    for name, words in NAMES.items():
        values = table.values(cell, name)[rows]
        record[f"best count, {words}"] = int(counts[table.values(cell, name).mean(axis=0).argmin()])
        record[f"regret, {words}"] = regret_of(values, places)
    chosen = table.values(cell, "wrong")[rows][np.arange(len(rows)), places]
    record["misclassified"] = interval(chosen)
    record["median count"] = float(np.median(counts[places]))
    record["counts"] = " ".join(str(c) for c in counts[places])
    return record


def place(table, chosen: list[int]) -> np.ndarray:
    """Places of counts on the curve."""
    counts = table.counts
    return np.array([int(np.flatnonzero(counts == count)[0]) for count in chosen])


def across_patients(table, cell: tuple) -> dict[str, list[int]]:
    """With two training patients: the count of least error on the one that is not trained on, mean over both ways.

    Each way trains on half as many patches, those of one patient, with that patient's own generator, and is scored
    on the other patient's patches of the same draw. The test patient has no part in it.
    """
    fold, dial, n = cell
    train = fold.split(" to ")[0].split(" + ")
    if len(train) != 2:
        return {}
    ways = [(f"{a} to {b}", dial, n // 2) for a, b in (train, train[::-1])]
    if not all(way in table.rows for way in ways):
        return {}
    result = {}
    for name in NAMES:
        chosen = []
        for seed in sorted(table.rows[cell]):
            curves = [table.rows[way][seed]["validation"][name] for way in ways]
            chosen.append(int(table.counts[np.mean(curves, axis=0).argmin()]))
        result[name] = chosen
    return result
