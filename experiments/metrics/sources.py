"""From a source to samples of synthetic points, with the seeds of fit and draw apart."""

import dataclasses
import zlib
from typing import Any

import jax
import numpy as np

import synthmix_jax as smx
from synthmix_jax import generators

from .catalogue import Source
from .data import Material, parts

MIXTURE_RANK = 10


def key_of(*words: Any):
    """A PRNG key of what these words say: no two purposes share one."""
    return jax.random.key(zlib.crc32(repr(words).encode()))


@dataclasses.dataclass(eq=False)
class Pools:
    """Synthetic samples of one data set; fitted generators are held."""

    data: str
    material: Material
    held: dict[tuple[str, int], Any] = dataclasses.field(default_factory=dict)

    def sample(self, source: Source, count: int, *, fit: int, draw: tuple) -> smx.Dataset:
        """`count` points of a source, in a random order whose every prefix has the classes of the whole.

        Args:
            source: Where they come from.
            count: How many.
            fit: Seed of the points it is fitted on (and of the fit, where that is random).
            draw: Words that make the seed of the draw.
        """
        key = key_of(self.data, source.name, "draw", fit, *draw)
        if (source.name, fit) not in self.held:
            self.held[source.name, fit] = self._fitted(source, fit)
        fitted = self.held[source.name, fit]
        give = replay if source.model == "replay" else generators.draw
        drawn = give(fitted, count, key=key)
        return shuffled(retargeted(drawn, source, key), key)

    def _fitted(self, source: Source, fit: int):
        """The generator, or for "replay" the points themselves."""
        key = key_of(self.data, source.name, "fit", fit)
        pool = self.material.pool
        points = source.points
        if points is None and source.model != "replay":
            points = len(pool) // 2
        seen = pool if points is None else parts(pool, points, key)[0]
        match source.model:
            case "replay":
                return seen
            case "gaussian":
                fitted = generators.ClassGaussian.fit(seen, rank=source.size)
            case "mixture":
                key = jax.random.fold_in(key, 1)
                fitted = generators.ClassMixture.fit(
                    seen, components=source.size, rank=MIXTURE_RANK, key=key
                )
            case "smote":
                fitted = generators.SMOTE.fit(seen, neighbours=source.size)
        dials = dict(source.dials)
        if "memorize" in dials:
            dials["training"] = seen
        return generators.Shifted(fitted, **dials) if dials else fitted


def replay(data: smx.Dataset, count: int, *, key) -> smx.Dataset:
    """Points given back, each as often as any other within one."""
    order = smx.mixing.nested_order(data.y, key=key, num_classes=data.num_classes)
    return data[np.resize(order, count)]


def retargeted(data: smx.Dataset, source: Source, key) -> smx.Dataset:
    """Regression targets rescaled and made noisy."""
    if data.num_classes is not None:
        return data
    noise = jax.random.normal(jax.random.fold_in(key, 1), data.y.shape)
    y = source.target_scale * np.asarray(data.y) + source.target_noise * np.asarray(noise)
    return smx.Dataset(data.x, y.astype(np.float32))


def shuffled(data: smx.Dataset, key) -> smx.Dataset:
    """A random order; classes are dealt in the proportions they have."""
    proportions = None
    if data.num_classes is not None:
        proportions = np.bincount(data.y, minlength=data.num_classes)
    key = jax.random.fold_in(key, 2)
    order = smx.mixing.nested_order(
        data.y, key=key, num_classes=data.num_classes, proportions=proportions
    )
    return data[order]
