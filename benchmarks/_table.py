"""The summary as tables: on the terminal, and in Markdown at the head of README.md."""

import re
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

SUITES = ("krr", "distances", "training", "scale")
WORDS = {"suite", "work", "peer", "against", "sizes", "when"}  # columns of words
BUSY = 0.25  # cores that others kept busy, from which on a run is called disturbed
OPENING = "<!-- written by python -m benchmarks: do not edit -->"
CLOSING = "<!-- end of what python -m benchmarks writes -->"


def show(summary: dict[str, Any]) -> None:
    """Print all tables; wide enough for their words where the output is no terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    for title, head, rows in tables(summary):
        grid = Table(title=title, title_justify="left")
        for name in head:
            grid.add_column(name, justify="left" if name in WORDS else "right")
        for row in rows:
            grid.add_row(*map(Text, row))
        if rows:
            console.print(grid)
    for line in notes(summary):
        console.print(Text(line))


def tables(summary: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, head and rows of each table."""
    return [
        ("Against peers, in one run", *ratio_table(summary)),
        ("Work", *work_table(summary)),
        ("Cost ~ size ^ exponent", *curve_table(summary)),
        ("The machine, before and after each suite", *rate_table(summary)),
    ]


def ratio_table(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Each work beside its peer."""
    head = ["suite", "work", "peer", "seconds", "peer's", "times faster", "spread", "difference"]
    rows = [
        [
            name,
            row["name"],
            row["peer"],
            f"{row['ours_s']:.3g}",
            f"{row['peer_s']:.3g}",
            f"{row['times_faster']:.3g}",
            f"{row['least']:.3g} to {row['largest']:.3g}",
            "-" if row["difference"] is None else f"{row['difference']:.0e}",
        ]
        for name, row in _rows(summary, "ratios")
    ]
    return head, rows


def work_table(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Each work with its spread, its compilation and its share of what the machine can do."""
    head = ["suite", "work", "seconds", "spread", "compilation", "of product rate", "of bandwidth"]
    rows = [
        [
            name,
            row["name"],
            f"{row['median_s']:.3g}",
            f"{row['min_s']:.3g} to {row['max_s']:.3g}",
            "-" if row.get("compile_s") is None else f"{max(row['compile_s'], 0.0):.2f}",
            _percent(row.get("share_of_product_rate")),
            _percent(row.get("share_of_bandwidth")),
        ]
        for name, row in _rows(summary, "work")
    ]
    return head, rows


def curve_table(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Each cost curve: its sizes, its seconds, its exponent with the standard error."""
    head = ["suite", "work", "against", "sizes", "seconds", "exponent"]
    rows = [
        [
            name,
            row["name"],
            row["against"],
            f"{row['sizes'][0]:,.0f} to {row['sizes'][-1]:,.0f}",
            f"{row['median_s'][0]:.3g} to {row['median_s'][-1]:.3g}",
            exponent(row),
        ]
        for name, row in _rows(summary, "curves")
    ]
    return head, rows


def rate_table(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Measured rates around each suite, and what else the machine was doing."""
    head = ["suite", "when", "float32, Gflop/s", "float64, Gflop/s", "memory, GB/s", "load"]
    rows = [
        [
            name,
            when,
            *(
                f"{suite['rates'][when][rate]['median']:.3g}"
                for rate in ("float32_gflops", "float64_gflops", "bandwidth_gb_s")
            ),
            _number(suite["machine"][f"load_{when}"]),
        ]
        for name, suite in done(summary)
        for when in ("before", "after")
    ]
    return head, rows


def notes(summary: dict[str, Any]) -> list[str]:
    """What was left out, what failed, and when the machine was busy."""
    lines = []
    for name, suite in _ordered(summary):
        if "failed" in suite:
            lines.append(f"{name}: failed, {suite['failed']}")
            continue
        lines += [f"{name}: {text}" for text in (*suite["notes"], *suite["left_out"])]
        others = suite["machine"]["cores_used_by_others"]
        if others is not None and others > BUSY:
            lines.append(
                f"{name}: the machine was busy, others kept {others:.1f} cores: seconds and shares "
                "are worse than on an idle one, ratios taken side by side less so."
            )
    return lines


def markdown(summary: dict[str, Any]) -> str:
    """The head of README.md: ratios, curves, shares, and where they come from."""
    machine = summary["machine"]
    kind = (
        ", tiny sizes (--quick), which say that everything runs and nothing else"
        if summary["quick"]
        else ""
    )
    lines = [
        f"Machine: {machine['processor']}, {machine['cores']} cores, devices {', '.join(machine['devices'])}; jax "
        f"{summary['versions']['jax']}. Date: {summary['date']}{kind}.",
    ]
    for title, head, rows in (tables(summary)[0], tables(summary)[2]):
        align = ["---" if name in WORDS else "---:" for name in head]
        cells = [head, align, *rows]
        lines += ["", f"{title}:", "", *("| " + " | ".join(row) + " |" for row in cells)]
    lines += ["", *(f"- {line}" for line in (*shares(summary), *notes(summary)))]
    return "\n".join(lines).rstrip()


def shares(summary: dict[str, Any]) -> list[str]:
    """What part of the measured rates each work reaches, a line for each rate."""
    lines = []
    for key, words in (("product_rate", "matrix-product rate"), ("bandwidth", "memory bandwidth")):
        found = [
            f"{row['name']} {_percent(row[f'share_of_{key}'])}"
            for _, row in _rows(summary, "work")
            if f"share_of_{key}" in row
        ]
        if found:
            lines.append(f"Share of the {words}: {'; '.join(found)}.")
    return lines


def write_head(path: Path, summary: dict[str, Any]) -> None:
    """Put the Markdown between its two marks.

    Raises:
        ValueError: the marks are not there.
    """
    text = path.read_text(encoding="utf-8")
    block = re.compile(re.escape(OPENING) + ".*?" + re.escape(CLOSING), re.DOTALL)
    if not block.search(text):
        raise ValueError(f"{path} lacks the marks {OPENING!r} and {CLOSING!r}; put them back.")
    made = f"{OPENING}\n{markdown(summary)}\n{CLOSING}"
    path.write_text(block.sub(lambda _: made, text), encoding="utf-8")


def exponent(curve: dict[str, Any]) -> str:
    """An exponent with its standard error."""
    return f"{curve['exponent']:.2f} ± {curve['standard_error']:.2f}"


def _rows(summary: dict[str, Any], kind: str) -> list[tuple[str, dict[str, Any]]]:
    return [(name, row) for name, suite in done(summary) for row in suite[kind]]


def done(summary: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Suites that ran to their end, in their order."""
    return [(name, suite) for name, suite in _ordered(summary) if "failed" not in suite]


def _ordered(summary: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, summary["suites"][name]) for name in SUITES if name in summary["suites"]]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
