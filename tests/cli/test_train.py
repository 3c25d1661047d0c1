"""`synthmix train` on small files: the table, the report, runs for `predict`, JSON, resumption, the demo."""

import contextlib
import csv
import json
import re
from functools import partial

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import training
from synthmix_jax.cli import _options, _run_table, _train, main
from synthmix_jax.training import _plan, _sweep

QUICK = ("--steps", "12", "--batch-size", "8", "--evaluations", "2", "--model", "mlp")
RATIOS = ("--ratios", "0,0.5,1", "--seeds", "3")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A real, a synthetic and a test file of two classes, in a folder whose name wants escaping."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("data") / "a <b> [red]"
    paths = []
    for name, count in (("real", 40), ("made", 60), ("test", 30)):
        y = np.arange(count) % 2
        x = (rng.normal(size=(count, 3)) + y[:, None]).astype(np.float32)
        paths.append(folder / f"{name}.npz")
        smx.loaders.save(paths[-1], smx.Dataset(x, y))
    return paths


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main(["train", *map(str, arguments), *QUICK])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def made_up(
    model,
    real,
    synthetic,
    *,
    test,
    ratios,
    seeds,
    config,
    workdir=None,
    progress=None,
    stop=None,
    failed=(),
):
    """What a sweep returns, without one: errors by a formula, all else as planned."""
    del model, workdir, stop
    plan = _plan.make_plan(real, synthetic, ratios, training.Seeds.of(seeds), config)
    shape = len(plan.ratios), len(plan.seeds)
    scatter = np.random.default_rng(0).uniform(size=shape)
    errors = 0.2 + 0.1 * (plan.shares[:, None] - 0.5) ** 2 + 0.01 * scatter
    status = np.full(shape, "", object)
    for cell in failed:
        errors[cell], status[cell] = (
            np.nan,
            "the loss was not finite at step 3: lower learning_rate.",
        )
    if progress is not None:
        progress(1, 2, "compiling")
    seen = np.zeros((*shape, 1))
    return training.Result(
        ratios=plan.ratios,
        realised_counts=plan.counts,
        realised_ratios=plan.counts / len(plan.draws[0].real),
        realised_shares=plan.shares,
        seeds=plan.seeds,
        num_real=len(plan.draws[0].real),
        num_validation=len(plan.draws[0].validation),
        pool=len(synthetic),
        num_steps=plan.num_steps,
        test_error=errors + 0.01 if test is not None else np.full(shape, np.nan),
        test_loss=errors,
        validation_error=errors,
        chosen_step=np.zeros(shape, np.int64),
        history=training.History(seen.astype(np.int64), seen, seen, seen),
        status=status,
        config=config,
        num_classes=real.num_classes,
        log=("one sentence",),
        settings={},
    )


@pytest.fixture
def quick(monkeypatch):
    """No training: what the command does with a result."""
    monkeypatch.setattr(training, "sweep", made_up)


def stopped_after(evaluations, tick=_sweep._Meter.tick):
    """Ctrl-C after so many evaluations of a sweep."""
    seen = []

    def stop(self, chunk, number):
        tick(self, chunk, number)
        seen.append(number)
        if len(seen) > evaluations:
            raise KeyboardInterrupt

    return stop


