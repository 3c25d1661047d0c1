"""What `synthmix generate` says: on a terminal, in a pipe, and as JSON."""

import dataclasses
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from synthmix_jax._version import __version__
from synthmix_jax.advice import _json, _words
from synthmix_jax.dataset import Dataset

from . import _terminal

if TYPE_CHECKING:
    from ._generate import Made
    from ._generate_files import Places
else:
    Made = Places = Any

# Raised whenever a field changes its meaning or goes; new fields may come without.
FORMAT = 1
_WIDTH = 96
_ARRAYS = ("index", "distance", "ratio")


def numbers(made: Made, places: Places | None) -> str:
    """The content of the JSON file."""
    nearest = None
    if made.nearest is not None:
        nearest = {
            field.name: getattr(made.nearest, field.name)
            for field in dataclasses.fields(made.nearest)
            if field.name not in _ARRAYS
        }
    return _json.dumps(
        {
            "format": FORMAT,
            "version": __version__,
            "summary": summary(made),
            "copies": copies(made),
            "nearest_neighbours": nearest,
            "num_fitted": len(made.fitted),
            "num_held_out": len(made.held_out),
            "num_synthetic": len(made.synthetic),
            "class_names": made.fitted.class_names,
            "class_counts": class_counts(made),
            "seconds": made.seconds,
            "files": None if places is None else dict(places.named()),
            "next_command": None if places is None else places.next_command(),
            "settings": made.settings,
        }
    )


def summary(made: Made) -> str:
    """What was made, in a sentence."""
    real = len(made.fitted) + len(made.held_out)
    return (
        f"{_words.points(len(made.synthetic), 'synthetic')} from {title(made)}{_options(made)}, fitted on "
        f"{len(made.fitted):,d} of {_words.points(real, 'real')}; {len(made.held_out):,d} "
        "were held out."
    )


def title(made: Made) -> str:
    """What the generator is; of real targets there is one for all points."""
    return made.model.title.replace(
        " a class", "" if made.fitted.num_classes is None else " a class"
    )


def copies(made: Made) -> str:
    """The test of copies in plain words."""
    if made.nearest is None:
        return (
            f"Not checked for copies: {_words.points(len(made.held_out), 'held-out')} cannot show what is normal; "
            "ten or more can (--held-out)."
        )
    return str(made.nearest)


def class_counts(made: Made) -> dict[str, list[int]] | None:
    """Points of each class fitted on, held out and drawn; None for regression."""
    classes = made.fitted.num_classes
    if classes is None:
        return None
    parts = {"fitted": made.fitted, "held_out": made.held_out, "synthetic": made.synthetic}
    return {
        name: np.bincount(np.asarray(data.y), minlength=classes).tolist()
        for name, data in parts.items()
    }


def class_name(data: Dataset, label: int) -> str:
    """What a class is called, on one line."""
    name = str(label) if data.class_names is None else str(data.class_names[label])
    return " ".join("".join(c if c.isprintable() else " " for c in name).split()) or str(label)


def facts(made: Made) -> list[tuple[str, str]]:
    """Label and value of what a reader looks for first."""
    rows = [("real data", made.name)]
    counts = class_counts(made)
    if counts is not None:
        drawn = counts["synthetic"]
        low, high = min(drawn), max(drawn)
        span = _words.integer(low) if low == high else f"{low:,d} to {high:,d}"
        rows.append(("synthetic points a class", span))
    nearest = made.nearest
    if nearest is not None:
        rows += [
            ("equal to a training point", _share(nearest.identical)),
            ("next to a training point", _share(nearest.close, nearest.close_interval)),
            ("of fresh real points", f"at most {_share(nearest.expected)}"),
            ("nearer than held-out points", _share(nearest.nearer, nearest.nearer_interval)),
            ("looked at for copies", _looked_at(made)),
        ]
    rows.append(("seconds", ", ".join(f"{k} {_words.number(v)}" for k, v in made.seconds.items())))
    return [(label, " ".join(value.split())) for label, value in rows]


def show(made: Made, places: Places | None) -> None:
    """Print what was made, whether it copies, where files lie, and what to do next."""
    from rich.console import Console

    console = Console()
    where = [("files", "none written; name a .npz file or a folder with --out")]
    if places is not None:
        where = places.named()
    if console.is_terminal:
        width = min(console.width, _WIDTH)
        console.print(_panel(made, where), width=width)
        if places is not None:
            # Outside the panel, whose border would be copied with it.
            console.print(_next(places), markup=False, highlight=False, soft_wrap=True)
        return
    wide = max(len(label) for label, _ in facts(made))
    lines = [_wrapped(text) for text in (summary(made), copies(made))]
    lines += ["", *(f"{label:{wide}}  {value}" for label, value in facts(made))]
    lines += ["", *(f"{label:{wide}}  {value}" for label, value in where)]
    lines += [] if places is None else ["", _next(places)]
    print("\n".join(lines))


def _wrapped(text: str) -> str:
    """Lines of 79 characters, with percent signs kept on the line of their number."""
    return textwrap.fill(text.replace(" %", "\0%"), 79).replace("\0%", " %")


def _next(places: Places) -> str:
    return (
        "How many to add? The generator has not seen the held-out points, so ask with these:\n"
        f"{places.next_command()}"
    )


def _panel(made: Made, where: list[tuple[str, str]]):
    """`Text`, not strings: names may hold brackets, which rich reads as markup."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.panel import Panel
    from rich.text import Text

    bad = made.nearest is None or made.nearest.copies
    parts = [
        Padding(Text(summary(made), style="bold"), (0, 0, 1, 0)),
        Padding(Text(copies(made), style="yellow" if bad else ""), (0, 0, 1, 0)),
        _terminal._grid(facts(made)),
        Padding(_terminal._grid(where), (1, 0, 0, 0)),
    ]
    title = Text(" generate ", style="bold reverse")
    return Panel(Group(*parts), title=title, title_align="left", padding=(1, 2))


def _options(made: Made) -> str:
    shown = {name: value for name, value in made.options.items() if name != "workdir"}
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
    return f" ({words})" if words else ""


def _looked_at(made: Made) -> str:
    assert made.nearest is not None
    return (
        f"{_words.points(made.nearest.num_synthetic, 'synthetic')} beside {made.nearest.num_held_out:,d} held-out "
        f"ones, among {made.nearest.num_training:,d}"
    )


def _share(share: float, interval: tuple[float, float] | None = None) -> str:
    ends = "" if interval is None else " ({} to {})".format(*map(_words.percent, interval))
    return f"{_words.percent(share)}{ends}"
