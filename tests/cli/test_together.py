"""A command in two processes: what one of them refuses ends both, alike and at once."""

import os
import socket
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import _agreement
from synthmix_jax.cli import _options, _recommend, _together, _train


@pytest.mark.slow
def test_what_one_process_refuses_ends_both(tmp_path):
    for name in ("real", "made"):
        smx.loaders.save(tmp_path / f"{name}.npz", smx.Dataset(np.eye(6), np.arange(6) % 2))
    with socket.socket() as free:
        free.bind(("localhost", 0))
        place = f"localhost:{free.getsockname()[1]}"
    both = []
    for process, made in enumerate(("made.npz", "absent.npz")):
        options = ("--coordinator", place, "--num-processes", "2", "--process-id", str(process))
        command = [sys.executable, "-m", "synthmix_jax", "recommend", "real.npz", made, *options]
        environment = {**os.environ, "PYTHONPATH": os.getcwd()}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        both.append(subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes))
    try:
        answers = [process.communicate(timeout=120) for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [2, 2]
    for (out, err), words in zip(answers, ("process 1 says: ", ""), strict=True):
        assert out == ""  # Gloo announces itself, elsewhere
        (line,) = (line for line in err.splitlines() if line.startswith("synthmix: "))
        assert line.startswith(f"synthmix: {words}")
        assert "absent.npz" in line


@pytest.fixture
def said(monkeypatch):
    """What the other of two processes is told; it says what `others` holds."""
    told = []

    def exchange(text):
        told.append(text)
        return text or (others[-1] if others else "")

    others = []
    monkeypatch.setattr(_agreement, "first_of_all", exchange)
    return told, others


def test_each_fails_where_another_does_and_process_0_alone_writes(said):
    told, others = said
    zero, one = (_together.Together(process, 2) for process in (0, 1))
    done = []
    zero.first_alone(lambda: done.append(0))
    one.first_alone(lambda: done.append(1))
    assert (done, told) == ([0], ["", ""])
    for error in (ValueError("say x"), KeyError("a mistake")):
        with pytest.raises(type(error)):
            one.each(lambda error=error: (_ for _ in ()).throw(error))
    assert "process 1 says: say x" in told[2]
    assert "process 1 failed (KeyError: 'a mistake')" in told[3]
    for words, kind in zip(told[2:], (ValueError, RuntimeError), strict=True):
        others.append(words)
        with pytest.raises(kind, match=r"^process 1 "):
            zero.each(lambda: None)
    assert _together.Together().each(lambda: 3) == 3


def test_only_processes_that_agreed_wait_for_each_other(monkeypatch, said):
    ends = []
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(_together.distributed, "stop", lambda: ends.append("together"))
    monkeypatch.setattr(_together, "_end", ends.append)
    monkeypatch.setattr(_together, "_LAST_WORDS_S", 0.0)
    monkeypatch.setattr(_together, "_agreed", threading.Event())
    for code in (0, 143, 2, 130):
        _together.leave(code)
    assert ends == ["together", "together", 2, 130]
    _together.leave_in_error()
    assert ends[4:] == [1]
    with pytest.raises(ValueError, match="say x"):
        _together.Together(1, 2).each(lambda: (_ for _ in ()).throw(ValueError("say x")))
    _together.leave(2)
    _together.leave_in_error()
    assert ends[5:] == ["together", "together"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (_recommend.Recommend, "recommend"),
        (_train.Train, "_refuse_failure"),
        (_train.Train, "judge"),
        (_train.Recipe, "config"),
    ],
)
def test_what_one_process_refuses_after_loading_is_told_to_all(monkeypatch, said, command, name):
    """Memory differs between machines, say: then the method does."""

    def refuse(*_, **__):
        raise ValueError("no room")

    module = _recommend if command is _recommend.Recommend else _train
    monkeypatch.setattr(command if name == "config" else module, name, refuse)
    monkeypatch.setattr("synthmix_jax.training.sweep", lambda *_, **__: None)
    if name == "judge":
        monkeypatch.setattr(_train, "_refuse_failure", lambda result: None)
    monkeypatch.setattr(_options.Processes, "start", lambda self: _together.Together(1, 2))
    call = _train.Train() if module is _train else command()
    with pytest.raises(ValueError, match="no room"):
        call.run()
    assert [text for text in said[0] if text] == ["refused: process 1 says: no room"]
