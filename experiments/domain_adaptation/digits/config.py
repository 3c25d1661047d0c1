"""What is run: directions, generators, sizes, presets."""

from dataclasses import dataclass, replace

from synthmix_jax.training import Config as Training


@dataclass(frozen=True)
class Generator:
    """A class Gaussian fitted on real target images, and what is done to its images.

    Attributes:
        name: For tables and file names.
        fitted_on: Target images it is fitted on, class-balanced.
        rank: Directions in which each class varies.
        blur: Standard deviation of a blur, in pixels.
        label_noise: Probability that an image shows another class than its label says.
    """

    name: str
    fitted_on: int
    rank: int
    blur: float = 0.0
    label_noise: float = 0.0


@dataclass(frozen=True)
class Cells:
    """Kernel regressions: generators by source sizes, repeated.

    Attributes:
        direction: "mnist to usps" or "usps to mnist".
        generators: By name.
        sizes: Numbers of source images n.
        seeds: Repetitions: other source images, other labelled target images, other generators, other pools.
        label_seeds: Repetitions in which labelled target images join as a third group and choose.
        turn: Repetition s of this cell is computed with repetition s + turn of the first one.
    """

    direction: str
    generators: tuple[str, ...]
    sizes: tuple[int, ...]
    seeds: int
    label_seeds: int = 0
    turn: int = 0


@dataclass(frozen=True)
class Networks:
    """Networks on MNIST and synthetic USPS.

    Attributes:
        generators: By name.
        real: Source images.
        candidates: Source images they are drawn from.
        ratios: Synthetic images for each source image.
        seeds: Repetitions: other source images, other orders of the pool, other initial parameters.
        widths: Of `SmallCNN`.
        training: Its training.
    """

    generators: tuple[str, ...]
    real: int
    candidates: int
    ratios: tuple[float, ...]
    seeds: int
    widths: tuple[int, ...]
    training: Training


@dataclass(frozen=True)
class Digits:
    """One preset.

    Attributes:
        generators: All of them.
        cells: Kernel regressions.
        networks: Networks beside them, if any.
        pool: Synthetic images drawn from each generator.
        counts: About how many counts of synthetic images, from none to all.
        weights: Of one synthetic image beside a source image.
        group_counts: About how many counts where there are three groups.
        group_weights: Of one synthetic image there.
        label_weights: Of one labelled target image beside a source image.
        ridge: Absolute ridge, fixed beforehand.
        labelled: Labelled target images, class-balanced.
        unlabelled: Unlabelled target images, drawn without looking at labels.
        compared: Images of each sample that distances are computed between.
        mnist_test: MNIST test images, of the half that nothing else is drawn from.
        usps_test: USPS test images.
    """

    generators: tuple[Generator, ...]
    cells: tuple[Cells, ...]
    networks: Networks | None = None
    pool: int = 2000
    counts: int = 20
    weights: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    group_counts: int = 12
    group_weights: tuple[float, ...] = (0.1, 0.3, 1.0)
    label_weights: tuple[float, ...] = (1.0, 3.0)
    ridge: float = 0.1
    labelled: int = 100
    unlabelled: int = 1000
    compared: int = 500
    mnist_test: int = 2000
    usps_test: int = 2007

    def generator(self, name: str) -> Generator:
        """One of them."""
        return next(g for g in self.generators if g.name == name)


FORTH, BACK = "mnist to usps", "usps to mnist"
GENERATORS = (
    Generator("200 images", 200, rank=5),
    Generator("1,000 images", 1000, rank=20),
    Generator("5,000 images", 5000, rank=20),
    Generator("50 images, blurred", 50, rank=4, blur=1.5),
    Generator("200 images, 30 % wrong labels", 200, rank=5, label_noise=0.3),
)
EVERY = tuple(g.name for g in GENERATORS)
SMALL, POOR = EVERY[0], EVERY[3:]
NETWORKS = Networks(
    generators=(SMALL, POOR[1]),
    real=300,
    candidates=3000,
    ratios=(0.0, 0.5, 1.0, 2.0, 4.0),
    seeds=5,
    widths=(8, 16),
    training=Training(steps=400, evaluations=5, learning_rate=0.1, shift=1),
)
CPU = Digits(
    GENERATORS,
    cells=(
        Cells(FORTH, EVERY, (300,), seeds=8, label_seeds=5),
        Cells(BACK, (SMALL, POOR[1]), (300,), seeds=4, label_seeds=3, turn=1),
        Cells(FORTH, (SMALL, *POOR), (100, 1000), seeds=3, turn=3),
    ),
    networks=NETWORKS,
)
PRESETS = {
    "quick": Digits(
        (Generator("20 images", 20, rank=1),),
        cells=(Cells(FORTH, ("20 images",), (30,), seeds=2, label_seeds=2),),
        pool=60,
        counts=4,
        weights=(0.3, 1.0),
        group_counts=3,
        group_weights=(0.3, 1.0),
        label_weights=(1.0,),
        labelled=20,
        unlabelled=60,
        compared=30,
        mnist_test=100,
        usps_test=100,
    ),
    "cpu": CPU,
    # More seeds, and every generator in every cell; the regressions are in float64, which some GPUs do slowly.
    "gpu": replace(
        CPU,
        cells=(
            Cells(FORTH, EVERY, (100, 300, 1000), seeds=20, label_seeds=20),
            Cells(BACK, EVERY[:2] + POOR, (100, 300, 1000), seeds=20, label_seeds=20),
        ),
        networks=replace(NETWORKS, generators=EVERY, seeds=20, widths=(32, 64, 96)),
        label_weights=(0.3, 1.0, 3.0, 10.0),
        mnist_test=5000,
    ),
}
