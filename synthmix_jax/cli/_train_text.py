"""Errors of trained networks, ratio by ratio: on a terminal, in a pipe, and as the table that `predict` reads."""

import csv
import io
import math
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from synthmix_jax.advice import _words

if TYPE_CHECKING:
    from synthmix_jax.training import Result
else:
    Result = Any

_PIPE = 79


class Spread(NamedTuple):
    """Mean over the networks of one ratio, its standard error, and how many there are."""

    mean: float
    standard_error: float
    num: int


def spread(errors: Float[np.ndarray, " s"]) -> Spread:
    """Over the networks that did not fail; NaN for what too few of them cannot tell."""
    kept = errors[np.isfinite(errors)]
    mean = float(kept.mean()) if kept.size else math.nan
    deviation = float(kept.std(ddof=1)) if kept.size > 1 else math.nan
    return Spread(mean, deviation / math.sqrt(max(kept.size, 1)), int(kept.size))


def show(result: Result, model: str, folder: str | None) -> None:
    """Print what was trained, and the errors.

    Args:
        result: Of the sweep.
        model: Name of the network.
        folder: Where the run is recorded, or None.
    """
    from rich.console import Console

    console = Console()
    head, rows = _table(result)
    if console.is_terminal:
        _print_table(console, head, rows)
    else:
        print("\n".join(_lines(head, rows)))
    width = min(console.width, 96) if console.is_terminal else _PIPE
    kept = [] if folder is None else [f"The run is recorded in {folder}."]
    print("\n" + _filled(f"{_note(result, model)}", width))
    for line in (*result.log, *kept):
        print(_filled(f"- {_words.capital(line)}", width))
    print()


def runs(result: Result) -> str:
    """The table that `synthmix predict` reads, one ratio a line.

    Errors are those on test data, else on held-out points. Standard errors are left out unless all are
    positive: of one network there is none.
    """
    tested = np.isfinite(result.test_error).any()
    errors = result.test_error if tested else result.validation_error
    spreads = [spread(row) for row in errors]
    known = [place for place, one in enumerate(spreads) if one.num]
    whole = all(spreads[place].standard_error > 0 for place in known)
    names = ["n", "m", "share", "error", *(["standard_error"] if whole else [])]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*names, "ratio", "networks", "measured_on"])
    for place in known:
        mean, standard_error, num = spreads[place]
        row = [result.num_real, int(result.realised_counts[place])]
        row += [float(result.realised_shares[place]), mean]
        row += [standard_error] if whole else []
        where = "test" if tested else "validation"
        table.writerow([*row, float(result.ratios[place]), num, where])
    return text.getvalue()


def _table(result: Result) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and cells row by row."""
    tested = np.isfinite(result.test_error).any()
    failed = (result.status != "").sum(axis=1)
    classes = result.num_classes is not None
    head = ["ratio", "synthetic", "share", "validation error"]
    head += ["test error"] * bool(tested) + ["failed"] * bool(failed.any())
    rows = []
    for place, ratio in enumerate(result.ratios):
        row = [f"{ratio:.3g}", _words.integer(int(result.realised_counts[place]))]
        row += [f"{100 * result.realised_shares[place]:.0f} %"]
        row.append(_error(result.validation_error[place], classes))
        row += [_error(result.test_error[place], classes)] * bool(tested)
        if failed.any():
            row.append(f"{failed[place]} of {len(result.seeds)}" if failed[place] else "")
        rows.append(row)
    return head, rows


def _error(errors: np.ndarray, classes: bool) -> str:
    mean, deviation, num = spread(errors)
    if not num:
        return "failed"
    if classes:
        tail = f" ± {100 * deviation:.2f}" if num > 1 else ""
        return f"{100 * mean:.2f}{tail} %"
    return _words.number(mean) + (f" ± {_words.number(deviation)}" if num > 1 else "")


def _note(result: Result, model: str) -> str:
    """What was trained, and what the errors are."""
    seeds, steps = len(result.seeds), sorted(set(result.num_steps.tolist()))
    each = "one network" if seeds == 1 else f"{seeds} networks"
    span = f"{steps[0]:,}" if len(steps) == 1 else f"{steps[0]:,} to {steps[-1]:,}"
    kind = "misclassified points" if result.num_classes is not None else "squared errors"
    kind = "one minus Dice" if result.dense else kind
    text = (
        f"{_words.capital(each)} ({model}) at each ratio, each on {_words.points(result.num_real, 'real')} with "
        f"{result.num_validation:,} more held out for validation; {span} steps of {result.config.batch_size} "
        f"points. Errors: {kind}, mean"
    )
    text += " ± standard error over seeds. " if seeds > 1 else "s over a single seed. "
    if np.isfinite(result.test_error).any():
        return text + "Test errors chose nothing."
    return text + (
        "No test data: all errors are on the validation points, which also chose among each network's evaluations "
        "and so flatter it a little; name test data with --test."
    )


def _lines(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]


def _print_table(console: Any, head: list[str], rows: list[list[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in head:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _filled(text: str, width: int) -> str:
    return textwrap.fill(
        text,
        width,
        break_long_words=False,
        break_on_hyphens=False,
        subsequent_indent="  " if text.startswith("- ") else "",
    )
