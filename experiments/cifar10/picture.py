"""Test error against the ratio: one panel a network and number of real images, one line a generator."""

from pathlib import Path

import numpy as np
from scipy import stats

from .config import Ladder

COLOURS = ("#0072B2", "#D55E00", "#C8B6E2", "#A98BD0", "#8A62BE", "#6A3BA6", "#4B1D84", "#2E0B57")
FEWER = ("#0072B2", "#E69F00", "#D55E00", "#009E73")


def picture(rows: list[dict], path: Path) -> None:
    """Means over seeds; bars are 95 % intervals of the paired difference to the real images alone."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = list(dict.fromkeys((row["network"], row["n"]) for row in rows))
    sources = list(dict.fromkeys(row["source"] for row in rows))
    figure, axes = plt.subplots(1, len(panels), figsize=(3.6 * len(panels), 3.6), squeeze=False)
    for axis, (network, n) in zip(axes[0], panels, strict=True):
        for row in (r for r in rows if (r["network"], r["n"]) == (network, n)):
            error = 100 * np.array(row["test_error"], float)
            mean = np.nanmean(error, axis=1)
            place = sources.index(row["source"])
            colours = FEWER if len(sources) <= len(FEWER) else COLOURS
            # Evenly spaced: ratios double from one to the next, and zero has no logarithm.
            at = np.arange(len(mean)) + 0.06 * (place - (len(sources) - 1) / 2)
            axis.errorbar(
                at,
                mean,
                half(error),
                color=colours[place],
                marker="o",
                ms=3,
                lw=1.3,
                label=row["source"],
            )
            axis.set_xticks(range(len(mean)), [f"{ratio:g}" for ratio in row["ratios"]])
            axis.axhline(mean[0], color="#999999", lw=0.6, zorder=0)
        axis.set(title=f"{network}, {n:,d} real images", xlabel="synthetic images a real one")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("test error (%)")
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def ladder_picture(rows: list[dict], ladder: Ladder, path: Path) -> None:
    """Along the ladder: the distance to real images, the ratio of the least test error, and what it gains."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rungs = [row for row in rows if row["source"] in map(ladder.name, ladder.lengths)]
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.2))
    for metric in rungs[0]["distances"]:
        values = [row["distances"][metric] for row in rungs]
        first = abs(values[0]["value"]) or 1.0
        mean, low, high = ([v[name] / first for v in values] for name in ("value", "low", "high"))
        line = axes[0].plot(ladder.lengths, mean, marker="o", ms=3, label=metric)[0]
        axes[0].fill_between(ladder.lengths, low, high, color=line.get_color(), alpha=0.15, lw=0)
    axes[0].set(title="distance to test images, debiased", ylabel="of the shortest training's")
    axes[0].legend(frameon=False, fontsize=7)
    for row, length in zip(rungs, ladder.lengths, strict=True):
        error = 100 * np.array(row["test_error"], float)
        best = int(np.argmin(np.nanmean(error, axis=1)))
        axes[1].plot(length, row["ratios"][best], "o", color=COLOURS[-2])
        spread = half(error)[best] if best else 0.0
        gain = float(np.nanmean(error[0] - error[best]))
        axes[2].errorbar(length, gain, spread, fmt="o", color=COLOURS[-2])
    axes[1].set(title="ratio of the least test error", ylabel="synthetic images a real one")
    axes[2].set(title="what it gains", ylabel="points of test error")
    for axis in axes:
        axis.set(xscale="log", xlabel="steps the flow was trained for")
        axis.set_xticks(ladder.lengths, [f"{length:,}" for length in ladder.lengths], fontsize=8)
        axis.minorticks_off()
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def half(error: np.ndarray) -> np.ndarray:
    """Half of the 95 % interval of the paired difference to the first row, by row."""
    seeds = error.shape[1]
    if seeds < 2:
        return np.zeros(len(error))
    spread = np.nanstd(error - error[0], axis=1, ddof=1) / np.sqrt(seeds)
    return stats.t.ppf(0.975, seeds - 1) * spread
