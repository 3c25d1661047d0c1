import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import synthmix_jax as smx


def test_an_unknown_name_lists_what_is_understood():
    with pytest.raises(ValueError, match=r"'digits', 'cifar10', 'mnist', 'usps'.*npz.*images"):
        smx.load("imagenet")


@pytest.mark.parametrize(("written", "meant"), [("CIFAR-10", "cifar10"), ("digit", "digits")])
def test_a_slip_of_the_pen_is_met_with_the_right_name(written, meant):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        smx.load(written)


@pytest.mark.parametrize("suffix", [".csv", ".png", ".npy", ".h5", ""])
def test_unknown_file_types_list_what_is_understood(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    path.write_text("x,y")
    with pytest.raises(ValueError, match=r"not understood; understood are.*smx\.Dataset"):
        smx.load(path)


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib", ".pt", ".npz"])
def test_nothing_is_ever_unpickled(tmp_path, suffix):
    mark, path = tmp_path / "mark", tmp_path / f"data{suffix}"
    if suffix == ".npz":
        np.savez(path, x=np.array([Bomb(str(mark))], object), y=np.zeros(1, int))
    else:
        path.write_bytes(pickle.dumps(Bomb(str(mark))))
    with pytest.raises(ValueError, match="runs whatever code is in it"):
        smx.load(path)
    assert not mark.exists()


def test_a_path_that_is_not_there_is_named_in_full(tmp_path):
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "no" / "folder")):
        smx.load(tmp_path / "no" / "folder")


def test_a_name_comes_before_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("digits").mkdir()
    assert len(smx.load("digits")) == 1097
    with pytest.raises(ValueError, match="holds no images"):
        smx.load("./digits")
    with pytest.raises(ValueError, match="holds no images"):
        smx.load(Path("digits"))


def test_the_home_folder_may_be_written_short(tmp_path):
    (tmp_path / "home").mkdir()
    smx.loaders.save("~/mine.npz", smx.Dataset([1.0, 2.0], [0, 1]))
    assert len(smx.load("~/mine.npz")) == 2


def test_no_tensorflow_and_nothing_heavy_unless_needed(tmp_path, prepare):
    """In an interpreter of its own: this one has all kinds of modules already."""
    prepare()
    code = (
        "import sys, json, synthmix_jax as smx\n"
        f"data = smx.load('cifar10', split='test', data_dir={str(tmp_path / 'data')!r})\n"
        "print(json.dumps([len(data), sorted(sys.modules)]))"
    )
    first, modules = run(code)
    assert first == 12
    assert "tensorflow_datasets" in modules
    assert not {"tensorflow", "torch", "sklearn", "h5py"} & set(modules)
    again, modules = run(code)
    assert again == 12
    assert not {"tensorflow_datasets", "PIL", "rich"} & set(modules)  # the cache suffices


def run(code):
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stderr == ""  # quiet when piped
    return json.loads(output.stdout)
