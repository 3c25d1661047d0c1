"""Rows of results that are saved as they come, and not made twice."""

import json
import os
from pathlib import Path
from typing import Any


class OtherSettings(SystemExit):
    """Results of other settings lie where a run would write its own."""


def save(out: Path, content: dict[str, Any]) -> None:
    """Write results.json in one step: a reader never sees half of it."""
    out.mkdir(parents=True, exist_ok=True)
    temporary = out / "results.json.tmp"
    temporary.write_text(json.dumps(content) + "\n")
    os.replace(temporary, out / "results.json")


def earlier(out: Path, head: dict[str, Any], settings: str, fresh: bool) -> list[dict[str, Any]]:
    """Rows of an interrupted run of the same settings.

    Args:
        out: Folder of the results.
        head: What this run says of itself.
        settings: Name in `head` of what must be as it was.
        fresh: Whether earlier rows are to be replaced.

    Raises:
        OtherSettings: the rows were made with other settings.
    """
    path = out / "results.json"
    if fresh or not path.exists():
        return []
    saved = json.loads(path.read_text())
    if saved[settings] != head[settings]:
        raise OtherSettings(
            f"{path} holds results of other settings. Give another --out, or --fresh to replace them."
        )
    return saved["rows"]
