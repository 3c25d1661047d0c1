"""What the verdict rests on and what would change it, in sentences."""

import math

import numpy as np

from . import _adapt_words, _approximation, _network_explain, _words
from ._intervals import QUANTILE
from ._records import Advice


def to_do(advice: Advice) -> str:
    """The verdict as an instruction for training."""
    if advice.networks is not None:
        return _network_explain.to_do(advice, advice.networks)
    if advice.adaptation is not None:
        return _adapt_words.to_do(advice, advice.adaptation)
    real = _words.points(advice.num_real, "real")
    if advice.count == 0:
        return f"Train on the {real} alone."
    alone = "Nothing is shown to help: train on the real points alone"
    if _unsure(advice) and advice.gain <= 0:
        return f"{alone}."
    classes = "" if advice.curve.misclassified is None else ", about as many of each class"
    loss = f"multiply the loss of each synthetic point by {_words.number(advice.weight)}"
    if advice.weight == 1.0:
        loss = "let every point count the same"
    synthetic = _words.points(advice.count, "synthetic")
    mix = f"rain on the {real} and {synthetic} drawn at random{classes}; {loss}."
    return f"{alone}, or try the best guess: t{mix}" if _unsure(advice) else f"T{mix}"


def rests_on(advice: Advice) -> list[str]:
    """The evidence, one sentence each."""
    if advice.networks is not None:
        return _network_explain.rests_on(advice, advice.networks)
    if advice.adaptation is not None:
        return _adapt_words.rests_on(advice, advice.adaptation)
    found = [
        f"{_words.points(advice.num_real, 'real')}. Each is left out once and predicted from the others and "
        "the synthetic points by kernel ridge regression, which stands in for your model. Synthetic points "
        "are never scored.",
        _selection(advice),
        "Counts are compared point by point, on the same real points, so that what makes one point harder than "
        f"another cancels. {_words.capital(_words.range_words(advice))}: the interval spans the counts whose "
        f"difference to the best one is below {QUANTILE} standard errors"
        + (", stretched to none at all, since no gain is shown." if _unsure(advice) else "."),
        _frequencies(advice),
        _origin(advice),
        _features(advice),
    ]
    if advice.copies is not None:
        found.append(_copies(advice))
    return [line for line in found if line]


def would_change(advice: Advice) -> list[str]:
    """What would make the answer another one, or a surer one."""
    if advice.networks is not None:
        return _network_explain.would_change(advice, advice.networks)
    if advice.adaptation is not None:
        return _adapt_words.would_change(advice, advice.adaptation)
    cross_fitted = advice.settings.get("fitted_on") == "real"
    by_verdict = {
        "use all": "More synthetic data of the same kind: the pool ended before the error clearly rose, so more "
        "may help further, and a larger pool would show where it stops.",
        "use part": "A generator closer to the real data. Beyond the recommended count its mistakes cost more "
        "than its numbers bring; with fewer mistakes the best count grows and the gain with it.",
        "use none": "A generator closer to the real data, or a harder problem: either this one's mistakes cost "
        "what its numbers bring, or the real points already suffice. Look at its samples beside the real ones.",
        "no clear optimum": "Until there are more real points, the best guess is a guess: real data alone "
        "is as defensible.",
    }
    found = [_more_real_points(advice), by_verdict[advice.verdict]]
    if advice.settings.get("withheld") is not None:
        found[1] = f"The kernel itself, or more features. {_approximation.MORE}"
    if not cross_fitted:
        found.append(
            "Synthetic data from a generator that saw these real points, even in part: then the advice is too "
            "optimistic. Pass the generator instead of its samples, from Python, and it is cross-fitted "
            '(fitted_on="real").'
        )
    found.append(
        "Another model. The best count of a network need not be that of kernel ridge regression; the order of "
        "magnitude usually is a good start."
    )
    found.append(
        "Other data at use. The error is that of points like these real ones; if they are not like what the "
        "model will meet, nor is the error."
    )
    return found


def _unsure(advice: Advice) -> bool:
    return advice.verdict == "no clear optimum"


