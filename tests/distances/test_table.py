"""Rows and tables: what is looked up, what is above or below, and what is printed."""

import dataclasses

import numpy as np
import pytest


def test_lookup_finds_all_points_of_the_first_generator(make_table):
    table = make_table(("one", "two"))
    row = table["mmd"]
    assert (row.metric, row.label, row.synthetic) == ("mmd", None, "one")
    with pytest.raises(KeyError, match="no row for 'fid'; this table has energy, mmd, sliced"):
        table["fid"]
    only_classes = dataclasses.replace(
        table, rows=tuple(r for r in table.rows if r.label is not None)
    )
    with pytest.raises(KeyError, match="no row for 'energy'"):
        only_classes["energy"]


def test_above_and_below_are_outside_of_no_excess(make_row):
    assert make_row(excess_low=0.01).above
    assert not make_row(excess_low=0.0).above
    assert not make_row(excess_high=0.0).below
    assert make_row(excess_high=-0.01).below
    nothing = make_row(excess_low=np.nan, excess_high=np.nan)
    assert not nothing.above
    assert not nothing.below


def test_print(make_table, make_row):
    rows = (
        make_row("energy", 2.0),
        make_row("mmd", 0.8),
        make_row("mmd", 0.5),
        make_row("energy", 2.0, label=1, status="3 of 100 resamples did not converge"),
    )
    lines = str(make_table(rows=rows)).splitlines()
    assert lines[0].split()[:2] == ["distance", "value"]
    assert lines[1].startswith("energy ")
    assert "0.45 to 0.55" in lines[1]
    assert lines[1].endswith("above the floor")
    assert not lines[2].endswith("floor")
    assert lines[3].endswith("below the floor")
    assert lines[4].startswith("energy, class b ")
    assert lines[4].endswith("3 of 100 resamples did not converge")
    assert lines[-1] == "on: the features as given"
    ends = {line.index(cell) for line, cell in zip(lines[1:3], ("0.5 ", "0.2 "), strict=True)}
    assert len(ends) == 1, "columns are aligned"


def test_print_names_generators_where_there_are_several(make_table):
    text = str(make_table(("one", "two"), class_names=None))
    assert "one: energy " in text
    assert "two: energy, class 2 " in text
    assert "one: " not in str(make_table(("one",)))
