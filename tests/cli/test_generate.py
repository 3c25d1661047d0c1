"""`synthmix generate` on small files: what is written, what is said, and that copies are noticed."""

import dataclasses
import json
import re
import shlex
import sys

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import generators
from synthmix_jax.cli import _generate, _generate_models, main


def vectors(rng, n=120, d=3):
    y = np.arange(n) % 2
    return smx.Dataset(rng.normal(size=(n, d)) + 3.0 * y[:, None], y, class_names=("[/b]<i>", "b"))


@pytest.fixture
def file(tmp_path, rng):
    path = tmp_path / "a <b> [red]" / "real.npz"
    smx.loaders.save(path, vectors(rng))
    return path


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main(["generate", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def numbers(out):
    found = json.loads(out)
    del found["seconds"]
    return found


def test_json_is_all_there_is_on_standard_output(run, file):
    code, out, err = run(file, "--json", "--count", 30, "--rank", 2, "--seed", 3)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["num_fitted"], found["num_held_out"], found["num_synthetic"]) == (96, 24, 30)
    assert found["class_counts"] == {
        "fitted": [48, 48],
        "held_out": [12, 12],
        "synthetic": [15, 15],
    }
    assert found["settings"]["options"] == {"rank": 2}
    assert found["nearest_neighbours"]["copies"] is False
    assert "index" not in found["nearest_neighbours"]
    assert (found["files"], found["next_command"]) == (None, None)
    assert list(file.parent.iterdir()) == [file]
    again = run(file, "--json", "--count", 30, "--rank", 2, "--seed", 3)[1]
    assert numbers(again) == numbers(out)


def test_files_beside_a_named_one(run, file, tmp_path):
    out = tmp_path / "made" / "mine.npz"
    code, said, err = run(file, "--out", out, "--count", 50, "--rank", 3, "--seed", 4)
    assert (code, err) == (0, "")
    real, synthetic = smx.load(str(file)), smx.load(str(out))
    held_out = smx.load(str(out.with_name("mine_held_out.npz")))
    generator = generators.load(out.with_name("mine_generator.npz"))
    assert len(synthetic) == 50
    assert synthetic.class_names == held_out.class_names == real.class_names
    assert held_out.x.dtype == real.x.dtype
    assert generator.seen.share_of(held_out) == 0.0
    assert generator.seen.share_of(real) == pytest.approx(0.8)
    again = generators.draw(generator, 50, key=jax.random.fold_in(jax.random.key(4), 3))
    np.testing.assert_array_equal(again.x, synthetic.x)
    for ending in (".png", ".html", ".json"):
        path = out.with_suffix(ending)
        assert path.stat().st_size > 500
        assert str(path) in said
    command = said.strip().splitlines()[-1]
    named = [str(out.with_name("mine_held_out.npz")), str(out)]
    assert shlex.split(command) == ["synthmix", "recommend", *named]
    assert json.loads(out.with_suffix(".json").read_text())["next_command"] == command


def test_a_folder_is_filled_and_the_page_is_escaped(run, file, tmp_path):
    folder = tmp_path / "all <of> it"
    assert run(file, "--out", folder, "--count", 20)[0] == 0
    names = "synthetic{.npz,_held_out.npz,_generator.npz,.png,.html,.json}"
    endings = re.search(r"{(.*)}", names)[1].split(",")
    assert sorted(p.name for p in folder.iterdir()) == sorted(f"synthetic{e}" for e in endings)
    page = (folder / "synthetic.html").read_text()
    assert "[/b]&lt;i&gt;" in page
    assert "<i>" not in page
    assert "all &lt;of&gt; it" in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []


def test_bytes_stay_bytes(run, tmp_path, rng):
    x = rng.integers(0, 2, size=(60, 5, 5)).astype(np.uint8) * 255
    smx.loaders.save(tmp_path / "real.npz", smx.Dataset(x, np.arange(60) % 3))
    out = tmp_path / "synthetic.npz"
    assert run(tmp_path / "real.npz", "--out", out, "--count", 40)[0] == 0
    made = smx.load(str(out))
    assert (made.x.dtype, made.x.shape) == (np.uint8, (40, 5, 5))
    generator = generators.load(tmp_path / "synthetic_generator.npz")
    key = jax.random.fold_in(jax.random.key(0), 3)
    floats = 255 * np.asarray(generators.draw(generator, 40, key=key).x)
    assert floats.max() > 255.5
    assert np.abs(np.clip(floats, 0, 255) - made.x).max() <= 0.5


def test_plain_lines_in_a_pipe(run, file):
    code, out, err = run(file)
    assert (code, err) == (0, "")
    assert "none written; name a .npz file or a folder with --out" in out
    assert out.startswith("96 synthetic points from one Gaussian a class (rank 10), fitted on 96")
    assert "No sign of copies" in out
    assert max(map(len, out.splitlines())) < 100


def test_a_panel_on_a_terminal(run, file, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    code, out, _ = run(file, "--out", tmp_path / "x.npz")
    assert code == 0
    assert "╭" in out
    assert "generate" in out
    assert "synthmix recommend" in out


@dataclasses.dataclass(frozen=True)
class Memoriser:
    """Training points of the class, as they are."""

    data: smx.Dataset
    num_classes: int = 2

    def sample(self, labels, *, key):
        rng = np.random.default_rng(0)
        mine = [np.flatnonzero(self.data.y == label) for label in labels]
        return np.asarray(self.data.x)[[rng.choice(rows) for rows in mine]]


def test_copies_are_said_first(run, file, monkeypatch):
    model = dataclasses.replace(
        _generate_models.MODELS["gaussian"], fit=lambda data, *_: Memoriser(data)
    )
    monkeypatch.setitem(_generate_models.MODELS, "gaussian", model)
    code, out, _ = run(file)
    assert code == 0
    assert "The generator copies: 100 % of the synthetic points equal" in " ".join(out.split())
    assert json.loads(run(file, "--json")[1])["nearest_neighbours"]["copies"] is True


def test_few_held_out_points_are_not_judged_by(run, tmp_path, rng):
    smx.loaders.save(tmp_path / "few.npz", vectors(rng, 20))
    code, out, _ = run(tmp_path / "few.npz", "--out", tmp_path / "made.npz")
    assert code == 0
    assert "Not checked for copies: 4 held-out points" in " ".join(out.split())
    assert json.loads((tmp_path / "made.json").read_text())["nearest_neighbours"] is None


@pytest.mark.parametrize("d", [1, 2])
def test_few_and_constant_features(run, tmp_path, rng, d):
    data = vectors(rng, 60, d)
    x = np.asarray(data.x) if d == 1 else np.asarray(data.x) * [1.0, 0.0]
    smx.loaders.save(tmp_path / "real.npz", smx.Dataset(x, data.y))
    code, _, err = run(tmp_path / "real.npz", "--out", tmp_path / "made")
    assert (code, err) == (0, "")
    assert (tmp_path / "made" / "synthetic.png").stat().st_size > 3000


def test_without_real_the_digits(run):
    code, out, err = run("--json", "--count", 20)
    assert (code, err) == (0, "")
    assert json.loads(out)["num_fitted"] == 878


@pytest.mark.parametrize("name", _generate_models.MODELS)
def test_every_model_fits_and_is_written(run, file, tmp_path, name):
    quick = ("--steps", 3, "--batch-size", 8, "--width", 8) if name == "flow" else ()
    workdir = ("--workdir", tmp_path / "run") if name == "flow" else ()
    out = tmp_path / "made.npz"
    code, said, err = run(file, "--model", name, "--count", 30, "--out", out, *quick, *workdir)
    assert (code, err) == (0, "")
    assert "fitted on 96 of 120 real points" in " ".join(said.split())
    generator = generators.load(out.with_name("made_generator.npz"))
    key = jax.random.fold_in(jax.random.key(0), 3)
    made = generators.draw(generator, 30, key=key)
    np.testing.assert_allclose(made.x, smx.load(str(out)).x, rtol=1e-5, atol=1e-5)


def test_the_options_of_models_are_those_there_are():
    fields = {field.name for field in dataclasses.fields(_generate_models.Fitting)}
    taken = [set(model.options) for model in _generate_models.MODELS.values()]
    assert set().union(*taken) == fields


def test_the_parts_share_no_random_numbers():
    parts = (_generate._SPLIT, _generate._FIT, _generate._SAMPLE, _generate._TEST)
    assert len(set(parts)) == 4
