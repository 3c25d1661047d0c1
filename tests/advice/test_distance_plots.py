"""The picture of distances: numbers drawn are those of the table, and no text leaves its place."""

import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from synthmix_jax.advice import _distance_matrices, _distance_plots

NAN = float("nan")


@pytest.fixture
def draw():
    """A figure of a table, drawn, so that texts have their places."""

    def figure(table):
        made = Figure(figsize=_distance_plots.inches(table))
        _distance_plots.compose(table, made)
        FigureCanvasAgg(made).draw()  # the canvas of a bare figure draws nothing
        return made

    return figure


def panel(figure, start):
    """The axes whose title begins with these words."""
    [ax] = [ax for ax in figure.axes if ax._left_title.get_text().startswith(start)]
    return ax


def markers(ax, index):
    """Places across of the markers of one generator, from the top down."""
    lines = [line for line in ax.lines if line.get_marker() == _distance_plots.MARKERS[index]]
    return [line.get_xdata()[0] for line in sorted(lines, key=lambda line: line.get_ydata()[0])]


def texts(figure):
    """All text with its extent; the legend as one."""
    found = list(figure.texts)
    for ax in figure.axes:
        found += [*ax.texts, ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label]
        low, high = sorted(ax.get_xlim())
        ticks = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
        found += [label for at, label in ticks if low <= at <= high]
        low, high = sorted(ax.get_ylim())
        ticks = zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
        found += [label for at, label in ticks if low <= at <= high]
    legends = [("legend", legend.get_window_extent()) for legend in figure.legends]
    return legends + [(t.get_text(), t.get_window_extent()) for t in found if t.get_text()]


def test_values_are_drawn_in_units_of_the_floors_end(draw, make_table):
    ax = panel(draw(make_table(("a", "b"))), "All points")
    assert markers(ax, 0) == pytest.approx([2.0, 3.0, 0.5])
    assert markers(ax, 1) == pytest.approx([3.0, 4.0, 0.5])
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["energy", "mmd", "sliced wasserstein"]


def test_intervals_and_floor_are_drawn(draw, make_table, make_row):
    ax = panel(draw(make_table(rows=(make_row(times=2.0),), classes=0)), "All points")
    spans = [tuple(line.get_xdata()) for line in ax.lines]
    assert (0.15 / 0.25, 1.0) in spans
    assert (0.2 / 0.25,) in spans
    assert any(np.allclose(span, (1.8, 2.2)) for span in spans)


def test_filled_markers_are_told_apart(draw, make_table, make_row):
    rows = (make_row("energy", 1.2), make_row("mmd", 0.8))
    ax = panel(draw(make_table(rows=rows, classes=0)), "All points")
    faces = {
        line.get_xdata()[0]: line.get_markerfacecolor()
        for line in ax.lines
        if line.get_marker() == "o"
    }
    assert faces[1.2] == _distance_plots.COLORS[0]
    assert faces[0.8] == "white"


def test_classes_are_drawn_by_name(draw, make_table):
    ax = panel(draw(make_table(classes=3)), "By class: energy")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    assert markers(ax, 0) == pytest.approx([0.5, 1.5, 2.5])


def test_of_many_classes_the_worst_are_drawn(draw, make_table):
    ax = panel(draw(make_table(classes=20)), "By class: energy, worst 12 of 20 classes")
    assert [label.get_text() for label in ax.get_yticklabels()] == list("ijklmnopqrst")


def test_both_panels_have_one_scale(draw, make_table):
    figure = draw(make_table(classes=12))
    all_points, by_class = panel(figure, "All points"), panel(figure, "By class")
    assert all_points.get_xlim() == by_class.get_xlim()
    assert all_points.get_xscale() == by_class.get_xscale() == "symlog"
    assert panel(draw(make_table(classes=2)), "All points").get_xscale() == "linear"


def test_matrices_are_real_by_synthetic_with_their_numbers(draw, make_table):
    matrix = np.array([[0.1, 2.0, 3.0], [0.4, 5.0, np.nan], [0.7, 0.8, 0.9]])
    ax = panel(draw(make_table(class_distances={"synthetic": matrix})), "W2 between classes")
    assert np.array_equal(ax.images[0].get_array().filled(np.nan), matrix, equal_nan=True)
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert cells[(1, 0)] == "2.0"  # column 1, row 0
    assert cells[(2, 1)] == "-"
    assert len(cells) == 9
    assert ax.get_ylabel() == "real class"
    assert ax.get_xlabel().startswith("synthetic class")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    # Outlined: the least of each column.
    places = {(p.get_x() + 0.44, p.get_y() + 0.44) for p in ax.patches}
    assert {tuple(np.round(place, 6)) for place in places} == {(0, 0), (1, 2), (2, 2)}


