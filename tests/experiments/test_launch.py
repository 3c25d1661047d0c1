"""Files of settings, with every program they call replaced by one that takes notes; the reader, on a real run.

What cannot be seen here is whether the clouds do as their manuals say.
"""

import itertools
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from flax import nnx
from scipy import stats

import synthmix_jax as smx
from experiments.cifar10 import run as cifar10
from experiments.launch import read
from synthmix_jax.cli import _main

LAUNCH = Path(read.__file__).parent
FILES = {
    "tpu_vm": "launch.sh",
    "gke_xpk": "launch.sh",
    "skypilot": "sweep.yaml",
    "slurm": "sweep.sbatch",
}
PROGRAMS = "gcloud xpk git uv pip python python3 synthmix srun scontrol flock"
# Writes down how it was called; then plays its part.
STUB = r"""#!/usr/bin/env bash
name=${0##*/}
printf '%s\x1f' "$name" "$@" >> "$LOG"
printf '\x1e' >> "$LOG"
next() { head -n 1 "$1"; sed -i 1d "$1"; }
case "$name $*" in
  uv\ venv*) mkdir -p "${!#}/bin"; : > "${!#}/bin/activate" ;;
  *queued-resources\ describe*) next states ;;
  *tpu-vm\ describe*) next nodes ;;
  *tpu-vm\ ssh*) exit "$(next codes)" ;;
  srun*)
    shift 2
    "$@" &
    trap 'kill $!' TERM
    wait $!
    code=$?
    while kill -0 $! 2> pause; do wait $!; code=$?; done
    exit $code ;;
  synthmix*)
    [ -z "${FAIL-}" ] || exit "$FAIL"
    [ -n "${SLOW-}" ] || exit 0
    sleep 20 > pause 2>&1 &
    trap 'kill $!; : > saved; exit 143' TERM
    : > ready
    wait $! ;;
esac
"""


class Machine:
    """A folder as home, and a path on which nothing is real but the shell's own tools."""

    def __init__(self, folder):
        self.folder, self.log = folder, folder / "log"
        (folder / "bin").mkdir()
        for name in PROGRAMS.split():
            (folder / "bin" / name).write_text(STUB)
            (folder / "bin" / name).chmod(0o755)

    def start(self, way, *, experiment=False, part="machine", filled=True, **variables):
        """Start a file of settings, as its cloud would: the part that runs on the machines, or another."""
        text = (LAUNCH / way / FILES[way]).read_text()
        if filled:
            text = text.replace("YOUR-FOLDER", str(self.folder))
            text = re.sub(r"YOUR-(?=[A-Z])", "my-", text)
            text = text.replace("WAIT=60", "WAIT=0")
        if experiment:
            text, number = re.subn(r"^( *)# (JOB=)", r"\1\2", text, flags=re.MULTILINE)
            assert number == 1
        if way == "skypilot":
            settings = yaml.safe_load(text)
            variables |= settings["envs"]
            variables |= {"SKYPILOT_NODE_IPS": "10.0.0.7\n10.0.0.8", "SKYPILOT_NUM_NODES": "2"}
            variables |= {"SKYPILOT_NODE_RANK": "1"}
            text = settings["setup"] + settings["run"]
        if way == "slurm":
            (self.folder / "env/bin").mkdir(parents=True, exist_ok=True)
            (self.folder / "env/bin/activate").touch()
        (self.folder / "file").write_text(text)
        (self.folder / "synthmix-jax").mkdir(exist_ok=True)
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        variables |= {
            "HOME": str(self.folder),
            "PATH": path,
            "LOG": str(self.log),
            "SLURM_JOB_ID": "17",
        }
        return subprocess.Popen(
            ["bash", "file", part],
            cwd=self.folder,
            env=variables,
            stderr=subprocess.PIPE,
            text=True,
        )

    def calls(self, name):
        """How a program was called."""
        records = self.log.read_text().split("\x1e") if self.log.exists() else []
        calls = [record.split("\x1f")[:-1] for record in records]
        return [call[1:] for call in calls if call and call[0] == name]

    def says(self, **answers):
        """What the cloud will answer, line by line."""
        for name, lines in answers.items():
            (self.folder / name).write_text("\n".join(lines) + "\n")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def ended(process):
    _, said = process.communicate(timeout=20)
    return process.returncode, said


