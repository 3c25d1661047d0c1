"""What is run: sizes, noise, grids, presets.

All circles: x uniform, a sine and a cosine of each frequency j = 1, 2, ... and the constant, which counts as j = 1.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure1:
    """Regression toward a generator, one setting.

    Attributes:
        r: Eigenvalues mu_j = j^(-2r).
        truth_decay: s, truth theta_j = mu_j j^(-s).
        generator_decay: s', generator omega_j = mu_j j^(-s').
        frequencies: Highest j.
        n: Real points.
        noise_variance: Of a target.
        repetitions: Draws of points and noise.
        log10_lambda: Least and largest lambda, and how many.
        seed: Of all draws.
    """

    r: float = 2.0
    truth_decay: float = 0.8
    generator_decay: float = 1.5
    frequencies: int = 200
    n: int = 200
    noise_variance: float = 0.0025
    repetitions: int = 500
    log10_lambda: tuple[float, float, int] = (-7.0, 1.0, 81)
    seed: int = 0


@dataclass(frozen=True)
class Heatmap:
    """The best lambda over noise, n and r; s and s' as in `Figure1`.

    Attributes:
        smoothness: Values of r.
        sizes: Values of n, and how many designs are drawn of each.
        log10_noise: Noise variance over the mean square of f* - g: least, largest, how many.
        bootstrap: Resamples of the designs, for the intervals of the exponents.
    """

    smoothness: tuple[float, ...] = (1.0, 2.0, 3.0)
    truth_decay: float = 0.8
    generator_decay: float = 1.5
    frequencies: int = 512
    sizes: tuple[tuple[int, int], ...] = (
        (16, 1000),
        (32, 500),
        (64, 300),
        (128, 200),
        (256, 100),
        (512, 50),
    )
    log10_noise: tuple[float, float, int] = (-3.0, 2.5, 12)
    log10_lambda: tuple[float, float, int] = (-8.0, 6.0, 141)
    bootstrap: int = 200
    seed: int = 1


@dataclass(frozen=True)
class UCurves:
    """Error against the number of synthetic points.

    Attributes:
        r: Eigenvalues j^(-2r).
        decay: Truth j^(-decay).
        ridge: Absolute.
        counts: Synthetic points of the simulation; lines are drawn through many more.
    """

    r: float = 2.0
    decay: float = 1.2
    frequencies: int = 20
    n: int = 40
    noise_variance: float = 0.5
    ridge: float = 0.3
    weights: tuple[float, ...] = (1.0, 0.3)
    counts: tuple[int, ...] = (0, 5, 10, 20, 40, 80, 160, 320, 640)
    repetitions: int = 2000
    smoothing: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 3.0)
    ranks: tuple[int, ...] = (1, 2, 3, 4, 6)
    scales: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8, 1.6)
    seed: int = 2


@dataclass(frozen=True)
class Phase:
    """Use none, part or all of 16 n synthetic points, over discrepancy and noise.

    Attributes:
        largest_ratio: Synthetic points on offer, over n.
        counts: Positive counts searched, geometric up to the largest.
        tuned_weights: Weights searched in the second row.
        tolerance: "Part" where the gain over both ends exceeds it.
        cells: Along each axis.
        marks: Measured verdicts drawn along each axis.
    """

    r: float = 2.0
    decay: float = 1.2
    frequencies: int = 20
    sizes: tuple[int, ...] = (20, 60, 180)
    ridge: float = 0.3
    largest_ratio: int = 16
    counts: int = 22
    tuned_weights: tuple[float, ...] = tuple(float(f"{10 ** (k / 6):.4g}") for k in range(-21, 4))
    tolerance: float = 0.005
    cells: int = 60
    log10_discrepancy: tuple[float, float] = (-2.0, 0.5)
    log10_noise: tuple[float, float] = (-2.0, 1.0)
    marks: int = 6
    repetitions: int = 400
    seed: int = 3


@dataclass(frozen=True)
class Validation:
    """`mixed_risk` against simulation.

    Attributes:
        designs: As `designs.named` reads them.
        interpolation_n: Real points of the look at interpolation.
        interpolation_repetitions: Designs drawn there.
    """

    designs: tuple[str, ...] = (
        "gaussian, 80 features",
        "fourier r=1, 81 features",
        "fourier r=1, 201 features",
        "fourier r=2, 81 features",
    )
    sizes: tuple[int, ...] = (20, 60)
    ratios: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
    weights: tuple[float, ...] = (0.3, 1.0, 3.0)
    ridges: tuple[float, ...] = (0.01, 0.1, 1.0)
    noise_variance: float = 0.5
    repetitions: int = 2000
    interpolation_n: int = 60
    interpolation_repetitions: int = 1000
    seed: int = 4


@dataclass(frozen=True)
class Config:
    """One run of the experiment; each field is a part."""

    figure1: Figure1 = field(default_factory=Figure1)
    heatmap: Heatmap = field(default_factory=Heatmap)
    ucurves: UCurves = field(default_factory=UCurves)
    phase: Phase = field(default_factory=Phase)
    validation: Validation = field(default_factory=Validation)


PRESETS = {
    "quick": Config(
        figure1=Figure1(frequencies=50, n=60, repetitions=200, log10_lambda=(-7.0, 1.0, 41)),
        heatmap=Heatmap(
            smoothness=(1.0, 2.0),
            frequencies=100,
            sizes=((16, 100), (64, 40)),
            log10_noise=(-2.0, 2.0, 5),
            log10_lambda=(-8.0, 6.0, 71),
            bootstrap=20,
        ),
        ucurves=UCurves(repetitions=200, counts=(0, 10, 40, 160)),
        phase=Phase(sizes=(20, 60), counts=8, cells=20, repetitions=40, tuned_weights=(0.1, 1.0)),
        validation=Validation(
            designs=("gaussian, 80 features", "fourier r=2, 21 features"),
            sizes=(20,),
            repetitions=100,
            interpolation_n=30,
            interpolation_repetitions=100,
        ),
    ),
    "cpu": Config(),
}
