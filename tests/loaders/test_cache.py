import json
import multiprocessing

import numpy as np
import pytest

from synthmix_jax.loaders import _cache


def arrays():
    return {"x": np.arange(600, dtype=np.uint8).reshape(10, 60), "names": np.array(["a", "bc"])}


def never():
    raise AssertionError("the entry was built again")


@pytest.fixture
def entry(tmp_path):
    _cache.fetch("entry", arrays)
    return tmp_path / "cache" / "entry"


@pytest.mark.usefixtures("entry")
def test_an_entry_is_built_once_and_mapped():
    again = _cache.fetch("entry", never)
    assert isinstance(again["x"], np.memmap)
    assert not again["x"].flags.writeable
    for key, array in arrays().items():
        np.testing.assert_array_equal(again[key], array)
        assert again[key].dtype == array.dtype


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: flip(entry / "x.npy"),
        lambda entry: truncate(entry / "x.npy"),
        lambda entry: (entry / "x.npy").write_bytes(b""),
        lambda entry: (entry / "x.npy").unlink(),
        lambda entry: np.save(entry / "x.npy", np.zeros((10, 60), np.uint8)),
        lambda entry: np.save(entry / "x.npy", np.zeros((5, 60), np.uint8)),
        lambda entry: np.save(entry / "names.npy", np.array([None]), allow_pickle=True),
        lambda entry: (entry / "index.json").unlink(),
        lambda entry: (entry / "index.json").write_text("{"),
        lambda entry: (entry / "index.json").write_text("[1]"),
        lambda entry: (entry / "index.json").write_text("{}"),
        lambda entry: (entry / "index.json").write_text(json.dumps({"x": 1})),
    ],
)
def test_a_damaged_entry_is_built_again(entry, spoil):
    spoil(entry)
    rebuilt = _cache.fetch("entry", arrays)
    for key, array in arrays().items():
        np.testing.assert_array_equal(rebuilt[key], array)
    np.testing.assert_array_equal(_cache.fetch("entry", never)["x"], arrays()["x"])


def test_a_map_in_use_outlives_the_rebuilding(entry):
    mapped = _cache.fetch("entry", never)["x"]
    (entry / "index.json").unlink()
    _cache.fetch("entry", arrays)
    np.testing.assert_array_equal(mapped, arrays()["x"])


def race(barrier, results):
    def build():
        barrier.wait(timeout=30)  # both are building before either writes
        return arrays()

    results.put(int(_cache.fetch("race", build)["x"].sum()))


def test_two_processes_that_race_both_succeed(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    racers = [context.Process(target=race, args=(barrier, results)) for _ in range(2)]
    for racer in racers:
        racer.start()
    sums = [results.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join()
    assert sums == [int(arrays()["x"].sum())] * 2
    left = sorted(file.name for file in (tmp_path / "cache" / "race").iterdir())
    assert left == ["index.json", "names.npy", "x.npy"]


def test_where_nothing_can_be_written_the_data_stays_in_memory(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("a file where the folder should be")
    monkeypatch.setenv("SYNTHMIX_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cannot be written.*SYNTHMIX_CACHE_DIR"):
        kept = _cache.fetch("entry", arrays)
    np.testing.assert_array_equal(kept["x"], arrays()["x"])


def test_the_cache_lies_where_the_environment_says(tmp_path, monkeypatch):
    assert _cache.directory() == tmp_path / "cache"
    monkeypatch.delenv("SYNTHMIX_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert _cache.directory() == tmp_path / "xdg" / "synthmix-jax"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert _cache.directory() == tmp_path / "home" / ".cache" / "synthmix-jax"


def test_the_fingerprint_follows_names_sizes_and_content(tmp_path):
    file, info = tmp_path / "a", tmp_path / "info"
    file.write_bytes(b"123")
    info.write_bytes(b"{}")
    marks = {_cache.fingerprint([file], content_of=[info])}
    assert _cache.fingerprint([file], content_of=[info]) in marks
    info.write_bytes(b"[]")
    marks.add(_cache.fingerprint([file], content_of=[info]))
    file.write_bytes(b"1234")
    marks.add(_cache.fingerprint([file], content_of=[info]))
    marks.add(_cache.fingerprint([file.rename(tmp_path / "b")], content_of=[info]))
    assert len(marks) == 4
