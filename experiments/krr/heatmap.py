"""The best lambda of regression toward a generator, measured and predicted, over noise, n and r.

Multiplying f* - g by a scale c multiplies the bias by c^2 and leaves the variance alone, so the best lambda
depends on noise variance and scale through their ratio s2 / c^2 only; the paper's lambda*, through (D + s2) /
D, too. One axis therefore serves both. The noise is integrated out: bias and variance of each design are exact.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import synthmix_jax as smx

from . import _drawing, simulate
from ._save import rounded
from .config import Heatmap
from .designs import discrepancy, figure1_coefficients


@partial(jax.jit, static_argnames=("design", "n", "repetitions"))
def designs(key, v, ridges, *, design, n, repetitions):
    """Squared bias, and variance of unit noise, of each drawn design: (draws, ridges)."""
    mu = jnp.asarray(design.eigenvalues)

    def draw(key):
        features = design.features(design.sample(key, n))
        return simulate.bias_and_variance(simulate.decompose(features, mu), features, v, ridges)

    return jax.lax.map(draw, jax.random.split(key, repetitions))


def minimum(lams: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Minimisers of curves (..., l), between grid points by a parabola; infinite past the ends of the grid."""
    place = np.argmin(curves, axis=-1)
    inside = (place > 0) & (place < len(lams) - 1)
    centre = np.clip(place, 1, len(lams) - 2)[..., None]
    left, middle, right = (np.take_along_axis(curves, centre + k, -1)[..., 0] for k in (-1, 0, 1))
    step = np.log(lams[1] / lams[0])
    bend = np.where(inside, left - 2.0 * middle + right, 1.0)
    moved = np.log(lams[centre[..., 0]]) + 0.5 * step * (left - right) / bend
    return np.where(inside, np.exp(moved), np.where(place == 0, 0.0, np.inf))


def value_at(lams, curves, chosen) -> np.ndarray:
    """Curves (a, b, l) at lambdas (a, b)."""
    inner = np.clip(chosen, lams[0], lams[-1])
    return np.array(
        [
            [
                np.exp(np.interp(np.log(x), np.log(lams), np.log(c)))
                for x, c in zip(*pair, strict=True)
            ]
            for pair in zip(inner, curves, strict=True)
        ]
    )


def slopes(log_lambda, log_n, log_ratio, use):
    """Exponents of n and of s2 / c^2 by least squares, over the cells in use."""
    columns = np.stack([np.ones(use.sum()), log_n[use], log_ratio[use]], axis=1)
    return np.linalg.lstsq(columns, log_lambda[use], rcond=None)[0][1:]


def run(config: Heatmap) -> dict:
    """One record for each r."""
    panels, summary = [], {}
    for k, r in enumerate(config.smoothness):
        panel, said = one_smoothness(config, r, jax.random.fold_in(jax.random.key(config.seed), k))
        panels.append(rounded(panel, 4))
        summary[f"r = {r:g}"] = rounded(said, 4)
    return {"summary": summary, "panels": panels}


def one_smoothness(config: Heatmap, r: float, key) -> tuple[dict, dict]:
    """Ratios and regrets over (n, noise ratio), and what is said of them."""
    mu, truth, generator = figure1_coefficients(
        config.frequencies, r, config.truth_decay, config.generator_decay
    )
    v = truth - generator
    design = smx.theory.fourier_design(config.frequencies, r=r)
    lams = np.logspace(*config.log10_lambda)
    ratios = np.logspace(*config.log10_noise) * np.sum(v**2)
    n = np.array([size for size, _ in config.sizes])
    drawn = [
        [
            np.asarray(a)
            for a in designs(
                jax.random.fold_in(key, size),
                jnp.asarray(v),
                jnp.asarray(size * lams),
                design=design,
                n=size,
                repetitions=count,
            )
        ]
        for size, count in config.sizes
    ]

    def measured(weights):
        """Mean curves (n, ratios, lambda) by weights of the draws."""
        means = [
            (w @ bias, w @ variance) for w, (bias, variance) in zip(weights, drawn, strict=True)
        ]
        return np.stack([bias + ratios[:, None] * variance for bias, variance in means])

    equal = [np.full(count, 1.0 / count) for _, count in config.sizes]
    curves = measured(equal)
    sharp_curves = smx.theory.random_design_risk(
        mu, v, noise_variance=ratios[:, None], n=n[:, None, None], ridge=n[:, None, None] * lams
    )
    best = minimum(lams, curves)
    sharp = minimum(lams, np.asarray(sharp_curves))
    D = discrepancy(config.truth_decay, config.generator_decay)
    paper = np.asarray(
        smx.theory.paper_optimal_lambda(
            discrepancy=D, noise_variance=ratios, n=n[:, None].astype(float), r=r
        )
    )
    least = np.min(curves, axis=-1)
    inside = _inner(best) & _inner(sharp)
    log_n, log_ratio = np.broadcast_arrays(np.log(n)[:, None], np.log(ratios))
    # One constant for all cells, chosen in hindsight: the bound is given up to constants.
    shift = np.exp(np.median(np.log(best[inside] / paper[inside])))
    regrets = {
        name: value_at(lams, curves, value) / least - 1.0
        for name, value in (("sharp", sharp), ("paper", paper), ("paper, rescaled", shift * paper))
    }
    # Three frequencies or more are learned: where the decay of the eigenvalues can show.
    uses = {"all": inside, "learned": inside & (best < 3.0 ** (-2.0 * r))}
    chosen = {"measured": best, "sharp": sharp, "paper": paper}
    rng = np.random.default_rng(config.seed)
    samples = []
    for _ in range(config.bootstrap):
        weights = [rng.multinomial(c, np.full(c, 1.0 / c)) / c for _, c in config.sizes]
        again = minimum(lams, measured(weights))
        logs = np.log(np.where(_inner(again), again, 1.0))
        samples.append([slopes(logs, log_n, log_ratio, u & _inner(again)) for u in uses.values()])
    low, high = np.quantile(samples, (0.05, 0.95), axis=0)
    exponents = {
        name: {
            "cells": int(use.sum()),
            **{
                k: slopes(np.log(np.where(inside, x, 1.0)), log_n, log_ratio, use)
                for k, x in chosen.items()
            },
            "interval": {"n": (low[i, 0], high[i, 0]), "noise": (low[i, 1], high[i, 1])},
        }
        for i, (name, use) in enumerate(uses.items())
    }
    classical = 2.0 * r / (4.0 * r + 1.0)
    panel = {
        "r": r,
        "n": n,
        "noise_over_gap": ratios / np.sum(v**2),
        # None where the best is past an end of the grid.
        "measured": np.where(_inner(best), best, np.nan),
        "sharp": np.where(_inner(sharp), sharp, np.nan),
        "paper": paper,
        "regret": regrets,
    }
    panel = {k: _nones(x) for k, x in panel.items()}
    said = {
        "cells": int(best.size),
        "cells_with_inner_minimum": int(inside.sum()),
        "exponent_of_the_paper": 4.0 * r / (16.0 * r - 1.0),
        "exponent_of_bias_and_variance": classical,
        "slopes of n and noise": exponents,
        "slope of the sharp formula, n of 1e4 to 1e7": large_n_slope(mu, v, lams),
        "constant_in_hindsight": shift,
        "ratio_measured_over": {
            "paper": np.quantile(best[inside] / paper[inside], (0.0, 0.5, 1.0)),
            "sharp": np.quantile(best[inside] / sharp[inside], (0.0, 0.5, 1.0)),
        },
        "regret": {
            k: {"median": np.median(x), "mean": np.mean(x), "largest": np.max(x)}
            for k, x in regrets.items()
        },
    }
    return panel, said


