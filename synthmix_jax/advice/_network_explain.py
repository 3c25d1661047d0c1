"""What a verdict on trained networks rests on and what would change it, in sentences."""

import math

import numpy as np

from . import _network_tables, _words
from ._records import Advice, Networks


def to_do(advice: Advice, nets: Networks) -> str:
    """The verdict as an instruction for training."""
    real = _words.points(advice.num_real, "real")
    if advice.count == 0:
        return f"Train on the {real} alone."
    unsure = advice.verdict == "no clear optimum"
    alone = "Nothing is shown to help: train on the real points alone"
    if unsure and not advice.gain > 0:
        return f"{alone}."
    loss = f"multiply the loss of each synthetic point by {_words.number(advice.weight)}"
    if nets.mixing == "weight":
        share = advice.weight * advice.count / (advice.num_real + advice.weight * advice.count)
        loss += f", so that they carry {_words.percent(share)} of every batch's loss"
    elif advice.weight == 1.0:
        loss = "let every point count the same"
    mix = (
        f"rain on the {real} and {_words.points(advice.count, 'synthetic')}; {loss}. Keep the other settings of "
        "training as they were in the sweep."
    )
    return f"{alone}, or try the best guess: t{mix}" if unsure else f"T{mix}"


def rests_on(advice: Advice, nets: Networks) -> list[str]:
    """The evidence, one sentence each."""
    found = [
        f"{_words.capital(_words.seeds(nets))} at each of {len(nets.ratios)} ratios, each on "
        f"{_words.points(advice.num_real, 'real')}, scored on {_words.points(nets.num_validation, 'real')} held "
        f"out "
        "from it. Synthetic points are never scored.",
        _selection(advice, nets),
        "A seed's networks share their real points, held-out points, initialisation and order of batches at all "
        "ratios, so ratios are compared by differences paired over seeds. "
        f"{_words.capital(_words.range_words(advice))}: the interval spans the ratios whose difference to the "
        f"best one "
        "is below Student's t quantile (one-sided 95 %) times its standard error"
        + (
            ", stretched to none at all, since no gain is shown."
            if advice.verdict == "no clear optimum"
            else "."
        ),
        _chosen(advice, nets),
        "The intervals say how the result would vary with other seeds on these real data. Where all seeds draw "
        "from "
        "the same few real points, another set of real points may differ by more.",
    ]
    if advice.tested is not None:
        found.append(_test(advice))
    return found


def would_change(advice: Advice, nets: Networks) -> list[str]:
    """What would make the answer another one, or a surer one."""
    by_verdict = {
        "use all": "More synthetic data of the same kind, or a larger weight: the error did not clearly rise "
        "before "
        "the end, so more may help further.",
        "use part": "A generator closer to the real data. Where more synthetic points do harm, their mistakes cost "
        "more than their numbers bring.",
        "use none": "A generator closer to the real data, or a harder problem: either this one's mistakes cost "
        "what "
        "its numbers bring, or the real points already suffice.",
        "no clear optimum": "Until there are more seeds, the best guess is a guess: real data alone is as "
        "defensible.",
    }
    if advice.verdict == "use all" and nets.mixing == "weight":
        last = nets.interval[1] == len(nets.ratios) - 1
        by_verdict["use all"] = (
            "Larger weights: the largest one tried did about as well as the best."
            if last
            else "A generator closer to the real data: with fewer mistakes, a larger weight would be best."
        )
    return [
        _more_seeds(advice, nets),
        by_verdict[advice.verdict],
        "More held-out points: with few of them the errors are coarse, and every interval is wide.",
        "Synthetic data from a generator that saw the held-out points, even in part: then the advice is too "
        "optimistic. Fit the generator on other data.",
        "Another network, or longer training. The best ratio is that of networks trained as these were.",
    ]


def _selection(advice: Advice, nets: Networks) -> str:
    alone, least = advice.real_only_error, float(np.nanmin(advice.curve.error))
    opening = (
        f"The mean {nets.measure} on held-out points is {_words.error(advice, alone)} with real data alone and "
        f"{_words.error(advice, least)} at the best ratio"
    )
    if not (alone > 0 and math.isfinite(advice.gain)):
        return f"{opening}."
    return (
        f"{opening}, {_words.percent(1.0 - least / alone)} less. But the least of "
        f"{len(nets.ratios)} noisy means looks better than it is. Each seed was therefore scored at the ratio "
        f"that the "
        f"other seeds chose: then the error {_words.change(advice)}. This is the gain corrected for "
        "choosing the ratio, with its 90 % interval."
    )


def _chosen(advice: Advice, nets: Networks) -> str:
    often = advice.curve.frequencies
    if not often.any():
        return "There were too few networks to leave one seed out."
    if often[0] == 1.0:
        return (
            "Whichever seed was left out, the others chose none at all: the gain of choosing so is zero, and "
            "its interval "
            "of no width says nothing about the ratios not chosen."
        )
    top = int(np.argmax(often))
    return (
        f"Leaving out one seed after the other, the others chose ratio {_words.ratio(float(nets.ratios[top]))} "
        f"most "
        f"often, in {_words.percent(float(often[top]))}, and none at all in {_words.percent(float(often[0]))}."
    )


def _test(advice: Advice) -> str:
    tested = advice.tested
    assert tested is not None
    before, after = (
        f"{_words.error(advice, value)} {_network_tables.span(advice, interval)}"
        for value, interval in (
            (tested.real_only, tested.real_only_interval),
            (tested.error, tested.error_interval),
        )
    )
    more = f" and {after} at the recommended ratio" if advice.count else ""
    return (
        f"Test data took no part in the choice. Their error is {before} with real data alone{more}."
    )


def _more_seeds(advice: Advice, nets: Networks) -> str:
    """How many seeds might settle it: the standard error shrinks like 1 / sqrt(seeds). Heuristic."""
    general = "More seeds. Four times as many about halve the interval of the gain"
    half = 0.5 * (advice.gain_interval[1] - advice.gain_interval[0])
    if advice.verdict == "no clear optimum" and advice.gain > 0 and math.isfinite(half):
        needed = math.ceil(nets.num_seeds * (half / advice.gain) ** 2)
        if nets.num_seeds < needed < 100 * nets.num_seeds:
            return f"{general}; if the gain stays as it is, about {needed} would show it."
    return f"{general}."
