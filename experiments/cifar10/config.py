"""What is run: generators, networks, sizes, presets."""

from dataclasses import dataclass, replace

from synthmix_jax.generators import FlowConfig
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
class Ladder:
    """Flows of several training lengths, out of one training.

    Attributes:
        lengths: Steps of training.
        flow: Network and training.
        size: Pixels along a side; images are shrunk to it by means over blocks.
        sampler_steps: Steps of Heun's method.
        compared: Images of each generator that are compared with as many test images.
    """

    lengths: tuple[int, ...]
    flow: FlowConfig
    size: int
    sampler_steps: int
    compared: int

    def name(self, length: int) -> str:
        """What a rung is called."""
        return f"flow, {length:,} steps"


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
        ladder: Flows beside the generators, if any.
    """

    networks: tuple[Network, ...]
    sources: tuple[Source, ...]
    ratios: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
    seeds: int = 5
    validation: int = 1000
    base: int = 20_000
    fitted_on: int = 30_000
    test: int = 10_000
    ladder: Ladder | None = None

    def generators(self, network: Network) -> tuple[str, ...]:
        """Names of the generators a network is trained with: its own, and the ladder from its foot up."""
        names = tuple(s.name for s in self.sources if s.name in network.sources)
        rungs = self.ladder and [self.ladder.name(length) for length in self.ladder.lengths]
        return names + tuple(rungs or ())


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
    sources=EVERY[2:],
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
        ladder=Ladder(
            lengths=(4,),
            flow=FlowConfig(steps=4, batch_size=16, widths=(8,)),
            size=8,
            sampler_steps=1,
            compared=100,
        ),
    ),
    "cpu": Experiment((CNN, CNN_MORE, VIT), SOURCES),
    "gpu": Experiment((RESNET, VIT), SOURCES),
    "ladder": Experiment(
        (replace(CNN, sources=EVERY[::2]),),
        SOURCES,
        ladder=Ladder(
            lengths=(250, 1000, 2000, 4000),
            flow=FlowConfig(steps=4000, batch_size=64, learning_rate=1e-3, flip=True),
            size=16,
            sampler_steps=10,
            compared=2000,
        ),
    ),
    "ladder-gpu": Experiment(
        (replace(RESNET, sources=EVERY[::2]),),
        SOURCES,
        base=5_000 + 1_000,
        fitted_on=44_000,
        ladder=Ladder(
            lengths=(2_500, 5_000, 10_000, 20_000, 40_000, 80_000),
            flow=FlowConfig(
                steps=80_000,
                batch_size=256,
                learning_rate=3e-4,
                average=0.9995,
                flip=True,
                widths=(96, 192, 192),
                blocks=2,
            ),
            size=32,
            sampler_steps=25,
            compared=5000,
        ),
    ),
}