@pytest.mark.parametrize("way", FILES)
def test_the_command_line_takes_the_job(way, machine):
    assert ended(machine.start(way)) == (0, "")
    (arguments,) = machine.calls("synthmix")
    command = _main._parse(arguments)
    assert isinstance(command, _main.Train)
    command._check()
    command.recipe.check()
    assert (
        command.workdir == ("gs://my-BUCKET" if way != "slurm" else str(machine.folder)) + "/train"
    )
    assert "--distributed" in arguments
    found = dict(itertools.pairwise(arguments))
    if way == "skypilot":
        assert found["--coordinator"] == "10.0.0.7:55555"
        assert (found["--num-processes"], found["--process-id"]) == ("2", "1")


@pytest.mark.parametrize("way", FILES)
def test_the_experiment_takes_the_other_job(way, machine, monkeypatch):
    assert ended(machine.start(way, experiment=True)) == (0, "")
    assert machine.calls("synthmix") == []
    program = [call for call in machine.calls("python") if "experiments.cifar10" in call]
    ((option, _, *arguments),) = program
    assert option == "-m"
    seen = []

    def start(*address):
        seen.append(address)
        raise InterruptedError

    monkeypatch.setattr(smx.distributed, "start", start)
    with pytest.raises(InterruptedError):
        cifar10.main(arguments)
    assert seen == [("10.0.0.7:55555", 2, 1) if way == "skypilot" else (None, None, None)]


@pytest.mark.parametrize("way", FILES)
def test_settings_left_open_are_refused(way, machine):
    code, said = ended(machine.start(way, filled=False))
    assert code == 2
    assert "fill in" in said
    assert machine.calls("synthmix") == machine.calls("gcloud") == machine.calls("xpk") == []


@pytest.mark.parametrize("way", FILES)
def test_sigterm_reaches_the_job_and_its_exit_code_comes_back(way, machine):
    process = machine.start(way, SLOW="1")
    while not (machine.folder / "ready").exists() and not list(machine.folder.glob("*/ready")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)  # to the shell alone
    assert ended(process)[0] == 143
    assert list(machine.folder.rglob("saved"))
    assert machine.calls("scontrol") == ([["requeue", "17"]] if way == "slurm" else [])


@pytest.mark.parametrize("way", FILES)
def test_a_job_that_fails_is_not_begun_again(way, machine):
    assert ended(machine.start(way, FAIL="2"))[0] == 2
    assert len(machine.calls("synthmix")) == 1
    assert machine.calls("scontrol") == []


def verbs(machine):
    """What the TPU service was asked to do."""
    return [call[3] for call in machine.calls("gcloud") if call[3] != "describe"]


def test_tpus_are_asked_for_again_after_a_preemption_and_deleted_in_the_end(machine):
    machine.says(
        states=["NONE", "WAITING_FOR_RESOURCES", "ACTIVE", "NONE", "ACTIVE"],
        nodes=["PREEMPTED"],
        codes=["255", "0"],
    )
    assert ended(machine.start("tpu_vm", part="launch"))[0] == 0
    once = ["create", "scp", "ssh", "delete"]
    assert verbs(machine) == once + once
    for call in machine.calls("gcloud"):
        assert {"--project=my-PROJECT", "--zone=us-east5-b", "--quiet"} <= set(call)


def test_a_job_that_failed_on_tpus_keeps_the_machines_and_says_so(machine):
    machine.says(states=["ACTIVE"], nodes=["READY"], codes=["2"])
    code, said = ended(machine.start("tpu_vm", part="launch"))
    assert code == 2
    assert "cost" in said
    assert "delete" not in verbs(machine)


def test_xpk_starts_this_very_file_on_the_machines(machine):
    assert ended(machine.start("gke_xpk", part="launch"))[0] == 0
    ((*_, command),) = machine.calls("xpk")
    _, file, part = shlex.split(command.removeprefix("--command="))
    assert (LAUNCH.parents[1] / file, part) == (LAUNCH / "gke_xpk/launch.sh", "machine")


def test_slurm_starts_one_task_for_each_gpu():
    lines = (LAUNCH / "slurm/sweep.sbatch").read_text().splitlines()
    found = {
        name: value
        for name, _, value in (
            line.removeprefix("#SBATCH --").partition("=")
            for line in lines
            if line.startswith("#SBATCH")
        )
    }
    assert found["ntasks-per-node"] == found["gpus-per-node"]
    assert (found["signal"], found["requeue"]) == ("B:TERM@120", "")
    # Slurm reads no option after the first command.
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    assert not any(line.startswith("#SBATCH") for line in lines[first:])


