"""Data sets, each split once: candidates for real points, the generators' pool, test points.

What is fixed for a data set (scales, principal components, the lengthscale) is taken from the generators' pool or
from images put aside: nothing of the real and test points enters.
"""

from dataclasses import dataclass

import jax
import numpy as np

import synthmix_jax as smx

from .config import Study

CIFAR10_ASIDE, CIFAR10_USED, CIFAR10_RANK = 2000, 8000, 64
FRIEDMAN = 5000


@dataclass(frozen=True, eq=False)
class Material:
    """The parts of a data set, standardised, and the kernel of all its regressions.

    Attributes:
        candidates: Real points are drawn from these.
        pool: Generators are fitted on these.
        test: Errors are measured on these.
        kernel: RBF, its lengthscale the median distance in `pool` over the square root of two.
    """

    candidates: smx.Dataset
    pool: smx.Dataset
    test: smx.Dataset
    kernel: smx.kernels.Kernel


def material(study: Study) -> Material:
    """Load and split; the split is the same in every run."""
    whole, test = PARTS[study.data]()
    key = jax.random.key(0)
    if test is None:
        test, whole = parts(whole, study.test, key)
    else:
        test, _ = parts(test, study.test, key)
    candidates, pool = parts(whole, study.candidates, jax.random.fold_in(key, 1))
    standardise = by_column if whole.num_classes is None else by_number
    candidates, test, pool = (standardise(part, pool) for part in (candidates, test, pool))
    median = smx.kernels.median_lengthscale(pool.x[:2000])
    return Material(candidates, pool, test, smx.kernels.RBF(median / np.sqrt(2.0)))


def parts(data: smx.Dataset, count: int, key) -> tuple[smx.Dataset, smx.Dataset]:
    """`count` rows, as many of every class as can be, and the others."""
    order = smx.mixing.nested_order(data.y, key=key, num_classes=data.num_classes)
    return data[np.sort(order[:count])], data[np.sort(order[count:])]


def by_number(data: smx.Dataset, pool: smx.Dataset) -> smx.Dataset:
    """One mean and one deviation for all features: images stay images."""
    unit = 255.0 if pool.x.dtype == np.uint8 else 1.0
    x, reference = (np.asarray(d.x, np.float32) / unit for d in (data, pool))
    return smx.Dataset((x - reference.mean()) / reference.std(), data.y, num_classes=10)


def by_column(data: smx.Dataset, pool: smx.Dataset) -> smx.Dataset:
    """Columns and target of mean zero and deviation one."""
    x, y = (
        (mine - theirs.mean(axis=0)) / theirs.std(axis=0)
        for mine, theirs in ((data.x, pool.x), (data.y, pool.y))
    )
    return smx.Dataset(x.astype(np.float32), y.astype(np.float32))


def digits():
    """1,797 images of 8 x 8 pixels, built in."""
    return smx.load("digits", split="all"), None


def usps():
    """Images of 16 x 16 pixels."""
    return smx.load("usps", split="train"), smx.load("usps", split="test")


def mnist():
    """The 10,000 test images of 28 x 28 pixels."""
    return smx.load("mnist", split="test"), None


def cifar10():
    """Principal components of random convolutional features, fitted on images that are put aside."""
    train, test = (smx.load("cifar10", split=split) for split in ("train", "test"))
    aside, rest = parts(train, CIFAR10_ASIDE, jax.random.key(1))
    used, _ = parts(rest, CIFAR10_USED, jax.random.key(2))
    test, _ = parts(test, 1000, jax.random.key(3))
    convolutions = smx.features.RandomConvolutions()
    components = smx.features.PCA.fit(np.asarray(convolutions(aside.x)), CIFAR10_RANK)
    return tuple(
        smx.Dataset(np.asarray(components(np.asarray(convolutions(d.x)))), d.y)
        for d in (used, test)
    )


def friedman():
    """Friedman's first function of ten uniform inputs, five of which matter, and noise of deviation one."""
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(FRIEDMAN, n_features=10, noise=1.0, random_state=0)
    return smx.Dataset(x, y), None


def diabetes():
    """442 patients, ten measurements, the progression of their disease."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    return smx.Dataset(x, y), None


PARTS = {
    "digits": digits,
    "usps": usps,
    "mnist": mnist,
    "cifar10": cifar10,
    "friedman": friedman,
    "diabetes": diabetes,
}
