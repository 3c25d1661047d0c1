"""What the pictures share: axes, curves with bands, and a foot that says whose images they are."""

import textwrap
from pathlib import Path

import numpy as np

from .intervals import CAVEAT, halves

REAL = "#555555"


def curve(axis, counts, values, colour, label, best=np.argmin) -> None:
    """A mean, the interval of its difference to the first point, and its best point."""
    mean, half = values.mean(axis=0), halves(values - values[:, :1])
    axis.plot(counts, mean, color=colour, lw=1.5, label=label)
    if len(values) > 2:  # an interval over two draws covers all there is
        axis.fill_between(counts, mean - half, mean + half, color=colour, alpha=0.15, lw=0)
    place = int(best(mean))
    axis.plot(counts[place], mean[place], "o", color=colour, ms=5)


def counts_axis(axis, pool: int) -> None:
    """Zero, then logarithmic."""
    axis.set_xscale("symlog", linthresh=10, linscale=0.5)
    axis.set_xlim(0, pool)
    ticks = [t for t in (0, 10, 100, 1000, pool) if t <= pool and (t == pool or 3 * t < pool)]
    axis.set_xticks(ticks, [f"{t:,}" for t in ticks])
    axis.minorticks_off()


def subplots(rows: int, columns: int, *, width: float = 3.5, sharey: bool | str = False):
    """Axes (rows, columns) without upper and right spines."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(max(width * columns, 7.5), 2.7 * rows + 1.2),
        squeeze=False,
        sharey=sharey,
    )
    for axis in axes.ravel():
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def finish(
    figure, axes, title: str, note: str, credit: str, path: Path, caveat: str = CAVEAT
) -> None:
    """Title, legend, what the marks mean and whose images they are; write and let go."""
    import matplotlib.pyplot as plt

    found: dict = {}
    for axis in axes.ravel():
        found |= dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True))
    width, height = figure.get_size_inches()
    figure.suptitle(
        "\n".join(textwrap.wrap(title, int(width * 11))), fontsize=11, x=0.01, ha="left"
    )
    small = "\n".join(textwrap.wrap(f"{note} {caveat} {credit}", int(width * 17)))
    lines = small.count("\n") + 1
    figure.text(0.01, 0.01, small, fontsize=6.5, color="#444444", va="bottom")
    floor = 0.13 * lines / height
    if found:
        floor += 0.25 / height
        figure.legend(
            found.values(),
            found.keys(),
            loc="lower center",
            ncols=min(len(found), 5),
            frameon=False,
            fontsize=8,
            bbox_to_anchor=(0.5, 0.13 * lines / height),
        )
    figure.tight_layout(rect=(0, floor + 0.02, 1, 1 - 0.1 / height))
    figure.savefig(path, dpi=110, metadata={"Copyright": credit})
    plt.close(figure)
