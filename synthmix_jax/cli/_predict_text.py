"""A fitted law on a terminal: a panel where someone is watching, plain lines of at most 79 characters in a pipe."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmix_jax.advice import _words

from . import _terminal

if TYPE_CHECKING:
    from synthmix_jax.theory import Split, SurrogateLaw

    from ._predict import Prediction
else:
    SurrogateLaw = Split = Prediction = Any

_PIPE, _PANEL = 79, 96
_LAW = (
    ("irreducible_error", "irreducible error"),
    ("real_scale", "scale of real data"),
    ("synthetic_scale", "scale of synthetic data"),
    ("exponent", "exponent"),
    ("synthetic_floor", "floor of synthetic data"),
)


def show(
    law: SurrogateLaw, there: Prediction, split: Split | None, level: float, out: Path | None
) -> None:
    """Print what the law recommends, its numbers, warnings, and where files lie."""
    from rich.console import Console

    console = Console()
    rows = [*_prediction_rows(there), *_split_rows(split), *_law_rows(law, level)]
    cautions = [*law.warnings, *there.beyond]
    if console.is_terminal:
        width = min(console.width, _PANEL)
        console.print(_panel(summary(law, there), rows, cautions, _places(out)), width=width)
        return
    wide = max(len(label) for label, _ in rows)
    print(_wrapped(summary(law, there)), end="\n\n")
    print("\n".join(f"{label:{wide}}  {value}" for label, value in rows))
    for caution in cautions:
        print("\n" + _wrapped(f"warning: {caution}"))
    print("\n" + "\n".join(f"{label:{wide}}  {value}" for label, value in _places(out)))


def summary(law: SurrogateLaw, there: Prediction) -> str:
    """The recommendation in two sentences, called conditional where it is."""
    low, high = (_words.number(end) for end in there.share_interval)
    how = (
        "none of the real data"
        if there.weight is None
        else f"a weight of {_words.number(there.weight)} for each synthetic point"
    )
    said = (
        f"With {_words.points(there.n, 'real')} and {_words.points(there.m, 'synthetic')} the law is best at a "
        f"synthetic share of {_words.number(there.share)} ({low} to {high}): {how}. Predicted error "
        f"{_words.number(there.error)}, against {_words.number(there.real_only)} with real data alone."
    )
    if law.conditional:
        said += " This is conditional on what the runs do not show (see the warnings)."
    return said


def _prediction_rows(there: Prediction) -> list[tuple[str, str]]:
    number = _words.number
    weight = "no real data" if there.weight is None else number(there.weight)
    return [
        ("predicted at", f"n = {_words.integer(there.n)}, m = {_words.integer(there.m)}"),
        ("best share", f"{number(there.share)}{_span(there.share_interval)}"),
        ("weight of a synthetic point", weight),
        ("error there", f"{number(there.error)}{_span(there.error_interval)}"),
        ("real data alone", number(there.real_only)),
        ("synthetic data alone", number(there.synthetic_only)),
        ("all at weight one", number(there.weight_one)),
        ("best count at weight one", _words.integer(there.count)),
    ]


def _split_rows(split: Split | None) -> list[tuple[str, str]]:
    if split is None:
        return []
    said = (
        f"n = {_words.integer(split.n)}, m = {_words.integer(split.m)}, share {_words.number(split.share)}: "
        f"error {_words.number(split.error)}"
    )
    return [("the budget buys best", said)]


def _law_rows(law: SurrogateLaw, level: float) -> list[tuple[str, str]]:
    ends = law.parameter_intervals(level=level)
    rows = []
    for name, label in _LAW:
        # Resamples of runs that say nothing of a parameter say nothing of its interval.
        rest = ", conditional: not identified" if name in law.conditional else _span(ends[name])
        rows.append((label, f"{_words.number(getattr(law, name))}{rest}"))
    return [*rows, ("runs scatter by", _words.percent(law.scatter))]


def _span(ends: tuple[float, float]) -> str:
    low, high = map(_words.number, ends)
    return f" ({low} to {high})" if low != high else ""


def _places(out: Path | None) -> list[tuple[str, str]]:
    if out is None:
        return [("files", "none written; name a folder with --out")]
    return [("numbers", str(out / "predict.json")), ("picture", str(out / "predict.png"))]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _PIPE, break_long_words=False, break_on_hyphens=False)


def _panel(said: str, rows: list[tuple[str, str]], cautions: list[str], places):
    from rich.console import Group
    from rich.padding import Padding
    from rich.panel import Panel
    from rich.text import Text

    parts: list[Any] = [
        Padding(Text(said, style="bold"), (0, 0, 1, 0)),
        _terminal._grid(rows),
    ]
    if cautions:
        notes = [Text(f"! {caution}", style="yellow") for caution in cautions]
        parts.append(Padding(Group(*notes), (1, 0, 0, 0)))
    parts.append(Padding(_terminal._grid(places), (1, 0, 0, 0)))
    title = Text(" predict ", style="bold reverse")
    return Panel(Group(*parts), title=title, title_align="left", padding=(1, 2))