def test_after_ctrl_c_the_same_command_ends_with_the_numbers_of_sweep(
    run, files, tmp_path, monkeypatch
):
    folder = tmp_path / "new" / "<i> x"
    arguments = (*files[:2], *RATIOS, "--test", files[2], "--out", folder, "--seed", 2)
    with monkeypatch.context() as patch:
        patch.setattr(_sweep._Meter, "tick", stopped_after(1))
        code, out, err = run(*arguments)
    assert (code, out) == (130, "")
    assert f"interrupted. What was reached lies in {folder / 'run'}; the same command" in err

    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert re.search(r"Resumed: 0 models were finished, 9 [a-z ]*from evaluation 1\b", words)
    names = {f.name for f in folder.iterdir()}
    assert names == {"report.html", "curve.png", "advice.json", "runs.csv", "run"}
    for name in ("report.html", "runs.csv", "advice.json"):
        assert str(folder / name) in out

    real, made, test = (smx.load(str(f)) for f in files)
    whole = training.sweep(
        smx.models.named("mlp", input_shape=(3,), num_outputs=2),
        real,
        made,
        test=test,
        ratios=[0, 0.5, 1],
        seeds=[2000, 2001, 2002],
        config=training.Config(steps=12, batch_size=8, evaluations=2),
    )
    saved = json.loads((folder / "advice.json").read_text())["sweep"]
    for name in ("realised_counts", "validation_error", "test_error"):
        np.testing.assert_array_equal(saved[name], getattr(whole, name))

    # All is finished: nothing is trained again, and nothing else is trained there.
    code, out, _ = run(*arguments, "--json")
    assert json.loads(out)["sweep"]["test_error"] == saved["test_error"]
    code, out, err = run(*arguments, "--label-smoothing", 0.1)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "config.label_smoothing: 0.0 there, 0.1 here" in err


def test_without_a_folder_ctrl_c_says_that_nothing_was_kept(run, files, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "sweep", stop)
    code, out, err = run(*files[:2])
    assert (code, out) == (130, "")
    assert "with --workdir or --out the same command goes on where it was" in err


def test_json_is_all_there_is_on_standard_output(run, files, quick):
    code, out, err = run(*files[:2], "--json", "--seed", 2, *RATIOS, "--test", files[2])
    assert (code, err) == (0, "")
    numbers = json.loads(out)
    assert numbers["names"] == ["real.npz", "made.npz"]
    assert numbers["sweep"]["seeds"]["init"] == [2000, 2001, 2002]
    command = numbers["settings"]["command_line"]
    assert (command["seed"], command["model"]) == (2, "mlp")
    assert command["files"] == [str(f) for f in files]


def test_a_failed_network_is_marked_and_left_out(run, files, monkeypatch, tmp_path):
    monkeypatch.setattr(training, "sweep", partial(made_up, failed=[(1, 0)]))
    code, out, _ = run(*files[:2], *RATIOS, "--out", tmp_path)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].endswith("failed")
    assert lines[2].endswith("1 of 3")
    assert "the loss was not finite at step 3" in out
    with (tmp_path / "runs.csv").open(newline="") as file:
        assert [row["networks"] for row in csv.DictReader(file)] == ["3", "2", "3"]


def test_networks_that_all_fail_are_told_apart_from_an_answer(run, files, monkeypatch):
    every = [(r, s) for r in range(3) for s in range(3)]
    for failed, said in ((every, "failed, and all others too"), (every[:3], "failed, so there")):
        monkeypatch.setattr(training, "sweep", partial(made_up, failed=failed))
        code, out, err = run(*files[:2], *RATIOS)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"all networks on real data alone {said}" in err
        assert "lower --learning-rate" in err


def test_a_terminal_gets_a_table_a_panel_and_progress(run, files, quick, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "100")
    told = []

    @contextlib.contextmanager
    def bar(*, whole, shown):
        assert whole
        yield lambda *counts: told.append(counts)

    monkeypatch.setattr(_train, "progress", bar)
    code, out, _ = run(*files[:2], *RATIOS)
    assert code == 0
    assert "╭" in out
    assert "validation error" in out
    assert told == [(1, 2, "compiling")]


def test_epochs_train_larger_mixes_longer(capsys, files, quick):
    options = ("--epochs", "2", "--batch-size", "8", "--ratios", "0,1", "--seeds", "1", "--json")
    code = main(["train", *map(str, files[:2]), *options])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    sweep = json.loads(out)["sweep"]
    assert sweep["num_steps"] == [8, 16]
    assert sweep["config"]["evaluations"] == 8


