"""`Advice.save`: the report, the picture and the numbers, each there whole or not at all."""

from functools import partial
from pathlib import Path
from typing import BinaryIO

from synthmix_jax import _atomic

from . import _json, _page, _plots
from ._records import Advice
from ._words import sentence as sentence


def save(advice: Advice, directory: Path) -> Path:
    """Write report.html, curve.png and advice.json.

    Args:
        advice: What `recommend` or `judge` returned.
        directory: Folder to write to; made if absent. Files of the same names are replaced.

    Returns:
        The folder.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    # Everything is made before anything is written.
    picture = _plots.png(advice)
    files = {
        "advice.json": _json.text(advice).encode("ascii"),
        "curve.png": picture,
        # File names may hold bytes that no text has; they are shown as question marks.
        "report.html": _page.page(advice, picture).encode("utf-8", errors="replace"),
    }
    for name, content in files.items():
        _atomic.write(directory / name, partial(_put, content))
    return directory


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)
