"""Sources of synthetic data, good and bad ones: models, and dials that spoil them by known amounts.

Inputs are standardised (`data.py`), so that one dial means the same on all data sets.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Source:
    """Where synthetic points come from.

    Attributes:
        name: For tables.
        model: "replay" gives back the points it is given: other real data, without a model.
        points: Points of the generators' pool it is fitted on; None for half of them ("replay": all).
        size: Rank of "gaussian", components of "mixture" (of rank 10), neighbours of "smote".
        dials: Of `generators.Shifted`, by name.
        target_scale: Regression targets are multiplied by this.
        target_noise: Standard deviation of noise added to regression targets.
    """

    name: str
    model: Literal["replay", "gaussian", "mixture", "smote"]
    points: int | None = None
    size: int = 0
    dials: tuple[tuple[str, float], ...] = ()
    target_scale: float = 1.0
    target_noise: float = 0.0


def fine(name: str, **dials: float) -> Source:
    """A Gaussian of rank 20 (of each class, or of inputs and targets together), spoilt."""
    return Source(name, "gaussian", size=20, dials=tuple(dials.items()))


OTHER_REAL = Source("other real points", "replay")
AGAIN = Source("30 points again and again", "replay", points=30)
SMOTE = Source("SMOTE of 100 points", "smote", points=100, size=5)
CLASSES = (
    OTHER_REAL,
    AGAIN,
    SMOTE,
    fine("Gaussian"),
    Source("coarse Gaussian", "gaussian", size=3),
    Source("Gaussian of 50 points", "gaussian", points=50, size=5),
    Source("memorising", "gaussian", points=50, size=5, dials=(("memorize", 0.7),)),
    Source("class means", "gaussian", size=0),
    Source("mixture", "mixture", size=3),
    fine("offset", offset=0.4),
    fine("half the contrast", contrast=-0.5),
    fine("noise", noise=1.0),
    fine("30 % of labels random", label_noise=0.3),
    fine("half the labels shifted", label_shift=0.5),
    fine("imbalanced", imbalance=0.9),
    fine("half the modes", drop_modes=0.5),
)
IMAGES = (
    *CLASSES,
    Source("Gaussian of 50, blurred", "gaussian", points=50, size=5, dials=(("blur", 1.3),)),
)
TARGETS = (
    OTHER_REAL,
    Source("half the targets", "replay", target_scale=0.5),
    Source("opposite targets", "replay", target_scale=-1.0),
    fine("Gaussian"),
    AGAIN,
    SMOTE,
    Source("Gaussian of 30 points", "gaussian", points=30, size=20),
    Source("noisy targets", "replay", target_noise=1.0),
    Source("noise for targets", "replay", target_scale=0.0, target_noise=1.0),
    fine("offset", offset=0.4),
    fine("half the scale", scale=-0.5),
    fine("noise", noise=1.0),
    fine("30 % of targets random", label_noise=0.3),
)
# For a quick look: the extremes, and what lies between.
FEW_CLASSES = tuple(
    s
    for s in CLASSES
    if s in (OTHER_REAL, AGAIN) or s.name in ("Gaussian", "half the labels shifted")
)
FEW_TARGETS = (*TARGETS[:3], AGAIN)