def test_every_file_is_on_the_index_and_every_page_says_what_was_tried():
    index = (LAUNCH / "README.md").read_text()
    for way, file in FILES.items():
        assert f"({way}/README.md)" in index
        assert f"{way}/{file}" in index
        page = (LAUNCH / way / "README.md").read_text()
        assert file in page
        assert "## What was tried and what not" in page
    here = {path.parent.name for path in LAUNCH.glob("*/README.md")}
    assert here == set(FILES)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep, its folder, and the folder as it was after two of four evaluations."""
    folder = tmp_path_factory.mktemp("launch")
    rng = np.random.default_rng(0)
    real, synthetic, test = (
        smx.Dataset(rng.normal(size=(n, 3)) + y[:, None], y)
        for n, y in ((n, rng.integers(0, 2, n)) for n in (40, 60, 50))
    )

    asked = []

    def stop():
        asked.append(0)
        if len(asked) == 3:  # asked before the first step, then after each evaluation
            shutil.copytree(folder / "runs/one", folder / "cut")
        return False

    result = smx.training.sweep(
        lambda rngs: nnx.Linear(3, 2, rngs=rngs),
        real,
        synthetic,
        test=test,
        ratios=[0.0, 1.0, 2.0],
        seeds=3,
        config=smx.training.Config(
            steps=8, batch_size=8, num_real=20, num_validation=20, evaluations=4
        ),
        workdir=folder / "runs/one",
        stop=stop,
    )
    return result, folder


def test_table_holds_means_and_paired_intervals(swept):
    result, folder = swept
    (path,) = read.runs(str(folder / "runs"))
    summary = read.read(path)
    assert (summary.unfinished, summary.checkpoint, summary.num_real) == (0, None, 20)
    assert [row.count for row in summary.rows] == [0, 20, 40]
    for row, errors in zip(summary.rows, result.test_error, strict=True):
        own = stats.ttest_1samp(errors, 0).confidence_interval()
        np.testing.assert_allclose([row.error - row.half, row.error + row.half], own, rtol=1e-9)
    row, errors = summary.rows[2], result.test_error
    paired = stats.ttest_rel(errors[2], errors[0]).confidence_interval()
    np.testing.assert_allclose(
        [row.change - row.change_half, row.change + row.change_half], paired, atol=1e-12
    )
    assert np.isnan(summary.rows[0].change)


def test_run_under_way_says_what_is_missing(swept, capsys):
    _, folder = swept
    before = sorted(folder.rglob("*"))
    assert read.main([str(folder / "cut")]) == 3
    said = capsys.readouterr().out
    assert "unfinished: 9 of 9 models; a checkpoint holds evaluation 2 of 4" in said
    assert sorted(folder.rglob("*")) == before


def test_some_cells_are_finished_and_some_failed(swept, tmp_path, capsys):
    result, folder = swept
    shutil.copytree(folder / "runs/one", tmp_path / "run")
    lines = (folder / "runs/one/cells.jsonl").read_text().splitlines()
    kept = [line for line in lines if '"cell": [2,' not in line and '"cell": [1, 2]' not in line]
    bad = [
        re.sub('("failed", "value": )-1', r"\g<1>5", line) if '"cell": [0, 1]' in line else line
        for line in kept
    ]
    (tmp_path / "run/cells.jsonl").write_text("\n".join(bad) + "\n")
    first, second, third = read.read(read.runs(str(tmp_path / "run"))[0]).rows
    assert [(r.finished, r.failed) for r in (first, second, third)] == [(2, 1), (2, 0), (0, 0)]
    # Only the first repetition is finished on both sides.
    assert second.change == pytest.approx(result.test_error[1, 0] - result.test_error[0, 0])
    assert np.isnan(second.change_half)
    assert read.main([str(tmp_path / "run")]) == 3
    assert "unfinished: 4 of 9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "holds no run"), ("{}", "not a whole run"), ("[", "not a whole run")],
)
def test_other_folders_are_refused(content, said, tmp_path, capsys):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert read.main([str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
