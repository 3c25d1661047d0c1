"""Interruptions change nothing, and a folder of something else is refused."""

import dataclasses
import json
import re
import shutil

import flax.nnx as nnx
import jax
import numpy as np
import pytest
import training_cases as cases


class StopError(Exception):
    """The interruption."""


def stop_at(number):
    """A progress callback that interrupts at its call of this number."""
    calls = []

    def progress(*said):
        calls.append(said)
        if len(calls) == number + 1:
            raise StopError

    progress.calls = calls
    return progress


def interrupted(folder, number, **more):
    with pytest.raises(StopError):
        cases.sweep(workdir=folder, progress=stop_at(number), **more)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An uninterrupted sweep and its folder."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    return cases.sweep(workdir=folder, keep_models=True), folder


def equal_runs(a, b):
    """Two folders hold the same numbers."""
    assert (a / "cells.jsonl").read_text() == (b / "cells.jsonl").read_text()


def test_finished_run_is_read_back(finished):
    result, folder = finished
    seen = []
    again = cases.sweep(workdir=folder, keep_models=True, progress=lambda *said: seen.append(said))
    cases.same(result, again)
    assert again.log == ("resumed: 6 models were finished",)
    assert seen == [(144, 144, "compiling")]
    models = [nnx.state(r.model(2, 1), (nnx.Param, nnx.BatchStat)) for r in (result, again)]
    jax.tree.map(np.testing.assert_array_equal, *models)
    assert (again.status == result.status).all()


def test_interruptions_change_nothing(finished, tmp_path):
    result, folder = finished
    # After the first evaluation, which is not stored; then with two and three evaluations stored.
    for call in (1, 3, 2):
        interrupted(tmp_path, call, keep_models=True)
    progress = stop_at(99)
    again = cases.sweep(workdir=tmp_path, keep_models=True, progress=progress)
    cases.same(result, again)
    equal_runs(folder, tmp_path)
    assert again.log[0] == "resumed: 0 models were finished, 6 go on from evaluation 3"
    assert [done for done, _, _ in progress.calls] == [108, 144]
    models = [nnx.state(r.model(2, 1), (nnx.Param, nnx.BatchStat)) for r in (result, again)]
    jax.tree.map(np.testing.assert_array_equal, *models)


def test_interruption_after_a_chunk_and_on_other_devices(finished, tmp_path):
    result, _ = finished
    one = {"mesh": cases.devices(1), "keep_models": True}
    interrupted(tmp_path, 6, memory_limit=LIMIT, **one)  # the second of two chunks is under way
    lines = (tmp_path / "cells.jsonl").read_text().splitlines()
    done = {tuple(json.loads(line)["cell"]) for line in lines}
    assert 0 < len(done) < 6
    config = dataclasses.replace(cases.CONFIG, models_at_once=2)
    again = cases.sweep(workdir=tmp_path, keep_models=True, config=config)
    words = rf"resumed: {len(done)} models were finished, \d go on from evaluation 1"
    assert re.match(words, again.log[0])
    cases.same(result, again, rtol=1e-5)
    # With less memory than before, fewer of them go on; the others begin anew.
    shutil.rmtree(tmp_path)
    interrupted(tmp_path, 3, **one)
    cases.same(result, cases.sweep(workdir=tmp_path, memory_limit=LIMIT, **one), rtol=1e-5)


LIMIT = 50_000.0


def test_half_written_states_do_not_break(finished, tmp_path):
    result, folder = finished
    (tmp_path / ".config.json.00ff.tmp").write_text("{")  # killed before there was a config.json
    interrupted(tmp_path, 3, keep_models=True)
    assert not list(tmp_path.glob(".*.tmp"))
    (tmp_path / ".cells.jsonl.00ff.tmp").write_text("{")
    checkpoints = tmp_path / "checkpoints"
    (newest,) = checkpoints.iterdir()
    half = checkpoints / f"{int(newest.name) + 1}.orbax-checkpoint-tmp"
    shutil.copytree(newest, half)
    progress = stop_at(0)
    with pytest.raises(StopError):
        cases.sweep(workdir=tmp_path, keep_models=True, progress=progress)
    assert progress.calls[0][0] == 72
    # The newest checkpoint lost its arrays: its cells begin anew.
    (newest,) = (path for path in checkpoints.iterdir() if path.name.isdigit())
    for path in list((newest / "state").rglob("*")):
        if path.is_file():
            path.unlink()
    again = cases.sweep(workdir=tmp_path, keep_models=True)
    assert re.fullmatch(
        r"a checkpoint could not be read \(\w+\): its models begin anew", again.log[0]
    )
    cases.same(result, again)
    equal_runs(folder, tmp_path)


def test_checkpoint_of_another_version_is_not_gone_on_from(finished, tmp_path, monkeypatch):
    from synthmix_jax.training import _book

    result, folder = finished
    interrupted(tmp_path, 3, keep_models=True)
    names = _book._names
    with monkeypatch.context() as patched:
        patched.setattr(_book, "_names", lambda tree: [f"new{name}" for name in names(tree)])
        again = cases.sweep(workdir=tmp_path, keep_models=True)
    assert "another version of a library wrote it" in again.log[0]
    cases.same(result, again)
    equal_runs(folder, tmp_path)


@pytest.mark.parametrize("lost", ["the lines", "the models too"])
def test_killed_between_models_and_lines(finished, tmp_path, lost, monkeypatch):
    from synthmix_jax.training import _workdir

    result, folder = finished

    def die(*_):
        raise StopError

    with monkeypatch.context() as patched:
        patched.setattr(_workdir.Workdir, "add" if lost == "the lines" else "keep", die)
        with pytest.raises(StopError):
            cases.sweep(workdir=tmp_path, keep_models=True)
    cases.same(result, cases.sweep(workdir=tmp_path, keep_models=True))
    equal_runs(folder, tmp_path)


