"""Real images, and generators that saw others."""

from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np

import synthmix_jax as smx
from synthmix_jax.generators import ClassGaussian, Flow, Shifted, draw

from .config import Experiment, Ladder, Source


@dataclass(frozen=True)
class Resampled:
    """The generator that knows its images by heart: draws them with replacement."""

    data: smx.Dataset

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return int(self.data.num_classes or 0)

    def sample(self, labels, *, key):
        """One image a label, as floats in 0 to 1."""
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        y, labels = np.asarray(self.data.y), np.asarray(labels)
        rows = np.zeros(len(labels), np.int64)
        for label in range(self.num_classes):
            at = np.flatnonzero(labels == label)
            rows[at] = rng.choice(np.flatnonzero(y == label), len(at))
        return np.asarray(self.data.x)[rows].astype(np.float32) / 255.0


def parts(
    experiment: Experiment, data_dir: str | None
) -> tuple[smx.Dataset, smx.Dataset, smx.Dataset]:
    """Real images to train on and hold out, images of the generators, and test images."""
    train = smx.load("cifar10", data_dir=data_dir)
    test = smx.load("cifar10", split="test", data_dir=data_dir)
    real, rest = train.split(experiment.base / len(train), key=jax.random.key(0))
    if experiment.fitted_on < len(rest):
        rest, _ = rest.split(experiment.fitted_on / len(rest), key=jax.random.key(1))
    images = real, rest, test[: experiment.test]
    if experiment.ladder is None:
        return images
    return tuple(shrunk(part, experiment.ladder.size) for part in images)


def pool(source: Source, seen: smx.Dataset, count: int) -> smx.Dataset:
    """`count` images of a generator, as uint8: what a file of images would hold."""
    base = Resampled(seen) if source.rank is None else ClassGaussian.fit(seen, rank=source.rank)
    generator = Shifted(base, blur=source.blur, label_noise=source.label_noise)
    return drawn(generator, count)


def drawn(generator, count: int) -> smx.Dataset:
    """`count` images, as uint8: what a file of images would hold."""
    # In blocks: a class Gaussian samples in float64.
    blocks = [
        draw(generator, min(5000, count - start), key=jax.random.key(start))
        for start in range(0, count, 5000)
    ]
    x = np.concatenate([to_bytes(np.asarray(block.x)) for block in blocks])
    y = np.concatenate([np.asarray(block.y) for block in blocks])
    return smx.Dataset(x, y, num_classes=generator.num_classes)


def flows(ladder: Ladder, seen: smx.Dataset, work: Path, progress) -> dict[str, Flow]:
    """The rungs by name; a training that was interrupted goes on, one that is finished is read."""
    rungs = Flow.ladder(
        seen,
        lengths=ladder.lengths,
        key=jax.random.key(2),
        config=ladder.flow,
        workdir=work / "flow",
        progress=progress,
    )
    return {
        ladder.name(rung.steps): replace(rung, sampler_steps=ladder.sampler_steps) for rung in rungs
    }


def shrunk(data: smx.Dataset, size: int) -> smx.Dataset:
    """Images of `size` pixels along a side, each the mean of a block."""
    block = data.x.shape[1] // size
    if block == 1:
        return data
    parts = [
        np.asarray(data.x[i : i + 1000]).reshape(-1, size, block, size, block, 3).mean(axis=(2, 4))
        for i in range(0, len(data), 1000)
    ]
    x = np.round(np.concatenate(parts)).astype(np.uint8)
    return smx.Dataset(x, np.asarray(data.y), num_classes=data.num_classes)


def to_bytes(x: np.ndarray) -> np.ndarray:
    """Floats in 0 to 1 as uint8, rounded and clipped."""
    return np.clip(np.round(255.0 * x), 0, 255).astype(np.uint8)
