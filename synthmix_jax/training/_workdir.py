"""A folder in which nothing is lost: settings, finished cells line by line, and checkpoints of what is under way.

    config.json    what the numbers depend on; another configuration is refused, with the difference shown
    cells.jsonl    one JSON line a finished cell and metric
    checkpoints/   the models under way, by Orbax; the newest alone is kept
    models/        the trained models, where they were asked for

Local folders and gs:// alike (etils). Several processes share the folder; process 0 writes. One run at a time.
"""

import json
import math
import os
import uuid
from collections.abc import Collection
from typing import Any

import jax
import numpy as np

from synthmix_jax import _agreement

FORMAT = 1
_PER_CHUNK = 10**6  # more than any number of evaluations

Cell = tuple[int, int]


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
        _agreement.agree(self._make(settings) if jax.process_index() == 0 else None)
        _agreement.agree(self._difference(settings))
        self._managers: dict[str, Any] = {}

    def cells(self) -> dict[Cell, list[dict[str, Any]]]:
        """The lines of every finished cell, with NaN where a value is none.

        Raises:
            ValueError: a line that this class did not write.
        """
        found: dict[Cell, list[dict[str, Any]]] = {}
        path = self.path / "cells.jsonl"
        if not path.exists():
            return found
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                entry = json.loads(line)
                ratio, seed = entry["cell"]
                value = math.nan if entry["value"] is None else entry["value"]
                found.setdefault((ratio, seed), []).append({**entry, "value": value})
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"line {number} of {path} is damaged: {_REMEDY}") from error
        return found

    def add(self, lines: list[dict[str, Any]]) -> None:
        """Add lines for finished cells; there whole or not at all.

        Raises:
            ValueError: they cannot be written; on all processes, so that none waits for process 0.
        """
        error = None
        if jax.process_index() == 0:
            path = self.path / "cells.jsonl"
            try:
                old = path.read_text() if path.exists() else ""
                text = "".join(json.dumps(line) + "\n" for line in lines)
                self._write("cells.jsonl", old + text)
            except OSError as failure:
                error = (
                    f"{path} cannot be written ({failure.strerror or failure}): make room or mend the folder; "
                    "the same call goes on from the last checkpoint."
                )
        _agreement.agree(error)

    def checkpoint(
        self, done: int, number: int, tree: dict[str, np.ndarray], about: dict[str, Any]
    ) -> None:
        """Store arrays and what they are; the one before goes when this is there.

        Args:
            done: Finished cells; a checkpoint is good as long as there are so many.
            number: Rises from checkpoint to checkpoint.
            tree: The arrays.
            about: JSON-like, with the names of the arrays at "arrays".
        """
        self._save("checkpoints", done * _PER_CHUNK + number, tree, about)

    def newest(
        self, done: int, names: Collection[str]
    ) -> tuple[dict[str, np.ndarray] | None, dict[str, Any], str]:
        """The last checkpoint made when so many cells were finished.

        One that cannot be read (a disk that was full, a process that was killed while it took the folder
        away) is dropped: its cells begin anew, with the same numbers in the end. All processes go on from it,
        or none.

        Args:
            done: Finished cells.
            names: Of the arrays that it must hold.

        Returns:
            Its arrays on the host, what they are, and ""; or None, {}, and why there is none that should be there.
        """
        manager = self._manager("checkpoints")
        number = manager.latest_step()
        why = ""
        if number is not None and number // _PER_CHUNK == done:
            arrays, about = {}, {}
            try:
                arrays, about = self._restore(manager, number)
            except Exception as error:  # whatever is missing or cut short
                why = type(error).__name__
            if not why and not set(names) <= arrays.keys():
                why = "another version of a library wrote it"
            why = _agreement.first_of_all(why)
            if not why:
                return arrays, about, ""
        self.clear()
        return None, {}, why

    def clear(self) -> None:
        """Drop the checkpoints: what they held is finished."""
        manager = self._manager("checkpoints")
        for number in manager.all_steps():
            manager.delete(number)

    def keep(self, number: int, tree: dict[str, np.ndarray], about: dict[str, Any]) -> None:
        """Store trained models for good, instead of what may be there under this number."""
        self._save("models", number, tree, about)

    def kept(self) -> list[tuple[dict[str, np.ndarray], dict[str, Any]]]:
        """All trained models that were stored and can be read."""
        manager = self._manager("models")
        found = []
        for number in manager.all_steps():
            try:
                found.append(self._restore(manager, number))
            except Exception:  # missed by whoever needs it
                continue
        return found

    def close(self) -> None:
        """Let go of the folder."""
        for manager in self._managers.values():
            manager.close()

    def damaged(self, what: str) -> ValueError:
        """What to raise where something is missing that a finished cell has."""
        return ValueError(f"workdir {self.path} is damaged, {what}: {_REMEDY}")

    def _save(
        self, name: str, number: int, tree: dict[str, np.ndarray], about: dict[str, Any]
    ) -> None:
        import orbax.checkpoint as ocp

        manager = self._manager(name)
        if number in manager.all_steps():
            manager.delete(number)
        # The arguments of `_restore`: a manager keeps to one kind of them for each item.
        arrays = ocp.args.PyTreeSave(tree)
        args = ocp.args.Composite(state=arrays, about=ocp.args.JsonSave(about))
        manager.save(number, args=args, force=True)

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
                cleanup_tmp_directories=True,
            )
            self._managers[name] = ocp.CheckpointManager(self.path / name, options=options)
        return self._managers[name]

    def _make(self, settings: dict[str, Any]) -> str | None:
        """Make the folder and its config.json where there is none; what is wrong, if anything is."""
        config = self.path / "config.json"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            held = list(self.path.iterdir())
            drafts = [path for path in held if _is_draft(path.name)]
            if not config.exists() and len(drafts) < len(held):
                return (
                    f"workdir {self.path} holds other files and no config.json: name an empty or a new "
                    "folder."
                )
            for path in drafts:  # of a process that was killed
                path.unlink(missing_ok=True)
            self._write("probe", "")
            (self.path / "probe").unlink()
            if not config.exists():
                self._write("config.json", json.dumps(settings, indent=2) + "\n")
        except OSError as error:
            return (
                f"workdir {self.path} cannot be written to ({error.strerror or error}): name another "
                "folder."
            )
        return None

    def _write(self, name: str, text: str) -> None:
        """Atomic: a reader sees the old file or the new one."""
        draft = self.path / f".{name}.{uuid.uuid4().hex}.tmp"
        draft.write_text(text)
        draft.replace(self.path / name)

    def _difference(self, new: dict[str, Any]) -> str | None:
        """Why a sweep of these settings may not go on here, if it may not."""
        config = self.path / "config.json"
        try:
            old = json.loads(config.read_text())
        except FileNotFoundError:
            return f"process {jax.process_index()} sees no {config}: name a folder that all processes share."
        except ValueError as error:
            return f"{config} is damaged ({error}): {_REMEDY}"
        lines = [
            f"{name}: {json.dumps(before)} there, {json.dumps(now)} here"
            for name, before, now in _differences(old, new)
            if not name.startswith("not_compared")
        ]
        if not lines:
            return None
        return (
            f"workdir {self.path} holds a sweep of other settings ({'; '.join(lines)}): name another "
            "folder, or delete this one."
        )


_REMEDY = "delete the folder to begin anew, or name another."


def _is_draft(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


def _differences(old: Any, new: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    """Where two JSON-like records differ, by dotted name."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{name}.{key}" if name else key
            found += _differences(old.get(key), new.get(key), inner)
        return found
    return [] if old == new else [(name, old, new)]
