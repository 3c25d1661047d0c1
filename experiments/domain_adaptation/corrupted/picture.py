"""Errors along the strengths, and where the optimum of each shift lies against the distances."""

from pathlib import Path

import numpy as np

COLOURS = dict(
    zip(
        ("blur", "noise", "contrast", "jpeg", "pixelate"),
        ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"),
        strict=True,
    )
)
LINES = {"source only": "#444444", "synthetic only": "#D55E00", "best": "#0072B2"}


def errors(group: dict, path: Path) -> None:
    """One panel a kind: source alone, synthetic alone and their best blend, with 95 % intervals over seeds."""
    plt = _pyplot()
    kinds = list(dict.fromkeys(line["kind"] for line in group["shifts"]))
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(2.5 * len(kinds), 3.0), squeeze=False, sharey=True
    )
    for axis, kind in zip(axes[0], kinds, strict=True):
        lines = [line for line in group["shifts"] if line["kind"] == kind]
        at = [line["strength"] for line in lines]
        for name, colour in LINES.items():
            values = [line["wrong"][name] for line in lines]
            half = [value["half"] or 0.0 for value in values]
            mean = [value["mean"] for value in values]
            axis.errorbar(at, mean, half, color=colour, marker="o", ms=3, lw=1.3, label=name)
        axis.set(title=kind, xlabel="strength", xticks=at)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("test error (%)")
    axes[0, 0].legend(frameon=False, fontsize=8)
    _save(plt, figure, path)


def optimum(group: dict, path: Path) -> None:
    """Squared error along the share; the best share against the difference of distances."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    for line in group["shifts"]:
        curve = np.array(line["error"]["curve"])
        colour, depth = COLOURS[line["kind"]], 0.3 + 0.14 * line["strength"]
        axes[0].plot(group["shares"], curve / curve.min(), color=colour, alpha=depth, lw=1.1)
        sides = line["distances"]["wasserstein"]
        low, high = line["error"]["plateau"]
        x, share = sides["source"] - sides["synthetic"], line["error"]["best share"]
        # The bar is the plateau: shares whose error is within 1 % of the least.
        axes[1].plot([x, x], [low, high], color=colour, alpha=0.35, lw=2)
        label = line["kind"] if line["strength"] == max(_strengths(group)) else None
        axes[1].plot(x, share, "o", color=colour, ms=3 + line["strength"], label=label)
    axes[0].set(
        xlabel="share of the loss that is synthetic",
        ylabel="squared error, of its least",
        ylim=(0.99, 1.3),
        title="darker: stronger",
    )
    axes[1].set(
        xlabel="W(S, T) - W(T', T), in units of the features",
        ylabel="best share",
        title="bars: within 1 % of the least",
    )
    axes[1].legend(frameon=False, fontsize=8)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    _save(plt, figure, path)


def _strengths(group: dict) -> list[int]:
    return [line["strength"] for line in group["shifts"]]


def _pyplot():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _save(plt, figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
