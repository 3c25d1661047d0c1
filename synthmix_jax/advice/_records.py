"""The answer, as a record: what to do, how sure, and what it rests on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from synthmix_jax._typing import Array, KernelFunction

Verdict = Literal["use all", "use part", "use none", "no clear optimum"]


@dataclass(frozen=True, eq=False)
class Curve:
    """Error of real points that took no part in training, against the synthetic count.

    From `recommend`: leave-one-out errors at the recommended weight and ridge, squared and summed over outputs.
    From `judge`: mean validation errors of the networks, ratio by ratio.

    Attributes:
        counts: Synthetic counts (c,), from 0.
        error: Mean over the real points, or over the networks (c,).
        low: `error` less 1.64 standard errors of the paired difference to the best count (c,); for networks
            Student's t quantile stands for 1.64.
        high: `error` plus as much (c,). Where low exceeds the best error, the count is significantly worse.
        misclassified: Share of real points misclassified when left out (c,), or None for regression. None for
            networks, whose `error` is that share.
        frequencies: How often each count was best over bootstrap samples of the real points, over all
            weights and ridges (c,); for networks, over the seeds left out in turn. Sums to one.
    """

    counts: Int[np.ndarray, " c"]
    error: Float[np.ndarray, " c"]
    low: Float[np.ndarray, " c"]
    high: Float[np.ndarray, " c"]
    misclassified: Float[np.ndarray, " c"] | None
    frequencies: Float[np.ndarray, " c"]


@dataclass(frozen=True)
class Copies:
    """Nearest-neighbour test: do synthetic points look like copies of real ones?

    Attributes:
        identical: Share of synthetic points equal to a real point.
        close: Share of synthetic points at most half as far from one real point as from the next (less
            than half, where real points lie so to each other too); at most 0.1 when nothing was copied.
        suspicious: Whether that is too many.
    """

    identical: float
    close: float
    suspicious: bool


@dataclass(frozen=True, eq=False)
class Networks:
    """Trained networks behind an advice; ratios rise from zero, in the order of the curve.

    Attributes:
        ratios: Synthetic points per real point, m / n; with mixing "weight" the weight of all synthetic points over
            that of all real ones, w m / n (r,).
        weights: Weight of one synthetic point relative to a real one at each ratio (r,).
        errors: Validation errors (r, s): share of misclassified held-out points, or squared error; NaN where a
            network failed.
        test_errors: The same on test data, or None without (r, s); never used to choose.
        index: Place of the recommended ratio.
        interval: First and last place of the ratios that cannot be told from the best.
        num_seeds: Seeds with a network without synthetic data and one with it.
        num_validation: Real points held out from each network.
        mixing: "count" if the ratios vary the number of synthetic points, "weight" if they vary their weight.
        classes: Whether errors are shares (of misclassified points, or one minus Dice), given in percent.
        maps: Whether they are one minus Dice's coefficient, of label maps.
    """

    ratios: Float[np.ndarray, " r"]
    weights: Float[np.ndarray, " r"]
    errors: Float[np.ndarray, "r s"] = field(repr=False)
    test_errors: Float[np.ndarray, "r s"] | None = field(repr=False)
    index: int
    interval: tuple[int, int]
    num_seeds: int
    num_validation: int
    mixing: Literal["count", "weight"]
    classes: bool
    maps: bool = False

    @property
    def measure(self) -> str:
        """What errors are, in words."""
        if self.maps:
            return "one minus Dice"
        return "misclassified share" if self.classes else "squared error"


@dataclass(frozen=True)
class Mix:
    """What one place of the first axis of an adaptation's sweep stands for.

    Attributes:
        source: Whether source points take part.
        target_weight: Weight of one target point relative to a source one (or, without those, one).
        synthetic_weight: Weight of one synthetic point relative to a source one; without those to a target one.
    """

    source: bool
    target_weight: float
    synthetic_weight: float


@dataclass(frozen=True)
class Adaptation:
    """Domain adaptation: what was known of the target, and what the advice can therefore say.

    Attributes:
        case: "labelled target", "unlabelled target" or "no target".
        statement: The case in words: what was scored, and on what the advice is conditional.
        conditional: Whether the advice rests on assumptions that the data at hand cannot check.
        num_source: Source points.
        num_target: Target points given, labelled or not.
        mixes: What the first axis of `Advice.sweep` stands for (w,); empty without a sweep.
        mix: The recommended one.
        baselines: Errors on the target points for comparison, each at its ridge of least error: of the source
            alone, of synthetic points alone, of the target points alone (left out), of source and target.
        effective_sample_size: (sum r)^2 / sum r^2 of the density ratios r, for an unlabelled target.
        coverage: How much of the target lies where the source has points, 0 to 1, for an unlabelled target; see
            `adaptation.DensityRatio`.
        sufficient: Whether there was evidence enough to claim anything: not where the source hardly covers the
            target, or its weighted points are worth too few.
        source_distance: Wasserstein distance between source and target and its interval (of points with labels
            where both have classes, else of inputs); between source and synthetic points without a target. Sampling
            error included.
        synthetic_distance: The same between synthetic points and target; None without a target.
        distance_metric: Which of `distances.METRICS` these are.
        shares: For the bound: by assumption (see `docs/adaptation.md`), the best synthetic share of the loss, were
            the source as near to the target as it can be.
    """

    case: Literal["labelled target", "unlabelled target", "no target"]
    statement: str
    conditional: bool
    num_source: int
    num_target: int
    mixes: tuple[Mix, ...] = field(repr=False)
    mix: Mix
    baselines: dict[str, float]
    effective_sample_size: float | None = None
    coverage: float | None = None
    sufficient: bool = True
    source_distance: tuple[float, float, float] | None = None
    synthetic_distance: tuple[float, float, float] | None = None
    distance_metric: str | None = None
    shares: dict[str, float] | None = None


@dataclass(frozen=True)
class Tested:
    """Mean test errors over the seeds, with 90 % t intervals. They took no part in the choice.

    Attributes:
        real_only: Without synthetic data.
        real_only_interval: Its interval over seeds.
        error: At the recommended ratio.
        error_interval: Its interval over seeds.
        saved: real_only - error, paired over seeds.
        saved_interval: Its interval.
        num_seeds: Seeds with a test error at both.
    """

    real_only: float
    real_only_interval: tuple[float, float]
    error: float
    error_interval: tuple[float, float]
    saved: float
    saved_interval: tuple[float, float]
    num_seeds: int


@dataclass(frozen=True, eq=False)
class Advice:
    """What to do with the synthetic data, and how sure that is.

    Attributes:
        verdict: "use all", "use part", "use none" or "no clear optimum"; the rule is in `recommend`,
            and that for networks in `judge`.
        count: Recommended number of synthetic points.
        ratio: count / n.
        weight: Weight of one synthetic point relative to a real one.
        ridge: Absolute ridge of the recommended fit; None for networks.
        kernel: Kernel, chosen on the real data alone unless given; None for networks.
        interval: Lowest and highest count that the real points cannot tell from the best.
        gain: Relative reduction of the real-only error by the best use of synthetic data, corrected for
            having been selected; 0.1 is an error 10 % lower, negative is harm.
        gain_interval: 90 % interval of the gain; its upper end is at least 0, the gain of using none.
        distances: Distances between real and synthetic data beside their floors; None where none were computed.
        sweep: The sweep the advice rests on: a `krr.Sweep` (for cross-fitted advice, its errors are cross-fitted)
            or a `training.Result`.
        curve: Error against count at the recommended weight and ridge, with its band.
        real_only_error: Leave-one-out error without synthetic data, at its own best ridge; or validation error.
        error: Leave-one-out error at the recommended count, weight and ridge; or validation error.
        num_real: n, the number of real points (that each network was trained on).
        pool: Number of synthetic points that were at hand.
        copies: The nearest-neighbour test, or None for a cross-fitted generator and for networks.
        warnings: What a reader must know before relying on this, one sentence each.
        settings: Everything needed to redo the run: options, seed, kernel grid, versions. JSON-like.
        names: Display names of the real and the synthetic data.
        networks: Ratios, weights and validation errors of the networks; None for kernel regression.
        tested: Test errors of the networks, beside the advice; None for kernel regression or without test data.
        adaptation: For domain adaptation: the case, and the weights of all groups; else None. Errors are then
            those of target points, `num_real` counts source and labelled target points, and weights are
            relative to a source point (where source points take part).
    """

    verdict: Verdict
    count: int
    ratio: float
    weight: float
    ridge: float | None
    kernel: KernelFunction | None
    interval: tuple[int, int]
    gain: float
    gain_interval: tuple[float, float]
    distances: Any  # a distances.Table, which would load ott
    sweep: Any = field(repr=False)  # a krr.Sweep, or a training.Result, which could load flax
    curve: Curve = field(repr=False)
    real_only_error: float
    error: float
    num_real: int
    pool: int
    copies: Copies | None
    warnings: tuple[str, ...]
    settings: dict[str, Any] = field(repr=False)
    names: tuple[str, str]
    predictor: Callable[[Array], np.ndarray] = field(repr=False)
    networks: Networks | None = None
    tested: Tested | None = None
    adaptation: Adaptation | None = None

    def predict(self, x: Array) -> np.ndarray:
        """Predict with the recommended mix.

        The bagged regression: the average of the fits at every count, weight and ridge, each as often as
        it was best over bootstrap samples of the real points, and over the orders of the pool; for "use none"
        the real-only fit. Fitted on the first call. An average of fits, it is not the single fit that
        `error` belongs to.

        Args:
            x: Inputs (t, ...), as the real ones.

        Returns:
            Targets (t,) or (t, k), or class scores (t, k) whose argmax is the class; float64.

        Raises:
            ValueError: the advice comes from trained networks, which predict by themselves.
        """
        return self.predictor(x)

    def save(self, directory: str | Path) -> Path:
        """Write report.html, curve.png and advice.json.

        Args:
            directory: Folder to write to; made if absent. Files of the same names are replaced, each
                atomically.

        Returns:
            The folder.
        """
        from ._report import save

        return save(self, Path(directory))

    def summary(self) -> str:
        """The verdict in one or two plain sentences."""
        from ._report import sentence

        return sentence(self)
