"""Real images of both domains, and what each repetition draws from them."""

from dataclasses import dataclass

import jax
import numpy as np

import synthmix_jax as smx
from synthmix_jax.generators import ClassGaussian, Shifted, draw

from .config import BACK, FORTH, Digits, Generator
from .images import like_usps


@dataclass(frozen=True)
class Domains:
    """All images of one direction.

    Attributes:
        source: Images that source ones are drawn from.
        target: Images that generators and the target's own images are drawn from; none of the test.
        test: Target images that every curve is scored on.
    """

    source: smx.Dataset
    target: smx.Dataset
    test: smx.Dataset


@dataclass(frozen=True)
class Parts:
    """What one repetition draws; the three parts of the target have no image in common.

    Attributes:
        source: n labelled source images.
        labelled: Labelled target images.
        unlabelled: Target images whose labels nothing is chosen by.
        others: The generator's target images: the first p of them are those that it is fitted on.
    """

    source: smx.Dataset
    labelled: smx.Dataset
    unlabelled: smx.Dataset
    others: smx.Dataset


def read(plan: Digits, data_dir: str | None) -> dict[str, Domains]:
    """Both directions. MNIST, of which 10,000 images are used, is halved: the second half is for tests."""
    mnist = smx.load("mnist", split="test", data_dir=data_dir)
    mnist = smx.Dataset(like_usps(np.asarray(mnist.x)), np.asarray(mnist.y), num_classes=10)
    usps, usps_test = (smx.load("usps", split=s, data_dir=data_dir) for s in ("train", "test"))
    first, second = mnist.split(0.5, key=jax.random.key(0))
    return {
        FORTH: Domains(mnist, usps, usps_test[: plan.usps_test]),
        BACK: Domains(usps, first, second[: plan.mnist_test]),
    }


def rows(domains: Domains, plan: Digits, n: int, seed: int) -> dict[str, np.ndarray]:
    """Row numbers of a repetition, by part: "source" in `source`, the others in `target`."""
    keys = jax.random.split(jax.random.key(seed), 3)
    source = smx.mixing.nested_order(domains.source.y, key=keys[0], num_classes=10)[:n]
    # Unlabelled images come first, and blindly: balanced classes would already use their labels.
    order = np.asarray(jax.random.permutation(keys[1], len(domains.target)))
    unlabelled, rest = np.split(order, [plan.unlabelled])
    balanced = smx.mixing.nested_order(domains.target.y[rest], key=keys[2], num_classes=10)
    labelled, others = np.split(rest[balanced], [plan.labelled])
    return {"source": source, "unlabelled": unlabelled, "labelled": labelled, "others": others}


def parts(domains: Domains, plan: Digits, n: int, seed: int) -> Parts:
    """Images of a repetition; those of a smaller n are among those of a larger."""
    found = rows(domains, plan, n, seed)
    source = domains.source[found.pop("source")]
    return Parts(source, **{name: domains.target[index] for name, index in found.items()})


def pool(generator: Generator, others: smx.Dataset, count: int, seed: int) -> smx.Dataset:
    """`count` synthetic images in classes that take turns, of a generator fitted on the first p of `others`."""
    if len(others) < generator.fitted_on:
        raise ValueError(
            f"{generator.name!r} is fitted on {generator.fitted_on} images, but {len(others)} are left for it."
        )
    fitted = ClassGaussian.fit(others[: generator.fitted_on], rank=generator.rank)
    moved = Shifted(fitted, blur=generator.blur, label_noise=generator.label_noise)
    return draw(moved, count, key=jax.random.fold_in(jax.random.key(seed), 1))
