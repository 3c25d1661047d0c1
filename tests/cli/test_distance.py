"""`synthmix distance` on small files: JSON, files, plain lines in a pipe, a panel on a terminal, refusals."""

import csv
import inspect
import json
from pathlib import Path

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import distances
from synthmix_jax.cli import _distance, _distance_text, main

QUICK = ("--num-bootstrap", "20", "--metrics", "energy", "mmd")
NAN = float("nan")


@pytest.fixture
def files(tmp_path, rng):
    """A real file, one that is far from it and one that is not, with names that want escaping."""
    folder = tmp_path / "a <b> [red]"
    paths = []
    for name, shift in (("real", 0.0), ("[red]far[b]", 3.0), ("near", 0.0)):
        y = np.arange(80) % 2
        x = rng.normal(size=(80, 2)) + shift
        paths.append(folder / f"{name}.npz")
        smx.loaders.save(paths[-1], smx.Dataset(x, y, class_names=("[/blue]<i>", "b")))
    return paths


@pytest.fixture
def run(capsys):
    def call(*arguments, quick=QUICK):
        code = main(["distance", *map(str, arguments), *quick])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_json_is_all_there_is_on_standard_output(run, files):
    code, out, err = run(*files, "--json", "--seed", 3)
    assert (code, err) == (0, "")
    assert "NaN" not in out
    numbers = json.loads(out)
    assert list(numbers["num_synthetic"]) == ["[red]far[b].npz", "near.npz"]
    assert numbers["num_real"] == 80
    command = numbers["settings"]["command_line"]
    assert command["seed"] == 3
    assert command["files"] == [str(f) for f in files]
    whole = {(r["synthetic"], r["metric"]): r for r in numbers["rows"] if r["label"] is None}
    assert whole["[red]far[b].npz", "energy"]["above"] is True
    assert whole["near.npz", "energy"]["above"] is False


def test_the_numbers_are_those_of_compare(run, files):
    code, out, _ = run(*files[:2], "--json", "--level", 0.8, "--max-points", 60, "--debias")
    assert code == 0
    table = distances.compare(
        smx.load(str(files[0])),
        {"[red]far[b].npz": smx.load(str(files[1]))},
        key=jax.random.key(0),
        metrics=("energy", "mmd"),
        num_bootstrap=20,
        level=0.8,
        max_points=60,
        debias=True,
    )
    rows = json.loads(out)["rows"]
    assert [row["value"] for row in rows] == [row.value for row in table.rows]
    assert len(rows) == 6


def test_same_seed_same_answer(run, files):
    assert run(*files, "--json") == run(*files, "--json")


def test_defaults_are_those_of_compare():
    defaults = inspect.signature(distances.compare).parameters
    for name in ("metrics", "num_bootstrap", "level", "max_points", "per_class", "debias"):
        assert getattr(_distance.Distance(), name) == defaults[name].default


