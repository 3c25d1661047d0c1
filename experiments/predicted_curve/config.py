"""What is run: data, generators, sizes, presets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A class Gaussian fitted on other images of the data set, and how it is spoilt.

    Attributes:
        name: For tables.
        fitted_on: Images it is fitted on; none of them is real, synthetic or test data.
        rank: Directions in which each class varies.
        blur: Standard deviation of a blur, in pixels.
        label_shift: Probability that an image of y is labelled y + 1.
        offset: Added to every pixel (pixels run from 0 to 1).
    """

    name: str
    fitted_on: int
    rank: int
    blur: float = 0.0
    label_shift: float = 0.0
    offset: float = 0.0


@dataclass(frozen=True)
class Study:
    """One data set.

    Attributes:
        data: Its name for `smx.load`.
        real: Numbers of real images, one after the other.
        pool: Synthetic images.
        part: Synthetic images of the smaller pool that the rest is predicted from.
        test: Test images.
        seeds: Repetitions: other real images, other samples.
        orders: Random orders of the pool that leave-one-out and test curves are the mean of.
        ridges: Absolute ridges.
        weights: Weights of a synthetic image.
        cases: Generators.
        counts: Counts on each curve.
    """

    data: str
    real: tuple[int, ...]
    pool: int
    part: int
    test: int
    seeds: int
    orders: int
    ridges: tuple[float, ...]
    weights: tuple[float, ...]
    cases: tuple[Case, ...]
    counts: int = 25


BLURRED = Case("blurred", fitted_on=50, rank=5, blur=1.3)
DIGITS = Study(
    data="digits",
    real=(30, 50, 100),
    pool=600,
    part=150,
    test=700,
    seeds=10,
    orders=5,
    ridges=(0.03, 0.1, 1.0),
    weights=(0.1, 0.3, 1.0),
    cases=(
        BLURRED,
        Case("few and coarse", fitted_on=50, rank=5),
        Case("good", fitted_on=800, rank=10),
        Case("half the labels wrong", fitted_on=200, rank=5, label_shift=0.5),
    ),
)
CIFAR10 = Study(
    data="cifar10",
    real=(500,),
    pool=2000,
    part=500,
    test=4000,
    seeds=3,
    orders=3,
    ridges=(0.1, 1.0),
    weights=(0.1, 1.0),
    cases=(
        Case("rank 20", fitted_on=8000, rank=20),
        Case("rank 5, brighter", fitted_on=8000, rank=5, offset=0.2),
    ),
)
PRESETS = {
    "quick": (
        Study("digits", (40,), 240, 60, 400, 1, 2, (0.1, 1.0), (0.3, 1.0), (BLURRED,), counts=10),
    ),
    "digits": (DIGITS,),
    "cpu": (DIGITS, CIFAR10),
}
