"""Clean source images, corrupted target images, and what kernels see of them."""

from functools import lru_cache
from itertools import pairwise

import jax
import numpy as np

import synthmix_jax as smx
from synthmix_jax.generators import ClassGaussian, draw

from .config import Plan, Shift, Source
from .corruptions import corrupt

UNIT_IMAGES = 2000
"""Clean images that the unit of each feature comes from."""


class Material:
    """The images of one preset; parts do not overlap.

    Attributes:
        source: Clean images that source images are drawn from.
        seen: Images that become generators' once corrupted.
        target: Images that, once corrupted, are the labelled, unlabelled and compared ones.
        test: Test images, still clean.
    """

    def __init__(self, plan: Plan, data_dir: str | None):
        """Read and divide them."""
        train = smx.load("cifar10", data_dir=data_dir)
        self.plan = plan
        self.source, rest = train.split(0.3, key=jax.random.key(0))
        self.seen, self.target = rest.split(4 / 7, key=jax.random.key(1))
        self.test = smx.load("cifar10", split="test", data_dir=data_dir)[: plan.test]
        self._map = smx.features.RandomConvolutions()
        few = min(UNIT_IMAGES, 20 * plan.test)
        self._unit = np.std(self._map(np.asarray(self.source.x[:few])), axis=0)
        self.tested = lru_cache(None)(self._tested)

    def features(self, data: smx.Dataset) -> smx.Dataset:
        """Random convolutional features, each with a deviation of one on clean images."""
        x = np.asarray(self._map(np.asarray(data.x))) / self._unit
        return smx.Dataset(x, np.asarray(data.y), num_classes=data.num_classes)

    def clean(self, n: int, seed: int) -> smx.Dataset:
        """Source images of a seed."""
        return _some(self.source, n, seed, 10)

    def pool(self, source: Source, shift: Shift, seed: int, count: int) -> smx.Dataset:
        """Synthetic images as bytes, as a file of images would hold them."""
        generator = ClassGaussian.fit(self.own(source.fitted_on, shift, seed), rank=source.rank)
        drawn = draw(generator, count, key=_key(seed, 12))
        x = np.clip(np.round(255.0 * np.asarray(drawn.x)), 0, 255).astype(np.uint8)
        return smx.Dataset(x, np.asarray(drawn.y), num_classes=10)

    def own(self, count: int, shift: Shift, seed: int) -> smx.Dataset:
        """The corrupted images that the generator of a seed is fitted on."""
        return corrupted(_some(self.seen, count, seed, 11), shift, 1000 + seed)

    def targets(self, counts: tuple[int, ...], shift: Shift, seed: int) -> list[smx.Dataset]:
        """Corrupted target images of a seed, in parts of so many that do not overlap."""
        whole = corrupted(_some(self.target, sum(counts), seed, 13), shift, 2000 + seed)
        edges = np.cumsum((0, *counts))
        return [whole[int(a) : int(b)] for a, b in pairwise(edges)]

    def _tested(self, shift: Shift) -> smx.Dataset:
        """Features of the corrupted test images."""
        return self.features(corrupted(self.test, shift, 3000))


def corrupted(data: smx.Dataset, shift: Shift, seed: int) -> smx.Dataset:
    """The same images with a corruption of some strength."""
    x = corrupt(np.asarray(data.x), *shift, seed=seed)
    return smx.Dataset(x, np.asarray(data.y), num_classes=data.num_classes)


def _some(data: smx.Dataset, count: int, seed: int, purpose: int) -> smx.Dataset:
    """`count` images, as many of each class as can be."""
    some = data.split(count / len(data), key=_key(seed, purpose))[0]
    assert len(some) == count
    return some


def _key(seed: int, purpose: int) -> jax.Array:
    return jax.random.fold_in(jax.random.key(seed), purpose)