def large_n_slope(mu: np.ndarray, v: np.ndarray, lams: np.ndarray) -> float:
    """Exponent of n of the sharp formula's best lambda, at a noise variance as large as the mean square of v."""
    n = np.logspace(4, 7, 7)
    curves = smx.theory.random_design_risk(
        mu, v, noise_variance=np.sum(v**2), n=n[:, None], ridge=n[:, None] * lams
    )
    return float(np.polyfit(np.log(n), np.log(minimum(lams, np.asarray(curves))), 1)[0])


def _inner(lam: np.ndarray) -> np.ndarray:
    return (lam > 0) & np.isfinite(lam)


def _nones(values):
    """NaN becomes null: JSON has none."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, dict):
        return {k: _nones(v) for k, v in values.items()}
    if isinstance(values, list):
        return [_nones(v) for v in values]
    return None if isinstance(values, float) and np.isnan(values) else values


def draw(result: dict, config: Heatmap, out) -> None:
    """heatmap.png: a row for each r."""
    plt = _drawing.pyplot()
    panels = result["panels"]
    figure, axes = plt.subplots(
        len(panels),
        4,
        figsize=(12.5, 2.35 * len(panels) + 0.9),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    columns = (
        ("λ measured / paper's λ*", "paper", None),
        ("λ measured / sharp formula's", "sharp", None),
        ("regret of the paper's λ*", None, "paper"),
        ("regret of the sharp formula's", None, "sharp"),
    )
    images = {}
    for k, (row, panel) in enumerate(zip(axes, panels, strict=True)):
        best = np.array(panel["measured"], dtype=float)
        for axis, (title, by, regret) in zip(row, columns, strict=True):
            if by:
                values = np.log10(best / np.array(panel[by], dtype=float))
                options = {"cmap": "PuOr", "vmin": -4, "vmax": 4}
            else:
                values = 100 * np.array(panel["regret"][regret], dtype=float)
                values = np.log10(np.maximum(values, 1e-2))
                options = {"cmap": "viridis", "vmin": -2, "vmax": 4}
            image = axis.pcolormesh(
                panel["noise_over_gap"], panel["n"], np.ma.masked_invalid(values), **options
            )
            images["ratio" if by else "regret"] = image
            axis.set(xscale="log", yscale="log")
            axis.set_facecolor("#dddddd")
            axis.set_yticks(panel["n"], [str(k) for k in panel["n"]])
            axis.minorticks_off()
            if k == 0:
                axis.set_title(title, fontsize=10)
            if k == len(panels) - 1:
                axis.set_xlabel("noise variance / mean (f* - g)²")
        row[0].set_ylabel(f"r = {panel['r']:g}\nreal points n")
    bar = figure.colorbar(images["ratio"], ax=axes[:, :2], location="bottom", shrink=0.6, aspect=40)
    bar.set_label("log10 of the ratio (0: right)")
    bar = figure.colorbar(
        images["regret"], ax=axes[:, 2:], location="bottom", shrink=0.6, aspect=40
    )
    bar.set_ticks([-2, -1, 0, 1, 2, 3, 4], labels=["≤0.01", "0.1", "1", "10", "100", "10³", "10⁴"])
    bar.set_label("error above the best, %")
    _drawing.save(figure, out / "heatmap.png")
