"""`synthmix recommend` on small files: JSON, report, plain text in a pipe, a panel on a terminal, the demo."""

import io
import json
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.advice import _adapt_bound, _adapt_labelled, _adapt_unlabelled
from synthmix_jax.cli import _demo, _options, _terminal, main

QUICK = ("--num-orders", "1", "--weights", "1.0", "--ridges", "0.1")


@pytest.fixture
def files(tmp_path, rng):
    """A real and a synthetic file, in folders whose names want escaping."""
    folder = tmp_path / "a <b> [red]"
    paths = []
    for name, count, shift in (("real", 24, 0.0), ("<script>", 30, 0.3)):
        y = np.arange(count) % 2
        x = rng.normal(size=(count, 2)) + 2.0 * y[:, None] + shift
        paths.append(folder / f"{name}.npz")
        smx.loaders.save(paths[-1], smx.Dataset(x, y, class_names=("<i>", "b")))
    return paths


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main(["recommend", *map(str, arguments), *QUICK])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_json_is_all_there_is_on_standard_output(run, files, tmp_path):
    code, out, err = run(*files, "--json", "--seed", 3)
    numbers = json.loads(out)
    assert (code, err) == (0, "")
    assert numbers["names"] == ["real.npz", "<script>.npz"]
    assert numbers["num_real"] == 24
    command = numbers["settings"]["command_line"]
    assert command["seed"] == 3
    assert command["files"] == [str(f) for f in files]


def test_same_seed_same_answer(run, files):
    assert run(*files, "--json") == run(*files, "--json")


def test_without_out_nothing_is_written(run, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(*files)
    assert (code, err) == (0, "")
    assert "name a folder with --out" in out
    assert sorted(tmp_path.rglob("*")) == before


def test_out_holds_the_report_and_text_says_where(run, files, tmp_path):
    folder = tmp_path / "new" / "answer"
    code, out, err = run(*files, "--out", folder)
    assert (code, err) == (0, "")
    assert str(folder / "report.html") in out
    assert str(folder / "curve.png") in out
    assert json.loads((folder / "advice.json").read_text())["summary"] in out
    assert "╭" not in out
    assert "\x1b" not in out


def test_the_report_escapes_file_names(run, files, tmp_path):
    run(*files, "--out", tmp_path / "answer")
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.feed((tmp_path / "answer" / "report.html").read_text("utf-8"))
    assert "html" in tags
    assert "script" not in tags
    assert "red" not in tags


def test_a_terminal_gets_a_panel(run, files, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "100")
    code, out, _ = run(*files)
    assert code == 0
    assert "╭" in out
    assert "left-out error" in out


def test_same_file_twice(run, files):
    code, out, err = run(files[0], files[0].parent / "." / files[0].name)
    assert (code, out) == (2, "")
    assert "every synthetic point would be a copy" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--weights", "-1"), "weights"),
        (("--ridges", "0"), "ridges"),
        (("--num-orders", "0"), "num_orders must be a whole number of at least 1"),
    ],
)
def test_bad_options_name_themselves(run, files, capsys, options, message):
    code = main(["recommend", *map(str, files), *options])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_files_that_do_not_match(run, files, tmp_path, rng):
    other = tmp_path / "other.npz"
    smx.loaders.save(other, smx.Dataset(rng.normal(size=(5, 3)), np.arange(5) % 2))
    code, out, err = run(files[0], other)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_damaged_file(run, files, tmp_path):
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(files[0].read_bytes()[:100])
    code, out, err = run(damaged, files[1])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "damaged.npz" in err


def test_warnings_of_the_answer_are_shown_once(run, tmp_path, rng):
    paths = [tmp_path / "few.npz", tmp_path / "more.npz"]
    for path, count in zip(paths, (6, 20), strict=True):
        y = np.arange(count) % 2
        smx.loaders.save(path, smx.Dataset(rng.normal(size=(count, 2)) + y[:, None], y))
    code, out, err = run(*paths)
    assert (code, err) == (0, "")
    assert out.count("Only 6 real points") == 1


def test_progress_on_a_terminal_only(monkeypatch):
    with _options.progress() as tell:
        assert tell is None

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with _options.progress() as tell:
        tell(1, 2, "sweeping")
    assert "sweeping" in screen.getvalue()