def test_killed_before_the_checkpoints_are_dropped(finished, tmp_path, monkeypatch):
    from synthmix_jax.training import _workdir

    result, _ = finished
    clear = _workdir.Workdir.clear

    def die(folder):
        if (folder.path / "cells.jsonl").exists():
            raise StopError
        clear(folder)

    with monkeypatch.context() as patched:
        patched.setattr(_workdir.Workdir, "clear", die)
        with pytest.raises(StopError):
            cases.sweep(workdir=tmp_path, keep_models=True)
    assert list((tmp_path / "checkpoints").iterdir())
    cases.same(result, cases.sweep(workdir=tmp_path, keep_models=True))
    assert not list((tmp_path / "checkpoints").iterdir())


def test_failed_cells_are_read_back(tmp_path):
    config = dataclasses.replace(cases.CONFIG, learning_rate=1e30, schedule="constant")
    kept = {"ratios": [1.0], "seeds": 1, "config": config, "workdir": tmp_path}
    first, again = cases.sweep(**kept), cases.sweep(**kept)
    cases.same(first, again)
    assert first.status.tolist() == again.status.tolist() != [[""]]
    text = (tmp_path / "cells.jsonl").read_text()
    assert "null" in text
    assert "NaN" not in text
    assert "Infinity" not in text


CHANGES = {
    "config.learning_rate: 0.05 there, 0.1 here": {
        "config": dataclasses.replace(cases.CONFIG, learning_rate=0.1)
    },
    "ratios: [0.0, 1.0, 2.5] there, [0.0, 1.0, 2.0] here": {"ratios": [0.0, 1.0, 2.0]},
    "seeds.data: [0, 1] there, [0, 1, 2] here": {"seeds": 3},
    "data.test: {": {"test": None},
    "data.test.sha256": {"test": cases.problem()[2][::-1]},
    "model.parameters: 423 there, 563 here": {"model": lambda rngs: cases.Net(rngs, width=16)},
    "model.evaluation": {"model": lambda rngs: cases.Net(rngs, activation=nnx.tanh)},
    "(model.training": {"model": lambda rngs: cases.Net(rngs, dropout=0.2)},
    "keep_models: true there, false here": {"keep_models": False},
}


@pytest.mark.parametrize("words", CHANGES)
def test_other_settings_are_refused(finished, words):
    folder = finished[1]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="holds a sweep of other settings") as caught:
        cases.sweep(**{"workdir": folder, "keep_models": True, **CHANGES[words]})
    assert words in str(caught.value)
    assert str(caught.value).endswith("name another folder, or delete this one.")
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_initialization_belongs_to_the_settings(finished):
    class Wide(nnx.Linear):
        def __init__(self, *sizes, **more):
            super().__init__(*sizes, kernel_init=nnx.initializers.normal(2.0), **more)

    class Net(cases.Net):
        def __init__(self, rngs):
            super().__init__(rngs)
            self.head = Wide(12, 3, rngs=rngs)

    with pytest.raises(ValueError, match=r"model\.initialization"):
        cases.sweep(Net, workdir=finished[1], keep_models=True)


def test_unusable_folders_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cannot be written to .*: name another folder\."):
        cases.sweep(workdir=tmp_path / "file" / "below")
    with pytest.raises(ValueError, match=r"holds other files and no config\.json: name an empty"):
        cases.sweep(workdir=tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", "{", r"config\.json is damaged .*: delete the folder"),
        ("config.json", "[]", r"holds a sweep of other settings"),
        ("cells.jsonl", "{}\n", r"line 1 of .*cells\.jsonl is damaged: delete the folder"),
        ("cells.jsonl", "what\n", r"line 1 of .*cells\.jsonl is damaged: delete the folder"),
        ("cells.jsonl", None, r"cell \[.*\] is not whole in cells\.jsonl: delete the folder"),
        ("models", None, r"the models of cells \[.*\] cannot be read: delete the folder"),
    ],
)
def test_damaged_folders_are_refused(finished, tmp_path, name, content, words):
    folder = tmp_path / "copy"
    shutil.copytree(finished[1], folder)
    path = folder / name
    if name == "models":
        for file in [file for file in path.rglob("*") if file.is_file()]:
            file.unlink()
    else:
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:-1]) if content is None else content)
    with pytest.raises(ValueError, match=words):
        cases.sweep(workdir=folder, keep_models=True)


def test_a_sweep_that_is_told_to_stop_says_how_far_it_came_and_goes_on(tmp_path):
    asked = []
    with pytest.raises(cases.smx.training.Stopped, match="after 72 of 144 steps") as caught:
        cases.sweep(workdir=tmp_path / "run", stop=lambda: asked.append(1) or len(asked) == 3)
    stopped = caught.value
    assert (stopped.workdir, stopped.done, stopped.total) == (str(tmp_path / "run"), 72, 144)
    # What is finished is not stopped.
    again = cases.sweep(workdir=tmp_path / "run", stop=lambda: len(asked) > 5 or asked.append(2))
    assert "6 go on from evaluation 2" in again.log[0]
    assert asked == [1, 1, 1, 2, 2]  # before the first step, after every evaluation but the last
    cases.same(again, cases.sweep())
    # Told as programs were compiled, it trains nothing.
    with pytest.raises(cases.smx.training.Stopped, match=r"after 0 .* nothing was kept") as caught:
        cases.sweep(stop=lambda: True)
    assert caught.value.workdir is None
