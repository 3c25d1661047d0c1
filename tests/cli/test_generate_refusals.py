"""`synthmix generate`: bad input ends with exit code 2 and one line that says what to change."""

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.cli import _generate_models, main


@pytest.fixture
def refused(capsys):
    """The line on stderr; nothing else may be said."""

    def call(*arguments):
        code = main(["generate", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert (code, out, err.count("\n")) == (2, "", 1)
        return err

    return call


@pytest.fixture
def write(tmp_path, rng):
    def call(y, name="real.npz", **classes):
        x = rng.normal(size=(len(y), 2))
        smx.loaders.save(tmp_path / name, smx.Dataset(x, y, **classes))
        return tmp_path / name

    return call


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--count", 0), "--count must be at least 1, got 0"),
        (("--count", -5), "--count must be at least 1, got -5"),
        (("--held-out", 0), "--held-out is a share strictly between 0 and 1, got 0"),
        (("--held-out", 1.5), "got 1.5"),
        (("--held-out", "nan"), "got nan"),
        (("--model", "gan"), "--model gan is unknown; there are gaussian, mixture, smote, flow"),
        (
            ("--neighbours", 3),
            "--neighbours does not apply to --model gaussian, which takes --rank",
        ),
        (("--workdir", "w"), "--workdir does not apply to --model gaussian"),
        (("--model", "smote", "--batch-size", 3), "--batch-size does not apply to --model smote"),
        (("--rank", -1), "rank must be zero or more, got -1"),
        (("--shrinkage", "much"), "--shrinkage must be a number or auto, got 'much'"),
        (("--seed", -1), "--seed must lie in 0 to 2^31 - 1"),
        (("--split", "test"), "split='test'"),
        (("--out", "samples.csv"), "ends in .csv; name a file that ends in .npz, or a folder"),
    ],
)
def test_options(refused, write, options, words):
    assert words in refused(write(np.arange(20) % 2), *options)


def test_classes_of_no_and_of_one_point(refused, write):
    names = ("a", "b\nb", "c")
    no_points = refused(write(np.arange(20) % 2, class_names=names))
    assert "class c has no points in REAL" in no_points
    one = refused(write(np.array([0] * 9 + [1] + [2] * 9), class_names=names))
    assert "class b b has one point in REAL; each needs one to fit on and one to hold out" in one
    held = refused(write(np.array([0] * 30 + [1, 1])), "--held-out", 0.95)
    assert "--held-out 0.95 leaves no point of class 1 to fit on; hold out less" in held


def test_labels_where_they_are_needed(refused, write, monkeypatch):
    path = write(np.linspace(0, 1, 30))
    monkeypatch.setattr(_generate_models.generators, "Flow", object, raising=False)
    words = refused(path, "--model", "flow")
    assert "--model flow needs class labels" in words
    assert "take --model gaussian or smote" in words


def test_places_that_cannot_be_written_to(refused, write, tmp_path):
    real = write(np.arange(20) % 2)
    (tmp_path / "folder.npz").mkdir()
    assert "folder.npz is a folder" in refused(real, "--out", tmp_path / "folder.npz")
    (tmp_path / "made_held_out.npz").mkdir()
    assert "made_held_out.npz is a folder" in refused(real, "--out", tmp_path / "made.npz")
    assert "is REAL itself" in refused(real, "--out", real)
    (tmp_path / "file").write_text("x")
    assert "cannot be made" in refused(real, "--out", tmp_path / "file")
    assert "cannot be made" in refused(real, "--out", tmp_path / "file" / "made.npz")
    assert "there is no" in refused(tmp_path / "nothing.npz")


def test_zero_is_an_option_that_was_given(refused, write):
    real = write(np.arange(20) % 2)
    assert "--steps does not apply to --model gaussian" in refused(real, "--steps", 0)
    assert "components must be" in refused(real, "--model", "mixture", "--components", 0)
