"""SIGTERM: training saves, ends with code 143 and goes on when asked again; a second one does not wait."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.cli import _stopping, _train, main

QUICK = "--steps 12 --batch-size 8 --evaluations 3 --model mlp --ratios 0,1 --seeds 2 --json"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A real and a synthetic file of two classes."""
    rng = np.random.default_rng(5)
    paths = [tmp_path_factory.mktemp("data") / name for name in ("real.npz", "made.npz")]
    for path in paths:
        y = np.arange(40) % 2
        smx.loaders.save(path, smx.Dataset((rng.normal(size=(40, 3)) + y[:, None]).astype("f4"), y))
    return [*map(str, paths)]


@pytest.fixture
def run(capsys, files):
    def call(*arguments):
        code = main(["train", *files, *QUICK.split(), *map(str, arguments)])
        return (code, *capsys.readouterr())

    return call


@pytest.fixture
def terminated(monkeypatch):
    """A signal as the first evaluation ends."""
    signals = [signal.SIGTERM]

    def tell(done, total, what):
        if what != "compiling" and signals:
            os.kill(os.getpid(), signals.pop())

    monkeypatch.setattr(_train, "progress", lambda **options: contextlib.nullcontext(tell))


def errors(out):
    return json.loads(out)["networks"]["errors"]


def test_training_saves_and_goes_on_to_the_same_numbers(run, terminated, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    code, out, err = run("--workdir", tmp_path / "run")
    assert (code, out) == (143, "")
    assert err == (
        "synthmix: stopped by SIGTERM. 16 of 48 steps were taken. What was reached lies in "
        f"{tmp_path / 'run'}; the same command goes on there.\n"
    )
    assert signal.getsignal(signal.SIGTERM) is before
    code, out, err = run("--workdir", tmp_path / "run")
    assert (code, err) == (0, "")
    assert errors(out) == errors(run()[1])


def test_without_a_folder_nothing_is_kept_and_that_is_said(run, terminated):
    code, _, err = run()
    assert code == 143
    assert "Nothing was kept; with --workdir or --out" in err


def test_before_there_is_anything_to_save_it_ends_at_once_with_the_same_code():
    """As it waits for another process that does not come."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        place = free.getsockname()
    options = f"--coordinator localhost:{place[1]} --num-processes 2 --process-id 0"
    command = [sys.executable, "-m", "synthmix_jax", "train", *options.split()]
    waiting = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(place):
                break
            time.sleep(0.1)
        waiting.terminate()
        _, err = waiting.communicate(timeout=30)
    finally:
        waiting.kill()
    assert (waiting.returncode, err) == (143, b"synthmix: stopped by SIGTERM.\n")


def test_a_second_signal_ends_at_once_even_inside_a_long_call():
    code = (
        "import hashlib, os, signal, threading, time\n"
        "from synthmix_jax.cli import _stopping\n"
        "def twice():\n"
        "    for _ in range(2):\n"
        "        time.sleep(0.2)\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "with _stopping.told_to_stop() as told:\n"
        "    threading.Thread(target=twice).start()\n"
        # Minutes in C, without the interpreter, as in one call of XLA.
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == _stopping.EXIT_CODE == 143
    assert done.stderr == b""
