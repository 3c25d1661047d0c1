"""Reports on trained networks: complete, in their own words, and safe whatever the names hold."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from synthmix_jax.advice import _explain, _json, _plots, _tables, judge, plot
from tests.advice.network_results import MEANS, errors_of, result_for, result_of

EVIL = "<script>alert('1')</script>"
VERDICTS = ("use part", "use all", "use none", "no clear optimum")
TEST = errors_of(MEANS["use part"], key=5)


def texts(figure):
    figure.canvas.draw()
    found = [text.get_text() for text in figure.texts]
    for ax in figure.axes:
        found += [t.get_text() for t in (*ax.texts, ax._left_title, *ax.get_xticklabels())]
    return found


@pytest.mark.parametrize("mixing", ["count", "weight"])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_saves_three_files_that_agree(tmp_path, verdict, mixing):
    advice = judge(result_for(verdict, mixing=mixing, pool=400, test=TEST))
    advice.save(tmp_path)
    assert {f.name for f in tmp_path.iterdir()} == {"report.html", "curve.png", "advice.json"}
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "report.html").read_text("utf-8").replace("&nbsp;", " ")
    numbers = json.loads((tmp_path / "advice.json").read_text("ascii"))
    assert numbers["verdict"] == advice.verdict
    assert numbers["summary"] == advice.summary()
    assert advice.summary() in page
    assert numbers["kernel"] is None
    np.testing.assert_allclose(numbers["networks"]["errors"], advice.networks.errors)
    np.testing.assert_allclose(numbers["sweep"]["validation_error"], advice.sweep.validation_error)
    assert numbers["tested"]["num_seeds"] == 5
    assert numbers["sweep"]["config"]["mixing"] == mixing
    for wrong in ("leave-one-out", "left-out", "kernel", "idge", "nan", "None", "bootstrap"):
        assert wrong not in page.split("<img")[0]
        assert wrong not in page.split("<figcaption>")[1].split("<details>")[0]


def test_regression_has_no_misclassified_words(tmp_path):
    advice = judge(result_for("use part", num_classes=None))
    advice.save(tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "isclassified" not in page
    assert "squared error on held-out real points, mean over 5 trained networks" in page


def test_everything_that_comes_from_files_is_escaped(tmp_path):
    errors = errors_of(MEANS["use part"])
    status = np.full(errors.shape, "", dtype="<U60")
    status[3, 1], errors[3, 1] = EVIL, np.nan
    result = dataclasses.replace(result_of(errors, status=status), settings={EVIL: EVIL})
    judge(result, names=(EVIL, f'"{EVIL}')).save(tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5
    numbers = json.loads((tmp_path / "advice.json").read_text("ascii"))
    assert numbers["names"] == [EVIL, f'"{EVIL}']
    assert numbers["sweep"]["validation_error"][3][1] is None


def test_the_words():
    part = judge(result_for("use part"))
    assert part.summary() == (
        "Use part: add about 100 synthetic points (1 per real point; no other count tried does as well), each "
        "counting "
        "as much as a real one. The misclassified share on held-out real points, mean over 5 trained networks, "
        f"falls by {100 * part.gain:.0f} % ({100 * part.gain_interval[0]:.0f} % to "
        f"{100 * part.gain_interval[1]:.0f} %), corrected for selection."
    )
    none = judge(result_for("use none"))
    assert none.summary().endswith("was left out, the others chose none at all.")
    assert _explain.to_do(none) == "Train on the 100 real points alone."
    unsure = judge(result_for("no clear optimum"))
    assert "5 trained networks at each ratio cannot tell" in unsure.summary()
    assert any("would show it" in line for line in _explain.would_change(unsure))


def test_key_numbers_hold_both_tests():
    found = dict(_tables.key_numbers(judge(result_for("use part", test=TEST))))
    assert found["synthetic points"] == "100 of 400 (interval 100 to 100)"
    assert found["networks at each ratio"] == "5"
    assert found["test error (not used to choose)"].count("%") == 6
    assert found["the same, paired over networks"].endswith("points lower")
    assert "kernel" not in found


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.filterwarnings("ignore:Only")
def test_few_seeds_are_reported_without_numbers_they_lack(tmp_path, seeds):
    errors = errors_of(MEANS["use part"], seeds)
    advice = judge(result_of(errors, test=errors))
    advice.save(tmp_path)
    for line in (*_explain.rests_on(advice), *_explain.would_change(advice)):
        assert line.endswith(".")
        assert "nan" not in line
        assert "inf" not in line
    numbers = json.loads((tmp_path / "advice.json").read_text())
    assert (numbers["gain_interval"][0] is None) == (seeds == 1)


@pytest.mark.parametrize("mixing", ["count", "weight"])
def test_the_picture_shows_every_network(mixing):
    advice = judge(result_for("use part", mixing=mixing, pool=400))
    figure = Figure(figsize=_plots._INCHES)
    ax = _plots._compose(advice, figure)
    said = " ".join(texts(figure))
    assert "5 trained networks at each ratio" in said
    assert "real data alone" in said
    assert "1\n100" in said if mixing == "count" else "1\n0.25" in said
    dots = [line for line in ax.lines if line.get_linestyle() == "None" and line.get_alpha()]
    drawn = np.array([line.get_ydata() for line in dots]).T
    np.testing.assert_allclose(drawn, 100 * advice.networks.errors)
    assert "ratio 1 recommended" in _plots.describe(advice)


@pytest.mark.parametrize(
    "ratios", [(0, 1), (0, 0.01, 0.02, 0.04, 0.08, 0.1, 0.2, 1, 2, 3, 4, 5, 6, 7, 100)]
)
def test_any_ratios_are_drawn_with_room_between_labels(ratios):
    means = np.linspace(0.3, 3.0, len(ratios))
    advice = judge(result_of(errors_of(means), ratios=ratios, num_classes=None))
    figure = Figure(figsize=_plots._INCHES)
    ax = plot(advice, figure.subplots())
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.get_xticklabels() if t.get_text()]
    boxes.sort(key=lambda box: box.x0)
    assert len(boxes) >= 2
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_json_is_strict_with_failed_networks():
    errors = errors_of(MEANS["use part"])
    errors[1:, 0] = np.nan
    text = _json.text(judge(result_of(errors)))
    assert "NaN" not in text
    assert json.loads(text)["networks"]["errors"][1][0] is None
