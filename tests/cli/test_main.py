"""Exit codes, one clear line for bad input, help, and what reaches which stream."""

import os
import runpy
import subprocess
import sys

import pytest

import synthmix_jax as smx
from synthmix_jax.cli import _main, main


@pytest.fixture
def run(capsys):
    """Run the command line in this process: exit code, standard output, standard error."""

    def call(*arguments):
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_version(run):
    assert run("--version") == (0, f"synthmix {smx.__version__}\n", "")


def test_help_lists_commands(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert "recommend" in out
    assert "how sure are you" in out


def test_help_shows_every_option_with_its_default(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = run("recommend", "--help")
    assert (code, err) == (0, "")
    for option in (
        "--out DIR",
        "--seed INT",
        "--json",
        "--split STR",
        "--synthetic-split",
        "--data-dir DIR",
        "--fitted-on {other,real}",
        "--weights",
        "--ridges",
        "--num-orders INT",
    ):
        assert option in out
    for default in (
        "(default: 0.1 0.3 1.0)",
        "(default: other)",
        "(default: train)",
        "(default: 0)",
    ):
        assert default in out
    assert "Attributes:" not in out
    assert "--no-json" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a command: recommend, distance"),
        (["recomend"], "Unrecognized options: recomend"),
        (["recommend", "--sed", "1"], "--sed"),
        (["recommend", "--seed", "x"], "--seed: invalid literal"),
        (["recommend", "--seed", "-1"], "--seed must lie in 0 to"),
        (["recommend", "--fitted-on", "both"], "invalid choice 'both'"),
        (["recommend", "a", "b", "c"], "Unrecognized options: c"),
        (["recommend", "digits"], "only 'digits' was given"),
        (["recommend", "digits", "digits"], "both digits"),
        (["recommend", "digits", "digts"], "Did you mean 'digits'?"),
        (["recommend", "--fitted-on", "real"], "smx.generators.refit("),
        (["recommend", "digits", "absent.npz"], "absent.npz"),
        (["recommend", "digits", "usps", "--data-dir", "absent"], "was not found. Looked in"),
        (["recommend", "digits", "./digits", "--split", "half"], "no split 'half'"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("synthmix: ")
    assert message in err
    assert "Traceback" not in err


def test_out_that_is_a_file_is_refused_before_work(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run("recommend", "--out", tmp_path / "file")
    assert code == 2
    assert "is a file; name a folder" in err


def raising(error):
    class Command:
        def run(self):
            raise error

    return lambda arguments: Command()


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "synthmix: interrupted.\n"),
        (
            PermissionError(13, "Permission denied", "answer"),
            2,
            "synthmix: Permission denied: answer\n",
        ),
        (FileNotFoundError("no\n  such thing"), 2, "synthmix: no such thing\n"),
    ],
)
def test_exit_codes(run, monkeypatch, error, code, line):
    monkeypatch.setattr(_main, "_parse", raising(error))
    assert run("recommend") == (code, "", line)


def test_mistakes_of_ours_keep_their_traceback(run, monkeypatch):
    for error in (ValueError("shapes differ"), TypeError("a mistake")):
        monkeypatch.setattr(_main, "_parse", raising(error))
        with pytest.raises(type(error)):
            run("recommend")


@pytest.mark.parametrize(
    ("line", "ours"), [("np.zeros(3).reshape(2)", False), ("raise ValueError('say x')", True)]
)
def test_a_value_error_out_of_numpy_is_a_mistake_of_ours(monkeypatch, tmp_path, line, ours):
    monkeypatch.setattr(_main, "_PACKAGE", tmp_path.resolve())
    (tmp_path / "part.py").write_text(f"import numpy as np\n\ndef work():\n    {line}\n")
    work = runpy.run_path(str(tmp_path / "part.py"))["work"]
    with pytest.raises(ValueError, match=r"reshape|say x") as caught:
        work()
    assert _main._is_ours(caught.value) is ours


@pytest.mark.parametrize(
    "box",
    [
        "╭─ Error ─╮\n│ one     │\n│ two │\n│ ───── │\n│ long help │\n╰──╯\n",
        " Error \n ----- \n  one  \n  two  \n  -----\n  long help \n\n",
        "one\ntwo.",
    ],
)
def test_first_words_of_a_box(box):
    assert _main._first_words(box) == "one two."


def test_every_command_is_described():
    for command in _main.COMMANDS.values():
        assert command.__doc__
        assert callable(command.run)


def test_a_reader_that_leaves_ends_it_quietly():
    code = "import sys; from synthmix_jax.cli import main; sys.exit(main(['recommend', '--help']))"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""
