"""Curves over counts and weights, all ways side by side, and networks."""

from pathlib import Path

import numpy as np

from experiments.ms_mri import frame

from .rows import CAVEAT, NAMES, by_weight, groups

CREDIT = "Images: MNIST (LeCun et al. 1998), USPS (Hull 1994)."
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#8A62BE"


def pictures(rows: list[dict], summary: dict, out: Path) -> None:
    """All of them."""
    curves(rows, summary, out / "curves.png")
    ways(summary, out / "ways.png")
    if summary["networks"]:
        networks(summary, out / "networks.png")


def curves(rows: list[dict], summary: dict, path: Path) -> None:
    """By count at weight 1 above, by weight with the whole pool below; a column a generator."""
    first = summary["curves"][0]
    found = [
        (what, mine)
        for what, mine in groups(rows, "curves")
        if (what["direction"], what["n"]) == (first["direction"], first["n"])
    ]
    figure, axes = frame.subplots(2, len(found), width=2.9, sharey="row")
    for (above, below), (what, mine) in zip(axes.T, found, strict=True):
        one = mine[0]["weights"].index(1.0)
        by_count = np.array([row["wrong"][one] for row in mine])
        frame.curve(above, mine[0]["counts"], by_count, BLUE, "source and synthetic images")
        frame.counts_axis(above, mine[0]["counts"][-1])
        above.set(title=what["generator"], xlabel="synthetic images, weight 1")
        weighed = np.array([by_weight(row) for row in mine])
        frame.curve(below, range(weighed.shape[1]), weighed, BLUE, None)
        ticks = ["none", *(f"{w:g}" for w in mine[0]["weights"])]
        below.set_xticks(range(len(ticks)), ticks)
        below.set(xlabel=f"weight of {mine[0]['counts'][-1]:,} synthetic images")
        alone = np.mean([row["synthetic only"]["wrong"][-1] for row in mine])
        own = np.mean([row["own images"]["with source"] for row in mine])
        for axis in (above, below):
            axis.axhline(alone, color=ORANGE, lw=1, ls="--", label="synthetic images only")
            axis.axhline(
                own, color=GREEN, lw=1, ls=":", label="source and the generator's own images"
            )
    for axis in axes[:, 0]:
        axis.set_ylabel("wrong test images (%)")
    title = f"{first['direction'].upper()}, {first['n']} source images, by what the generator was fitted on"
    note = "Dots: least of the mean curve, in hindsight. Bands: paired difference to no synthetic images."
    frame.finish(figure, axes, title, note, CREDIT, path, CAVEAT)


def ways(summary: dict, path: Path) -> None:
    """Every way to the target, generator by generator, with intervals."""
    cells = [(c, curve_of(summary, c)) for c in summary["choices"]]
    figure, axes = frame.subplots(1, len(cells), width=2.6, sharey=True)
    for axis, (choice, curve) in zip(axes[0], cells, strict=True):
        found = {
            "source only": (curve["source only"], "#555555"),
            **unlabelled(summary, choice),
            "synthetic only": (curve["synthetic only"], ORANGE),
            "blend, weight 1": (curve["blend"], BLUE),
            "labels alone": (choice["labels alone"], GREEN),
            "source + labels": (choice["source + labels"], GREEN),
            "all three, chosen": (choice["chosen"], PURPLE),
            "all three, hindsight": (choice["hindsight"], "#C8B6E2"),
            "source + own images": (curve["source + own images"], "#AAAAAA"),
        }
        for place, (value, colour) in enumerate(found.values()):
            axis.errorbar(value["mean"], -place, xerr=value["half"], fmt="o", ms=4, color=colour)
        axis.set_yticks(-np.arange(len(found)), list(found), fontsize=8)
        axis.set_title(f"{choice['direction']}\n{choice['generator']}", fontsize=8)
        axis.set_xlim(left=0)
        axis.set_xlabel("wrong test images (%)")
    title = f"Ways to the target with {summary['choices'][0]['n']} source images"
    frame.finish(figure, axes, title, "", CREDIT, path, CAVEAT)


def curve_of(summary: dict, choice: dict) -> dict:
    """The curves of the same cell."""
    return next(r for r in summary["curves"] if all(r[k] == choice[k] for k in NAMES))


def unlabelled(summary: dict, choice: dict) -> dict:
    """Importance weights and CORAL of the same cell, if they were computed."""
    for record in summary["baselines"]:
        if all(record[k] == choice[k] for k in NAMES):
            return {
                name: (record[f"{name}, alone"], "#E69F00")
                for name in ("importance weights", "CORAL")
            }
    return {}


def networks(summary: dict, path: Path) -> None:
    """Test error by ratio."""
    figure, axes = frame.subplots(1, 1)
    axis = axes[0, 0]
    for record, colour in zip(
        summary["networks"], (BLUE, ORANGE, GREEN, PURPLE, "#E69F00"), strict=False
    ):
        mean = [value["mean"] for value in record["wrong"]]
        half = [value["half"] or 0.0 for value in record["against source only"]]
        axis.errorbar(
            range(len(mean)), mean, half, color=colour, marker="o", ms=3, label=record["generator"]
        )
        axis.set_xticks(range(len(mean)), [f"{ratio:g}" for ratio in record["ratios"]])
    axis.set(xlabel="synthetic images a source image", ylabel="wrong test images (%)")
    note = "Bars: paired difference to no synthetic images."
    frame.finish(figure, axes, "Networks on MNIST and synthetic USPS", note, CREDIT, path, CAVEAT)
