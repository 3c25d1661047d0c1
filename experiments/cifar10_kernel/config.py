"""What is run: sizes, generators, presets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A class Gaussian fitted on other CIFAR-10 images, and how far it is moved off.

    Attributes:
        name: For tables.
        rank: Directions in which each class varies.
        offset: Added to every pixel (pixels run from 0 to 1).
        fitted_on: Images it is fitted on; none of them is real, synthetic or test data of the experiment.
    """

    name: str
    rank: int
    offset: float
    fitted_on: int = 8000


@dataclass(frozen=True)
class Config:
    """One run of the experiment."""

    real: int = 1000
    pool: int = 4000
    test: int = 10000
    seeds: int = 2
    num_orders: int = 1
    sources: tuple[Source, ...] = (
        Source("rank 20", 20, 0.0),
        Source("rank 5, brighter by 0.2", 5, 0.2),
    )


PRESETS = {
    "quick": Config(real=100, pool=400, test=1000, seeds=1),
    "cpu": Config(),
}
