"""The answer in one picture: who orders sources rightly, what following each costs, and what is not known."""

from pathlib import Path

from .cells import Cell

SCATTER = ("joint: energy", "debiased")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def picture(result: dict, cells: list[Cell], path: Path) -> None:
    """Agreement, regret, and the best share against one distance."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(15, 6.4), layout="constrained")
    forest(axes[0], agreements(result), "Agreement of order with the best count")
    axes[0].set_xlabel("minus Spearman's correlation of distance and count")
    forest(axes[1], regrets(result), "Regret of the count, one constant from other data")
    axes[1].set_xlabel("% of the real-only error")
    scatter(axes[2], cells)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def agreements(result: dict) -> list[tuple[str, list, bool]]:
    """Debiased distances, ordered; what is no distance is set off."""
    shown = [
        (label(name), by_target["count"]["mean"], name.startswith("leave"))
        for name, by_target in result["ranking"].items()
        if name.endswith(", debiased") or name in ("transfer, value", "leave-one-out count")
    ]
    return sorted((s for s in shown if s[1][0] is not None), key=lambda s: s[1][0])


def regrets(result: dict) -> list[tuple[str, list, bool]]:
    """The quadratic rule with debiased distances, and what needs no distance, in %."""
    shown = []
    for name, record in result["regret"].items():
        predictor, _, rule = name.partition(" | ")
        distance = predictor.endswith(", debiased") or predictor == "transfer, excess"
        if record["regret"][0] is not None and (not rule or (distance and rule == "quadratic")):
            shown.append((label(predictor), [100 * v for v in record["regret"]], not rule))
    return sorted(shown, key=lambda s: -s[1][0])


def label(name: str) -> str:
    """`joint: energy, debiased` as `energy, joint`."""
    name = name.removesuffix(", debiased")
    view, _, metric = name.rpartition(": ")
    return f"{metric}, {view}" if view else name


def forest(axis, lines: list[tuple[str, list, bool]], title: str) -> None:
    """Points with intervals, the best on top."""
    for height, (_, (centre, low, high), other) in enumerate(lines):
        colour = "#D55E00" if other else "#0072B2"
        axis.plot([low, high], [height, height], color=colour, lw=1.5)
        axis.plot(centre, height, "o", color=colour, ms=5)
    axis.set_yticks(range(len(lines)), [name for name, _, _ in lines], fontsize=9)
    axis.axvline(0.0, color="#888888", lw=0.8)
    axis.set_title(title, fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)


def scatter(axis, cells: list[Cell]) -> None:
    """Best share against one distance: sources as fitted, the smallest n of each data set."""
    names = list(dict.fromkeys(cell.data for cell in cells))
    for colour, name in zip(COLOURS, names, strict=False):
        cell = next(c for c in cells if c.data == name)
        distance = cell.distances[SCATTER].mean(axis=2)
        share = cell.shares[cell.amount]
        axis.scatter(
            distance.ravel(),
            share.ravel(),
            s=22,
            color=colour,
            alpha=0.75,
            label=f"{name}, n = {cell.n}",
        )
    axis.set(xlabel=f"{label(', '.join(SCATTER))} distance, debiased", ylabel="best m / (n + m)")
    axis.set_title("Orders within a data set, not amounts across", fontsize=11)
    axis.legend(frameon=False, fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
