"""A command in two processes: what one of them refuses ends both, alike and at once."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import _agreement
from synthmix_jax.cli import _together


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
        assert err.splitlines()[-1].startswith(f"synthmix: {words}")
        assert "absent.npz" in err.splitlines()[-1]


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
