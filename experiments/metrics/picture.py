"""The answer in one picture: who orders sources rightly, what following each costs, and what is not known."""

from pathlib import Path

from .cells import Cell

AGREEMENT = "minus Spearman's correlation with the best count"
SCATTER = ("joint: energy", "debiased")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def picture(result: dict, cells: list[Cell], path: Path) -> None:
    """Agreement, regret, and the best share against one distance."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(15, 6.4), layout="constrained")
    forest(axes[0], agreements(result), "Does it order sources by their best count?")
    axes[0].set_xlabel(AGREEMENT)
    forest(axes[1], regrets(result), "Regret by the quadratic rule")
    axes[1].set_xlabel("% of the real-only error")
    scatter(axes[2], cells)
    figure.suptitle(
        "Amounts cannot be read from a distance: every data set has a constant of its own (middle: fitted on the "
        "others),\nand unlike kinds of damage hardly order by it. Filled: plain, open: debiased; "
        "90 % intervals; * classes only.",
        fontsize=10,
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


Line = tuple[str, dict[str, list], bool]
"""A name, values with intervals by form, and whether it is no distance."""


def picture_of_dials(result: dict, path: Path) -> None:
    """Agreement within families of one kind of damage."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6.4, 6.2), layout="constrained")
    forest(axis, agreements(result), "Levels of one kind of damage")
    axis.set_xlabel(f"{AGREEMENT}\n(filled: plain, open: debiased; 90 % intervals; * classes only)")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def agreements(result: dict) -> list[Line]:
    """Every distance in both forms, and what leave-one-out says."""
    by_name: dict[str, dict[str, list]] = {}
    for name, by_target in result["ranking"].items():
        predictor, _, form = name.partition(", ")
        values = by_target["count"]["mean"]
        # Value and excess order alike: one floor serves all sources.
        if (
            form in ("", "excess", "debiased")
            and predictor != "leave-one-out gain"
            and values[0] is not None
        ):
            by_name.setdefault(predictor, {})[form or "excess"] = values
    return _ordered(by_name, 1.0)


def regrets(result: dict) -> list[Line]:
    """The quadratic rule with either form, and what needs no distance, in %."""
    by_name: dict[str, dict[str, list]] = {}
    for name, record in result["regret"].items():
        predictor, _, rule = name.partition(" | ")
        predictor, _, form = predictor.partition(", ")
        # Not labelled distances: regression has none, so that their mean is over other data sets.
        if None not in record["by data"].values() and rule != "linear" and form != "value":
            values = [100.0 * v for v in record["regret"]]
            by_name.setdefault(predictor, {})[form or "excess"] = values
    return _ordered(by_name, -1.0)


def _ordered(by_name: dict[str, dict[str, list]], sign: float) -> list[Line]:
    """The best last, by the plain form."""
    others = ("none", "all", "constant ratio", "leave-one-out", "leave-one-out count")
    lines = [(label(name), forms, name in others) for name, forms in by_name.items()]
    return sorted(lines, key=lambda line: sign * line[1]["excess"][0])


def label(name: str) -> str:
    """`joint: energy` as `energy, joint`; starred what regression does not have."""
    view, _, metric = name.rpartition(": ")
    star = "*" if "labelled" in metric else ""
    return f"{metric}{star}, {view}" if view else name


def forest(axis, lines: list[Line], title: str) -> None:
    """Points with intervals, the best on top: filled for the plain distance, open for the debiased one."""
    for height, (_, forms, other) in enumerate(lines):
        colour = "#D55E00" if other else "#0072B2"
        for form, (centre, low, high) in forms.items():
            at = height + (0.13 if form == "excess" else -0.2)
            fill = colour if form == "excess" else "white"
            axis.plot([low, high], [at, at], color=colour, lw=1.3, alpha=0.6)
            axis.plot(centre, at, "o", color=colour, mfc=fill, ms=5)
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
    axis.set(xlabel=f"{label(SCATTER[0])} distance, {SCATTER[1]}", ylabel="best m / (n + m)")
    axis.set_title("Best share against one distance", fontsize=11)
    axis.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)
    axis.spines[["top", "right"]].set_visible(False)
