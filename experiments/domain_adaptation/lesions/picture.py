"""Pictures: errors over the count, over the share, and what each way is worth."""

import textwrap
from pathlib import Path

import numpy as np

from .cells import POOLS, counts_of
from .config import Plan
from .report import CAVEAT, interval, values

COLOURS = {
    "source": "#555555",
    "screened": "#0072B2",
    "known": "#56B4E9",
    "both": "#E69F00",
}
WORDS = {
    "source": "painted on the source's tissue",
    "screened": "on the target's, screened (no labels)",
    "known": "on the target's, known to be free (labels)",
    "both": "half source, half screened",
}


def draw(rows: list[dict], plan: Plan, summary: dict, credit: str, out: Path) -> None:
    """All of them."""
    for fold in summary["pools"]:
        name = fold.replace(" ", "_")
        for measure, words in (("wrong", "wrong answers, %"), ("auc", "area under the curve, %")):
            path = out / f"counts_{measure}_{name}.png"
            _counts(rows, plan, fold, measure, words, credit, path)
    _shares(summary, plan, credit, out / "shares.png")


def _counts(rows, plan: Plan, fold: str, measure: str, words: str, credit: str, path: Path) -> None:
    figure, axes = _axes(len(plan.real), len(plan.dials))
    counts = counts_of(plan)
    for i, n in enumerate(plan.real):
        for j, dial in enumerate(plan.dials):
            axis = axes[i, j]
            for pool in POOLS:
                curves = 100 * values(rows, fold, dial, ("sizes", str(n), pool), measure)
                mean = curves.mean(axis=0)
                half = [interval(c)["half"] or 0.0 for c in curves.T]
                axis.plot(counts, mean, color=COLOURS[pool], lw=1.4, label=WORDS[pool])
                axis.fill_between(
                    counts, mean - half, mean + half, color=COLOURS[pool], alpha=0.1, lw=0
                )
            axis.set_xscale("symlog", linthresh=10, linscale=0.5)
            axis.set_xlim(0, plan.pool)
            axis.set_title(f"{n} real patches, dial {dial:g}", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("synthetic patches added", fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel(words, fontsize=8)
    source, target = fold.split(" to ")
    title = f"Trained on patient {source}, tested on patient {target}: where lesions are painted"
    _finish(figure, axes, title, credit, path)


def _shares(summary: dict, plan: Plan, credit: str, path: Path) -> None:
    folds = list(summary["shares"])
    figure, axes = _axes(len(folds), len(plan.dials))
    for i, fold in enumerate(folds):
        for j, dial in enumerate(plan.dials):
            axis, found = axes[i, j], summary["shares"][fold][f"{dial:g}"]
            for pool in plan.weighed_pools:
                mean = 100 * np.array([v["mean"] for v in found[pool]["wrong"]])
                half = 100 * np.array([v["half"] or 0.0 for v in found[pool]["wrong"]])
                axis.plot(
                    found["shares"], mean, ".-", color=COLOURS[pool], lw=1.4, label=WORDS[pool]
                )
                axis.fill_between(
                    found["shares"], mean - half, mean + half, color=COLOURS[pool], alpha=0.1, lw=0
                )
            axis.set_title(f"{fold}, dial {dial:g}", fontsize=9)
            axis.set_xlabel(f"share of all {plan.pool:,} in the loss", fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("wrong answers, %", fontsize=8)
    title = f"The whole pool at less weight, beside {plan.weighed} real patches; 1: no real ones"
    _finish(figure, axes, title, credit, path)


def _axes(rows: int, columns: int):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    size = (max(3.2 * columns, 7.5), 2.3 * rows + 1.6)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey="row")
    for axis in axes.ravel():
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=7)
    return figure, axes


def _finish(figure, axes, title: str, credit: str, path: Path) -> None:
    """Title, legend and whose images they are; write and let go."""
    import matplotlib.pyplot as plt

    handles, labels = axes[0, 0].get_legend_handles_labels()
    width, height = figure.get_size_inches()
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    small = "\n".join(textwrap.wrap(f"{CAVEAT} {credit}", int(width * 17)))
    figure.text(0.01, 0.01, small, fontsize=6.5, color="#444444", va="bottom")
    floor = 0.13 * (small.count("\n") + 1) / height
    options = {"loc": "lower center", "frameon": False, "fontsize": 8}
    figure.legend(handles, labels, ncols=3, bbox_to_anchor=(0.5, floor), **options)
    figure.tight_layout(rect=(0, floor + 0.45 / height, 1, 1 - 0.05 / height))
    figure.savefig(path, dpi=100, metadata={"Copyright": credit})
    plt.close(figure)
