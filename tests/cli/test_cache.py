"""Compiled programs kept by the command line: where, for whom, and how many."""

import os
import sys
import time
import warnings

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from synthmix_jax.cli import _cache, _main, main

NAMES = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
KIND = "0123456789abcdef"


@pytest.fixture
def chosen(monkeypatch):
    """What `use` tells JAX under these variables, without telling it."""
    before, update = {name: jax.config.values[name] for name in NAMES}, jax.config.update

    def call(folder_of_jax=None, seconds=1.0, **environment):
        told = {}
        for name in ("SYNTHMIX_CACHE", "XDG_CACHE_HOME", NAMES[1].upper()):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        update(NAMES[0], folder_of_jax)
        update(NAMES[1], seconds)
        with monkeypatch.context() as patch, warnings.catch_warnings():
            patch.setattr(jax.config, "update", told.__setitem__)
            _cache.use()
        return told

    yield call
    for name, value in before.items():
        update(name, value)


def test_in_the_users_cache_folder_or_the_one_named_or_nowhere(chosen, tmp_path, monkeypatch):
    monkeypatch.setattr(_cache.Path, "home", lambda: tmp_path / "home")
    kind = _cache._machine()
    home, xdg, named = tmp_path / "home" / ".cache", tmp_path / "xdg", tmp_path / "named"
    for environment, folder in (
        ({}, home / "synthmix" / "xla" / kind),
        ({"SYNTHMIX_CACHE": "Yes"}, home / "synthmix" / "xla" / kind),
        ({"XDG_CACHE_HOME": xdg}, xdg / "synthmix" / "xla" / kind),
        ({"XDG_CACHE_HOME": "relative"}, home / "synthmix" / "xla" / kind),
        ({"SYNTHMIX_CACHE": named}, named / "synthmix-xla" / kind),
    ):
        assert chosen(**environment) == {NAMES[0]: str(folder), NAMES[1]: 0.0}
        for made in (folder, folder.parent):
            assert made.stat().st_mode & 0o077 == 0  # programs are code: others may not write any
    assert chosen(SYNTHMIX_CACHE="off") == chosen(SYNTHMIX_CACHE=" OFF ") == {}


def test_what_was_said_to_jax_holds(chosen, tmp_path):
    assert chosen(folder_of_jax="mine") == {}
    for said in ({"seconds": 3.0}, {NAMES[1].upper(): 2}):
        assert list(chosen(SYNTHMIX_CACHE=tmp_path, **said)) == [NAMES[0]]


def test_a_folder_that_cannot_be_used_is_done_without(chosen, tmp_path):
    (tmp_path / "file").write_text("")
    assert chosen(SYNTHMIX_CACHE=tmp_path / "file" / "inside") == {}


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners and modes here")
def test_a_folder_that_others_can_write_to_is_not_used(chosen, tmp_path, monkeypatch):
    assert chosen(SYNTHMIX_CACHE=tmp_path) != {}
    for folder in (tmp_path / "synthmix-xla", tmp_path / "synthmix-xla" / _cache._machine()):
        for mode in (0o777, 0o770, 0o702):
            folder.chmod(mode)
            assert chosen(SYNTHMIX_CACHE=tmp_path) == {}
        folder.chmod(0o755)
    assert chosen(SYNTHMIX_CACHE=tmp_path) != {}
    monkeypatch.setattr(os, "getuid", lambda: -1)  # the folder is someone else's
    assert chosen(SYNTHMIX_CACHE=tmp_path) == {}


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    folder = tmp_path / KIND
    folder.mkdir()

    def left():
        return {path.name.removesuffix("-cache") for path in folder.iterdir()}

    for age, name in enumerate(("newest", "new", "old", "oldest")):
        (folder / f"{name}-cache").write_bytes(bytes(100))
        os.utime(folder / f"{name}-cache", (1e9 - age, 1e9 - age))
    for name in ("empty-cache", "written-cache"):
        (folder / name).write_bytes(b"")
    os.utime(folder / "empty-cache", (time.time() - 61,) * 2)
    os.utime(folder / "oldest-cache", (2e9, 1e9 - 3))  # read since
    _cache.prune(tmp_path, 400)
    assert left() == {"newest", "new", "old", "oldest", "written"}
    _cache.prune(tmp_path, 399)  # down to four fifths, 319
    assert left() == {"newest", "new", "oldest", "written"}


def test_files_of_others_stay(chosen, tmp_path, monkeypatch):
    """The folder may be a home folder."""
    monkeypatch.setattr(_cache, "_MOST_BYTES", 10)
    own = tmp_path / "synthmix-xla"
    places = (tmp_path, tmp_path / KIND, own, own / "other", own / KIND / "inside", own / KIND)
    kept = []
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        ours = place == own / KIND
        for size in (0, 100):
            kept += [place / f"notes{size}"] + [place / f"{size}-cache"] * (not ours)
            for path in {kept[-1], place / f"notes{size}", place / f"{size}-cache"}:
                path.write_bytes(bytes(size))
                os.utime(path, (1e9, 1e9))
    for folder in (own, own / KIND):
        folder.chmod(0o700)
    assert chosen(SYNTHMIX_CACHE=tmp_path) != {}
    assert [path for path in kept if not path.exists()] == []
    assert [path.name for path in (own / KIND).glob("*-cache")] == []  # ours, and above the bound


def test_only_the_program_keeps_programs(monkeypatch, capsys):
    used = []
    monkeypatch.setattr(
        _main, "_parse", lambda _: type("Command", (), {"run": lambda self: None})()
    )
    monkeypatch.setattr(_cache, "use", lambda: used.append(1))
    assert (main(["distance"]), used) == (0, [])
    monkeypatch.setattr(sys, "argv", ["synthmix", "distance"])
    assert (main(), used) == (0, [1])


def test_programs_that_cannot_be_read_are_made_again(tmp_path, monkeypatch, capfd):
    before = {name: jax.config.values[name] for name in NAMES}
    monkeypatch.setenv("SYNTHMIX_CACHE", str(tmp_path))
    double = jax.jit(lambda x: 2 * x + 1)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        try:
            jax.config.update(NAMES[0], None)
            _cache.use()
            compilation_cache.reset_cache()
            assert double(1.0) == 3.0
            (path,) = tmp_path.glob("synthmix-xla/*/jit__lambda*-cache")
            for spoil in (lambda b: b[: len(b) // 2], lambda b: b[:-9] + b"x" + b[-8:], bytes):
                whole = path.read_bytes()
                path.write_bytes(spoil(whole) if spoil is not bytes else b"")
                double.clear_cache()
                assert double(1.0) == 3.0
                assert len(path.read_bytes()) == pytest.approx(len(whole), rel=0.1)
            assert shown == []
            assert capfd.readouterr().err == ""
            warnings.warn("of something else", stacklevel=1)
            assert [str(each.message) for each in shown] == ["of something else"]
        finally:
            for name, value in before.items():
                jax.config.update(name, value)
            compilation_cache.reset_cache()
