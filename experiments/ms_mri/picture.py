"""Pictures of task 1, for readers who know no more than that synthetic patches were added to real ones."""

from itertools import product
from pathlib import Path

import numpy as np

from .frame import REAL, counts_axis, curve, finish, subplots

COLOURS = ("#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9")
KINDS = {0.0: "dial 0: as real as can be", 0.5: "dial 0.5", 1.0: "dial 1: too bright, square, flat"}
ADDED = "synthetic patches added"


def draw(rows: list[dict], table, result: dict, credit: str, out: Path) -> None:
    """All of them."""
    main = [fold.name for group in table.plan.groups if group.main for fold in group.folds]
    others = [c[0] for c in table.cells if c[0] not in main and not c[0].startswith("7 to")]
    errors(table, main, credit, out / "curves.png")
    if others:
        errors(table, list(dict.fromkeys(others)), credit, out / "other_patients.png")
    scores(table, result, main[0], credit, out / "scores.png")
    optima(result["choices"], main, credit, out / "choosing.png")
    if result["distances"]:
        distances(result["distances"], table.plan, credit, out / "distances.png")
    if result["networks"]:
        networks(result["networks"], credit, out / "networks.png")


def errors(table, folds: list[str], credit: str, path: Path) -> None:
    """One row a fold, one panel a number of real patches, one line a dial: error on the test patient."""
    sizes = {fold: sorted({n for f, _, n in table.cells if f == fold}) for fold in folds}
    figure, axes = subplots(len(folds), max(map(len, sizes.values())), sharey="row")
    for (i, fold), j in product(enumerate(folds), range(axes.shape[1])):
        axis = axes[i, j]
        if j >= len(sizes[fold]):
            axis.set_visible(False)
            continue
        n = sizes[fold][j]
        cells = [cell for cell in table.cells if (cell[0], cell[2]) == (fold, n)]
        for place, cell in enumerate(cells):
            values = 100.0 * table.values(cell, "wrong")
            curve(axis, table.counts, values, COLOURS[place], name_of(cell[1]))
        own = 100.0 * table.own(cells[0], "wrong").mean()
        axis.axhline(own, color=REAL, ls="--", lw=1.2, label="real patches alone, own ridge")
        counts_axis(axis, table.plan.pool)
        axis.set_ylim(bottom=0, top=min(60, axis.get_ylim()[1]))
        axis.set_title(f"train on {words(fold)}: {n} real patches", fontsize=8.5)
        axis.set_xlabel(ADDED if i == len(folds) - 1 else "")
        axis.set_ylabel("wrong on the test patient (%)" if j == 0 else "")
    finish(
        figure,
        axes,
        "Lesion or not: how many wrong answers on a patient the method has never seen? (patients by number)",
        "Lines: means over draws; bands: 95 % intervals of the difference to no synthetic patches; dots: lowest.",
        credit,
        path,
    )


def scores(table, result: dict, fold: str, credit: str, path: Path) -> None:
    """Error, error at a calibrated threshold, and ranking, beside unpainted patches alone."""
    sizes = sorted({n for f, _, n in table.cells if f == fold})[:3]
    names = {
        "wrong": "wrong (%)",
        "calibrated": "wrong (%), threshold calibrated",
        "auc": "area under the ROC curve (%)",
    }
    figure, axes = subplots(len(names), len(sizes), sharey="row")
    for (i, name), (j, n) in grid(list(names), sizes):
        axis = axes[i, j]
        cells = [cell for cell in table.cells if (cell[0], cell[2]) == (fold, n)]
        for place, cell in enumerate(cells):
            found = 100.0 * table.values(cell, name)
            best = np.argmax if name == "auc" else np.argmin
            curve(axis, table.counts, found, COLOURS[place], name_of(cell[1]), best)
        for control in result["controls"]:
            if (control["fold"], control.get("n")) == (fold, n) and "balanced" in control[
                "control"
            ]:
                mean = 100.0 * np.array(control[name]["mean"])
                axis.plot(
                    2 * np.array(control["counts"]),
                    mean,
                    color=REAL,
                    ls=":",
                    lw=1.5,
                    label="unpainted patches only (half as many)",
                )
        counts_axis(axis, table.plan.pool)
        axis.set_title(f"{n} real patches" if i == 0 else "", fontsize=9)
        axis.set_xlabel(ADDED if i == len(names) - 1 else "")
        axis.set_ylabel(names[name] if j == 0 else "")
    finish(
        figure,
        axes,
        f"How much of the harm is a moved threshold? Train on patient {words(fold)}",
        "The threshold is calibrated by left-out real training patches alone. Dotted: healthy patches as further "
        "negatives, no painted lesion, classes weighted alike.",
        credit,
        path,
    )