def test_show_survives_markup_in_names(files, run, monkeypatch, tmp_path):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(*files, "--out", "[red]x[/]")
    assert code == 0
    assert "[red]x[/]" in out
    assert _terminal._places(None)[0][0] == "report"


@pytest.fixture
def small_demo(monkeypatch):
    monkeypatch.setattr(_demo, "_POOL", 40)


def test_the_demo_answers_and_checks_itself(run, small_demo):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.startswith("Demonstration: 50 real digits and 40 synthetic ones.")
    assert "came without them" in out
    assert "Checked on 1,697 held-out digits" in out
    for line in (
        "real data alone",
        "as recommended",
        "whole pool, at full weight",
        "50 digits instead",
    ):
        assert line in out
    assert out.index("report ") < out.index("Checked on")


def test_the_demo_as_json(run, small_demo):
    code, out, _ = run("--json")
    assert code == 0
    assert json.loads(out)["names"] == list(_demo.NAMES)


def test_the_demo_shares_no_digit():
    demo = _demo.make(0)
    assert [len(d) for d in (demo.real, demo.seen, demo.pool)] == [50, 50, 2000]
    assert np.all(np.bincount(demo.real.y) == 5)
    assert np.all(np.bincount(demo.seen.y) == 5)
    digits = len(smx.load("digits", split="all"))
    assert len(demo.real) + len(demo.seen) + len(demo.test) == digits


def test_as_a_process(files):
    done = subprocess.run(
        [sys.executable, "-m", "synthmix_jax", "recommend", *map(str, files), "--json", *QUICK],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["pool"] == 30


def test_features_of_a_folder_that_is_mapped(run, files, tmp_path, rng, monkeypatch):
    """What was done is told; too many features are refused in one line."""
    monkeypatch.setattr("synthmix_jax.advice._recommend.compared", lambda *_, **__: None)
    folder, y = tmp_path / "pool", np.arange(30) % 2
    folder.mkdir()
    np.save(folder / "x.npy", rng.normal(size=(30, 2)) + 2.0 * y[:, None])
    np.save(folder / "y.npy", y)
    options = ("--method", "nystrom", "--num-features")
    code, out, _ = run(files[0], folder, *options, 48)
    assert code == 0
    assert "48 Nyström features; left-out errors are those of regression on them" in out
    code, out, err = run(files[0], folder, *options, 99)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "99 landmarks and there are 54 rows" in err
    code, out, err = run("no.npz", folder, "--method", "random_features", "--num-features", 33)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "num_features must be even for random_features, got 33" in err  # before any file is read


def test_a_target_makes_it_domain_adaptation(run, files, tmp_path, rng, monkeypatch):
    # Distances decide nothing and take most of the time.
    for case in (_adapt_bound, _adapt_labelled, _adapt_unlabelled):
        name = "compared" if case is _adapt_bound else "compared_several"
        monkeypatch.setattr(case, name, lambda *_, **__: None)
    labelled, bare = tmp_path / "target.npz", tmp_path / "inputs.npz"
    y = np.arange(20) % 2
    x = rng.normal(size=(20, 2)) + 2.0 * y[:, None] + 0.3
    smx.loaders.save(labelled, smx.Dataset(x, y, class_names=("<i>", "b")))
    np.savez(bare, x=x)
    cases = {
        ("--target", labelled): "labelled target",
        ("--target", labelled, "--target-inputs"): "unlabelled target",
        ("--target", bare): "unlabelled target",
        ("--adapt",): "no target",
    }
    for options, case in cases.items():
        code, out, _ = run(*files, *options, "--json")
        numbers = json.loads(out)
        assert (code, numbers["adaptation"]["case"]) == (0, case)
    for options, words in (
        (("--target-inputs",), "needs --target"),
        (("--target", labelled, "--adapt"), "leave one of them out"),
        (("--target", labelled, "--target-weights", "0"), "target_weights must be positive"),
    ):
        code, _, err = run(*files, *options)
        assert code == 2
        assert words in err
    code, _, err = run("--target", labelled)
    assert code == 2
    assert "demonstration has no other domain" in err
