"""The picture of `synthmix generate`: samples beside held-out real points, and beside what they are most like.

Images: a column a class, and below it the samples that lie most next to one training image. Vectors: both clouds on
two axes, the features themselves where there are two, else the principal components of all points shown.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from synthmix_jax import _numerics
from synthmix_jax.advice import _axes, _plots

from . import _generate_text

if TYPE_CHECKING:
    from ._generate import Made
else:
    Made = Any

# Classes, images of each, closest pairs; most points of a cloud.
_CLASSES, _EACH, _PAIRS, _POINTS = 10, 3, 10, 1000
# Inches of the whole, and at most of one image; most pixels shown along a side.
_WIDTH, _TILE, _PIXELS = 7.6, 0.9, 128
_COLORS = {"real": "#66737f", "synthetic": "#0072B2"}


def png(made: Made, *, dots_per_inch: int = 160) -> bytes:
    """The picture as a PNG file's bytes; the same bytes for the same points."""
    if is_images(made):
        rows = _image_rows(made)
        height = 0.65 + sum(0.32 + _inches(images)[1] for _, images, _ in rows)
        compose = partial(_compose_images, made, rows, height)
        return _plots.render(compose, (_WIDTH, height), dots_per_inch)
    return _plots.render(partial(_compose_cloud, made), (_WIDTH, 4.2), dots_per_inch)


def is_images(made: Made) -> bool:
    """Whether points are images of one or three channels."""
    shape = made.fitted.x.shape[1:]
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))


def describe(made: Made) -> str:
    """What the picture shows."""
    if is_images(made):
        below = (
            ""
            if made.nearest is None
            else (
                " Below: the samples that lie most next to one training image, each above that image."
            )
        )
        order = "a column a class" if made.fitted.num_classes is not None else "drawn in order"
        return f"Held-out real images and synthetic ones, {order}.{below}"
    if _num_features(made) == 1:
        return "Histograms of the feature: held-out real points and synthetic ones."
    axes = "the two features" if _num_features(made) == 2 else "two principal components"
    return f"Held-out real points and synthetic ones on {axes} of both together."


def _num_features(made: Made) -> int:
    return int(np.prod(made.fitted.x.shape[1:]))


def _image_rows(made: Made) -> list[tuple[str, np.ndarray, list[str]]]:
    """Title, images (rows, columns, height, width, channels) and names of the columns of each panel."""
    found = []
    for title, data in (("held-out real", made.held_out), ("synthetic", made.synthetic)):
        images, names = _by_class(data)
        found.append((title, images, names))
    if made.nearest is not None:
        order = np.lexsort((made.nearest.distance, made.nearest.ratio))[:_PAIRS]
        ours = np.asarray(made.synthetic.x)[made.tested[order]]
        theirs = np.asarray(made.fitted.x)[made.nearest.index[order]]
        pair = np.stack([_channels(ours), _channels(theirs)])
        found.append(("synthetic, most next to one training image; below: that image", pair, []))
    return found


def _by_class(data: Any) -> tuple[np.ndarray, list[str]]:
    """The first few images of each class, blank where there are fewer."""
    if data.num_classes is None:
        rows = [np.arange(i, len(data), _CLASSES)[:_EACH] for i in range(_CLASSES)]
        names = []
    else:
        labels = range(min(data.num_classes, _CLASSES))
        rows = [np.flatnonzero(np.asarray(data.y) == label)[:_EACH] for label in labels]
        names = [_plots.shorten(_generate_text.class_name(data, label), 10) for label in labels]
    shape = _channels(np.asarray(data.x[:1])).shape[1:]
    images = np.full((_EACH, len(rows), *shape), np.nan)
    for column, at in enumerate(rows):
        images[: len(at), column] = _channels(np.asarray(data.x)[at])
    return images, names


