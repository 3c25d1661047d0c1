"""The tables of the README, out of the summary."""

from collections.abc import Sequence


def tables(summary: dict) -> str:
    """All of them, in Markdown."""
    parts = (curves, shapes, choices, baselines, distances, ranks, networks)
    return "\n".join(part(summary) for part in parts if summary[SECTION[part.__name__]])


def curves(summary: dict) -> str:
    """The blend beside everything that takes no choice."""
    columns = ("source only", "synthetic only", "blend", "blend less source only")
    columns += ("blend less synthetic only", "source + own images", "own images alone")
    head = ("direction", "generator from", "n", "seeds", *columns)
    return table(
        "Test error in %",
        head,
        (
            [*cell(r), r["seeds"], *(value(r[c], " less " in c) for c in columns)]
            for r in summary["curves"]
        ),
    )


def shapes(summary: dict) -> str:
    """Where the minimum is and whether the curve is a U."""
    rows = []
    for r in summary["curves"]:
        count, weight = r["shape by count"], r["shape by weight"]
        rows.append(
            [
                *cell(r),
                f"{value(r['hindsight by count'])} ({count['count']:,})",
                f"{value(count['gain'], True)}; {value(count['rise'], True)}",
                "yes" if count["u"] else "no",
                f"{value(r['hindsight by weight'])} ({weight['weight']:g})",
                f"{value(weight['gain'], True)}; {value(weight['rise'], True)}",
                "yes" if weight["u"] else "no",
            ]
        )
    head = ("direction", "generator from", "n", "best by count (hindsight)", "gain; rise", "U")
    head += ("best by weight (hindsight)", "gain; rise", "U")
    return table("Minima and shapes", head, rows)


def choices(summary: dict) -> str:
    """What the labelled target images choose."""
    columns = (
        "labels alone",
        "source + labels",
        "chosen",
        "chosen less source + labels",
        "hindsight",
    )
    regrets = ("regret, squared error, %", "regret, misclassified, %", "regret, points")
    rows = []
    for r in summary["choices"]:
        found = [value(r[c], " less " in c) for c in columns] + [value(r[c]) for c in regrets]
        chosen = ", ".join(
            f"{c:,} at {w:g}" for c, w in zip(r["counts"], r["weights"], strict=True)
        )
        rows.append([*cell(r), r["seeds"], *found, chosen])
    head = ("direction", "generator from", "n", "seeds", *columns, *regrets, "chosen counts")
    return table("Labelled target images choose", head, rows)


def baselines(summary: dict) -> str:
    """Importance weights and CORAL."""
    names = ("source, alone", "importance weights, alone", "CORAL, alone", "source, with synthetic")
    names += ("importance weights, with synthetic", "CORAL, with synthetic")
    rows = ([*cell(r), *(value(r[c]) for c in names)] for r in summary["baselines"])
    sizes = [
        [*row, value(r["effective sample size"])]
        for row, r in zip(rows, summary["baselines"], strict=True)
    ]
    head = ("direction", "generator from", "n", *names, "effective sample size")
    return table("Unlabelled target images", head, sizes)


def distances(summary: dict) -> str:
    """Of source and synthetic images from the target."""
    rows = (
        [r["direction"], r["of"], value(r["inputs"], digits=3), value(r["labelled"], digits=3)]
        for r in summary["distances"]
    )
    return table("Distances to the target", ("direction", "of", "inputs", "labelled"), rows)


def ranks(summary: dict) -> str:
    """Rank correlations."""
    rows = (
        [r["direction"], r["distance"], r["with"], r["generators"], value(r, True, digits=2)]
        for r in summary["ranks"]
    )
    head = ("direction", "W(T', T) of", "with", "generators", "Spearman")
    return table("Do distances order what is best?", head, rows)


def networks(summary: dict) -> str:
    """By ratio."""
    ratios = summary["networks"][0]["ratios"]
    rows = []
    for r in summary["networks"]:
        pairs = zip(r["wrong"], r["against source only"], strict=True)
        shown = [f"{value(w)} ({value(d, True)})" for w, d in pairs]
        shape = "yes" if r["shape"]["u"] else "no"
        rows.append([r["generator"], *shown, f"{r['chosen ratio']:g}", shape])
    head = ("generator from", *(f"{ratio:g}" for ratio in ratios), "chosen", "U")
    return table("Networks: test error in % by ratio", head, rows)


SECTION = {
    name: name for name in ("curves", "choices", "baselines", "distances", "ranks", "networks")
} | {"shapes": "curves"}


def cell(record: dict) -> list[str]:
    """Direction, generator and n."""
    return [record["direction"], record["generator"], f"{record['n']:,}"]


def value(found: dict, sign: bool = False, digits: int = 1) -> str:
    """A mean and half of its interval."""
    if found["mean"] is None:
        return "none"
    shown = f"{found['mean']:{'+' if sign else ''}.{digits}f}"
    return shown if found["half"] is None else f"{shown} ± {found['half']:.{digits}f}"


def table(title: str, head: Sequence[str], rows) -> str:
    """One table under its title."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join([f"## {title}", "", *lines, ""])
