"""Distances in words, JSON and CSV: what is said follows from the rows, and names are kept harmless."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from synthmix_jax.advice import _distance_tables, _distance_words, _json
from synthmix_jax.advice._records import Copies

NAN = float("nan")


@pytest.fixture
def with_rows(make_table):
    """A table of these rows only."""

    def make(*rows, names=("synthetic",), **changes):
        return make_table(names, classes=0, rows=tuple(rows), **changes)

    return make


def test_mixed_findings_name_both_sides(with_rows, make_row):
    rows = [make_row("energy", 2.0), make_row("mmd", 2.0), make_row("sliced_wasserstein", 0.8)]
    [line] = _distance_words.summary(with_rows(*rows))
    assert line == "Told apart from real data by energy and mmd; not by sliced_wasserstein."


def test_all_and_none(with_rows, make_row):
    both = with_rows(make_row("energy", 2.0), make_row("mmd", 1.1))
    assert _distance_words.summary(both) == ["Told apart from real data by energy and mmd."]
    three = [make_row(name, 2.0) for name in ("energy", "mmd", "wasserstein_1")]
    assert _distance_words.summary(with_rows(*three)) == [
        "Told apart from real data by all 3 distances."
    ]
    neither = with_rows(make_row("energy", 0.8), make_row("mmd", 0.8))
    [line] = _distance_words.summary(neither)
    assert line.startswith("Not told apart from real data by energy and mmd.")
    assert "no proof" in line
    [line] = _distance_words.summary(with_rows(make_row("energy", 2.0)))
    assert line == "Told apart from real data by energy."


def test_rows_without_a_value_are_neither(with_rows, make_row):
    lost = make_row("mmd", NAN, status="100 of 100 resamples did not converge")
    [line] = _distance_words.summary(with_rows(make_row("energy", 2.0), lost))
    assert line == (
        "Told apart from real data by energy. Not computed: mmd (100 of 100 resamples did not converge)."
    )
    [line] = _distance_words.summary(with_rows(lost))
    assert line.startswith("No distance could be computed.")
    assert _distance_words.mark(lost) == "not computed"


def test_a_value_from_part_of_the_resamples_is_a_caution(with_rows, make_row):
    partial = make_row("energy", 2.0, status="3 of 100 resamples did not converge")
    table = with_rows(partial, warnings=("Used a part.",))
    assert _distance_words.summary(table) == ["Told apart from real data by energy."]
    assert _distance_words.cautions(table) == [
        "energy: 3 of 100 resamples did not converge.",
        "Used a part.",
    ]


def test_the_closest_generator_needs_intervals_apart(with_rows, make_row):
    names = ("a", "b")
    clear = [make_row("energy", 2.0, synthetic="a"), make_row("energy", 4.0, synthetic="b")]
    close = [make_row("mmd", 2.0, synthetic="a"), make_row("mmd", 2.1, synthetic="b")]
    lines = _distance_words.summary(with_rows(*clear, *close, names=names))
    assert lines[0] == "a: told apart from real data by energy and mmd."
    assert lines[-1] == "Closest to real data: a by energy; not clear by mmd."
    lines = _distance_words.summary(with_rows(*close, names=names))
    assert lines[-1] == "No generator is clearly closest to real data by any distance."


def test_the_closest_generator_is_that_of_least_excess(with_rows, make_row):
    # Fewer points have a higher floor, so the larger value may be the smaller distance.
    few = make_row("energy", 8.0, synthetic="few", excess=0.1, excess_low=0.0, excess_high=0.2)
    many = make_row("energy", 4.0, synthetic="many")
    [*_, line] = _distance_words.summary(with_rows(few, many, names=("few", "many")))
    assert line == "Closest to real data: few by energy."


def test_below_the_floor_is_no_rank(with_rows, make_row, make_table):
    below = make_row("energy", 0.1, synthetic="a", floor_low=0.1, excess=-1.0, excess_high=-0.9)
    table = with_rows(below, make_row("energy", 4.0, synthetic="b"), names=("a", "b"))
    assert below.below
    assert _distance_words.mark(below) == "below"
    assert _distance_words.summary(table)[-1].startswith("No generator is clearly closest")
    [caution] = _distance_words.cautions(table)
    assert caution.startswith("Distances below their floor do not rank generators")
    debiased = make_table(("a", "b"), rows=table.rows, settings={"debias": True})
    assert _distance_words.cautions(debiased) == []


def test_worst_classes_come_first(make_table, make_row):
    times = {("energy", 0): 2.0, ("mmd", 0): 0.8, ("energy", 1): 1.5, ("mmd", 1): 1.5}
    times |= {("energy", 2): 3.0, ("mmd", 2): 1.5, ("energy", 3): 0.8, ("mmd", 3): 0.8}
    rows = [make_row(name, value, label=label) for (name, label), value in times.items()]
    table = make_table(classes=4, rows=tuple(rows))
    assert _distance_words.class_summary(table) == [
        "Classes: 2 of 4 told apart by most distances, worst c (2 of 2 distances), b (2 of 2) and a (1 of 2)."
    ]


def test_classes_not_told_apart_or_not_computed(make_table, make_row):
    rows = (make_row(times=0.8, label=0), make_row(times=NAN, label=1, status="too few"))
    table = make_table(classes=2, rows=rows)
    assert _distance_words.class_summary(table) == [
        "Classes: none of 1 told apart by any distance; class b is not computed: too few."
    ]
    assert _distance_words.class_summary(make_table(classes=0)) == []
    lost = make_table(classes=2, rows=rows[1:])
    assert _distance_words.class_summary(lost) == [
        "Classes: none could be computed; class b is not computed: too few."
    ]


def test_classes_without_points_are_named_with_the_side(make_table, make_row):
    far = np.ones((4, 4))
    far[:, 1] = np.nan
    far[3] = np.nan
    of = {"synthetic": "sub.npz"}
    rows = [make_row(times=0.8, label=0, **of)]
    rows += [make_row(times=NAN, label=c, status="too few", **of) for c in (1, 2, 3)]
    table = make_table(("sub.npz",), classes=4, rows=tuple(rows), class_distances={"sub.npz": far})
    assert _distance_words.class_summary(table) == [
        "Classes: none of 1 told apart by any distance; class b is absent from sub.npz; class c is not computed: "
        "too few; class d is absent from the real points."
    ]


def test_below_is_said_first(with_rows, make_row):
    below = make_row("energy", 0.1, excess_low=-0.2, excess_high=-0.1)
    table = with_rows(below, make_row("mmd", 0.8), make_row("wasserstein", 2.0))
    assert _distance_words.summary(table) == [
        "Nearer to the real points than these are to each other by energy (it varies less than real data, or "
        "copies it); told apart from real data by wasserstein; not by mmd."
    ]
    [line] = _distance_words.summary(with_rows(below, make_row("mmd", 0.8)))
    assert line.endswith("or copies it); not told apart from real data by mmd.")


def test_classes_that_the_whole_hides_are_in_the_headline(make_table, make_row):
    rows = [make_row(times=0.8), *(make_row(times=t, label=c) for c, t in enumerate((0.8, 3.0)))]
    [line] = _distance_words.summary(make_table(classes=2, rows=tuple(rows)))
    assert line == (
        "Not told apart from real data by energy as a whole; but 1 of 2 classes is told apart, see below."
    )


def test_plain_transport_distances_carry_a_caution_once(with_rows, make_row):
    names = ("a", "b")
    rows = [make_row("wasserstein", 2.0, synthetic=name) for name in names]
    [line] = _distance_words.cautions(with_rows(*rows, names=names))
    assert line.startswith("Transport distances (wasserstein) do not see a lack of variety")
    assert _distance_words.cautions(with_rows(*rows, names=names, settings={"debias": True})) == []


@pytest.mark.parametrize(("level", "said"), [(0.9, "90 %"), (0.999, "99.9 %"), (0.07, "7 %")])
def test_the_level_is_never_rounded_to_certainty(make_table, level, said):
    table = make_table(level=level)
    assert f"paired {said} interval" in _distance_words.floor_note(table)
    assert f"{said} interval" in _distance_tables.head(table)


def test_only_suspicious_copies_are_reported():
    found = {"a": Copies(0.5, 0.6, True), "b": Copies(0.0, 0.05, False), "c": None}
    [line] = _distance_words.copies(found)
    assert line.startswith(
        "a looks like a copy: 50 % of its points are identical to a real one, and 60 % lie"
    )


def test_units_of_the_floor(make_row):
    assert _distance_words.times(make_row(times=3.0)) == pytest.approx(3.0)
    assert np.isnan(_distance_words.times(make_row(floor_high=0.0)))
    assert np.isnan(_distance_words.times(make_row(times=NAN)))


def test_sizes_say_what_was_compared(make_table, make_row):
    assert _distance_words.sizes(make_table(("a", "b"))) == (
        "1,000 real points against 2,000 of a, 2,000 of b; each single distance between 500 real and 400 "
        "synthetic ones, over 100 random halves"
    )
    rows = (make_row(sizes=(5, 6)), make_row(sizes=(5, 8)))
    assert "between 5 real and 6 to 8 synthetic" in _distance_words.sizes(make_table(rows=rows))


def test_names_cannot_steer_a_terminal(make_table):
    table = make_table(("a\x1b[31m\nb",), class_names=("x\x07", "y", "z"), features="f\r\x1b")
    text = " ".join([*_distance_words.class_summary(table), _distance_words.sizes(table)])
    assert "a?[31m b" in text
    assert text.isprintable()
    assert _distance_words.one_line("\udce9") == "?"


def test_a_label_beyond_the_names_is_a_number(make_table):
    assert _distance_words.label(make_table(classes=3), 1) == "b"
    assert _distance_words.label(make_table(classes=3), 7) == "7"
    assert _distance_words.label(make_table(class_names=None), 1) == "1"


def test_json_is_strict_and_complete(make_table, make_row):
    rows = (*make_table().rows, make_row("mmd", NAN, status="failed", label=1))
    matrix = np.array([[1.0, np.nan], [2.0, 3.0]])
    table = make_table(rows=rows, class_distances={"synthetic": matrix})
    text = _json.dumps(_distance_tables.content(table))
    assert "NaN" not in text
    numbers = json.loads(text)
    assert len(numbers["rows"]) == len(rows)
    names = {field.name for field in dataclasses.fields(rows[0])}
    assert {*names, "above", "below", "class"} == set(numbers["rows"][0])
    assert {field.name for field in dataclasses.fields(table)} <= set(numbers)
    assert numbers["rows"][0]["value"] == rows[0].value
    assert numbers["rows"][0]["above"] is True
    assert numbers["rows"][-1]["value"] is None
    assert numbers["rows"][-1]["class"] == "b"
    assert numbers["class_distances"]["synthetic"] == [[1.0, None], [2.0, 3.0]]


def test_csv_holds_every_row(make_table, make_row):
    evil = 'a,"b"\nc'
    rows = (make_row(synthetic=evil), make_row("mmd", NAN, label=2, status="failed"))
    lines = list(
        csv.DictReader(io.StringIO(_distance_tables.csv_text(make_table((evil,), rows=rows))))
    )
    assert [line["metric"] for line in lines] == ["energy", "mmd"]
    assert lines[0]["synthetic"] == evil
    assert float(lines[0]["floor_high"]) == 0.25
    assert (lines[0]["class"], lines[0]["above"], lines[0]["num_synthetic"]) == ("", "true", "400")
    assert (lines[1]["class"], lines[1]["value"], lines[1]["above"]) == ("c", "", "false")
    assert {(line["level"], line["debias"], line["below"]) for line in lines} == {
        ("0.9", "false", "false")
    }
    assert lines[0]["features"] == "the features as given"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_csv_text_is_no_formula(make_table, make_row, name):
    rows = (make_row(synthetic=name, value=-1.0),)
    text = _distance_tables.csv_text(make_table((name,), rows=rows))
    [line] = csv.DictReader(io.StringIO(text, newline=""))
    assert (line["synthetic"], line["value"]) == ("'" + name.replace("\r", " "), "-1.0")
