"""Compiled programs kept by the command line: where, for whom, and how many."""

import os

import jax
import pytest

from synthmix_jax.cli import _cache

NAMES = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")


@pytest.fixture
def chosen(monkeypatch):
    """What `use` tells JAX under these variables, without telling it."""
    before, update = jax.config.values[NAMES[0]], jax.config.update

    def call(folder_of_jax=None, **environment):
        told = {}
        for name in ("SYNTHMIX_CACHE", "XDG_CACHE_HOME", NAMES[1].upper()):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        update(NAMES[0], folder_of_jax)
        monkeypatch.setattr(jax.config, "update", told.__setitem__)
        _cache.use()
        return told

    yield call
    update(NAMES[0], before)


def test_in_the_users_cache_folder_or_the_one_named_or_nowhere(chosen, tmp_path, monkeypatch):
    monkeypatch.setattr(_cache.Path, "home", lambda: tmp_path / "home")
    kind = _cache._machine()
    home, xdg, named = tmp_path / "home" / ".cache", tmp_path / "xdg", tmp_path / "named"
    for environment, folder in (
        ({}, home / "synthmix" / "xla" / kind),
        ({"XDG_CACHE_HOME": xdg}, xdg / "synthmix" / "xla" / kind),
        ({"XDG_CACHE_HOME": "relative"}, home / "synthmix" / "xla" / kind),
        ({"SYNTHMIX_CACHE": named}, named / kind),
    ):
        assert chosen(**environment) == {NAMES[0]: str(folder), NAMES[1]: 0.0}
        assert folder.is_dir()
        assert folder.stat().st_mode & 0o077 == 0  # programs are code: others may not write any
    assert chosen(SYNTHMIX_CACHE="off") == chosen(SYNTHMIX_CACHE=" OFF ") == {}
    # What was said to JAX holds.
    assert chosen(folder_of_jax="mine") == {NAMES[1]: 0.0}
    variables = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": 2}
    assert chosen(folder_of_jax="mine", **variables) == {}


def test_a_folder_that_cannot_be_used_is_done_without(chosen, tmp_path):
    (tmp_path / "file").write_text("")
    assert chosen(SYNTHMIX_CACHE=tmp_path / "file" / "inside") == {}
    if hasattr(os, "getuid"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "getuid", lambda: -1)  # the folder is someone else's
            assert chosen(SYNTHMIX_CACHE=tmp_path / "theirs") == {}


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    for age, name in enumerate(("newest", "new", "old", "oldest")):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    (tmp_path / "empty").write_bytes(b"")
    os.utime(tmp_path / "oldest", (2e9, 1e9 - 3))  # read since
    _cache.prune(tmp_path, 400)
    assert {path.name for path in tmp_path.iterdir()} == {"newest", "new", "old", "oldest"}
    _cache.prune(tmp_path, 399)  # down to four fifths, 319
    assert {path.name for path in tmp_path.iterdir()} == {"newest", "new", "oldest"}