def _channels(x: np.ndarray) -> np.ndarray:
    """Images as floats (n, height, width, channels), bytes as x / 255; of large ones every few pixels."""
    step = max(1, max(x.shape[1:3]) // _PIXELS)
    wide = np.asarray(_numerics.as_float(x[:, ::step, ::step]))
    return wide if wide.ndim == 4 else wide[..., None]


def _sheet(images: np.ndarray, low: float, high: float) -> Float[np.ndarray, "h w 3"]:
    """All images in one, a white line between them."""
    rows, columns, height, width, channels = images.shape
    scaled = np.clip((images - low) / max(high - low, 1e-12), 0.0, 1.0)
    line = max(1, height // 12)
    sheet = np.ones((rows * (height + line) - line, columns * (width + line) - line, 3))
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + line), column * (width + line)
            image = np.broadcast_to(
                scaled[row, column], (height, width, 3 if channels == 1 else channels)
            )
            sheet[top : top + height, left : left + width] = np.nan_to_num(image, nan=1.0)
    return sheet


def _inches(images: np.ndarray) -> tuple[float, float]:
    """Width and height of a panel."""
    rows, columns, height, width, _ = images.shape
    across = min(_WIDTH - 0.6, columns * _TILE)
    return across, across * rows * height / (columns * width)


def _compose_images(made: Made, rows: list, height: float, figure: Any) -> None:
    figure.set_facecolor("white")
    real = rows[0][1]
    low, high = float(np.nanmin(real)), float(np.nanmax(real))
    _title(made, figure, height)
    top = height - 0.45
    for title, images, names in rows:
        across, down = _inches(images)
        top -= 0.32 + down
        box = (0.3 / _WIDTH, top / height, across / _WIDTH, down / height)
        ax = figure.add_axes(box)
        ax.imshow(_sheet(images, low, high), interpolation="nearest", aspect="auto")
        ax.set_axis_off()
        words = f"{title}: {', '.join(names)}" if names else title
        ax.set_title(_plots.shorten(words, 110), loc="left", size=8, color=_axes.INK, pad=3)


def _title(made: Made, figure: Any, height: float) -> None:
    words = f"{_generate_text.title(made)} fitted on {_plots.shorten(made.name)}"
    place = {"x": 0.3 / _WIDTH, "y": 1 - 0.3 / height, "parse_math": False}
    figure.text(s=words, size=11, weight="bold", color=_axes.INK, va="center", **place)


def _compose_cloud(made: Made, figure: Any) -> None:
    figure.set_facecolor("white")
    _title(made, figure, 4.2)
    real, synthetic = (
        np.asarray(_numerics.as_rows(np.asarray(data.x)[:_POINTS]))
        for data in (made.held_out, made.synthetic)
    )
    if real.shape[1] == 1:
        ax = figure.add_axes((0.08, 0.12, 0.88, 0.7))
        bins = np.histogram_bin_edges(np.concatenate([real, synthetic]), 40)
        for values, name in ((real, "real"), (synthetic, "synthetic")):
            style = {"density": True, "histtype": "step", "linewidth": 1.6, "color": _COLORS[name]}
            ax.hist(values[:, 0], bins, label=name, **style)
        ax.legend(frameon=False, fontsize=_axes.SMALL)
        _axes.frame(ax, "density")
        return
    axes, names = _two(real, synthetic)
    limits = [(axes[:, k].min(), axes[:, k].max()) for k in (0, 1)]
    parts = (("held-out real", axes[: len(real)]), ("synthetic", axes[len(real) :]))
    colors = [np.asarray(data.y)[:_POINTS] for data in (made.held_out, made.synthetic)]
    colors = [color if color.ndim == 1 else color[:, 0] for color in colors]
    ends = {"vmin": min(c.min() for c in colors), "vmax": max(c.max() for c in colors)}
    for place, ((title, points), color) in enumerate(zip(parts, colors, strict=True)):
        ax = figure.add_axes((0.08 + 0.47 * place, 0.14, 0.41, 0.66))
        ax.scatter(*points.T, c=color, s=7, alpha=0.8, linewidths=0, cmap="viridis", **ends)
        for setter, (low, high) in zip((ax.set_xlim, ax.set_ylim), limits, strict=True):
            room = 0.05 * max(high - low, 1e-12)
            setter(low - room, high + room)
        _axes.frame(ax, title)
        ax.set_xlabel(names[0], size=_axes.SMALL, color=_axes.INK)
        ax.set_ylabel(names[1], size=_axes.SMALL, color=_axes.INK)


def _two(real: np.ndarray, synthetic: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """Both clouds on two axes: components of both together, of which neither is favoured."""
    points = np.concatenate([real, synthetic])
    if points.shape[1] == 2:
        return points, ("first feature", "second feature")
    points = points - points.mean(axis=0)
    _, _, directions = np.linalg.svd(points, full_matrices=False)
    return points @ directions[:2].T, ("first component", "second component")