def optima(choices: list[dict], main: list[str], credit: str, path: Path) -> None:
    """Left: chosen against best count. Right: what choosing costs."""
    rules = list(dict.fromkeys(c["rule"] for c in choices if c["rule"] not in ("none", "all")))
    figure, axes = subplots(1, 2, width=5.2)
    left, right = axes[0]
    for place, rule in enumerate(rules):
        mine = [c for c in choices if c["rule"] == rule and (c["fold"] in main or "across" in rule)]
        # Zero has no place on a logarithmic axis: symlog.
        x = [c["best count, misclassified"] for c in mine]
        y = [c["median count"] for c in mine]
        left.scatter(x, y, color=COLOURS[place], alpha=0.7, s=24, label=rule)
    top = max(c["best count, misclassified"] for c in choices)
    left.plot([0, top], [0, top], color=REAL, lw=0.8)
    ticks = [t for t in (0, 1, 10, 100, 1000) if t <= top]
    for scale, set_ticks in (
        (left.set_xscale, left.set_xticks),
        (left.set_yscale, left.set_yticks),
    ):
        scale("symlog", linthresh=1)
        set_ticks(ticks, [f"{t:,}" for t in ticks])
    left.set(xlim=(-0.4, 1.5 * top), ylim=(-0.4, 1.5 * top))
    left.set_xlabel("best number on the test patient")
    left.set_ylabel("chosen without the test patient\n(median over draws)")
    order = ["none", "all", *rules]
    for place, rule in enumerate(order):
        mine = [c for c in choices if c["rule"] == rule]
        values = 100.0 * np.array([c["regret, misclassified"]["mean"] for c in mine])
        jitter = np.linspace(-0.2, 0.2, len(values))
        right.plot(values, place + jitter, "o", color=REAL, ms=3, alpha=0.6)
        right.plot(values.mean(), place, "|", color="#D55E00", ms=18, mew=2)
    right.set_yticks(range(len(order)), order, fontsize=8)
    right.set_xlabel("more wrong answers than with the best number (points)")
    right.grid(axis="x", lw=0.3)
    finish(
        figure,
        axes,
        "Can the right number be found without the test patient?",
        "One dot: one training set size, dial and pair of patients; bars: means. Chosen by left-out real patches.",
        credit,
        path,
    )


def distances(records: list[dict], plan, credit: str, path: Path) -> None:
    """Excess over the floor against the dial, beside the distance to another patient."""
    records = [r for r in records if r["kind"] == "distances"]
    panels = [(m, s) for s in plan.spaces for m in plan.metrics]
    figure, axes = subplots(1, len(panels), width=2.6)
    for axis, (metric, space) in zip(axes[0], panels, strict=True):
        for place, record in enumerate(records):
            found = record["distances"][space]["lesion patches"][metric]
            mine = [found[f"dial {dial:g}"] for dial in plan.dials]
            mean, low, high = (
                np.array([v[name] for v in mine])
                for name in ("excess", "excess_low", "excess_high")
            )
            colour, (train, test) = COLOURS[place], record["fold"].split(" to ")
            axis.plot(
                plan.dials, mean, color=colour, marker="o", ms=3, label=f"real lesions of {train}"
            )
            axis.fill_between(plan.dials, low, high, color=colour, alpha=0.15, lw=0)
            other = found["test patient"]["excess"]
            axis.axhline(
                other, color=colour, ls="--", lw=1, label=f"the same to real ones of {test}"
            )
        axis.axhline(0.0, color=REAL, lw=0.6)
        axis.set_title(f"{metric.replace('_', ' ')}, {space}", fontsize=9)
        axis.set_xlabel("dial of the generator")
    axes[0, 0].set_ylabel("distance beyond chance")
    finish(
        figure,
        axes,
        "How far are painted lesions from real ones, and real ones of one patient from those of another?",
        "Patches with lesions, one pool a dial. Zero: as near as halves of the real patches are to each other. "
        "Bands: 90 % over such halves.",
        credit,
        path,
        caveat="",
    )


def networks(records: list[dict], credit: str, path: Path) -> None:
    """SmallCNN: error against the ratio."""
    panels = list(dict.fromkeys((r["fold"], r["n"]) for r in records))
    figure, axes = subplots(1, len(panels), sharey="row")
    for axis, (fold, n) in zip(axes[0], panels, strict=True):
        mine = [r for r in records if (r["fold"], r["n"]) == (fold, n)]
        for place, record in enumerate(mine):
            mean = 100.0 * np.array(record["wrong"]["mean"])
            half = 100.0 * np.array(record["against real only"]["half"])
            at = np.arange(len(mean)) + 0.06 * (place - 1)
            axis.errorbar(
                at,
                mean,
                half,
                color=COLOURS[place],
                marker="o",
                ms=3,
                label=name_of(record["dial"]),
            )
        axis.set_xticks(range(len(mine[0]["ratios"])), [f"{r:g}" for r in mine[0]["ratios"]])
        axis.axhline(100.0 * mine[0]["wrong"]["mean"][0], color=REAL, ls="--", lw=1)
        axis.set_title(f"train on {words(fold)}: {n} real patches", fontsize=9)
        axis.set_xlabel("synthetic patches for each real one")
    axes[0, 0].set_ylabel("wrong on the test patient (%)")
    finish(
        figure,
        axes,
        "A small neural network instead of kernel regression",
        "Bars: 95 % intervals of the difference to no synthetic patches; dashed: none.",
        credit,
        path,
    )


def name_of(dial) -> str:
    """What a generator is called in legends."""
    if isinstance(dial, str):
        return "flow trained on the real patches"
    return KINDS.get(dial, f"dial {dial:g}")


def words(fold: str) -> str:
    """Such as "19 + 26, test on 7"."""
    train, test = fold.split(" to ")
    return f"{train}, test on {test}"


def grid(first: list, second: list):
    """Pairs of numbered items."""
    return [((i, a), (j, b)) for i, a in enumerate(first) for j, b in enumerate(second)]