@pytest.mark.parametrize(("classes", "numbers"), [(12, 144), (13, 0)])
def test_cells_have_numbers_while_there_is_room(draw, make_table, classes, numbers):
    assert len(panel(draw(make_table(classes=classes)), "W2").texts) == numbers


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0, 99.0, 1e5])
def test_cells_of_any_size_keep_two_digits(make_table, scale):
    matrix = scale * np.array([[0.5, 0.25], [0.75, 1.0]])
    table = make_table(class_distances={"synthetic": matrix})
    (_, high), power = _distance_matrices._range(table)
    for i, j, text in _distance_matrices.cell_texts(matrix, high, power):
        assert len(text) <= 5
        assert float(text) * 10.0**power == pytest.approx(matrix[i, j], abs=0.051 * high)


def test_maps_of_all_generators_share_one_scale(draw, make_table):
    figure = draw(make_table(("a", "b", "c", "d", "e")))
    maps = [ax for ax in figure.axes if ax.images and ax._left_title.get_text()]
    assert len(maps) == 4
    assert len({ax.images[0].get_clim() for ax in maps}) == 1
    assert "1 more not drawn" in maps[-1]._left_title.get_text()


def test_without_labels_there_is_one_panel(draw, make_table):
    assert len(draw(make_table(classes=0)).axes) == 1


def test_rows_that_cannot_be_drawn_say_so(draw, make_table, make_row):
    rows = (make_row("energy", NAN, status="failed"), make_row("mmd", floor_high=0.0))
    ax = panel(draw(make_table(rows=rows, classes=0)), "All points")
    said = [text.get_text() for text in ax.texts]
    assert "not computed" in said
    assert "the floor is zero" in said


def test_negative_and_huge_values_are_inside(draw, make_table, make_row):
    rows = (make_row("energy", -0.5), make_row("mmd", 5000.0))
    ax = panel(draw(make_table(rows=rows, classes=0)), "All points")
    low, high = ax.get_xlim()
    assert low < -0.55
    assert high > 5500


def test_names_are_no_formulas(draw, make_table):
    table = make_table(("$x_1$ \\frac{", "$"), class_names=("$a", "$b$", "c"), features="$\\bad{$")
    figure = draw(table)
    said = [text for text, _ in texts(figure)]
    assert "$x_1$ \\frac{" in [text.get_text() for text in figure.legends[0].texts]
    assert "$b$" in said


@pytest.mark.parametrize("generators", [1, 2, 5, 7])
@pytest.mark.parametrize("classes", [0, 2, 10, 40])
def test_text_stays_inside_and_apart(draw, make_table, generators, classes):
    names = tuple(f"generator number {i} of a long list of them.npz" for i in range(generators))
    table = make_table(
        names,
        classes=classes,
        metrics=("gaussian_wasserstein", "mmd", "energy"),
        class_names=tuple(f"a long class name {i}" for i in range(classes)) or None,
        features="RandomConvolutions(filters=32, sizes=(3, 5), grid=2, seed=0)" * 3,
    )
    figure = draw(table)
    found = texts(figure)
    frame = figure.bbox
    for words, box in found:
        assert frame.x0 <= box.x0, words
        assert box.x1 <= frame.x1, words
        assert frame.y0 <= box.y0, words
        assert box.y1 <= frame.y1, words
    overlaps = [
        (a, b) for i, (a, box) in enumerate(found) for b, other in found[:i] if box.overlaps(other)
    ]
    assert overlaps == []


def test_png_is_the_same_twice_and_ignores_the_users_style(make_table):
    from matplotlib import pyplot

    plain = _distance_plots.png(make_table(), dots_per_inch=40)
    with pyplot.rc_context({"lines.linewidth": 9, "axes.facecolor": "black"}):
        assert _distance_plots.png(make_table(), dots_per_inch=40) == plain
    assert pyplot.get_fignums() == []
    from PIL import Image

    with Image.open(io.BytesIO(plain)) as image:
        width, height = _distance_plots.inches(make_table())
        assert image.size == (int(width * 40), int(height * 40))


def test_generators_differ_by_shape_and_colour():
    assert len(set(_distance_plots.MARKERS)) == len(_distance_plots.COLORS) == 6
    light = [np.dot(to_rgb(c), (0.2126, 0.7152, 0.0722)) for c in _distance_plots.COLORS[:2]]
    assert abs(light[0] - light[1]) > 0.05


def test_the_description_says_what_was_found(make_table):
    said = _distance_plots.describe(make_table())
    assert "told apart from real data by energy and mmd" in said
    assert "Classes: 2 of 3" in said
