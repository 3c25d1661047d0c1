"""The verdict in words, and how numbers are written in them.

Plain words for someone who has not read the paper, and no more certain than the numbers are.
"""

import math

from . import _adapt_words, _approximation
from ._records import Advice, Networks


def sentence(advice: Advice) -> str:
    """The verdict in one or two plain sentences: the amount, its interval, the gain, and any condition."""
    about = advice.adaptation
    if about is None:
        return _measured_sentence(advice)
    if about.case == "no target":
        return _adapt_words.sentence(advice)
    if not about.sufficient:
        return _adapt_words.insufficient(about)
    return _measured_sentence(advice) + _adapt_words.condition(about)


def headline(advice: Advice) -> str:
    """The finding in a few words, for titles."""
    if advice.networks is not None and advice.networks.mixing == "weight":
        return _headline_by_weight(advice, advice.networks)
    if _unmeasured(advice):
        return _adapt_words.headline()
    low, high = advice.interval
    span = f" ({integer(low)} to {integer(high)})" if low < high else ""
    if advice.verdict == "use none":
        return "Use no synthetic points"
    if advice.verdict == "no clear optimum":
        guess = integer(advice.count) if advice.count else "none"
        return f"No clear optimum: {integer(low)} to {integer(high)} synthetic points, best guess {guess}"
    if advice.verdict == "use all":
        return f"Use all {points(advice.pool, 'synthetic')}{span}"
    return f"Use about {points(advice.count, 'synthetic')}{span}"


def change(advice: Advice) -> str:
    """What the best mix does to the error, with its interval: "falls by 14 % (5 % to 23 %)"."""
    gain = advice.gain
    if not all(map(math.isfinite, (gain, *advice.gain_interval))):
        return "changes by an amount that could not be measured"
    if percent(gain) == "0 %":
        verb = "does not change"
    else:
        verb = f"{'falls' if gain > 0 else 'rises'} by {percent(abs(gain))}"
    return f"{verb} ({gain_span(advice)})"


def gain_span(advice: Advice) -> str:
    """The interval of the gain: "5 % to 23 %", or with a direction at each end that needs one."""
    ends = sorted(advice.gain_interval, reverse=advice.gain < 0)
    if (ends[0] > 0) == (ends[1] > 0) == (advice.gain > 0):
        return f"{percent(abs(ends[0]))} to {percent(abs(ends[1]))}"
    return " to ".join(f"a {'fall' if end > 0 else 'rise'} of {percent(abs(end))}" for end in ends)


def range_words(advice: Advice) -> str:
    """The counts that the real points cannot tell from the best, as a clause."""
    if advice.networks is not None and advice.networks.mixing == "weight":
        return _range_by_weight(advice, advice.networks)
    low, high = advice.interval
    if low == high:
        return "no other count tried does as well"
    if advice.verdict in ("no clear optimum", "use none") and low == 0:
        whole = "the whole pool of " if high == advice.pool else ""
        return f"no count from none to {whole}{integer(high)} can be ruled out as the best"
    if high == advice.pool:
        if low == 0:
            return f"anything from none to the whole pool of {integer(high)} does about as well"
        return f"{integer(low)} or more do about as well"
    if low == 0:
        return f"anything from none to {integer(high)} does about as well"
    return f"{integer(low)} to {integer(high)} do about as well"


def weight_words(advice: Advice) -> str:
    """What one synthetic point counts in the fit."""
    if advice.adaptation is not None:
        return _adapt_words.weights(advice.adaptation)
    if advice.weight == 1.0:
        return "each counting as much as a real one"
    return f"each weighted {number(advice.weight)}"


def measured(advice: Advice) -> str:
    """What the errors are of: "error of left-out real points"."""
    nets = advice.networks
    if advice.adaptation is not None:
        return _adapt_words.measured(advice.adaptation)
    if nets is None:
        return "error of left-out real points"
    return f"{nets.measure} on held-out real points, mean over {seeds(nets)},"


def seeds(nets: Networks) -> str:
    """How many networks stand behind each number: "5 trained networks"."""
    return f"{integer(nets.num_seeds)} trained {'network' if nets.num_seeds == 1 else 'networks'}"


def error(advice: Advice, value: float) -> str:
    """An error as it is read: a share in percent, a squared error as a number."""
    if advice.networks is None or not advice.networks.classes or not math.isfinite(value):
        return number(value)
    return f"{number(100.0 * value)} %"


def points(count: int, kind: str) -> str:
    """Count and noun: "1 real point", "2,000 synthetic points"."""
    return f"{integer(count)} {kind} {'point' if count == 1 else 'points'}"


def integer(value: int) -> str:
    """With separators between thousands."""
    return f"{value:,d}"


