"""The picture: drawn for every shape of answer, with what it says checked on the axes."""

import dataclasses
import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from synthmix_jax.advice import _axes, _plots, plot

VERDICTS = ("use part", "use all", "use none", "no clear optimum")


def words(figure):
    """All text of a figure, drawn first so that ticks have theirs."""
    figure.canvas.draw()
    own = [text.get_text() for text in figure.texts]
    return own + [
        text.get_text()
        for ax in figure.axes
        for text in (*ax.texts, ax.title, *ax.get_xticklabels(), ax._left_title)
    ]


@pytest.fixture
def draw(make_advice):
    def figure(*arguments, **options):
        made = Figure(figsize=_plots._INCHES)
        _plots._compose(make_advice(*arguments, **options), made)
        return made

    return figure


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("labels", [True, False])
def test_title_states_the_finding(draw, verdict, labels):
    figure = draw(verdict, labels=labels)
    said = words(figure)
    assert len(figure.axes) == 1 + labels
    assert {
        "use part": "Use about 41 synthetic points (10 to 286)",
        "use all": "Use all 2,000 synthetic points (201 to 2,000)",
        "use none": "Use no synthetic points",
        "no clear optimum": "No clear optimum: 0 to 2,000 synthetic points, best guess 49",
    }[verdict] in said
    assert "real data alone" in said
    assert {"0", "10", "1 : 1", "2 : 1", "2,000"} <= set(said)


@pytest.mark.parametrize("counts", [[0, 7], [0, 10, 20], [0, 1, 50, 5000], [0, 500, 1000]])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_few_counts_have_a_tick_each(draw, verdict, counts):
    assert {f"{c:,}" for c in counts} <= set(words(draw(verdict, counts=counts)))


@pytest.mark.parametrize(("n", "pool"), [(2, 1), (2, 3), (50, 12), (20, 10**6), (30000, 2000)])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_any_size_is_drawn_with_ticks_in_order(draw, verdict, n, pool):
    figure = draw(verdict, n=n, pool=pool)
    words(figure)
    ticks = figure.axes[-1].get_xticks()
    assert ticks[0] == 0
    assert ticks[-1] == pool
    assert np.all(np.diff(ticks) > 0)


def test_a_huge_end_does_not_flatten_the_valley(draw, make_advice):
    advice = make_advice()
    growth = np.where(advice.curve.counts > 100, (advice.curve.counts / 100.0) ** 2, 1.0)
    changes = {name: getattr(advice.curve, name) * growth for name in ("error", "low", "high")}
    figure = draw(curve=dataclasses.replace(advice.curve, **changes))
    assert figure.axes[0].get_ylim()[1] < 0.6
    assert any(text.startswith("outside the picture: 146 at 2,000") for text in words(figure))
    assert not any("outside" in text for text in words(draw()))


def test_failed_cells_leave_gaps(draw, make_advice):
    curve = make_advice().curve
    gaps = np.arange(len(curve.counts)) % 3 == 1
    changes = {
        name: np.where(gaps, np.nan, getattr(curve, name)) for name in ("error", "low", "high")
    }
    words(draw(curve=dataclasses.replace(curve, **changes)))


def test_errors_of_zero_are_drawn(draw, make_advice):
    curve = make_advice().curve
    zero = np.zeros(len(curve.counts))
    words(
        draw(curve=dataclasses.replace(curve, error=zero, low=zero, high=zero), real_only_error=0.0)
    )


def test_names_are_no_formulas(draw):
    said = words(draw(names=("$x_1$ \\frac{", "a" * 60)))
    assert any("$x_1$ \\frac{" in text for text in said)
    assert not any("a" * 40 in text for text in said)


def test_weight_is_said(draw):
    assert any("at weight 0.1" in text for text in words(draw()))


def test_plot_on_given_axes_draws_the_curve_alone(make_advice):
    ax = Figure().subplots()
    assert plot(make_advice(), ax) is ax
    assert ax.figure.texts == []
    assert len(ax.figure.axes) == 1


def test_plot_makes_a_figure(make_advice):
    from matplotlib import pyplot

    ax = plot(make_advice())
    assert len(ax.figure.axes) == 2
    pyplot.close(ax.figure)


def test_png_ignores_the_users_style_and_leaves_pyplot_alone(make_advice):
    from matplotlib import pyplot

    plain = _plots.png(make_advice(), dots_per_inch=50)
    with pyplot.rc_context({"lines.linewidth": 9, "axes.facecolor": "black"}):
        assert _plots.png(make_advice(), dots_per_inch=50) == plain
    assert pyplot.get_fignums() == []


def test_picture_survives_greyscale(make_advice):
    """Curve, band and recommendation differ in lightness or are kept apart by shape."""
    from matplotlib.colors import to_rgb

    light = {c: np.dot(to_rgb(c), (0.2126, 0.7152, 0.0722)) for c in (_plots.CURVE, _plots.BAND)}
    assert light[_plots.BAND] - light[_plots.CURVE] > 0.4
    from PIL import Image

    with Image.open(io.BytesIO(_plots.png(make_advice(), dots_per_inch=50))) as image:
        assert image.size == (380, 270)


def test_text_stays_inside_and_apart(draw):
    """No label leaves the picture; the headline's neighbours do not overlap."""
    for verdict in VERDICTS:
        figure = draw(verdict)
        figure.canvas.draw()
        frame = figure.bbox
        boxes = [text.get_window_extent() for text in figure.texts]
        boxes += [text.get_window_extent() for ax in figure.axes for text in ax.texts]
        for box in boxes:
            assert frame.x0 <= box.x0
            assert box.x1 <= frame.x1
            assert frame.y0 <= box.y0
            assert box.y1 <= frame.y1
        titles = boxes[: len(figure.texts)]
        assert not any(a.overlaps(b) for i, a in enumerate(titles) for b in titles[:i])


def test_the_name_of_the_line_avoids_the_curve(make_advice):
    ax = Figure(figsize=_plots._INCHES).subplots()
    advice = make_advice("use part")
    plot(advice, ax)
    ax.figure.canvas.draw()
    [label] = [text for text in ax.texts if text.get_text() == "real data alone"]
    box = label.get_window_extent()
    at = ax.transData.transform(np.column_stack([advice.curve.counts, advice.curve.error]))
    fine = np.linspace(at[0, 0], at[-1, 0], 2000)
    curve = np.interp(fine, at[:, 0], at[:, 1])
    assert not np.any((fine > box.x0) & (fine < box.x1) & (curve > box.y0) & (curve < box.y1))


def test_linear_part_ends_below_what_is_recommended(make_advice):
    advice = make_advice("use part", n=20000, pool=100000)
    assert _axes.linear_up_to(advice) <= advice.count
