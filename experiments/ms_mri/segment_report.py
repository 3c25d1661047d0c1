"""Task 2: from rows to summary.json, a table and a picture."""

import csv
import json
from pathlib import Path

import numpy as np

from . import picture
from .config import Segments
from .intervals import interval
from .report import rounded

CAVEAT = (
    "Intervals are over networks (other real crops of the same patients, other parameters and batches; one "
    "synthetic pool a fold). They do not measure the variance between patients."
)
SCORES = ("dice", "lesion dice", "sensitivity", "false lesions")


def report(rows: list[dict], plan: Segments, head: dict, out: Path) -> None:
    """Write everything."""
    records = list(compared(rows))
    result = {
        **head,
        "minutes": sum(row["total seconds"] for row in rows) / 60,
        "parameters": next(row["parameters"] for row in rows if row["kind"] == "segments"),
        "baselines": [row for row in rows if row["kind"] == "threshold"],
        "networks": records,
    }
    (out / "summary.json").write_text(json.dumps(rounded(result), indent=1) + "\n")
    table(records, result["baselines"], out / "networks.csv", head["data"])
    draw(records, result["baselines"], head["data"], out / "networks.png")


def compared(rows: list[dict]):
    """Each fold, number of real crops, dial and ratio: scores, and paired differences to the real crops alone."""
    nets = [row for row in rows if row["kind"] == "segments"]
    for row in nets:
        alone = real_alone(nets, row)
        for place, ratio in enumerate(row["ratios"]):
            record = {
                "fold": row["fold"],
                "real crops": row["real crops"],
                "all real": row["n"] is None,
                "dial": row["dial"],
                "ratio": ratio,
                "synthetic crops": row["counts"][place],
                "failed": row["failed"],
                "validation dice": row["validation dice"]
                and interval(np.array(row["validation dice"][place], float)),
            }
            for name in SCORES:
                values = np.array(row[name][place], float)
                record[name] = interval(values)
                record[f"{name}, gain"] = interval(values - np.array(alone[name][0], float))
            yield record


def real_alone(nets: list[dict], row: dict) -> dict:
    """The row of the same real crops without synthetic ones."""
    mine = (row["fold"], row["n"], None)
    return next(r for r in nets if (r["fold"], r["n"], r["dial"]) == mine)


def table(records: list[dict], baselines: list[dict], path: Path, credit: str) -> None:
    """All scores with their intervals; the last line says whose images they are."""
    lines = [
        {"fold": b["fold"], "method": "threshold on FLAIR", **{name: b[name] for name in SCORES}}
        for b in baselines
    ]
    for record in records:
        line = {
            "fold": record["fold"],
            "method": "U-Net",
            "real crops": record["real crops"],
            "dial": record["dial"],
            "synthetic crops": record["synthetic crops"],
        }
        for name in (*SCORES, "dice, gain", "lesion dice, gain"):
            value = record[name]
            line |= {name: value["mean"], f"{name} +-": value["half"]}
        lines.append(line)
    with path.open("w", newline="") as file:
        columns = dict.fromkeys(key for line in lines for key in line)
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows([rounded(line) for line in lines])
        file.write(f'"{credit}"\n')


def draw(records: list[dict], baselines: list[dict], credit: str, path: Path) -> None:
    """One column a fold, one row a number of real crops: Dice on the test patient against the ratio."""
    folds = [b["fold"] for b in baselines]
    sizes = sorted({r["real crops"] for r in records if not r["all real"]})
    figure, axes = picture.subplots(len(sizes), len(folds), sharey=True)
    for (i, n), (j, fold) in picture.grid(sizes, folds):
        axis = axes[i, j]
        mine = [r for r in records if (r["fold"], r["real crops"]) == (fold, n)]
        alone = next(r for r in mine if r["dial"] is None)
        dials = sorted({r["dial"] for r in mine if r["dial"] is not None})
        ratios = [0.0, *sorted({r["ratio"] for r in mine if r["dial"] is not None})]
        for place, dial in enumerate(dials):
            line = [alone, *(r for r in mine if r["dial"] == dial)]
            at = np.arange(len(line)) + 0.08 * (place - (len(dials) - 1) / 2)
            mean = [r["dice"]["mean"] for r in line]
            half = [0.0, *((r["dice, gain"]["half"] or 0.0) for r in line[1:])]
            name = picture.name_of(dial)
            axis.errorbar(
                at, mean, half, color=picture.COLOURS[place], marker="o", ms=3, label=name
            )
        axis.axhline(
            alone["dice"]["mean"], color=picture.REAL, ls="--", lw=1, label="these real crops alone"
        )
        full = next(r for r in records if r["all real"] and r["fold"] == fold)
        label = "all real crops alone"
        axis.axhline(full["dice"]["mean"], color="#0072B2", ls="-.", lw=1, label=label)
        flat = next(b for b in baselines if b["fold"] == fold)
        axis.axhline(flat["dice"], color="k", ls=":", lw=1, label="threshold on FLAIR")
        axis.set_xticks(range(len(ratios)), [f"{r:g}" for r in ratios])
        axis.set_title(f"train on {picture.words(fold)}\n{n} real crops", fontsize=9)
        axis.set_xlabel("synthetic crops for each real one" if i == len(sizes) - 1 else "")
        axis.set_ylabel("overlap with the experts (Dice)" if j == 0 else "")
    tops = [record["dice"]["mean"] for record in records] + [b["dice"] for b in baselines]
    axes[0, 0].set_ylim(0.0, min(1.0, 1.15 * max(tops)))
    picture.finish(
        figure,
        axes,
        "Drawing lesions: how well does a small U-Net agree with experts on a patient it has never seen?",
        "Dice: 0 no overlap, 1 the same voxels; over the whole brain. Bars: 95 % intervals of the difference to "
        "the same real crops alone, over networks. The generator knows all masks of the training patients; "
        "networks with all real crops are trained for longer.",
        credit,
        path,
        CAVEAT,
    )
