"""Compiled programs are kept for the next call: JAX's persistent compilation cache, in the user's cache folder.

SYNTHMIX_CACHE=off does without, SYNTHMIX_CACHE=DIR keeps them in a part of another folder; where JAX's own
JAX_COMPILATION_CACHE_DIR is set it holds. Only the program does this: from Python, JAX's settings are left alone.
"""

import contextlib
import hashlib
import os
import platform
import re
import sys
import time
import warnings
from pathlib import Path
from typing import Any

VARIABLE = "SYNTHMIX_CACHE"
_OFF = ("off", "0", "no", "false", "none")
_ON = ("", "on", "1", "yes", "true")
_PART = "synthmix-xla"  # of a folder that someone names, which may hold anything else
_ENDINGS = ("-cache", "-atime")  # of JAX's own files
_MOST_BYTES = 256 * 10**6
_JAX_SECONDS = 1.0  # what JAX takes where nobody said anything
_LEAST_SECONDS = (
    0.0  # even the least program is read in a hundredth of the time that XLA takes for it
)
_KIND = re.compile("[0-9a-f]{16}")  # what `_machine` gives
_JUST_MADE_S = 60.0  # an empty file so young is being written
_UNREADABLE = re.compile("Error reading persistent compilation cache entry for '(.*?)'")


def use() -> None:
    """Keep and find compiled programs; does nothing where the folder cannot be used or JAX was told one."""
    import jax

    asked = os.environ.get(VARIABLE, "").strip()
    if asked.lower() in _OFF or getattr(jax.config, "jax_compilation_cache_dir", None) is not None:
        return
    try:
        own = asked.lower() not in _ON
        root = Path(asked).expanduser() / _PART if own else _users() / "synthmix" / "xla"
        here = root / _machine()
        _prepare(root, here)
    except (OSError, RuntimeError):  # read-only, full, no home: programs are compiled, as ever
        return
    jax.config.update("jax_compilation_cache_dir", str(here))
    seconds = "jax_persistent_cache_min_compile_time_secs"
    if seconds.upper() not in os.environ and getattr(jax.config, seconds) == _JAX_SECONDS:
        jax.config.update(seconds, _LEAST_SECONDS)
    # A program that cannot be read or stored is compiled; the reader of the answer can do nothing about it.
    warnings.filterwarnings("ignore", message="Error writing persistent compilation")
    warnings.filterwarnings("always", message="Error reading persistent compilation")
    warnings.showwarning = _dropping_unreadable(here, warnings.showwarning)


def _dropping_unreadable(here: Path, shown: Any) -> Any:
    """What shows warnings: where JAX says that it cannot read a program, the program is deleted and nothing shown.

    JAX never writes over a file, so that one that is not whole would stay so. It names the program but not the
    file: all of that name go, and are compiled again.
    """

    def show(message: Any, *more: Any, **named: Any) -> None:
        found = _UNREADABLE.match(str(message))
        if not found:
            shown(message, *more, **named)
            return
        with contextlib.suppress(OSError):
            for path in here.iterdir():
                if path.name.startswith(f"{found[1]}-") and path.name.endswith(_ENDINGS):
                    path.unlink(missing_ok=True)

    return show


def _users() -> Path:
    """Where this system keeps what may be deleted."""
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"])
    given = os.environ.get("XDG_CACHE_HOME", "")
    return Path(given) if os.path.isabs(given) else Path.home() / ".cache"


def _prepare(root: Path, here: Path) -> None:
    """Make the folders and keep them small.

    Raises:
        OSError: they cannot be written to, or others can: who can write programs there runs code here.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    for folder in (root, here):
        folder.mkdir(mode=0o700, exist_ok=True)
        if hasattr(os, "getuid"):
            owners = {
                folder.lstat().st_uid,
                folder.stat().st_uid,
            }  # of a link, and of where it leads
            if owners != {os.getuid()} or folder.stat().st_mode & 0o022:
                raise PermissionError(f"others can write to {folder}")
    if not os.access(here, os.W_OK | os.X_OK):
        raise PermissionError(f"{here} cannot be written to")
    prune(root, _MOST_BYTES)


def prune(root: Path, most_bytes: int) -> None:
    """Delete what was not used for longest until four fifths of the bound are left; and files that hold nothing.

    Only programs, in the folder of each kind of processor. JAX bounds its cache too, but only with a package that
    not everyone has.
    """
    found = []
    for path in root.glob("*/*"):
        if _KIND.fullmatch(path.parent.name) and path.name.endswith(_ENDINGS):
            with contextlib.suppress(OSError):  # another call deletes too
                held = path.lstat()
                found.append((max(held.st_atime, held.st_mtime), held.st_size, path))
    until = time.time() - _JUST_MADE_S
    gone = [path for used, size, path in found if not size and used < until]
    total = sum(size for _, size, _ in found)
    left = total if total <= most_bytes else 0.8 * most_bytes
    for _, size, path in sorted(found):
        if total <= left:
            break
        if size:
            total -= size
            gone.append(path)
    for path in gone:
        with contextlib.suppress(OSError):
            path.unlink()


def _machine() -> str:
    """The kind of processor: a home folder may be shared by machines that do not run each other's programs."""
    words = [platform.system(), platform.machine()]
    with (
        contextlib.suppress(OSError),
        open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f,
    ):
        words += [next((line for line in f if line.startswith(("flags", "Features"))), "")]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
