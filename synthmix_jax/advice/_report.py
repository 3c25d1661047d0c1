"""`Advice.save`: the report, the picture and the numbers, each there whole or not at all."""

import os
import uuid
from pathlib import Path

from . import _json, _page, _plots
from ._records import Advice
from ._words import sentence as sentence


def save(advice: Advice, directory: Path) -> Path:
    """Write report.html, curve.png and advice.json.

    Args:
        advice: What `recommend` returned.
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
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        _write(directory / name, content)
    return directory


def _write(path: Path, content: bytes) -> None:
    """Write beside the file, then take its place in one step."""
    # Not tempfile: its files are readable by their owner only, and the mode would stay.
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
