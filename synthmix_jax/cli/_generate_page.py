"""The page of `synthmix generate`: one HTML file that needs nothing else. Every text is escaped."""

import base64
from typing import TYPE_CHECKING, Any

from synthmix_jax._version import __version__
from synthmix_jax.advice import _json, _page, _style

from . import _generate_plots, _generate_text

if TYPE_CHECKING:
    from ._generate import Made
    from ._generate_files import Places
else:
    Made = Places = Any


def page(made: Made, picture: bytes, places: Places) -> str:
    """The page, with the picture inside."""
    text = _page._text
    title = f"{len(made.synthetic):,d} synthetic points"
    copies = f"<p>{text(_generate_text.copies(made))}</p>"
    if made.nearest is None or made.nearest.copies:
        copies = f'<section class="warnings"><h2>Before you rely on this</h2>{copies}</section>'
    else:
        copies = _page._section("Copies of real points?", copies)
    data = base64.b64encode(picture).decode("ascii")
    caption = text(_generate_plots.describe(made))
    asked = text("The generator has not seen the held-out points, so ask with these:")
    body = [
        f'<header><p class="names">{text(made.name)}</p>\n<h1>{text(title)}</h1>\n'
        f'<p class="lead">{text(_generate_text.summary(made))}</p></header>',
        copies,
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>",
        _page._section(
            "How many to add?", f"<p>{asked}</p><pre>{text(places.next_command())}</pre>"
        ),
        _page._section("In numbers", _page._facts(_generate_text.facts(made))),
        _classes(made),
        _page._section("Files", _page._facts(places.named())),
        "<details><summary>Settings, to redo this run</summary>"
        f"<pre>{text(_json.dumps(made.settings))}</pre></details>",
        f"<footer>Made by synthmix-jax {text(__version__)}. All numbers: {text(places.numbers.name)} beside this "
        "file.</footer>",
    ]
    return _page._DOCUMENT.format(
        policy="default-src 'none'; img-src data:; style-src 'unsafe-inline'",
        title=text(title),
        style=_style.CSS,
        body="\n".join(part for part in body if part),
    )


def _classes(made: Made) -> str:
    """Points of each class, folded away."""
    counts = _generate_text.class_counts(made)
    if counts is None:
        return ""
    rows = [
        [_generate_text.class_name(made.fitted, label), *(f"{n:,d}" for n in numbers), ""]
        for label, numbers in enumerate(zip(*counts.values(), strict=True))
    ]
    table = _page._table(["class", "fitted on", "held out", "synthetic", ""], rows)
    return f"<details><summary>Class by class</summary>{table}</details>"
