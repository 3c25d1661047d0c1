"""Files that are there whole or not at all."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file so that no reader ever sees half of it, and that racing writers all succeed.

    The content goes to a file of its own beside `path`, which then takes the place of `path` in one
    step. Missing folders are made.

    Args:
        path: Where the file shall be.
        fill: Writes the content to the open file it is given.

    Raises:
        OSError: The folder cannot be written to, or the disk is full; no litter is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files are readable by their owner only, and the mode would stay.
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with draft.open("xb") as file:
            fill(file)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
