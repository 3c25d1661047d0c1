"""The report: one HTML file that needs nothing else, verdict first.

Every text passes through `_text`, which escapes it: names, classes and settings come from files.
"""

import base64
import html
import math
from collections.abc import Iterable, Sequence

from synthmix_jax._version import __version__

from . import (
    _adapt_words,
    _distance_tables,
    _distance_words,
    _explain,
    _json,
    _network_tables,
    _plots,
    _style,
    _tables,
    _words,
)
from ._records import Advice


def page(advice: Advice, picture: bytes) -> str:
    """The report.

    Args:
        advice: What `recommend` or `judge` returned.
        picture: The PNG file to embed.
    """
    sections = (
        _head(advice),
        _warnings(advice),
        _figure(advice, picture),
        _section("What to do", f"<p>{_text(_explain.to_do(advice))}</p>"),
        _section("In numbers", _facts(_tables.key_numbers(advice))),
        _section("What this rests on", _list(_explain.rests_on(advice))),
        _section("What would change it", _list(_explain.would_change(advice))),
        _section(_curve_title(advice), _curve_table(advice)),
        _distances(advice),
        _settings(advice),
        f"<footer>Made by synthmix-jax {_text(__version__)}. All numbers: advice.json beside this file.</footer>",
    )
    body = "\n".join(part for part in sections if part)
    return _DOCUMENT.format(
        policy="default-src 'none'; img-src data:; style-src 'unsafe-inline'",
        title=_text(_words.headline(advice)),
        style=_style.CSS,
        body=body,
    )


_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _text(value: object) -> str:
    """Escaped, with percent signs kept on the line of their number."""
    return html.escape(str(value)).replace(" %", "&nbsp;%")


def _head(advice: Advice) -> str:
    real, synthetic = advice.names
    return (
        f'<header><p class="names">{_text(real)} <span>with</span> {_text(synthetic)}</p>\n'
        f"<h1>{_text(_words.headline(advice))}</h1>\n"
        f'<p class="lead">{_text(_words.sentence(advice))}</p></header>'
    )


def _warnings(advice: Advice) -> str:
    if not advice.warnings:
        return ""
    return (
        '<section class="warnings"><h2>Before you rely on this</h2>'
        f"{_list(advice.warnings)}</section>"
    )


def _figure(advice: Advice, picture: bytes) -> str:
    caption = (
        "Solid line: error of left-out real points at the recommended weight and ridge. Bar: the "
        "counts that do about as well as the best. Dashed: real data alone, at its own best ridge."
    )
    if advice.networks is not None:
        caption = _network_tables.caption(advice.networks)
    if advice.adaptation is not None:
        caption = _adapt_words.caption(advice.adaptation)
    data = base64.b64encode(picture).decode("ascii")
    return (
        f'<figure><img alt="{_text(_plots.describe(advice))}" src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{_text(title)}</h2>\n{body}</section>"


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>"


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    inside = "".join(f"<div><dt>{_text(a)}</dt><dd>{_text(b)}</dd></div>" for a, b in rows)
    return f"<dl>{inside}</dl>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], marked: int | None = None) -> str:
    """A table that scrolls on narrow screens; one row may be marked."""
    cells = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    lines = []
    for index, row in enumerate(rows):
        first = f'<th scope="row">{_text(row[0])}</th>'
        rest = "".join(f"<td>{_text(value)}</td>" for value in row[1:])
        lines.append(f"<tr{' class=marked' if index == marked else ''}>{first}{rest}</tr>")
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _curve_title(advice: Advice) -> str:
    if advice.sweep is None:
        return "The bound, assumption by assumption"
    return "The curve at telling counts" if advice.networks is None else "Ratio by ratio"


def _curve_table(advice: Advice) -> str:
    nets = advice.networks
    if nets is not None:
        lines, note = _network_tables.rows(advice, nets), _text(_network_tables.note(nets))
        table = _table(_network_tables.head(nets), lines, nets.index)
        return f'{table}<p class="note">{note}</p>'
    if advice.sweep is None:
        assumed = advice.adaptation and advice.adaptation.shares
        shares = [(name, _words.percent(share)) for name, share in (assumed or {}).items()]
        return _table(["assumption", "best synthetic share of the loss"], shares)
    rows = _tables.telling_counts(advice)
    classes = advice.curve.misclassified is not None
    head = ["synthetic points", "per real point", "error", "difference to the best"]
    head += ["misclassified"] if classes else []
    lines = []
    for row in rows:
        line = [
            _words.integer(row.count),
            _words.ratio(row.count / advice.num_real),
            _words.number(row.error),
            _difference(row),
        ]
        if classes:
            line.append("" if row.misclassified is None else _words.percent(row.misclassified))
        lines.append([*line, row.note])
    marked = next((i for i, row in enumerate(rows) if row.note == "recommended"), None)
    return (
        _table([*head, ""], lines, marked)
        + '<p class="note">All at the recommended weight and ridge. '
        "After ±: half the 90&nbsp;% interval of the paired difference.</p>"
    )


def _difference(row: _tables.Row) -> str:
    """Difference and half its interval, to the fourth digit of the error, so that rows line up."""
    if row.difference == 0.0:
        return "best"
    if not (math.isfinite(row.difference) and 1e-6 < row.error < 1e6):
        return f"+{_words.number(row.difference)} ± {_words.number(row.half)}"
    decimals = max(0, 3 - math.floor(math.log10(row.error)))
    return f"+{row.difference:,.{decimals}f} ± {row.half:,.{decimals}f}"


def _distances(advice: Advice) -> str:
    """What the distances say, those over all points, and folded away those of single classes."""
    table = advice.distances
    if table is None:
        return ""
    whole = [row for row in table.rows if row.label is None]
    by_class = [row for row in table.rows if row.label is not None]
    parts = [_list([*_distance_words.summary(table), *_distance_words.class_summary(table)])]
    if whole:
        parts.append(_distance_table(table, whole))
    notes = [
        f"On {_distance_words.one_line(table.features)}.",
        f"{_distance_words.sizes(table)}.",
        _distance_words.floor_note(table),
        *_distance_words.cautions(table),
    ]
    parts.append(f'<p class="note">{_text(" ".join(notes))}</p>')
    if by_class:
        parts.append(
            "<details><summary>Class by class</summary>"
            f"{_distance_table(table, by_class)}</details>"
        )
    return _section("How far synthetic is from real", "\n".join(parts))


def _distance_table(table: _distance_words.Table, rows: Sequence[_distance_words.Row]) -> str:
    several, classes = len(table.num_synthetic) > 1, rows[0].label is not None
    head = [
        "distance",
        *["class"] * classes,
        *["synthetic"] * several,
        *_distance_tables.head(table),
        "",
    ]
    lines = []
    for row in rows:
        line = [_distance_words.metric(row.metric)]
        if row.label is not None:
            line.append(_distance_words.label(table, row.label))
        if several:
            line.append(_distance_words.one_line(row.synthetic))
        status = _distance_words.one_line(row.status) if row.status != "ok" else ""
        words = filter(None, [_distance_words.mark(row), status])
        lines.append([*line, *_distance_tables.cells(row), ": ".join(words)])
    return _table(head, lines)


def _settings(advice: Advice) -> str:
    return (
        "<details><summary>Settings, to redo this run</summary>"
        f"<pre>{html.escape(_json.dumps(advice.settings))}</pre></details>"
    )
