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


def levels(dial: str, *values: float) -> tuple[Source, ...]:
    """One dial of the class Gaussian, turned further and further."""
    return tuple(fine(f"{dial} = {value:g}", **{dial: value}) for value in values)


def targets(field: str, *values: float) -> tuple[Source, ...]:
    """Other real points with spoilt targets."""
    return tuple(Source(f"{field} = {v:g}", "replay", **{field: v}) for v in values)


# Families of one kind of damage each, beside the undamaged source they come from.
DIALS_CLASSES = (
    fine("Gaussian"),
    *levels("offset", 0.2, 0.4, 0.8, 1.6),
    *levels("noise", 0.3, 0.6, 1.0, 2.0),
    *levels("blur", 0.6, 1.0, 1.4, 2.0),
    *levels("label_shift", 0.1, 0.2, 0.35, 0.5),
    *levels("drop_modes", 0.2, 0.4, 0.6, 0.8),
)
DIALS_TARGETS = (
    OTHER_REAL,
    fine("Gaussian"),
    *levels("offset", 0.2, 0.4, 0.8, 1.6),
    *levels("noise", 0.3, 0.6, 1.0, 2.0),
    *targets("target_scale", 0.75, 0.5, 0.0, -1.0),
    *targets("target_noise", 0.5, 1.0, 2.0, 4.0),
)


def families(sources: tuple[str, ...]) -> dict[str, list[int]]:
    """By dial, the places of its levels among the names of sources, with that of what they spoil."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(sources):
        dial, equals, _ = name.partition(" = ")
        if equals:
            whole = OTHER_REAL.name if dial.startswith("target") else "Gaussian"
            found.setdefault(dial, [sources.index(whole)]).append(place)
    return found
