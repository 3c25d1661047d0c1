"""Generators come back from files as they were; other files are refused with what to do."""

import json

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import generators
from synthmix_jax.generators import ClassGaussian, Shifted

KEY = jax.random.key(3)


@pytest.fixture
def data(rng):
    return smx.Dataset(rng.normal(size=(30, 4, 4)), np.arange(30) % 3)


def test_the_same_samples_after_a_round_trip(data, tmp_path):
    generator = Shifted(ClassGaussian.fit(data, rank=3), offset=0.1 + 0.2)
    generators.save(generator, tmp_path / "new" / "g.npz")
    back = generators.load(tmp_path / "new" / "g.npz")
    assert type(back) is Shifted
    assert back.offset == generator.offset
    labels = np.arange(12) % 3
    np.testing.assert_array_equal(back.sample(labels, key=KEY), generator.sample(labels, key=KEY))
    assert back.generator.seen == generator.generator.seen
    assert back.generator.seen.share_of(data) == 1.0


def test_what_cannot_be_saved(data, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.npz, got"):
        generators.save(ClassGaussian.fit(data, rank=1), tmp_path / "g.pkl")
    with pytest.raises(ValueError, match="which cannot be saved"):
        generators.save(object(), tmp_path / "g.npz")
    with pytest.raises(ValueError, match="must be a fitted generator, got tuple"):
        generators.save((1,), tmp_path / "g.npz")
    assert list(tmp_path.iterdir()) == []


def _rewritten(path, change):
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    about = json.loads(str(arrays["about"]))
    change(about, arrays)
    arrays["about"] = np.asarray(json.dumps(about))
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about, arrays: about.update(format=99), "has format 99 and this version reads 1"),
        (lambda about, arrays: about.pop("format"), "is damaged"),
        (lambda about, arrays: about["content"].update(kind="eval"), "'eval', which this version"),
        (lambda about, arrays: about["content"]["fields"].update(more=1), "is damaged"),
        (lambda about, arrays: arrays.pop("generator.means"), "is damaged"),
    ],
)
def test_other_content_is_refused(data, tmp_path, change, message):
    path = tmp_path / "g.npz"
    generators.save(ClassGaussian.fit(data, rank=1), path)
    _rewritten(path, change)
    with pytest.raises(ValueError, match=message):
        generators.load(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        generators.load(tmp_path / "g.npz")
    np.savez(tmp_path / "data.npz", x=np.ones(3), y=np.ones(3))
    with pytest.raises(ValueError, match="holds no generator but x, y"):
        generators.load(tmp_path / "data.npz")
    for name, content in (("text.npz", b"hello"), ("cut.npz", b"PK\x03\x04 cut")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"no readable \.npz file"):
            generators.load(tmp_path / name)
    objects = np.empty(1, object)
    np.savez(tmp_path / "objects.npz", about=objects)
    with pytest.raises(ValueError, match=r"no readable \.npz file"):
        generators.load(tmp_path / "objects.npz")
