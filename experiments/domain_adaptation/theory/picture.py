"""One picture: formula against draws, best weights, best share against distances."""

from pathlib import Path

import numpy as np

COLOURS = {"coefficients": "C3", "covariance": "C0", "mean": "C2", "all": "C1", "hidden": "C4"}


def picture(rows: list[dict], path: Path) -> None:
    """Three groups above, the bound below."""
    import matplotlib.pyplot as plt

    three = [row for row in rows if "problem" in row]
    two = [row for row in rows if "kind" in row]
    figure, axes = plt.subplots(2, 3, figsize=(12, 7.2), layout="constrained")
    _errors(axes[0, 0], three)
    _leave_one_out(axes[0, 1], three)
    _steps(axes[0, 2], three)
    for axis, name, label in (
        (axes[1, 0], "difference", "W(S, T) - W(T', T)"),
        (axes[1, 1], "source", "W(S, T)"),
        (axes[1, 2], "synthetic", "W(T', T)"),
    ):
        _shares(axis, two, name, label)
    axes[1, 0].legend(fontsize=8, title="moved", loc="upper left")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _errors(axis, rows) -> None:
    for k, size in enumerate(sorted({tuple(row["sizes"]) for row in rows})):
        chosen = [row for row in rows if tuple(row["sizes"]) == size]
        x = _of(chosen, "measured")
        axis.loglog(x, x * (1 + _of(chosen, "error")), ".", ms=3, color=f"C{k}", label=_title(size))
    _diagonal(axis, _of(rows, "measured"))
    axis.legend(fontsize=8, title="source, target, synthetic")
    axis.set(xlabel="error on the target, drawn", ylabel="group_risk", title="Error")


def _leave_one_out(axis, rows) -> None:
    x = _of(rows, "measured_loo")
    axis.loglog(x, x * (1 + _of(rows, "loo")), ".", ms=3)
    _diagonal(axis, x)
    axis.tick_params(which="minor", labelbottom=False, labelleft=False)
    axis.set(
        xlabel="mean squared residual, drawn", ylabel="group_risk + noise", title="Leave-one-out"
    )


def _diagonal(axis, values: np.ndarray) -> None:
    ends = values.min(), values.max()
    axis.plot(ends, ends, "k-", lw=0.7)


def _of(rows, name: str) -> np.ndarray:
    return np.concatenate([np.array(row[name]) for row in rows])


def _title(size) -> str:
    return ", ".join(map(str, size))


def _steps(axis, rows) -> None:
    regret = 100 * np.array([row["regret"] for row in rows])
    axis.plot([row["steps"] for row in rows], regret, "o", ms=4)
    axis.axvline(1.0, color="k", lw=0.7, ls=":")
    axis.set(
        xlabel="formula's best weights to the measured, grid steps",
        ylabel="regret of its grid cell, %",
        title="Best weights",
    )


def _shares(axis, rows, name: str, label: str) -> None:
    for kind, colour in COLOURS.items():
        chosen = [row for row in rows if row["kind"] == kind]
        x = [
            row["source"] - row["synthetic"] if name == "difference" else row[name]
            for row in chosen
        ]
        axis.plot(x, [row["best_formula"] for row in chosen], ".", color=colour, label=kind)
    axis.set(xlabel=label, ylabel="best share (group_risk)", ylim=(-0.04, 1.04))
