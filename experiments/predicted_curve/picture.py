"""The curves of the first seed, one panel a generator."""

from pathlib import Path

import numpy as np


def picture(rows: list[dict], path: Path) -> None:
    """Leave-one-out of each order, its prediction from all and from a part of the pool, and the test curve."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown: dict[tuple, dict] = {}
    for row in rows:
        if row["curve"] is not None:
            shown[row["data"], row["case"]] = row  # the largest n
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(4.4 * columns, 3.4 * lines), squeeze=False, layout="constrained"
    )
    for axis in axes.ravel()[len(shown) :]:
        axis.set_visible(False)
    for axis, row in zip(axes.ravel(), shown.values(), strict=False):
        curve = row["curve"]
        counts = curve["counts"]
        for k, loo in enumerate(curve["loo"]):
            label = "left-out real images, one order each" if k == 0 else None
            axis.plot(counts, loo, color="#56B4E9", lw=0.8, alpha=0.8, label=label)
        axis.plot(counts, curve["test"], color="#444444", lw=1.6, label="test images")
        axis.plot(counts, numbers(curve["predicted"]), color="#0072B2", lw=1.8, label="predicted")
        axis.plot(
            counts,
            numbers(curve["part"]),
            color="#D55E00",
            lw=1.8,
            ls="--",
            label="predicted from a quarter",
        )
        axis.axvline(counts[-1] / 4, color="#D55E00", lw=0.8, ls=":")
        axis.set_xscale("symlog", linthresh=4)
        axis.set_xlim(0, counts[-1])
        top = max(max(curve["test"]), max(map(max, curve["loo"])))
        axis.set_ylim(0.95 * min(min(map(min, curve["loo"])), min(curve["test"])), 1.05 * top)
        axis.set_title(f"{row['data']}, {row['case']}, n = {row['n']}", fontsize=10)
        axis.set(xlabel="synthetic images", ylabel="squared error")
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4 if columns > 1 else 1,
        frameon=False,
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def numbers(values: list[float | None]) -> list[float]:
    """What could not be predicted as NaN, which leaves a gap."""
    return [np.nan if v is None else v for v in values]
