"""Sentences: every verdict in honest, grammatical words."""

import re

import numpy as np
import pytest

from synthmix_jax.advice import Copies, _explain, _tables, _words

VERDICTS = ("use part", "use all", "use none", "no clear optimum")


def test_sentence_of_use_part(make_advice):
    assert make_advice("use part").summary() == (
        "Use part: add about 41 synthetic points (0.82 per real point; 10 to 286 do about as well), each "
        "weighted 0.1. The error of left-out real points falls by 14 % (5 % to 23 %), corrected for selection."
    )


def test_sentence_of_use_all(make_advice):
    said = make_advice("use all").summary()
    assert said.startswith(
        "Use all: add all 2,000 synthetic points (40 per real point; 201 or more do"
    )


def test_sentence_of_use_none(make_advice):
    said = make_advice("use none").summary()
    assert "showed no worthwhile gain" in said
    assert "rises by 2 % (a fall of 4 % to a rise of 9 %)" in said


def test_sentence_of_no_clear_optimum_says_what_is_unknown_and_what_to_do(make_advice):
    said = make_advice("no clear optimum").summary()
    assert "50 real points cannot tell whether synthetic data helps" in said
    assert "no count from none to the whole pool of 2,000 can be ruled out as the best" in said
    assert "Best guess meanwhile: 49 synthetic points (0.98 per real point), each weighted" in said
    assert said.endswith("(a rise of 4 % to a fall of 14 %), corrected for selection.")
    none = make_advice("no clear optimum", count=0, ratio=0.0).summary()
    assert none.endswith("Best guess meanwhile: none.")
    worse = make_advice("no clear optimum", gain=-0.01).summary()
    assert worse.endswith("corrected for selection, so real data alone is as good a guess.")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_sentences_begin_with_the_verdict_and_are_one_or_two(make_advice, verdict):
    said = make_advice(verdict).summary()
    assert said.lower().startswith(verdict)
    assert len(re.findall(r"[.](?: |$)", said)) == 2


def test_full_weight_is_said_in_words(make_advice):
    assert "each counting as much as a real one" in make_advice(weight=1.0).summary()
    assert "let every point count the same" in _explain.to_do(make_advice(weight=1.0))
    assert "each synthetic point by 0.1" in _explain.to_do(make_advice())
    assert _explain.to_do(make_advice("use none")) == "Train on the 50 real points alone."


def test_one_point_is_singular(make_advice):
    assert "the 1 synthetic point showed" in make_advice("use none", pool=1).summary()
    assert "1 real point cannot" in make_advice("no clear optimum", num_real=1).summary()


def test_interval_of_one_count(make_advice):
    advice = make_advice(interval=(41, 41))
    assert "no other count tried does as well" in advice.summary()
    assert _words.headline(advice) == "Use about 41 synthetic points"


@pytest.mark.parametrize(
    ("gain", "interval", "words"),
    [
        (0.14, (0.05, 0.23), "falls by 14 % (5 % to 23 %)"),
        (-0.14, (-0.23, -0.05), "rises by 14 % (5 % to 23 %)"),
        (0.0, (0.0, 0.0), "does not change (0 % to 0 %)"),
        (0.004, (-0.1, 0.12), "falls by 0.4 % (a rise of 10 % to a fall of 12 %)"),
        (np.nan, (np.nan, np.nan), "changes by an amount that could not be measured"),
    ],
)
def test_change_names_the_direction(make_advice, gain, interval, words):
    assert _words.change(make_advice(gain=gain, gain_interval=interval)) == words


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.136, "14 %"), (0.0094, "0.9 %"), (0.0099, "1 %"), (0.0, "0 %"), (-0.0001, "0 %")],
)
def test_percent(share, text):
    assert _words.percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.33504, "0.335"),
        (0.0, "0"),
        (1e-9, "1.00e-09"),
        (12345.6, "12,346"),
        (np.inf, "not available"),
    ],
)
def test_number(value, text):
    assert _words.number(value) == text


def test_ratio():
    assert [_words.ratio(v) for v in (0.0, 0.82, 1.06, 13.7, 1234.0)] == [
        "0",
        "0.82",
        "1.1",
        "14",
        "1,234",
    ]


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("labels", [True, False])
def test_explanations_are_whole_sentences(make_advice, verdict, labels):
    advice = make_advice(verdict, labels=labels)
    for line in (*_explain.rests_on(advice), *_explain.would_change(advice)):
        assert line[0] == line[0].upper()
        assert line.endswith(".")
        assert "nan" not in line
        assert "None" not in line


def test_copies_and_origin_are_told(make_advice):
    suspicious = make_advice(copies=Copies(0.25, 0.5, True))
    assert any("look like copies" in line for line in _explain.rests_on(suspicious))
    crossed = make_advice(copies=None, settings={"fitted_on": "real", "folds": 5})
    told = " ".join(_explain.rests_on(crossed))
    assert "cross-fitted over 5 folds" in told
    assert "copies" not in told
    assert not any("saw these real points" in line for line in _explain.would_change(crossed))


def test_how_many_real_points_would_show_the_gain(make_advice):
    # Half width 0.09, gain 0.05: (0.09 / 0.05)^2 times as many.
    told = _explain.would_change(make_advice("no clear optimum"))[0]
    assert f"about {round(50 * (0.09 / 0.05) ** 2, -1):.0f} would show it" in told


def test_telling_counts_are_few_sorted_and_named(make_advice):
    rows = _tables.telling_counts(make_advice())
    counts = [row.count for row in rows]
    assert counts == sorted(set(counts))
    assert len(rows) <= 9
    notes = {row.note: row.count for row in rows}
    assert notes["recommended"] == 41
    assert notes["whole pool"] == 2000
    assert notes["no synthetic data"] == 0
    assert notes["about 2 : 1"] == 99
    assert min(row.difference for row in rows) == 0.0


def test_ratios_the_grid_lacks_are_not_named(make_advice):
    rows = _tables.telling_counts(make_advice(counts=[0, 1000, 2000]))
    assert [row.count for row in rows] == [0, 1000, 2000]  # few counts: all of them
    assert not any(" : " in row.note for row in rows)


def test_misclassified_of_real_data_alone_and_as_recommended(make_advice):
    advice = make_advice()
    assert _tables.misclassified(advice) == (0.16, 0.14)
    assert _tables.misclassified(make_advice(labels=False)) is None


def test_share_counts_the_weight(make_advice):
    advice = make_advice()
    assert _tables.share(advice) == pytest.approx(0.1 * 41 / (50 + 0.1 * 41))
    assert _tables.share(make_advice("use none")) == 0.0
