"""Sums of a pass over the rows, kept in a folder: an interrupted pass goes on, a finished one is not repeated.

    settings.json          what the sums depend on: features and data; another folder's are refused
    real.npz               of the real points
    count-000000050000.npz of so many synthetic points

Several processes share the work, not the folder: process 0 writes and reads, the others hear from it.
"""

import dataclasses
import hashlib
import io
import json
import os
import zipfile
from functools import partial
from typing import Any

import jax
import numpy as np

from synthmix_jax import _agreement, _atomic
from synthmix_jax._typing import Array

FORMAT = 1


class Saved:
    """The folder of one pass."""

    def __init__(self, path: str | os.PathLike[str], settings: dict[str, Any]):
        """Open or make the folder.

        Raises:
            ValueError: it cannot be written to, is a file, or holds sums of other features or data.
        """
        from etils import epath

        if not isinstance(path, str | os.PathLike):
            raise ValueError(f"workdir must be a path, got {path!r}.")
        self._path = epath.Path(os.path.expanduser(os.fspath(path)))
        settings = json.loads(json.dumps({"format": FORMAT, **settings}))
        _agreement.agree(self._make(settings) if jax.process_index() == 0 else None)

    def adopt(self, made: Any) -> Any:
        """The features that the sums were made of: on another host LAPACK gives others from the same landmarks."""
        if not hasattr(made, "mix"):
            return made
        known = self.load("mix", (made.mix.shape, (1, 1)))
        if known is None:
            self.save("mix", (made.mix, np.zeros((1, 1))))
            return made
        return dataclasses.replace(made, mix=known[0])

    def load(self, name: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[np.ndarray, ...] | None:
        """Sums of this name, or None where they are not there whole; a collective of all processes."""
        first = jax.process_index() == 0
        found = self._read(name, shapes) if first else None
        if not _agreement.any_of(found is not None):
            return None
        if jax.process_count() == 1:
            return found
        from jax.experimental import multihost_utils

        arrays = tuple(np.zeros(shape) for shape in shapes) if found is None else found
        heard = multihost_utils.broadcast_one_to_all(arrays, is_source=first)
        return tuple(np.asarray(array) for array in heard)

    def save(self, name: str, sums: tuple[Array, ...]) -> None:
        """Keep sums that every process holds.

        Raises:
            ValueError: the folder cannot be written to.
        """
        error = None
        if jax.process_index() == 0:
            arrays = [_whole(array) for array in sums]
            try:
                self._write(f"{name}.npz", partial(np.savez, gram=arrays[0], moment=arrays[1]))
            except OSError as failed:
                error = f"workdir {self._path} cannot be written to: {failed}"
        _agreement.agree(error)

    def _read(
        self, name: str, shapes: tuple[tuple[int, ...], ...]
    ) -> tuple[np.ndarray, ...] | None:
        path = self._path / f"{name}.npz"
        if not path.exists():
            return None
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                found = file["gram"], file["moment"]
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
            return None  # rows are read again
        return found if tuple(a.shape for a in found) == shapes else None

    def _make(self, settings: dict[str, Any]) -> str | None:
        """Make the folder, or compare; what is wrong, or None."""
        file = self._path / "settings.json"
        try:
            if self._path.exists() and not self._path.is_dir():
                return f"workdir {self._path} is a file; name a folder."
            if file.exists():
                there = json.loads(file.read_text())
                differing = [k for k in settings if there.get(k) != settings[k]]
                if differing:
                    return (
                        f"workdir {self._path} holds sums of other {', '.join(differing)}: the same data, kernel, "
                        "features and key give the same sums. Name another folder."
                    )
                return None
            if self._path.exists() and any(p.name[:1] != "." for p in self._path.iterdir()):
                return f"workdir {self._path} holds other files; name a folder of its own."
            self._path.mkdir(parents=True, exist_ok=True)
            text = json.dumps(settings, indent=1).encode()
            self._write("settings.json", lambda target: target.write(text))
        except (OSError, json.JSONDecodeError) as error:
            return f"workdir {self._path} cannot be used: {error}"
        return None

    def _write(self, name: str, fill: Any) -> None:
        """Whole or not at all: object stores write so by themselves."""
        if "://" in os.fspath(self._path):
            held = io.BytesIO()
            fill(held)
            (self._path / name).write_bytes(held.getvalue())
            return
        from pathlib import Path

        _atomic.write(Path(os.fspath(self._path)) / name, fill)


def _whole(array: Array) -> np.ndarray:
    """An array that this process holds whole."""
    return np.asarray(array.addressable_shards[0].data if isinstance(array, jax.Array) else array)


def digest(*arrays: Array) -> str:
    """Sixteen letters that tell arrays apart."""
    sha = hashlib.sha256()
    for array in arrays:
        host = np.ascontiguousarray(np.asarray(array))
        sha.update(f"{host.dtype}{host.shape}".encode())
        sha.update(host.tobytes())
    return sha.hexdigest()[:16]
