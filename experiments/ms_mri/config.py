"""What is run: patients, sizes, generators, networks, presets.

Patients go by their number. Whole patients train or test, never both.
"""

from dataclasses import dataclass, field, replace

from synthmix_jax.generators import FlowConfig
from synthmix_jax.training import Config as Training


@dataclass(frozen=True)
class Fold:
    """Patients to train on, and the one to test on."""

    train: tuple[str, ...]
    test: str

    def __post_init__(self):
        """Refuse a fold that tests on a patient it trains on."""
        if self.test in self.train:
            raise ValueError(f"patient {self.test} is both trained on and tested on.")

    @property
    def name(self) -> str:
        """Such as "19 + 26 to 7"."""
        return f"{' + '.join(p.lstrip('0') for p in self.train)} to {self.test.lstrip('0')}"


@dataclass(frozen=True)
class Group:
    """Folds that are run alike.

    Attributes:
        folds: Patients.
        real: Numbers of real patches, half of them lesions, equally many of each training patient.
        seeds: Draws of real patches and of the synthetic pool.
        main: Whether controls, advice and distances are computed too.
    """

    folds: tuple[Fold, ...]
    real: tuple[int, ...]
    seeds: int
    main: bool = False


@dataclass(frozen=True)
class Advice:
    """`smx.recommend` on the real patches of the first seeds.

    Attributes:
        seeds: How many.
        real: Numbers of real patches.
        parts: Cross-fitting: each part of the real patches is scored with a pool drawn far from it.
        ridges: Absolute.
        weights: Of one synthetic patch.
        counts: How many synthetic counts to try.
    """

    seeds: int
    real: tuple[int, ...]
    parts: int = 3
    ridges: tuple[float, ...] = (0.1,)
    weights: tuple[float, ...] = (1.0,)
    counts: int = 20


@dataclass(frozen=True)
class Networks:
    """SmallCNN at many ratios.

    Attributes:
        folds: Patients.
        real: Numbers of real training patches.
        dials: Of the generator.
        ratios: Synthetic patches a real one; those that the pool is too small for are left out.
        seeds: Repetitions.
        widths: Channels of each block.
        training: The number of real patches is filled in.
    """

    folds: tuple[Fold, ...]
    real: tuple[int, ...]
    dials: tuple[float, ...]
    ratios: tuple[float, ...]
    seeds: int
    widths: tuple[int, ...]
    training: Training


@dataclass(frozen=True)
class FlowRoute:
    """A flow trained on the real patches themselves: the route of the paper.

    Attributes:
        fold: Patients.
        real: Real patches, all of which train the flow and then the regression.
        seeds: Flows, one for each draw of real patches.
        training: Network and training.
        sampler_steps: Steps of Heun's method.
    """

    fold: Fold
    real: int
    seeds: int
    training: FlowConfig
    sampler_steps: int = 12


@dataclass(frozen=True)
class Patches:
    """Task 1: lesion or not, from one patch.

    Attributes:
        groups: Folds.
        dials: The generator's one dial: 0 as real as can be, 1 too bright, square and flat.
        pool: Synthetic patches, half of them painted.
        counts: Synthetic counts of a curve, about so many.
        few: Those of controls.
        ridge: Absolute ridge of all curves.
        own_ridges: Among these the real-only baseline has its own, by leave-one-out.
        size: Of a patch, in pixels of 1 mm.
        per_class: Most patches of one class of a patient.
        advice: `smx.recommend`.
        networks: SmallCNN; None for none.
        flow: Generative-model route; None for none.
        compared: Most patches of each sample in distances.
        halves: Random halves of real patches that a distance is averaged over.
        metrics: Distances.
        spaces: Where patches are compared: pixels, random convolutional features.
    """

    groups: tuple[Group, ...]
    advice: Advice
    networks: Networks | None
    flow: FlowRoute | None
    dials: tuple[float, ...] = (0.0, 0.5, 1.0)
    pool: int = 2000
    counts: int = 40
    few: int = 14
    ridge: float = 0.1
    own_ridges: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    size: int = 25
    per_class: int = 300
    compared: int = 300
    halves: int = 40
    metrics: tuple[str, ...] = ("sliced_wasserstein", "energy", "mmd")
    spaces: tuple[str, ...] = ("pixels", "features")


@dataclass(frozen=True)
class Segments:
    """Task 2, segmentation: a U-Net on crops.

    Attributes:
        folds: Two patients to train on, the third to test on.
        real: Numbers of real crops, equally many of each training patient.
        dials: Of the generator.
        ratios: Synthetic crops a real one; those that the pool is too small for are left out.
        seeds: Networks of each, with other crops, parameters and batches.
        training: The number of real crops is filled in.
        long: Steps of the networks that are given all real crops; None for those of `training`.
        widths: Channels of the U-Net's levels.
        pool: Synthetic crops, every other one painted.
        crops: Real crops drawn of each training patient.
        size: Of a crop in pixels of 1 mm.
        held_out: Share of the crops, at the upper end of the brain, that choose the ratio.
        gap: Slices between them and those that train.
    """

    folds: tuple[Fold, ...]
    real: tuple[int, ...]
    dials: tuple[float, ...]
    ratios: tuple[float, ...]
    seeds: int
    training: Training
    long: int | None = None
    widths: tuple[int, ...] = (16, 32, 64)
    pool: int = 1024
    crops: int = 400
    size: int = 64
    held_out: float = 0.35
    gap: float = 5.0


