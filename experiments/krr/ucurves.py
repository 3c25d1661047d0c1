"""Test error against the number of synthetic points: `mixed_risk` through simulated points, three generators.

The noise is integrated out (see `simulate`), so that the error bars are those of the draw of the points alone.
"""

import jax
import jax.numpy as jnp
import numpy as np

import synthmix_jax as smx

from . import _drawing, simulate
from ._save import rounded
from .config import UCurves
from .designs import frequencies

TITLES = {
    "too smooth": ("too smooth: frequency j times exp(-τ(j - 1))", "τ"),
    "wrong details": ("wrong details: sign flipped above frequency q", "q"),
    "scaled": ("scaled: (1 + c) times the truth", "c"),
}


def generators(config: UCurves) -> tuple[np.ndarray, dict[str, dict[float, np.ndarray]]]:
    """Coefficients of the truth and of the generators, by kind and dial."""
    j = frequencies(config.frequencies)
    truth = j**-config.decay
    return truth, {
        "too smooth": {t: truth * np.exp(-t * (j - 1.0)) for t in config.smoothing},
        "wrong details": {q: np.where(j <= q, truth, -truth) for q in config.ranks},
        "scaled": {c: (1.0 + c) * truth for c in config.scales},
    }


def run(config: UCurves) -> dict:
    """Simulation at the counts, formula at these and between."""
    design = smx.theory.fourier_design(config.frequencies, r=config.r)
    truth, kinds = generators(config)
    flat = [(kind, dial, g) for kind, dials in kinds.items() for dial, g in dials.items()]
    terms = simulate.mixed(
        jax.random.key(config.seed),
        jnp.asarray(truth),
        jnp.asarray(np.stack([g - truth for *_, g in flat], axis=1)),
        config.ridge,
        design=design,
        n=config.n,
        counts=config.counts,
        weights=config.weights,
        repetitions=config.repetitions,
    )
    plain, noise = (np.asarray(a)[..., None] for a in (terms.plain, terms.noise))
    drawn = plain + np.asarray(terms.cross) + np.asarray(terms.square)
    drawn = drawn + config.noise_variance * noise
    mean, error = drawn.mean(axis=0), drawn.std(axis=0) / np.sqrt(len(drawn))
    largest = config.counts[-1]
    fine = np.unique(np.r_[0, np.geomspace(1, largest, 60).round().astype(int), config.counts])
    curves = []
    for k, (kind, dial, g) in enumerate(flat):
        line = smx.theory.mixed_risk(
            design.eigenvalues,
            truth,
            g,
            n=config.n,
            m=fine,
            ridge=config.ridge,
            weight=np.asarray(config.weights)[:, None],
            noise_variance=config.noise_variance,
        )
        for i, weight in enumerate(config.weights):
            curves.append(
                one_curve(config, kind, dial, weight, mean[i, :, k], error[i, :, k], fine, line[i])
            )
    return rounded({"summary": summary(config, curves), "fine": fine, "curves": curves})


def one_curve(config, kind, dial, weight, mean, error, fine, line) -> dict:
    """One record; best counts of the simulation and of the formula at the simulated counts, and the regret."""
    at = np.asarray(line)[np.searchsorted(fine, config.counts)]
    best, chosen = int(np.argmin(mean)), int(np.argmin(at))
    return {
        "kind": kind,
        "dial": dial,
        "weight": weight,
        "mean": mean,
        "standard_error": error,
        "formula": at,
        "line": np.asarray(line),
        "best_count": config.counts[best],
        "chosen_count": config.counts[chosen],
        "best_count_of_formula": int(fine[np.argmin(line)]),
        "regret": mean[chosen] / mean[best] - 1.0,
    }


def summary(config: UCurves, curves: list[dict]) -> dict:
    """How far the formula is, and what it chooses."""
    mean, formula, error = (
        np.array([c[k] for c in curves]) for k in ("mean", "formula", "standard_error")
    )
    relative = np.abs(formula / mean - 1.0)
    best, chosen = (np.array([c[k] for c in curves]) for k in ("best_count", "chosen_count"))
    inside = (best > 0) & (best < config.counts[-1])
    return {
        "curves": len(curves),
        "mean_relative_error": relative.mean(),
        "largest_relative_error": relative.max(),
        "relative_error_by_count": dict(
            zip(map(str, config.counts), relative.mean(axis=0), strict=True)
        ),
        "mean_relative_standard_error": (error / mean).mean(),
        "best_is_none": int(np.sum(best == 0)),
        "best_inside": int(np.sum(inside)),
        "best_is_all": int(np.sum(best == config.counts[-1])),
        "same_best": int(np.sum(best == chosen)),
        "largest_regret": max(c["regret"] for c in curves),
    }


def draw(result: dict, config: UCurves, out) -> None:
    """ucurves.png: a column a kind, a row a weight."""
    weights = config.weights
    figure, axes = _drawing.subplots(
        len(weights), len(TITLES), width=4.2, height=3.4, sharex=True, sharey=True
    )
    fine = np.asarray(result["fine"], dtype=float)
    shades = _drawing.pyplot().get_cmap("viridis")(np.linspace(0.0, 0.88, len(config.scales)))
    for column, (kind, (title, symbol)) in enumerate(TITLES.items()):
        for row, weight in enumerate(weights):
            axis = axes[row, column]
            curves = [c for c in result["curves"] if (c["kind"], c["weight"]) == (kind, weight)]
            # The worse the generator the lighter, whichever way the dial runs.
            for curve, shade in zip(
                curves, shades[::-1] if kind == "wrong details" else shades, strict=True
            ):
                axis.plot(fine, curve["line"], color=shade, lw=1.3)
                axis.errorbar(
                    config.counts,
                    curve["mean"],
                    2.0 * np.asarray(curve["standard_error"]),
                    fmt="o",
                    ms=3,
                    lw=1,
                    color=shade,
                    label=f"{symbol} = {curve['dial']:g}",
                )
                best = int(np.argmin(curve["line"]))
                axis.plot(
                    fine[best], curve["line"][best], "v", ms=8, mfc="none", mec=shade, mew=1.5
                )
            axis.set_xscale("symlog", linthresh=5, linscale=0.4)
            axis.set_yscale("log")
            axis.set_xlim(-0.6, 1.2 * config.counts[-1])
            ticks = [c for c in config.counts if c == 0 or c >= 5]
            axis.set_xticks(ticks, [str(c) for c in ticks], fontsize=8)
            axis.minorticks_off()
            if row == 0:
                axis.set_title(title, fontsize=10)
                axis.legend(frameon=False, fontsize=8, ncols=2, loc="upper left")
            if column == 0:
                axis.set_ylabel(f"weight {weight:g}\nsquared error")
            if row == len(weights) - 1:
                axis.set_xlabel("synthetic points m")
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color="black", lw=1.3, label="formula"),
        Line2D([], [], color="black", ls="", marker="o", ms=3, label="simulated"),
        Line2D(
            [], [], color="black", ls="", marker="v", ms=8, mfc="none", label="least of formula"
        ),
    ]
    axes[-1, 0].legend(handles=marks, frameon=False, fontsize=8, loc="upper left")
    low, high = axes[0, 0].get_ylim()
    axes[0, 0].set_yticks(ticks := [0.1, 0.2, 0.5, 1.0, 2.0, 5.0], [f"{t:g}" for t in ticks])
    axes[0, 0].set_ylim(low, high * 1.6)
    _drawing.save(figure, out / "ucurves.png")
