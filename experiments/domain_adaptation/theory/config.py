"""What is run: how many problems, at which sizes, and how often each is drawn."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Risk:
    """Three groups (source, target, synthetic): `group_risk` against fits to drawn points.

    Attributes:
        problems: Drawn laws, coefficients and noises.
        sizes: Points of source, target and synthetic.
        ridges: Absolute ridges; eigenvalues of the penalty start at one.
        weights: Of one point of the source, and likewise of the synthetic group, the target's being one. They lie
            in equal steps of the logarithm.
        features: Their number.
        draws: Fits for each problem and size; all ridges and weights are fitted to the same draws.
    """

    problems: int = 12
    sizes: tuple[tuple[int, int, int], ...] = ((20, 8, 20), (60, 15, 60), (150, 15, 300))
    ridges: tuple[float, ...] = (0.02, 0.3)
    weights: tuple[float, ...] = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0)
    features: int = 24
    draws: int = 600


@dataclass(frozen=True)
class Bound:
    """Two groups (source, synthetic) that are moved away from the target: the best share against distances.

    Attributes:
        kinds: What moves: "coefficients", "covariance", "mean", or "all" three; "hidden" is "covariance" where
            every second feature carries a part of the targets and is not fitted.
        bases: Targets and directions of the moves.
        dials: How far source and synthetic group are moved, each with each.
        sizes: Points of source and synthetic group. There are none of the target.
        ridge: Ridge per unit of weight: that of the objective whose weights sum to one.
        noise: Variance of the noise of all targets.
        shares: Number of shares between zero and one at which points are drawn; the formula is evaluated at ten
            times as many.
        features: Their number.
        draws: Fits for each base, move and share.
        resamples: Of the bases, for the intervals.
    """

    kinds: tuple[str, ...] = ("coefficients", "covariance", "mean", "all", "hidden")
    bases: int = 6
    dials: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0)
    sizes: tuple[int, int] = (60, 60)
    ridge: float = 0.003
    noise: float = 0.3
    shares: int = 21
    features: int = 24
    draws: int = 100
    resamples: int = 2000


@dataclass(frozen=True)
class Study:
    """Both, with the seed of everything that is drawn."""

    risk: Risk
    bound: Bound
    seed: int = 0


PRESETS = {
    "quick": Study(
        Risk(
            problems=2,
            sizes=((60, 15, 60),),
            ridges=(0.3,),
            weights=(1 / 8, 1 / 2),
            features=12,
            draws=100,
        ),
        Bound(
            kinds=("coefficients", "all"),
            bases=2,
            dials=(0.0, 1.0),
            shares=5,
            features=12,
            draws=30,
            resamples=20,
        ),
    ),
    "cpu": Study(
        Risk(
            problems=14,
            sizes=((60, 15, 60), (150, 15, 300), (40, 30, 200)),
            ridges=(0.3,),
            weights=(1 / 81, 1 / 27, 1 / 9, 1 / 3, 1.0, 3.0),
            draws=2000,
        ),
        Bound(kinds=("coefficients", "covariance", "mean", "all"), bases=8, draws=200),
    ),
    # Fewer points, a smaller ridge, a finer grid of weights, and features that are not fitted.
    "fine": Study(Risk(), Bound()),
}
PRESETS["gpu"] = PRESETS["cpu"]