def test_without_out_nothing_is_written(run, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(*files)
    assert (code, err) == (0, "")
    assert "name a folder with --out" in out
    assert sorted(tmp_path.rglob("*")) == before


def test_out_holds_three_files(run, files, tmp_path):
    folder = tmp_path / "new" / "[red]x[/]"
    code, out, err = run(*files, "--out", folder)
    assert (code, err) == (0, "")
    names = {"distances.json", "distances.csv", "distances.png"}
    assert {f.name for f in folder.iterdir()} == names
    assert all(str(folder / name) in out for name in names)
    numbers = json.loads((folder / "distances.json").read_text("ascii"))
    with (folder / "distances.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["value"]) for line in lines] == [row["value"] for row in numbers["rows"]]
    assert (folder / "distances.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = run(*files, "--json", "--out", folder)
    assert json.loads(out) == numbers


def test_plain_lines_say_what_was_found_within_80_columns(run, files, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    code, out, _ = run(*files)
    assert code == 0
    assert max(map(len, out.splitlines())) < 80
    assert "\x1b" not in out
    assert "╭" not in out
    words = " ".join(out.split())
    far, near = "[red]far[b].npz", "near.npz"
    assert f"{far}: told apart from real data by energy and mmd." in words
    assert f"{near}: not told apart from real data by energy and mmd." in words
    assert f"Closest to real data: {near} by energy and mmd." in words
    assert f"Classes of {far}: 2 of 2 told apart by most distances" in words
    assert "[/blue]<i> (2 of 2" in words
    assert "On the features as given." in words
    assert f"80 real points against 80 of {far}, 80 of {near};" in words
    assert "Floor: real points against other real points" in words


def test_a_terminal_gets_a_panel_and_names_are_no_markup(run, files, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    code, out, _ = run(*files, "--out", files[0].parent / "[red]out[/]")
    assert code == 0
    assert "╭" in out
    out = " ".join(out.replace("│", " ").split())
    assert "[red]far[b].npz: told apart" in out
    assert "[/blue]<i> (2 of 2" in out
    assert "above" in out


def test_without_classes(run, files):
    code, out, _ = run(*files[:2], "--no-per-class", "--json")
    assert code == 0
    assert {row["label"] for row in json.loads(out)["rows"]} == {None}


@pytest.mark.parametrize(
    ("name", "said"), [("pca", "PCA"), ("pixels", "Pixels"), ("random-convolutions", "images")]
)
def test_features_by_name(run, files, name, said):
    code, out, err = run(*files[:2], "--features", name, "--json")
    if name == "random-convolutions":
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
    else:
        assert code == 0
        assert said.lower() in json.loads(out)["features"].lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no data were given; distance takes REAL and one or more SYNTHETIC"),
        (("digits",), "only 'digits' was given"),
        (("--metrics", "energy", "digits", "usps"), "several values stand after the data sets"),
        (("digits", "digits"), "both digits"),
        (("digits", "digts"), "Did you mean 'digits'?"),
        (("digits", "absent.npz"), "absent.npz"),
        (("digits", "usps", "usps"), "SYNTHETIC usps was given twice"),
        (("digits", "usps", "--features", "x"), "invalid choice 'x'"),
        (("digits", "usps", "--seed", "-1"), "--seed must lie in 0 to"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(run, arguments, message):
    code, out, err = run(*arguments, quick=())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--metrics", "enrgy"), "metric 'enrgy' does not exist; known are wasserstein"),
        (("--num-bootstrap", "1"), "num_bootstrap must be"),
        (("--level", "1"), "level must lie"),
        (("--max-points", "1"), "max_points must be"),
    ],
)
def test_bad_options_name_themselves(run, files, options, message):
    code, out, err = run(*files, *options, quick=())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_same_file_twice(run, files):
    code, out, err = run(files[0], files[0].parent / "." / files[0].name)
    assert (code, out) == (2, "")
    assert "points to themselves" in err
    code, out, err = run(files[0], files[1], files[1].parent / "." / files[1].name)
    assert (code, out) == (2, "")
    assert "was given twice" in err


def test_two_splits_of_one_data_set_are_two(run):
    code, out, _ = run(
        "digits", "digits", "--synthetic-split", "test", "--json", "--max-points", "60"
    )
    assert code == 0
    assert json.loads(out)["settings"]["command_line"]["splits"] == ["train", "test"]


def test_generators_are_named_apart():
    def names(*sources):
        return list(_distance.Distance("r.npz", sources)._check()[1])

    assert names("a/x.npz", "a/y.npz") == ["x.npz", "y.npz"]
    assert names("a/x.npz", "b/x.npz") == ["a/x.npz", "b/x.npz"]
    assert names("somewhere/real") == ["synthetic real"]


def test_files_that_do_not_match(run, files, tmp_path, rng):
    other = tmp_path / "other.npz"
    smx.loaders.save(other, smx.Dataset(rng.normal(size=(9, 3)), np.arange(9) % 2))
    code, out, err = run(files[0], other)
    assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", ["auto", "pca"])
def test_bytes_beside_floats_up_to_255_are_one_line(run, tmp_path, rng, name):
    x = rng.integers(0, 256, size=(20, 6, 6, 1)).astype(np.uint8)
    files = [tmp_path / "bytes.npz", tmp_path / "floats.npz"]
    for file, points in zip(files, (x, x.astype(np.float32)), strict=True):
        smx.loaders.save(file, smx.Dataset(points, np.arange(20) % 2))
    code, out, err = run(*files, "--features", name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "255" in err


def test_columns_go_before_lines_break(make_table, make_row):
    numbers = {
        "value": 1.23456e-5,
        "low": 1.23e-5,
        "high": 1.29e-5,
        "excess_low": -0.2,
        "excess_high": -0.1,
    }
    long = make_row("gaussian_wasserstein", **numbers, synthetic="a")
    table = make_table(("a", "b"), rows=(long, make_row(synthetic="b")), classes=0)
    heads = []
    for width in (200, 79, 60, 40):
        tables = _distance_text.grids(table, width)
        for lines in tables.values():
            widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
            assert sum(widths) + 2 * (len(widths) - 1) <= width
            assert lines[0][:2] == ["distance", "value"]
        # All generators show the same columns.
        assert tables["a"][0] == tables["b"][0]
        # No mark without what it was judged by.
        shown = "floor's interval" in tables["a"][0]
        marks = [tables[name][1][-1] for name in "ab"]
        assert (marks == ["below", "above"]) == shown
        heads.append(tables["a"][0])
    assert len(heads[0]) == 8
    assert heads[2] == ["distance", "value", "floor's interval", ""]
    assert heads[3] == ["distance", "value"]


def test_copies_are_reported_near_the_top(run, files, tmp_path, rng):
    real = smx.load(str(files[0]))
    x = np.concatenate([np.asarray(real.x)[:40], rng.normal(size=(40, 2))])
    copy = tmp_path / "copy.npz"
    smx.loaders.save(copy, smx.Dataset(x.astype(np.float32), real.y))
    smx.loaders.save(tmp_path / "real.npz", smx.Dataset(np.float32(real.x), real.y))
    code, out, _ = run(tmp_path / "real.npz", copy)
    assert code == 0
    words = " ".join(out.split())
    assert "copy.npz looks like a copy: 50 % of its points are identical to a real one" in words
    assert words.index("identical") < words.index("floor's interval")
    _, out, _ = run(tmp_path / "real.npz", copy, files[2], "--json")
    copies = json.loads(out)["copies"]
    assert copies["copy.npz"]["suspicious"] is True
    assert copies["copy.npz"]["identical"] == 0.5
    assert copies["near.npz"]["suspicious"] is False


def test_a_pipe_is_as_wide_as_columns_says(make_table, monkeypatch, capsys):
    for columns in ("60", "120"):
        monkeypatch.setenv("COLUMNS", columns)
        _distance_text.show(make_table(), "real.npz", None)
        widest = max(map(len, capsys.readouterr().out.splitlines()))
        assert int(columns) - 20 < widest <= int(columns)


def test_principal_components_raise_no_false_alarm(run, tmp_path, rng):
    for name in ("real", "synthetic"):
        x = rng.normal(size=(60, 200))
        smx.loaders.save(tmp_path / f"{name}.npz", smx.Dataset(x, np.zeros(60)))
    files = [tmp_path / f"{name}.npz" for name in ("real", "synthetic")]
    code, out, _ = run(*files, "--features", "pca", "--json")
    assert code == 0
    assert [row["above"] for row in json.loads(out)["rows"]] == [False, False]


def test_rows_that_failed_and_warnings_are_shown(make_table, make_row, capsys):
    failed = make_row("mmd", NAN, status="did not converge", floor=NAN, floor_low=NAN)
    table = make_table(
        rows=(make_row("energy"), failed), classes=0, warnings=("Only a part was used.",)
    )
    _distance_text.show(table, "real.npz", Path("out"))
    out = capsys.readouterr().out
    assert "not computed" in out
    assert "nan" not in out
    assert "Not computed: mmd (did not converge)." in out
    assert "warning: Only a part was used." in out
