"""A small CIFAR-10 for quick presets: decoding all 50,000 images would take longer than the experiments do."""

import pytest

import synthmix_jax as smx

TRAIN = 8500


@pytest.fixture(scope="session")
def few_images(data_dir):
    """The 10,000 test images, decoded once a process."""
    images = smx.load("cifar10", split="test", data_dir=data_dir)
    return {"train": images[:TRAIN], "test": images[TRAIN:]}


@pytest.fixture
def small_cifar10(few_images, monkeypatch):
    """`smx.load("cifar10")` reads parts of the test images; everything else as ever."""
    load = smx.load

    def load_some(name, *, split="train", **options):
        if name == "cifar10":
            return few_images[split]
        return load(name, split=split, **options)

    monkeypatch.setattr(smx, "load", load_some)
    return few_images
