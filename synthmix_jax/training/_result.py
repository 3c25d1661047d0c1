"""What a sweep of trained networks hands back."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ._config import Config, Seeds


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """What was seen on the way: e evaluations.

    Attributes:
        step: Step of each evaluation (r, s, e); beyond a model's own number of steps it stays there.
        train_loss: Mean training loss since the evaluation before (r, s, e).
        validation_error: (r, s, e).
        validation_loss: Mean cross-entropy, or mean squared error of standardised targets (r, s, e).
    """

    step: Int[np.ndarray, "r s e"]
    train_loss: Float[np.ndarray, "r s e"]
    validation_error: Float[np.ndarray, "r s e"]
    validation_loss: Float[np.ndarray, "r s e"]


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """Errors of a population of networks, ratios by seeds.

    An error is the share of misclassified points; for regression the squared error in the units of the targets,
    summed over outputs, mean over points; for label maps one minus Dice's coefficient of all points' pixels
    together, mean over the classes but the first (the background). A cell that failed holds NaN, and `status` says
    why.

    Attributes:
        ratios: Requested ratios (r,). Of a sweep of shares: the synthetic over the source share; infinite where the
            source has none, 0 where there are no synthetic points.
        realised_counts: Synthetic points each model trained on (r,).
        realised_ratios: realised_counts / num_real (r,).
        realised_shares: Share of the loss that is synthetic (r,).
        seeds: The seeds of the repetitions.
        num_real: Real training points of each model; with a target, those of the source.
        num_validation: Real points held out from each model; with a target, those of the target.
        pool: Synthetic points that were at hand.
        num_steps: Steps of each model (r,).
        test_error: On `test`, at the chosen step (r, s); NaN without test data.
        test_loss: Mean cross-entropy (or squared error of standardised targets) there (r, s).
        validation_error: At the chosen step (r, s).
        chosen_step: Step whose parameters were kept (r, s).
        history: The evaluations.
        status: Text (r, s): "" where all went well.
        config: How the models were trained.
        num_classes: Classes, or None for regression.
        dense: Whether labels are maps.
        log: What was decided on the way (memory, chunks, resumption), one sentence each.
        settings: Everything that the numbers depend on; JSON-like.
        num_target: Target points each model trained on, 0 without a target.
        shares: Requested shares of the loss of source, target and synthetic points (r, 3); None where ratios
            were given.
        realised_group_shares: Share of the loss that source, target and synthetic points have (r, 3).
    """

    ratios: Float[np.ndarray, " r"]
    realised_counts: Int[np.ndarray, " r"]
    realised_ratios: Float[np.ndarray, " r"]
    realised_shares: Float[np.ndarray, " r"]
    seeds: Seeds
    num_real: int
    num_validation: int
    pool: int
    num_steps: Int[np.ndarray, " r"]
    test_error: Float[np.ndarray, "r s"]
    test_loss: Float[np.ndarray, "r s"]
    validation_error: Float[np.ndarray, "r s"]
    chosen_step: Int[np.ndarray, "r s"]
    history: History = dataclasses.field(repr=False)
    status: np.ndarray = dataclasses.field(repr=False)
    config: Config
    num_classes: int | None
    log: tuple[str, ...] = dataclasses.field(repr=False)
    settings: dict[str, Any] = dataclasses.field(repr=False)
    dense: bool = False
    num_target: int = 0
    shares: Float[np.ndarray, "r 3"] | None = None
    realised_group_shares: Float[np.ndarray, "r 3"] | None = None
    _models: Callable[[int, int], Any] | None = dataclasses.field(repr=False, default=None)

    def model(self, ratio: int, seed: int) -> Any:
        """The trained network of one cell, as a Flax NNX module in evaluation mode.

        It takes inputs as they are in the data sets (uint8 counts as x / 255), standardises them itself, and gives
        logits, or targets in their own units. What `model` made stands at its attribute `network`.

        Args:
            ratio: Place in `ratios`.
            seed: Place among the seeds.

        Raises:
            ValueError: The sweep did not keep its models.
        """
        if self._models is None:
            raise ValueError("the models were not kept: call sweep with keep_models=True.")
        return self._models(ratio, seed)
