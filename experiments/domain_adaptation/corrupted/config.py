"""What is run: shifts, sizes, grids, presets."""

from dataclasses import dataclass

from synthmix_jax.training import Config as Training

from .corruptions import KINDS

Shift = tuple[str, int]


@dataclass(frozen=True)
class Source:
    """A class Gaussian fitted on corrupted images that nothing is trained or tested on.

    Attributes:
        name: For tables.
        fitted_on: Images it is fitted on.
        rank: Directions in which each class varies.
    """

    name: str
    fitted_on: int
    rank: int


@dataclass(frozen=True)
class Group:
    """Curves over counts and weights of some shifts.

    Attributes:
        source: The generator.
        n: Clean source images.
        shifts: Kinds and strengths.
        seeds: Repetitions: other source images, other images of the generator, another pool.
    """

    source: Source
    n: int
    shifts: tuple[Shift, ...]
    seeds: int


@dataclass(frozen=True)
class Baselines:
    """What else could be done about some of the shifts.

    Attributes:
        shifts: Kinds and strengths.
        seeds: Repetitions.
        labelled: Labelled target images.
        unlabelled: Unlabelled ones, for density ratio and CORAL.
        dimensions: Principal components the density ratio is estimated in.
        target_weights: Of a labelled target image.
        synthetic_weights: Of a synthetic one beside source and target.
        counts: Of synthetic ones there.
    """

    shifts: tuple[Shift, ...]
    seeds: int
    labelled: int = 100
    unlabelled: int = 1000
    dimensions: int = 10
    target_weights: tuple[float, ...] = (1.0, 4.0)
    synthetic_weights: tuple[float, ...] = (0.3, 1.0)
    counts: tuple[int, ...] = (0, 100, 400, 1500)


@dataclass(frozen=True)
class Networks:
    """Small networks on some of the shifts.

    Attributes:
        shifts: Kinds and strengths.
        training: How they are trained.
        widths: Of SmallCNN.
        ratios: Synthetic images for each source image.
        seeds: Repetitions.
        validation: Labelled target images the evaluation is chosen by.
    """

    shifts: tuple[Shift, ...]
    training: Training
    widths: tuple[int, ...] = (16, 32, 64)
    ratios: tuple[float, ...] = (0.0, 1.0, 4.0)
    seeds: int = 3
    validation: int = 200


@dataclass(frozen=True)
class Plan:
    """One preset.

    Attributes:
        groups: Curves with kernels.
        baselines: Or None.
        networks: Or None.
        pool: Synthetic images.
        test: Corrupted test images, the same of all seeds.
        compared: Images on each side of a distance.
        weights: Of one synthetic image, a source image having one.
        ridges: Absolute ridges.
        counts: Of synthetic images.
    """

    groups: tuple[Group, ...]
    baselines: Baselines | None = None
    networks: Networks | None = None
    pool: int = 1500
    test: int = 2000
    compared: int = 500
    weights: tuple[float, ...] = (0.03, 0.1, 0.2, 0.4, 1.0, 2.5, 10.0)
    ridges: tuple[float, ...] = (0.2, 2.0)
    counts: tuple[int, ...] = (0, 10, 20, 40, 80, 150, 250, 400, 600, 850, 1150, 1500)


GOOD = Source("2,000 images, rank 20", 2000, 20)
POOR = Source("200 images, rank 5", 200, 5)
ALL = tuple((kind, strength) for strength in range(1, 6) for kind in KINDS)
SOME = tuple(shift for shift in ALL if shift[1] in (2, 4))
FOURTH = tuple(shift for shift in ALL if shift[1] == 4)
TRAINING = Training(steps=250, evaluations=3, learning_rate=0.1, num_real=500, flip=True, shift=4)

PRESETS = {
    "quick": Plan(
        (Group(Source("100 images, rank 5", 100, 5), 60, (("blur", 4), ("contrast", 5)), 1),),
        baselines=Baselines(
            (("contrast", 5),),
            1,
            labelled=40,
            unlabelled=80,
            target_weights=(1.0,),
            synthetic_weights=(0.3,),
            counts=(0, 100),
        ),
        pool=100,
        test=100,
        compared=60,
        weights=(0.1, 1.0),
        counts=(0, 30, 100),
    ),
    "cpu": Plan(
        (Group(GOOD, 500, ALL, 3), Group(POOR, 500, SOME, 3), Group(GOOD, 2000, FOURTH, 2)),
        baselines=Baselines(FOURTH, 3),
        networks=Networks((("blur", 4), ("contrast", 4)), TRAINING),
    ),
    "gpu": Plan(
        (Group(GOOD, 500, ALL, 10), Group(POOR, 500, ALL, 10), Group(GOOD, 5000, ALL, 3)),
        baselines=Baselines(ALL, 10),
        networks=Networks(FOURTH, TRAINING, seeds=10),
    ),
}