def _selection(advice: Advice) -> str:
    """Errors before and after, and why the gain is smaller than their difference."""
    errors, alone = advice.sweep.loo_error, advice.real_only_error
    least = advice.error if errors is None else min(advice.error, float(np.nanmin(errors)))
    opening = (
        f"The mean squared error of left-out points is {_words.number(alone)} with real data alone and "
        f"{_words.number(least)} with the best mix"
    )
    if not (alone > 0 and math.isfinite(least)):
        return opening + "."
    return (
        f"{opening}, {_words.percent(1.0 - least / alone)} less. But the least of "
        f"{_words.integer(advice.sweep.status.size)} combinations of count, weight and ridge looks better than "
        f"it is. Scored on points that took no part in choosing, the error {_words.change(advice)}: this is "
        "the gain corrected for selection, with its 90 % interval."
    )


def _frequencies(advice: Advice) -> str:
    """How often the bootstrap found each count best, gathered into what can be read."""
    curve, (low, high) = advice.curve, advice.interval
    inside = (curve.counts >= low) & (curve.counts <= high)
    top = int(np.argmax(curve.frequencies))
    samples = advice.settings.get("num_bootstrap")
    over = f" of {_words.integer(samples)} bootstrap samples" if isinstance(samples, int) else ""
    return (
        f"In {_words.percent(float(curve.frequencies[inside].sum()))}{over} of the real points the best count "
        f"lay in this interval; none at all was best in "
        f"{_words.percent(float(curve.frequencies[0]))}. The "
        f"count found best most often was {_words.integer(int(curve.counts[top]))}, in "
        f"{_words.percent(float(curve.frequencies[top]))}."
    )


def _origin(advice: Advice) -> str:
    if advice.settings.get("fitted_on") == "real":
        folds = advice.settings.get("folds")
        parts = f" over {folds} folds" if isinstance(folds, int) else ""
        return (
            f"The generator was cross-fitted{parts}: each real point was scored only with synthetic data of a "
            "generator that had not seen its fold."
        )
    orders = advice.settings.get("num_orders")
    mean = f" Errors are means over {orders} random orders of the pool." if orders != 1 else ""
    return (
        "You said that the generator was fitted on other data than these real points; the errors are honest "
        f"only if that is so.{mean if isinstance(orders, int) else ''}"
    )


def _features(advice: Advice) -> str:
    """That the kernel was approximated, and how well."""
    if _approximation.words(advice.settings) is None:
        return ""
    number, alone = advice.settings["num_features"], advice.settings.get("real_only")
    compared = "Real data alone have the same error as with the kernel itself."
    if alone is not None:
        compared = (
            f"With {_words.points(alone['points'], 'real')} alone the left-out error is "
            f"{_words.number(alone['features'])} on them, with the kernel itself {_words.number(alone['exact'])}."
        )
    elif advice.settings["method"] != "nystrom":
        compared = ""
    return " ".join(
        part
        for part in (
            f"The kernel was approximated by {_words.integer(number)} features, and left-out errors are those of "
            "regression on them.",
            compared,
            "More features (--num-features, num_features=...) cost time and bring the answer nearer to the exact "
            "one; where they change nothing, there are enough.",
        )
        if part
    )


def _copies(advice: Advice) -> str:
    copies = advice.copies
    assert copies is not None
    found = (
        "Synthetic points look like copies of real ones"
        if copies.suspicious
        else "No sign that synthetic points are copies of real ones"
    )
    return (
        f"{found}: {_words.percent(copies.identical)} are identical to one (0 % is normal), and "
        f"{_words.percent(copies.close)} lie at most half as far from one as from the next (the alarm is "
        "raised above 30 %)."
    )


def _more_real_points(advice: Advice) -> str:
    """How many real points might settle it.

    The standard error of the gain shrinks like 1/sqrt(n); a gain g is shown at n (1.64 SE / g)^2 points.
    Heuristic: the gain itself changes with n, mostly downwards.
    """
    n, (low, high) = advice.num_real, advice.gain_interval
    general = "More real points. Four times as many halve the interval of the gain"
    if advice.verdict == "no clear optimum" and advice.gain > 0 and math.isfinite(high - low):
        half = 0.5 * (high - low)
        needed = n * (half / advice.gain) ** 2
        if n < needed < 100 * n:
            enough = _words.integer(max(int(float(f"{needed:.2g}")), n + 1))
            return f"{general}; if the gain stays as it is, about {enough} would show it."
    return f"{general}, and with more of them there is less for synthetic data to add."
