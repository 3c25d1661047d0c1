"""Domain adaptation in words: what was known of the target, what to do, what it rests on, what would change it."""

from . import _words
from ._intervals import QUANTILE
from ._records import Adaptation, Advice


def measured(about: Adaptation) -> str:
    """What the errors are of."""
    if about.case == "labelled target":
        return "error of left-out target points"
    return "error of left-out source points weighted to look like the target"


def witnesses(about: Adaptation) -> str:
    """Which points the verdict rests on."""
    if about.case == "labelled target":
        return _words.points(about.num_target, "labelled target")
    return f"{_words.points(about.num_source, 'source')} weighted to look like the target"


def weights(about: Adaptation) -> str:
    """What one point of each group counts in the fit."""
    mix = about.mix
    synthetic = f"each weighted {_words.number(mix.synthetic_weight)}"
    if about.case != "labelled target":
        return f"{synthetic} (a source point 1)"
    target = _words.number(mix.target_weight)
    if not mix.source:
        return f"{synthetic} (a target point {target}, the source left out)"
    return f"{synthetic} (a source point 1, a target point {target})"


def sentence(advice: Advice) -> str:
    """The answer where nothing of the target is known."""
    return (
        "No clear optimum: without a single target point no error on the target can be estimated. If the "
        "synthetic points miss the target by less than half their distance to the source, a bound favours all "
        f"{_words.points(advice.pool, 'synthetic')} at weight 1 or more. Label a few target points to find out."
    )


def insufficient(about: Adaptation) -> str:
    """The answer where an unlabelled target is too far from the source, or too little of it is left."""
    return (
        "No clear optimum: the source says too little of this target (its points, weighted to look like the "
        "target, are "
        f"worth {about.effective_sample_size or 0.0:.0f}, and cover {about.coverage or 0.0:.2f} of it; 1 is "
        "all). Nothing is "
        "claimed. Label a few target points."
    )


def condition(about: Adaptation) -> str:
    """What the answer is conditional on, as a sentence to add; empty where it is not."""
    if about.case != "unlabelled target":
        return ""
    return " Conditional: labels must depend on inputs in the target as they do in the source."


def headline() -> str:
    """The same in a few words, for titles."""
    return "No target points: only a bound"


def to_do(advice: Advice, about: Adaptation) -> str:
    """The verdict as an instruction for training."""
    if about.case == "no target":
        return (
            f"As a guess, train on the {_words.points(about.num_source, 'source')} and all "
            f"{_words.points(advice.pool, 'synthetic')} with equal weights. Before relying on it, label a few "
            "target "
            "points, 50 or 100, and ask again with target_validation."
        )
    if not about.sufficient:
        return "Label a few target points, 50 or 100, and ask again with them as target_validation."
    unsure = advice.verdict == "no clear optimum"
    parts = []
    if about.mix.source:
        parts.append(f"the {_words.points(about.num_source, 'source')}")
    if about.case == "labelled target":
        parts.append(f"the {_words.points(about.num_target, 'target')}")
    if advice.count:
        parts.append(f"{_words.points(advice.count, 'synthetic')} drawn at random")
    loss = [f"each source point {1 if about.mix.source else 0}"]
    if about.case == "labelled target":
        loss.append(f"each target point {_words.number(about.mix.target_weight)}")
    if advice.count:
        loss.append(f"each synthetic point {_words.number(about.mix.synthetic_weight)}")
    mixed = f"rain on {_and(parts)}; in the loss count {_and(loss)}"
    if not unsure:
        return f"T{mixed}."
    return f"Synthetic points are not shown to help on the target. The best guess: t{mixed}."


def rests_on(advice: Advice, about: Adaptation) -> list[str]:
    """The evidence, one sentence each."""
    found = [about.statement]
    if about.case == "no target":
        return [*found, *_bound(about)]
    if not about.sufficient:
        return [*found, insufficient(about)]
    if about.baselines:
        numbers = [f"{_words.number(v)} with {name}" for name, v in about.baselines.items()]
        found.append(
            f"Squared error on the target points: {_and(numbers)}, each at its own best ridge for these points; "
            f"{_words.number(advice.error)} as recommended."
        )
    if about.coverage is not None and about.effective_sample_size is not None:
        found.append(
            f"The weights are ratios of densities of the inputs. They leave {about.effective_sample_size:.0f} "
            f"source points' worth of evidence, and the source covers {min(about.coverage, 1.0):.2f} of the target "
            "(1 is all)."
        )
    found.append(
        f"With the best mix the {measured(about)} {_words.change(advice)} against the best of the real points "
        "alone "
        "(weights and ridge chosen for them too), scored on points that took no part in choosing mix, count "
        "and ridge: the gain "
        "corrected for selection, with its 90 % interval."
    )
    found.append(
        f"{_words.capital(_words.range_words(advice))}: the interval spans the counts whose difference to the best "
        f"one, point by point, is below {QUANTILE} standard errors"
        + (
            ", stretched to none at all, since no gain is shown."
            if advice.verdict == "no clear optimum"
            else "."
        )
    )
    return [*found, *_nearer(about)]


