"""A folder in which nothing is lost: settings, finished cells line by line, and checkpoints of what is under way.

    config.json    what the numbers depend on; another configuration is refused, with the difference shown
    cells.jsonl    one JSON line a finished cell and metric
    checkpoints/   the models under way, by Orbax; the newest alone is kept
    models/        the trained models, where they were asked for

Local folders and gs:// alike (etils). Several processes share the folder; process 0 writes.
"""

import json
import math
import os
import uuid
from typing import Any

import jax
import numpy as np

from . import _sharding

FORMAT = 1


class Workdir:
    """The open folder of one sweep."""

    def __init__(self, path: str | os.PathLike[str], settings: dict[str, Any]):
        """Open or make the folder.

        Args:
            path: Local, or gs:// (needs gcsfs).
            settings: JSON-like; all but `not_compared` must be as before.

        Raises:
            ValueError: the folder cannot be written to, or holds a sweep of other settings or other files.
        """
        from etils import epath

        self.path = epath.Path(os.fspath(path))
        if "://" not in os.fspath(path):
            self.path = epath.Path(os.path.abspath(os.path.expanduser(os.fspath(path))))
        settings = json.loads(json.dumps(settings))
        config = self.path / "config.json"
        if jax.process_index() == 0:
            self._make(config)
            if not config.exists():
                self._write("config.json", json.dumps(settings, indent=2) + "\n")
        _sharding.wait_for_all("workdir")
        self._refuse_others(_read_json(config), settings)
        self._managers: dict[str, Any] = {}

    def cells(self) -> dict[tuple[int, int], dict[str, Any]]:
        """What finished cells hold: metric -> value, or metric -> {step: value} where it has steps."""
        found: dict[tuple[int, int], dict[str, Any]] = {}
        path = self.path / "cells.jsonl"
        if not path.exists():
            return found
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            value = math.nan if entry["value"] is None else entry["value"]
            cell = found.setdefault(tuple(entry["cell"]), {})
            if "step" in entry:
                cell.setdefault(entry["metric"], {})[entry["step"]] = value
            else:
                cell[entry["metric"]] = value
        return found

    def add(self, lines: list[dict[str, Any]]) -> None:
        """Add lines for finished cells; there whole or not at all."""
        if jax.process_index() == 0:
            path = self.path / "cells.jsonl"
            old = path.read_text() if path.exists() else ""
            new = "".join(json.dumps(_plain(line)) + "\n" for line in lines)
            self._write("cells.jsonl", old + new)
        _sharding.wait_for_all("cells")

    def checkpoint(self, number: int, tree: dict[str, np.ndarray], about: dict[str, Any]) -> None:
        """Store arrays and what they are; the one before goes when this is there."""
        import orbax.checkpoint as ocp

        manager = self._manager("checkpoints")
        manager.save(
            number,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(tree), about=ocp.args.JsonSave(about)
            ),
        )

    def newest(self) -> tuple[int, dict[str, np.ndarray], dict[str, Any]] | None:
        """The last checkpoint: its number, its arrays on the host, and what they are."""
        manager = self._manager("checkpoints")
        number = manager.latest_step()
        return None if number is None else (number, *self._restore(manager, number))

    def clear(self) -> None:
        """Drop the checkpoints: what they held is finished."""
        manager = self._manager("checkpoints")
        for number in manager.all_steps():
            manager.delete(number)

    def keep(self, number: int, tree: dict[str, np.ndarray], about: dict[str, Any]) -> None:
        """Store trained models for good."""
        import orbax.checkpoint as ocp

        self._manager("models").save(
            number,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(tree), about=ocp.args.JsonSave(about)
            ),
        )

    def kept(self) -> list[tuple[dict[str, np.ndarray], dict[str, Any]]]:
        """All trained models that were stored."""
        manager = self._manager("models")
        return [self._restore(manager, number) for number in manager.all_steps()]

    def close(self) -> None:
        """Let go of the folder."""
        for manager in self._managers.values():
            manager.close()

    def _restore(self, manager: Any, number: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        import orbax.checkpoint as ocp

        about = manager.restore(number, args=ocp.args.Composite(about=ocp.args.JsonRestore())).about
        plain = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in about["arrays"]}
        args = ocp.args.PyTreeRestore(restore_args=plain)
        return dict(manager.restore(number, args=ocp.args.Composite(state=args)).state), about

    def _manager(self, name: str) -> Any:
        import orbax.checkpoint as ocp

        if name not in self._managers:
            options = ocp.CheckpointManagerOptions(
                max_to_keep=1 if name == "checkpoints" else None,
                enable_async_checkpointing=False,
            )
            self._managers[name] = ocp.CheckpointManager(self.path / name, options=options)
        return self._managers[name]

    def _make(self, config: Any) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not config.exists() and any(self.path.iterdir()):
                raise ValueError(
                    f"workdir {self.path} holds other files and no config.json: name an empty or a new folder."
                )
            probe = self.path / f".{uuid.uuid4().hex}.tmp"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            raise ValueError(
                f"workdir {self.path} cannot be written to ({error.strerror or error}): name another folder."
            ) from error

    def _write(self, name: str, text: str) -> None:
        """Atomic: a reader sees the old file or the new one."""
        draft = self.path / f".{name}.{uuid.uuid4().hex}.tmp"
        draft.write_text(text)
        draft.replace(self.path / name)

    def _refuse_others(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        lines = [
            f"{name}: {json.dumps(before)} there, {json.dumps(now)} here"
            for name, before, now in _differences(old, new)
            if not name.startswith("not_compared")
        ]
        if lines:
            raise ValueError(
                f"workdir {self.path} holds a sweep of other settings; results are not mixed. "
                f"{'; '.join(lines)}. Name another folder, or delete this one."
            )


def _differences(old: Any, new: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    """Where two JSON-like records differ, by dotted name."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{name}.{key}" if name else key
            found += _differences(old.get(key), new.get(key), inner)
        return found
    return [] if old == new else [(name, old, new)]


def _read_json(path: Any) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is no JSON file ({error}): delete its folder, or name another."
        ) from error


def _plain(line: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN: a value that is none becomes null."""
    value = line["value"]
    return {
        **line,
        "value": None if isinstance(value, float) and not math.isfinite(value) else value,
    }