def number(value: float) -> str:
    """Three significant digits without an exponent where that stays short."""
    if not math.isfinite(value):
        return "not available"
    if value == 0 or 1e-3 <= abs(value) < 1e3:
        return f"{value:.3g}"
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e7 else f"{value:.2e}"


def ratio(value: float) -> str:
    """Two significant digits: 0.8, 14, 1,200."""
    if value < 10:
        return f"{value:.2g}" if value >= 1e-4 or value == 0 else f"{value:.0e}"
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """Whole percents, with one decimal below one: "14 %", "0.4 %"."""
    if not math.isfinite(share):
        return "not available"
    value = 100.0 * share
    decimals = 1 if 0.05 <= abs(value) < 0.95 else 0
    text = f"{value:.{decimals}f}"
    return f"{'0' if float(text) == 0 else text} %"


def capital(text: str) -> str:
    """With a capital letter first; the rest as it is."""
    return text[:1].upper() + text[1:]


def _measured_sentence(advice: Advice) -> str:
    count, pool = advice.count, advice.pool
    gain = f"the {measured(advice)} {change(advice)}, corrected for selection."
    if advice.verdict == "use none":
        if advice.networks is not None and advice.curve.frequencies[0] == 1.0:
            return (
                f"Use none: the {points(pool, 'synthetic')} showed no worthwhile gain. Whichever seed of "
                f"{seeds(advice.networks)} was left out, the others chose none at all."
            )
        them = "it" if pool == 1 else "them"
        return (
            f"Use none: the {points(pool, 'synthetic')} showed no worthwhile gain. With the best mix of {them} "
            f"{gain}"
        )
    if advice.settings.get("withheld") is not None:
        return (
            f"No clear optimum: {_features_own(advice)}. Best guess meanwhile: {_guess(advice)} "
            f"{_approximation.MORE}"
        )
    if advice.verdict == "no clear optimum":
        return (
            f"No clear optimum: {_witnesses(advice)} cannot tell whether synthetic data helps, and "
            f"{range_words(advice)}. Best guess meanwhile: {_guess(advice)}"
        )
    verb = "Use all: add all" if advice.verdict == "use all" else "Use part: add about"
    details = f"{ratio(advice.ratio)} per real point; {range_words(advice)}"
    return (
        f"{verb} {points(count, 'synthetic')} ({details}), {weight_words(advice)}. {capital(gain)}"
    )


def _features_own(advice: Advice) -> str:
    """Why a measured gain is no claim."""
    alone = advice.settings["real_only"]
    return (
        f"{integer(advice.settings['num_features'])} features are too few, and the gain measured on them may be "
        f"their own. On them real data alone have an error of {number(alone['features'])}, with the kernel itself "
        f"{number(alone['exact'])}, which synthetic data must beat"
    )


def _unmeasured(advice: Advice) -> bool:
    return advice.adaptation is not None and advice.adaptation.case == "no target"


def _witnesses(advice: Advice) -> str:
    nets = advice.networks
    if advice.adaptation is not None:
        return _adapt_words.witnesses(advice.adaptation)
    return points(advice.num_real, "real") if nets is None else f"{seeds(nets)} at each ratio"


def _headline_by_weight(advice: Advice, nets: Networks) -> str:
    low, high = (number(float(nets.weights[i])) for i in nets.interval)
    if advice.verdict == "use none":
        return "Use no synthetic points"
    if advice.verdict == "no clear optimum":
        guess = number(advice.weight) if advice.count else "none"
        return f"No clear optimum: weights {low} to {high} of a synthetic point, best guess {guess}"
    span = f" ({low} to {high})" if low != high else ""
    return f"Use all {points(advice.pool, 'synthetic')} at weight {number(advice.weight)}{span}"


def _range_by_weight(advice: Advice, nets: Networks) -> str:
    low, high = (number(float(nets.weights[i])) for i in nets.interval)
    if low == high:
        return "no other weight tried does as well"
    if advice.verdict in ("no clear optimum", "use none"):
        return f"no weight from {low} to {high} can be ruled out as the best"
    return f"weights from {low} to {high} do about as well"


def _guess(advice: Advice) -> str:
    """The best guess where there is no clear optimum, and what is to be expected of it."""
    if advice.count == 0:
        return "none."
    # The guess has the least error; corrected for having been selected, it may still not pay.
    caution = "" if advice.gain > 0 else ", so real data alone is as good a guess"
    return (
        f"{points(advice.count, 'synthetic')} ({ratio(advice.ratio)} per real point), {weight_words(advice)}; "
        f"the {measured(advice)} then {change(advice)}, corrected for selection{caution}."
    )
