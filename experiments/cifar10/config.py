"""What is run: generators, networks, sizes, presets."""

from dataclasses import dataclass, replace

from synthmix_jax.training import Config as Training


@dataclass(frozen=True)
class Source:
    """A generator fitted on CIFAR-10 images that no network of the experiment trains or is tested on.

    Attributes:
        name: For tables and file names.
        rank: Directions in which each class of a class Gaussian varies; None draws the generator's images
            themselves, with replacement: as good as a generator can be.
        blur: Standard deviation of a blur, in pixels.
        label_noise: Probability that an image shows another class than its label says.
    """

    name: str
    rank: int | None = None
    blur: float = 0.0
    label_noise: float = 0.0


@dataclass(frozen=True)
class Network:
    """A network, and how it is trained.

    Attributes:
        name: One of `smx.models.NAMES`.
        training: Its configuration; the number of real images is filled in.
        options: Of the model, by name.
        real: Numbers of real training images.
        sources: Which generators, by name.
    """

    name: str
    training: Training
    options: tuple[tuple[str, object], ...]
    real: tuple[int, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Experiment:
    """One preset.

    Attributes:
        networks: Trained one after the other.
        sources: Generators.
        ratios: Synthetic images for each real one.
        seeds: Repetitions: other real images, other held-out ones, other initial parameters.
        validation: Real images held out to choose the epoch.
        base: Real images that training and held-out ones are drawn from; the others are the generators'.
        fitted_on: Images that generators are fitted on.
        test: Test images.
    """

    networks: tuple[Network, ...]
    sources: tuple[Source, ...]
    ratios: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
    seeds: int = 5
    validation: int = 1000
    base: int = 20_000
    fitted_on: int = 30_000
    test: int = 10_000


IMAGES = {"flip": True, "shift": 4}
SOURCES = (
    Source("other images"),
    Source("blurred, labels noisy", blur=1.0, label_noise=0.2),
    Source("class Gaussians", rank=50),
)
EVERY = tuple(source.name for source in SOURCES)
CNN = Network(
    "small_cnn",
    Training(steps=500, evaluations=5, learning_rate=0.1, **IMAGES),
    options=(("widths", (16, 32, 64)),),
    real=(500,),
    sources=EVERY,
)
CNN_MORE = replace(CNN, real=(1000, 5000), sources=EVERY[::2])
VIT = Network(
    "vit_tiny",
    Training(
        steps=500,
        evaluations=5,
        optimizer="adamw",
        learning_rate=1e-3,
        weight_decay=0.05,
        **IMAGES,
    ),
    options=(("width", 64), ("depth", 4), ("heads", 2), ("patch_size", 8)),
    real=(1000,),
    sources=EVERY[2:],
)
RESNET = Network(
    "resnet9",
    Training(
        steps=2000,
        batch_size=256,
        evaluations=10,
        learning_rate=0.2,
        schedule="triangular",
        label_smoothing=0.1,
        **IMAGES,
    ),
    options=(),
    real=(500, 1000, 5000),
    sources=EVERY,
)
QUICK = Network(
    "small_cnn",
    Training(steps=30, evaluations=2, batch_size=32, learning_rate=0.1, **IMAGES),
    options=(("widths", (8, 16)),),
    real=(100,),
    sources=EVERY[1:],
)

PRESETS = {
    "quick": Experiment(
        (QUICK,),
        SOURCES,
        ratios=(0.0, 2.0),
        seeds=2,
        validation=100,
        base=1000,
        fitted_on=1000,
        test=200,
    ),
    "cpu": Experiment((CNN, CNN_MORE, VIT), SOURCES),
    "gpu": Experiment((RESNET, VIT), SOURCES),
}