def test_the_table_and_its_words(run, files, quick):
    code, out, _ = run(*files[:2], *RATIOS, "--test", files[2])
    assert code == 0
    head, *rows = out.splitlines()[:4]
    assert head.endswith("validation error      test error")
    assert [row.split()[:3] for row in rows] == [
        ["0", "0", "0"],
        ["0.5", "16", "33"],
        ["1", "32", "50"],
    ]
    assert all(row.count("±") == 2 for row in rows)
    words = " ".join(out.split())
    assert "3 networks (mlp) at each ratio, each on 32 real points with 8 more held out" in words
    assert "Test errors chose nothing" in words
    assert "name a folder with --out" in words


def test_without_test_data_the_answer_says_so(run, files, quick):
    code, out, _ = run(*files[:2], "--ratios", "0", "1", "--seeds", 1, "--json")
    assert json.loads(out)["tested"] is None
    code, out, _ = run(*files[:2], "--ratios", "0", "1", "--seeds", 1)
    assert code == 0
    assert "No test data: all errors are on the validation points" in " ".join(out.split())
    assert "test error" not in out
    assert "One network (mlp) at each ratio" in out
    assert "±" not in "".join(out.splitlines()[:3])


def test_predict_reads_the_runs(run, files, tmp_path, quick):
    several = ("--ratios", "0,0.2,0.4,0.6,0.8,1,1.4", "--seeds", 2)
    assert run(*files[:2], *several, "--test", files[2], "--out", tmp_path)[0] == 0
    with (tmp_path / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = json.loads((tmp_path / "advice.json").read_text())["sweep"]
    assert [int(row["m"]) for row in rows] == numbers["realised_counts"]
    np.testing.assert_allclose(
        [float(row["error"]) for row in rows], np.mean(numbers["test_error"], axis=1)
    )
    assert {row["measured_on"] for row in rows} == {"test"}
    table = _run_table.read(tmp_path / "runs.csv")
    np.testing.assert_allclose(table.share, numbers["realised_shares"])
    spread = np.std(numbers["test_error"], axis=1, ddof=1) / np.sqrt(2)
    np.testing.assert_allclose(table.standard_error, spread)


def test_ratios_that_the_pool_does_not_allow_give_way_to_the_whole_pool(run, files, quick):
    code, out, _ = run(*files[:2], "--seeds", 1, "--json")
    assert code == 0
    sweep = json.loads(out)["sweep"]
    assert sweep["ratios"] == [0, 0.25, 0.5, 1, 60 / 32]
    assert sweep["realised_counts"][-1] == 60


def test_regression_and_weights(run, tmp_path, rng, quick):
    paths = []
    for name in ("real", "made"):
        x = rng.normal(size=(40, 3)).astype(np.float32)
        paths.append(tmp_path / f"{name}.npz")
        smx.loaders.save(paths[-1], smx.Dataset(x, 100.0 * x[:, 0]))
    code, out, err = run(*paths, "--mixing", "weight", "--ratios", "0,0.5,2", "--seeds", 3)
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert "Errors: squared errors, mean" in words
    assert [line.split()[:4] for line in out.splitlines()[1:4]] == [
        ["0", "0", "0", "%"],
        ["0.5", "40", "33", "%"],
        ["2", "40", "67", "%"],
    ]


def test_warnings_of_the_answer_are_shown_once(run, files, quick):
    code, out, err = run(*files[:2], "--ratios", "0,1", "--seeds", 2)
    assert (code, err) == (0, "")
    assert out.count("Only 2 seeds") == 1


def test_the_demonstration_says_what_it_is(run, capsys, quick):
    code, out, err = run("--ratios", "0,1", "--seeds", 3)
    assert (code, err) == (0, "")
    assert out.startswith("Demonstration: 50 real digits and 2,000 synthetic ones.")
    assert "each on 50 real points with 200 more held out" in " ".join(out.split())


def test_the_time_left_is_estimated_over_the_whole_run(monkeypatch):
    with _options.progress(whole=True) as tell:
        assert tell is None
