"""What a reader must know before relying on advice from trained networks."""

from typing import Any

import numpy as np

from . import _words
from ._seeds import ENOUGH, Choice, Evidence

# Held-out points below which the error moves in steps of over 2 %.
_FEW_POINTS = 50
# Failed networks named one by one, at most.
_NAMED = 6


def few_seeds(num: int) -> list[str]:
    """A warning when there are too few seeds for any verdict."""
    if num >= ENOUGH:
        return []
    return [
        f"Only {num} {'seed' if num == 1 else 'seeds'} with a network at ratio 0 and another ratio: no verdict "
        f"rests on "
        f"fewer than {ENOUGH}. Train with at least {ENOUGH} seeds, better 5 to 10."
    ]


def cautions(
    result: Any, kept: np.ndarray, errors: np.ndarray, evidence: Evidence, choice: Choice
) -> list[str]:
    """Cautions, one sentence or two each.

    Args:
        result: The `training.Result`.
        kept: Places in it of the ratios judged, in rising order (r,).
        errors: Validation errors of these (r, s).
        evidence: What they tell.
        choice: The verdict.
    """
    return [
        *few_seeds(evidence.num_seeds),
        *_failed(result, kept, errors, evidence),
        *_few_points(result),
        *_same_amount(result, kept),
        *_at_the_end(result, kept, evidence, choice),
        *_longer_training(result, choice),
    ]


def _failed(result: Any, kept: np.ndarray, errors: np.ndarray, evidence: Evidence) -> list[str]:
    cells = np.argwhere(~np.isfinite(errors))
    if not len(cells):
        return []
    named = []
    for r, s in cells[:_NAMED]:
        why = str(result.status[kept[r], s])
        ratio = f"{result.ratios[kept[r]]:g}"
        named.append(
            f"ratio {ratio} with seed {result.seeds.data[s]}" + (f" ({why})" if why else "")
        )
    more = f" and {len(cells) - _NAMED} more" if len(cells) > _NAMED else ""
    found = [
        f"{len(cells)} of {errors.size} networks failed and were left out, with their partners in paired "
        f"differences: "
        f"{'; '.join(named)}{more}. The errors are those of the networks that did not fail."
    ]
    lost = [f"{result.ratios[kept[i]]:g}" for i in np.flatnonzero(~evidence.eligible)]
    if lost:
        found.append(
            f"Too few networks were left to consider {'ratio' if len(lost) == 1 else 'ratios'} {', '.join(lost)}."
        )
    return found


def _few_points(result: Any) -> list[str]:
    n = result.num_validation
    if n >= _FEW_POINTS:
        return []
    return [
        f"Only {_words.points(n, 'held-out real')} for each network: errors from so few are rough. Hold out at "
        f"least {_FEW_POINTS} (num_validation=...)."
    ]


def _same_amount(result: Any, kept: np.ndarray) -> list[str]:
    dropped = [f"{result.ratios[i]:g}" for i in range(len(result.ratios)) if i not in kept]
    if not dropped:
        return []
    return [
        f"{'Ratio' if len(dropped) == 1 else 'Ratios'} {', '.join(dropped)} came to the same number of "
        f"synthetic points "
        "as a smaller one and took no part."
    ]


def _at_the_end(result: Any, kept: np.ndarray, evidence: Evidence, choice: Choice) -> list[str]:
    """Whether the turn of the U could not be seen."""
    found, last = [], len(kept) - 1
    largest = f"{result.ratios[kept[-1]]:g}"
    by_weight = result.config.mixing == "weight"
    short = not by_weight and result.realised_counts[kept[-1]] < result.pool
    if evidence.best == last and choice.verdict != "use none":
        if by_weight:
            more = "larger weights were not tried (ratios=...)"
        elif short:
            more = f"larger ratios were not tried, though the pool allows {result.pool / result.num_real:.3g}"
        else:
            more = "the pool ends there, and more synthetic data of this kind may help further"
        found.append(
            f"The error is least at the largest ratio, {largest}: where it would rise again was not seen; {more}."
        )
    elif choice.verdict == "use part" and short and last <= choice.interval[1]:
        found.append(
            f"The largest ratio tried, {largest}, does about as well as the best, and larger ones were not "
            f"tried, though "
            f"the pool allows {result.pool / result.num_real:.3g}."
        )
    return found


def _longer_training(result: Any, choice: Choice) -> list[str]:
    if result.config.epochs is None or result.config.mixing == "weight" or not choice.place:
        return []
    return [
        "Networks with more synthetic points were trained for more steps (epochs=...): a gain may come from the "
        "longer "
        "training alone. Give steps instead to compare at equal compute."
    ]
