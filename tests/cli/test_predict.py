"""`synthmix predict` on small tables: JSON, files, plain lines in a pipe, the picture, refusals."""

import json

import jax
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from synthmix_jax import mixing
from synthmix_jax.cli import _law_plots, _predict, _run_table, main
from synthmix_jax.theory import SurrogateLaw

TRUE = SurrogateLaw(0.3, 6.0, 4.0, 0.6, 0.08)
QUICK = ("--num-bootstrap", "50")


def rows(scatter=0.03):
    rng = np.random.default_rng(0)
    design = [(n, m, a) for n in (50, 200, 400) for m in (200, 4000) for a in (0.25, 0.5, 0.75)]
    design += [(n, 0, 0.0) for n in (50, 200, 400)] + [(0, m, 1.0) for m in (200, 1000, 4000)]
    return [
        (n, m, a, float(TRUE.predict(n, m, a)) * np.exp(scatter * rng.normal()))
        for n, m, a in design
    ]


def write(path, lines, header="n,m,share,error"):
    path.write_text("\n".join([header, *(",".join(map(str, line)) for line in lines)]) + "\n")
    return path


@pytest.fixture
def runs(tmp_path):
    return write(tmp_path / "runs $x_1$ [red].csv", rows())


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main(["predict", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_json_is_all_there_is_on_standard_output(run, runs):
    code, out, err = run(runs, "--json", "--seed", 3, *QUICK)
    assert (code, err) == (0, "")
    assert "NaN" not in out
    numbers = json.loads(out)
    assert numbers["num_runs"] == 24
    assert numbers["conditional"] == numbers["warnings"] == []
    assert numbers["settings"]["seed"] == 3
    assert numbers["settings"]["file"] == str(runs)
    there = numbers["prediction"]
    assert (there["n"], there["m"]) == (400, 4000)
    low, high = there["share_interval"]
    assert low <= there["share"] <= high
    assert there["error"] <= min(there[k] for k in ("real_only", "synthetic_only", "weight_one"))
    assert mixing.share(400, 4000, there["weight"]) == pytest.approx(there["share"])


def test_the_numbers_are_those_of_the_law(run, runs):
    _, out, _ = run(runs, "--json", "--n", 100, "--m", 700, "--level", 0.8, *QUICK)
    law = SurrogateLaw.fit(*np.array(rows()).T, key=jax.random.key(0), num_bootstrap=50)
    numbers = json.loads(out)
    there = numbers["prediction"]
    share = float(law.optimal_share(100, 700))
    assert there["share"] == share
    assert there["error"] == float(law.predict(100, 700, share))
    assert there["error_interval"] == [float(v) for v in law.interval(100, 700, share, level=0.8)]
    assert there["count"] == law.optimal_count(100, largest=700)
    ends = law.parameter_intervals(level=0.8)
    for name, said in numbers["law"].items():
        assert said == {"value": getattr(law, name), "interval": list(ends[name])}
    assert numbers["split"] is None


def test_the_same_seed_gives_the_same_answer(run, runs):
    assert run(runs, "--json", *QUICK) == run(runs, "--json", *QUICK)


def test_a_budget_is_split(run, runs):
    options = ("--budget", 500, "--synthetic-cost", 0.01, *QUICK)
    numbers = json.loads(run(runs, "--json", *options)[1])
    split = numbers["split"]
    assert split["n"] + 0.01 * split["m"] <= 500
    law = SurrogateLaw.fit(*np.array(rows()).T)
    assert split == law.split(500, synthetic_cost=0.01)._asdict()
    assert "the budget buys best" in run(runs, *options)[1]


def test_known_parameters_are_kept(run, runs):
    code, out, _ = run(runs, "--json", "--irreducible-error", 0.3, "--exponent", 0.6, *QUICK)
    assert code == 0
    law = json.loads(out)["law"]
    assert law["irreducible_error"] == {"value": 0.3, "interval": [0.3, 0.3]}
    assert law["exponent"]["value"] == 0.6


def test_plain_lines_in_a_pipe(run, runs):
    code, out, err = run(runs, *QUICK)
    assert (code, err) == (0, "")
    assert out.startswith("With 400 real points and 4,000 synthetic points the law is best at a")
    assert "best share" in out
    assert "name a folder with --out" in out
    assert max(map(len, out.splitlines())) <= 79
    assert "warning" not in out


def test_what_is_conditional_is_called_so(run, tmp_path):
    few = [line for line in rows() if line[0] in (0, 200)]
    code, out, err = run(write(tmp_path / "few.csv", few), "--m", 100_000, *QUICK)
    assert (code, err) == (0, "")
    assert "This is conditional on what the runs do not show" in " ".join(out.split())
    assert "conditional: not identified" in out
    assert "warning: All runs have one number of real points" in out
    assert "100,000 synthetic points lie outside the runs (200 to" in " ".join(out.split())


def test_a_terminal_gets_a_panel(run, runs, monkeypatch):
    from rich.console import Console

    monkeypatch.setattr(Console, "is_terminal", property(lambda self: True))
    code, out, _ = run(runs, *QUICK)
    assert code == 0
    assert "predict" in out.splitlines()[0]
    assert "╭" in out


def test_out_holds_two_files(run, runs, tmp_path):
    folder = tmp_path / "new" / "[red]x"
    code, _, err = run(runs, "--out", folder, *QUICK)
    assert (code, err) == (0, "")
    assert {f.name for f in folder.iterdir()} == {"predict.json", "predict.png"}
    assert (folder / "predict.png").read_bytes().startswith(b"\x89PNG")
    numbers = json.loads((folder / "predict.json").read_text("ascii"))
    assert numbers == json.loads(run(runs, "--json", *QUICK)[1])


def test_names_take_any_case_order_and_delimiter(tmp_path):
    plain = _run_table.read(write(tmp_path / "a.csv", rows()))
    lines = [f"{e};x;{m};{a};{n}" for n, m, a, e in rows()]
    path = tmp_path / "b.csv"
    path.write_text("\ufeffERROR; note ;M;Share; n\n\n" + "\n".join(lines), encoding="utf-8")
    other = _run_table.read(path)
    for name in ("n", "m", "share", "error"):
        assert np.array_equal(getattr(plain, name), getattr(other, name))
    assert plain.standard_error is None


def test_weights_become_shares(tmp_path):
    lines = [(50, 200, 0.5, 0.4), (50, 0, 1, 0.5), (0, 20, 1, 0.6)]
    table = _run_table.read(write(tmp_path / "w.csv", lines, "n,m,weight,error"))
    assert table.share.tolist() == [mixing.share(50, 200, 0.5), 0.0, 1.0]


def test_standard_errors_are_read(tmp_path):
    lines = [(*row, 0.1 + i) for i, row in enumerate(rows())]
    table = _run_table.read(write(tmp_path / "s.csv", lines, "n,m,share,error,Standard error"))
    assert table.standard_error[:2].tolist() == [0.1, 1.1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("n,m,share,error\n", "holds a header but no runs"),
        ("n,m,error\n1,1,1\n", "has no column share (or weight); it has n, m, error"),
        ("a,b\n1,1\n", "has no column n, m, error, share (or weight)"),
        ("n,m,share,weight,error\n", "has both share and weight"),
        ("n,n,m,share,error\n1,1,1,1,1", "has n twice"),
        ("n,m,share,error\n1,2,0.5,\n", "line 2: error is missing"),
        ("n,m,share,error\n1,2,half,1\n", "line 2: share is 'half', no number"),
        ("n,m,share,error\n1,2,nan,1\n", "line 2: share is nan"),
        ("n,m,share,error\n1,2,0.5\n", "line 2 has 3 cells, and the header 4"),
        ("n,m,share,error\n1,2,0.5,1\n\n1,2,.50,1\n", "line 4 repeats line 2"),
        ("n,m,weight,error\n1,2,0,1\n", "line 2: weight 0 of 2 synthetic beside 1 real points"),
        ("n,m,share,error\n1,2,1.5,1\n", "share must be in [0, 1], got 1.5"),
        ("n,m,share,error\n1,2,0.5,-1\n", "error must be positive and finite, got -1"),
        ("n,m,share,error\n0,2,0.5,1\n", "n must be a positive number of real points"),
        ("n,m,share,error\n1,2,0.5,1\n3,2,0.5,1\n", "hold 2 different settings"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(run, tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    code, out, err = run(path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--n", 0), "--n must be at least 1, got 0"),
        (("--m", -5), "--m must be at least 1, got -5"),
        (("--level", 90), "--level must lie strictly between 0 and 1, got 90"),
        (("--budget", 10), "--budget and --synthetic-cost go together"),
        (("--budget", -1, "--synthetic-cost", 1), "budget must be positive"),
        (("--exponent", 0), "exponent must be positive"),
        (("--irreducible-error", 99), "is not below the largest error"),
        (("--num-bootstrap", 1), "num_bootstrap must be finite and above 1"),
        (("--seed", -1), "--seed must lie in"),
    ],
)
def test_bad_options_are_refused_in_one_line(run, runs, options, message):
    code, out, err = run(runs, *options)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


def test_files_that_are_none(run, tmp_path):
    assert "no runs were given" in run()[2]
    assert "No such file" in run(tmp_path / "absent.csv")[2]
    assert "is a folder; name a CSV file" in run(tmp_path)[2]
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert "is no text file" in run(tmp_path / "binary")[2]


@pytest.fixture
def draw(tmp_path):
    """The figure of some rows at some counts, drawn, with the law and the table."""

    def make(lines, **counts):
        path = write(tmp_path / "drawn.csv", lines)
        table = _run_table.read(path)
        command = _predict.Predict(path, num_bootstrap=50, **counts)
        law = command._fit(table)
        there = command._predict(law)
        figure = Figure(figsize=_law_plots._INCHES)
        _law_plots.compose(law, table, there, 0.9, figure)
        FigureCanvasAgg(figure).draw()
        return figure, law, table, there

    return make


def test_the_picture_draws_what_the_law_says(draw):
    figure, law, table, there = draw(rows(), n=100, m=1000)
    left, right = figure.axes
    target = next(line for line in left.lines if line.get_linewidth() == 2.2)
    x, y = target.get_data()
    assert np.array_equal(y, law.predict(100, 1000, x))
    marks = {line.get_marker(): line for line in left.lines if line.get_color() == "#c2410c"}
    assert marks["o"].get_data() == ([there.share], [there.error])
    drawn = np.concatenate([np.c_[line.get_data()] for line in right.lines[1:]])
    said = np.c_[law.predict(table.n, table.m, table.share), table.error]
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, said))
    # Four pairs of six, from the fewest points to the most.
    names = [text.get_text() for text in figure.legends[0].texts]
    assert len(names) == 5
    assert names[0] == "n = 100, m = 1,000, predicted"
    assert names[-1] == "n = 50, m = 200"


def test_runs_with_one_kind_of_data_belong_to_every_pair_that_shares_it(tmp_path):
    table = _run_table.read(write(tmp_path / "t.csv", rows()))
    mine = _law_plots.of_pair(table, 50, 4000)
    assert sorted(table.share[mine]) == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        (rows(), {}),
        (rows(), {"n": 1, "m": 1}),
        (rows(), {"n": 10**7, "m": 10**9}),
        (rows()[-9:], {"n": 10_000}),
        ([line for line in rows() if line[0] in (0, 200)], {"n": 10**6, "m": 10**8}),
        ([(n, m, a, 1e-6 * e) for n, m, a, e in rows()], {}),
    ],
)
def test_text_stays_inside_and_apart(draw, lines, counts):
    figure, *_ = draw(lines, **counts)
    found = [(t.get_text(), t.get_window_extent()) for t in figure.texts]
    found += [("legend", legend.get_window_extent()) for legend in figure.legends]
    for ax in figure.axes:
        for text in (*ax.texts, ax._left_title, ax.xaxis.label):
            found.append((text.get_text(), text.get_window_extent()))
    for words, box in found:
        assert figure.bbox.x0 <= box.x0, words
        assert box.x1 <= figure.bbox.x1, words
        assert figure.bbox.y0 <= box.y0, words
        assert box.y1 <= figure.bbox.y1, words
    overlaps = [
        (a, b) for i, (a, box) in enumerate(found) for b, other in found[:i] if box.overlaps(other)
    ]
    assert overlaps == []


def test_png_is_the_same_twice(draw):
    _, law, table, there = draw(rows())
    assert _law_plots.png(law, table, there, 0.9) == _law_plots.png(law, table, there, 0.9)