def would_change(advice: Advice, about: Adaptation) -> list[str]:
    """What would make the answer another one, or a surer one."""
    if about.case == "no target":
        return [
            "A few labelled target points: then their errors are measured, and the verdict is one.",
            "Unlabelled target points: then distances to the target are known, and errors can be estimated "
            "if labels "
            "depend on inputs as they do in the source.",
        ]
    found = {
        "labelled target": "More labelled target points. Four times as many halve the interval of the gain, and "
        "with more of them there is less for source and synthetic data to add.",
        "unlabelled target": "A few labelled target points: then nothing needs to be assumed of the labels.",
    }
    return [
        found[about.case],
        "A generator closer to the target.",
        "Synthetic data from a generator that saw these target points: then the advice is too optimistic. "
        "Keep them "
        "apart, or pass the generator as a callable from target points, and it is cross-fitted.",
        "Another model. The best mix of a network need not be that of kernel ridge regression; as a start it "
        "usually is good.",
        "A target that moves on: the errors are those of points like these.",
    ]


def _leak(about: Adaptation) -> str:
    if about.case == "unlabelled target":
        return (
            "Synthetic data made of these source points, moved or recoloured: they are what is scored, so "
            "the advice is "
            "then too optimistic."
        )
    return (
        "Synthetic data from a generator that saw these target points: then the advice is too optimistic. "
        "Keep them "
        "apart, or pass the generator as a callable from target points, and it is cross-fitted."
    )


def key_numbers(about: Adaptation, synthetic: bool) -> list[tuple[str, str]]:
    """Label and value of what domain adaptation adds.

    Args:
        about: What was known.
        synthetic: Whether any synthetic point is recommended.
    """
    mix = about.mix
    rows = [("case", about.case + (", conditional" if about.conditional else ""))]
    if about.case == "labelled target":
        used = "used, each at weight 1" if mix.source else "left out"
        rows.append(("source points", f"{_words.integer(about.num_source)}, {used}"))
        weight = _words.number(mix.target_weight)
        rows.append(
            ("target points", f"{_words.integer(about.num_target)}, each at weight {weight}")
        )
        alone = about.baselines.get("source alone")
        if alone is not None and synthetic:
            rows.append(("target error, source alone", _words.number(alone)))
    if about.effective_sample_size is not None:
        worth = f"{about.effective_sample_size:.0f} of {_words.integer(about.num_source)}"
        rows.append(("effective source points", worth))
    return rows


def title(about: Adaptation, name: str, rests: str) -> str:
    """What the picture rests on, for under its title: `rests` with the points of both domains."""
    both = _words.points(about.num_source, "source")
    if about.case == "labelled target":
        both = f"{_words.integer(about.num_source)} source and {_words.points(about.num_target, 'target')}"
    return f"{both} ({name}), {rests.split('), ', 1)[-1]}"


def caption(about: Adaptation) -> str:
    """What the picture's lines are, in HTML."""
    if about.case == "no target":
        return (
            "Lines: the bound's best share, were the source as near to the target as it can be; thicker for larger "
            "constants. Dashed: that of weight one."
        )
    return (
        f"Solid line: {measured(about)} at the recommended weights and ridge. Bar: the counts that do about as "
        "well as the best. Dashed: the best of the real points alone."
    )


def _bound(about: Adaptation) -> list[str]:
    found = []
    if about.source_distance is not None:
        found.append(
            f"The synthetic points lie {_words.number(about.source_distance[0])} from the source "
            f"({_kind(about)}). How far either lies from the target nobody has measured."
        )
    if about.shares:
        low, high = min(about.shares.values()), max(about.shares.values())
        found.append(
            "Were the source as near to the target as it can be, the stability bound's best synthetic share of the "
            f"loss would run from {_words.percent(low)} to {_words.percent(high)} over its unknown constants "
            "and how "
            "far the synthetic points may miss the target; a farther source makes it larger (all values: "
            "advice.json, under adaptation)."
        )
    found.append(
        "What holds for all constants: the nearer of the two, source or synthetic points, deserves more than an "
        "equal weight. Synthetic points that miss the target by less than half their distance to the source are "
        "the nearer ones."
    )
    found.append(
        "Kernel and ridge of the predictions are those of the source's own leave-one-out errors."
    )
    return found


def _nearer(about: Adaptation) -> list[str]:
    """Which of source and synthetic points lies nearer to the target, where the intervals are apart."""
    source, synthetic = about.source_distance, about.synthetic_distance
    if source is None or synthetic is None:
        return []
    found = (
        f"Distances decide nothing here. The source lies {_words.number(source[0])} from the target and the "
        f"synthetic points {_words.number(synthetic[0])} ({_kind(about)})"
    )
    if source[1] <= synthetic[2] and synthetic[1] <= source[2]:
        return [f"{found}: their intervals overlap, so which is nearer cannot be told."]
    nearer, more = (
        ("synthetic points", "above") if synthetic[0] < source[0] else ("source", "below")
    )
    blind = ""
    if about.distance_metric != "labelled_wasserstein":
        blind = ", if labels depend on inputs alike in all three"
    return [
        f"{found}. With the {nearer} the nearer, the stability bound for adaptation puts the best weight of a "
        f"synthetic point {more} one, whatever its constants{blind}."
    ]


def _kind(about: Adaptation) -> str:
    labels = about.distance_metric == "labelled_wasserstein"
    what = "labels included" if labels else "of inputs, blind to labels"
    return f"Wasserstein, {what}, sampling error included"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