@dataclass(frozen=True)
class Config:
    """One preset; each field is a task.

    Attributes:
        patches: Task 1, lesion or not.
        segments: Task 2, segmentation; None for none.
    """

    patches: Patches = field(kw_only=True)
    segments: Segments | None = field(kw_only=True, default=None)


FORTH, BACK = Fold(("19",), "26"), Fold(("26",), "19")
TO_7 = Fold(("19",), "07"), Fold(("26",), "07")
FROM_7 = Fold(("07",), "19"), Fold(("07",), "26")
TWO = Fold(("19", "26"), "07"), Fold(("07", "26"), "19"), Fold(("07", "19"), "26")
SMALL = Training(
    steps=300,
    batch_size=32,
    learning_rate=0.05,
    evaluations=2,
    choose="last",
    flip=True,
    shift=1,
)

CROPS = Training(
    steps=300,
    batch_size=8,
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=1e-2,
    evaluations=2,
    choose="last",
    flip=True,
    shift=4,
)

PRESETS = {
    "quick": Config(
        patches=Patches(
            groups=(Group((FORTH,), (20,), seeds=2, main=True),),
            advice=Advice(seeds=1, real=(20,), parts=2, counts=4),
            networks=None,
            flow=None,
            dials=(0.0, 1.0),
            pool=100,
            counts=6,
            few=3,
            per_class=30,
            compared=40,
            halves=20,
            metrics=("energy",),
            spaces=("pixels",),
        ),
        segments=Segments(
            folds=TWO[-1:],
            real=(8,),
            dials=(1.0,),
            ratios=(0.0, 1.0),
            seeds=2,
            training=Training(steps=2, batch_size=4, evaluations=1, choose="last"),
            widths=(4,),
            pool=16,
            crops=40,
            size=32,
        ),
    ),
    "cpu": Config(
        patches=Patches(
            groups=(
                Group((FORTH, BACK), (20, 50, 100, 200), seeds=8, main=True),
                Group(TO_7, (50, 100), seeds=5),
                Group(FROM_7, (50, 100), seeds=5),
                Group(TWO, (100, 200), seeds=5),
            ),
            advice=Advice(seeds=4, real=(20, 50, 100)),
            networks=Networks(
                folds=(FORTH,),
                real=(50,),
                dials=(0.0, 0.5, 1.0),
                ratios=(0.0, 1.0, 5.0, 20.0),
                seeds=3,
                widths=(8, 16, 32),
                training=SMALL,
            ),
            flow=FlowRoute(
                FORTH,
                real=200,
                seeds=2,
                training=FlowConfig(steps=600, batch_size=32, widths=(16, 32), flip=True),
            ),
        ),
        segments=Segments(
            folds=TWO,
            real=(16,),
            dials=(0.0, 1.0),
            ratios=(0.0, 1.0, 4.0, 16.0),
            seeds=3,
            training=CROPS,
            long=700,
            pool=256,
        ),
    ),
    "gpu": Config(
        patches=Patches(
            groups=(
                Group((FORTH, BACK), (20, 50, 100, 200), seeds=32, main=True),
                Group((*TO_7, *FROM_7), (50, 100), seeds=32),
                Group(TWO, (100, 200), seeds=32),
            ),
            advice=Advice(seeds=32, real=(20, 50, 100, 200)),
            networks=Networks(
                folds=(FORTH, BACK),
                real=(20, 50, 100, 200),
                dials=(0.0, 0.25, 0.5, 0.75, 1.0),
                ratios=(0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0),
                seeds=20,
                widths=(32, 64, 96),
                training=Training(
                    steps=2000, batch_size=64, evaluations=2, choose="last", flip=True, shift=1
                ),
            ),
            flow=FlowRoute(FORTH, real=200, seeds=8, training=FlowConfig(steps=20_000, flip=True)),
            dials=(0.0, 0.25, 0.5, 0.75, 1.0),
            pool=8000,
            per_class=600,
        ),
        segments=Segments(
            folds=TWO,
            real=(8, 16, 32, 64, 128, 256),
            dials=(0.0, 0.25, 0.5, 0.75, 1.0),
            ratios=(0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
            seeds=10,
            training=replace(CROPS, steps=4000, batch_size=16),
            widths=(16, 32, 64),
            pool=8192,
            crops=1000,
        ),
    ),
}
