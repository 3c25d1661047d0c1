"""What all pictures share."""

import io
import os
from pathlib import Path

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def pyplot():
    """Matplotlib, drawing to files."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def subplots(rows: int, columns: int, *, width: float, height: float, **options):
    """A figure and its axes (rows, columns), without the upper and right spines."""
    figure, axes = pyplot().subplots(
        rows,
        columns,
        figsize=(width * columns, height * rows),
        squeeze=False,
        layout="constrained",
        **options,
    )
    for axis in axes.ravel():
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure, path: Path) -> None:
    """Write the picture, in 256 colours to be small, and let go of it."""
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=130)
    pyplot().close(figure)
    temporary = path.with_name(path.name + ".tmp")
    Image.open(drawn).convert("RGB").quantize(256).save(temporary, format="PNG", optimize=True)
    os.replace(temporary, path)
