"""Regression toward a generator: the error against lambda, measured, by the sharp formula and by the paper's bound.

After Figure 1 of the paper (r = 2, s = 0.8, s' = 1.5), whose setting is read as the README says.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import synthmix_jax as smx

from . import _drawing, simulate
from ._save import rounded
from .config import Figure1
from .designs import discrepancy, figure1_coefficients


@partial(jax.jit, static_argnames=("design", "n", "repetitions"))
def draws(key, vs, ridges, noise_variance, *, design, n, repetitions):
    """Errors and leave-one-out errors of draws of points and noise, each (draws, targets, ridges)."""
    mu = jnp.asarray(design.eigenvalues)

    def draw(key):
        points, noise = jax.random.split(key)
        features = design.features(design.sample(points, n))
        one = simulate.decompose(features, mu)
        e = jnp.sqrt(noise_variance) * jax.random.normal(noise, (n,))

        def both(v):
            y = features @ v + e
            return simulate.errors(one, y, v, ridges), simulate.leave_one_out(one, y, ridges)

        return jax.vmap(both)(vs)

    return jax.lax.map(draw, jax.random.split(key, repetitions), batch_size=simulate.BATCH)


def at(lams, curve, lam) -> float:
    """The curve at lam, interpolated in logarithms."""
    return float(np.exp(np.interp(np.log(lam), np.log(lams), np.log(curve))))


def run(config: Figure1) -> dict:
    """Both panels and what choosing by each costs."""
    mu, truth, generator = figure1_coefficients(
        config.frequencies, config.r, config.truth_decay, config.generator_decay
    )
    design = smx.theory.fourier_design(config.frequencies, r=config.r)
    D = discrepancy(config.truth_decay, config.generator_decay)
    n, noise = config.n, config.noise_variance
    lams = np.logspace(*config.log10_lambda)
    vs = np.stack([truth - generator, truth])
    drawn, left_out = draws(
        jax.random.key(config.seed),
        jnp.asarray(vs),
        jnp.asarray(n * lams),
        noise,
        design=design,
        n=n,
        repetitions=config.repetitions,
    )
    drawn, left_out = np.asarray(drawn), np.asarray(left_out)
    mean = drawn.mean(axis=0)
    sharp = [
        np.asarray(smx.theory.random_design_risk(mu, v, noise_variance=noise, n=n, ridge=n * lams))
        for v in vs
    ]
    paper = np.asarray(
        smx.theory.paper_bound(lams, discrepancy=D, noise_variance=noise, n=n, r=config.r)
    )
    best = int(np.argmin(mean[0]))
    chosen = {
        "measured": lams[best],
        "sharp": lams[int(np.argmin(sharp[0]))],
        "paper": float(
            smx.theory.paper_optimal_lambda(discrepancy=D, noise_variance=noise, n=n, r=config.r)
        ),
    }
    regret = {name: at(lams, mean[0], lam) / mean[0, best] - 1.0 for name, lam in chosen.items()}
    picked = np.argmin(left_out[:, 0], axis=1)
    by_leave_one_out = drawn[np.arange(len(drawn)), 0, picked].mean()
    regret["leave-one-out"] = by_leave_one_out / mean[0, best] - 1.0
    summary = {
        "discrepancy": D,
        "mean_square_of_truth": float(np.sum(truth**2)),
        "mean_square_of_gap": float(np.sum(vs[0] ** 2)),
        "noise_variance_over_n": noise / n,
        "lambda": chosen,
        "regret": regret,
        "error": {
            "generator": float(np.sum(vs[0] ** 2)),
            "toward the generator": mean[0, best],
            "real only": mean[1].min(),
        },
        "relative_standard_error_at_best": drawn[:, 0, best].std()
        / np.sqrt(len(drawn))
        / mean[0, best],
        "sharp_over_measured": {
            "mean": np.mean(np.abs(sharp[0] / mean[0] - 1.0)),
            "largest": np.max(np.abs(sharp[0] / mean[0] - 1.0)),
            "at_best": sharp[0][best] / mean[0, best] - 1.0,
        },
    }
    return rounded(
        {
            "summary": summary,
            "lambda": lams,
            "mean": mean,
            "low": np.quantile(drawn, 0.05, axis=0),
            "high": np.quantile(drawn, 0.95, axis=0),
            "sharp": sharp,
            "paper": paper,
            "example": example(config, design, truth, generator, chosen["measured"], mean[1]),
        }
    )


def example(config: Figure1, design, truth, generator, lam, real_only) -> dict:
    """One draw, fitted by `krr.toward` at the best ridges."""
    points, noise = jax.random.split(jax.random.key(config.seed + 100))
    x = np.sort(np.asarray(design.sample(points, config.n)))
    e = np.sqrt(config.noise_variance) * np.asarray(jax.random.normal(noise, (config.n,)))
    grid = np.linspace(0.0, 1.0, 201)

    def function(v):
        return lambda x: np.asarray(design.features(jnp.asarray(x))) @ v

    real = smx.Dataset(x, function(truth)(x) + e)
    at_best = {
        "toward": (lam, function(generator)),
        "real only": (None, lambda x: np.zeros(len(x))),
    }
    lams = np.logspace(*config.log10_lambda)
    fits = {}
    for name, (value, g) in at_best.items():
        ridge = config.n * (lams[int(np.argmin(real_only))] if value is None else value)
        path = smx.krr.toward(real, g, kernel=design.kernel, ridges=[ridge])
        fits[name] = path.predict(grid)[0]
    return {
        "x": x,
        "y": real.y,
        "grid": grid,
        "truth": function(truth)(grid),
        "generator": function(generator)(grid),
        **fits,
    }


def draw(result: dict, config: Figure1, out) -> None:
    """figure1.png."""
    plt = _drawing.pyplot()
    figure = plt.figure(figsize=(11, 4.8), layout="constrained")
    spec = figure.add_gridspec(2, 2, height_ratios=(1.15, 1), width_ratios=(1, 1.15))
    top, bottom = figure.add_subplot(spec[0, 0]), figure.add_subplot(spec[1, 0])
    right = figure.add_subplot(spec[:, 1])
    for axis in (top, bottom, right):
        axis.spines[["top", "right"]].set_visible(False)
    functions(result["example"], top, bottom)
    curves(result, right)
    _drawing.save(figure, out / "figure1.png")


def functions(one: dict, top, bottom) -> None:
    """Truth, generator, points and fits; below, differences to the truth."""
    blue, red, green = _drawing.COLOURS[:3]
    grid, truth = one["grid"], np.asarray(one["truth"])
    top.plot(one["x"], one["y"], ".", color="#999999", ms=3, label="noisy points")
    lines = (
        ("truth f*", "truth", "black", "-"),
        ("generator g", "generator", red, "--"),
        ("toward g", "toward", blue, "-"),
        ("real only", "real only", green, "-."),
    )
    for label, name, colour, style in lines:
        top.plot(grid, one[name], style, color=colour, lw=1.4, label=label)
        if name == "truth":
            bottom.axhline(0, color=colour, lw=1)
        else:
            difference = np.asarray(one[name]) - truth
            bottom.plot(grid, difference, style, color=colour, lw=1.4)
    top.set(ylabel="value", xlim=(0, 1), title="One draw, at the best ridges")
    top.tick_params(labelbottom=False)
    top.legend(frameon=False, fontsize=8, ncols=2, loc="upper right")
    bottom.set(xlabel="input x", ylabel="value minus truth", xlim=(0, 1))


def curves(result: dict, axis) -> None:
    """Errors against lambda."""
    blue, red, green = _drawing.COLOURS[:3]
    lams, summary = np.asarray(result["lambda"]), result["summary"]
    names = (("toward g", blue), ("real only", green))
    for k, (name, colour) in enumerate(names):
        axis.fill_between(lams, result["low"][k], result["high"][k], color=colour, alpha=0.18, lw=0)
        axis.plot(lams, result["mean"][k], color=colour, lw=2, label=f"{name}: measured, 90 % band")
        label = "sharp formula" if k == 0 else None
        axis.plot(lams, result["sharp"][k], "--", color="black", lw=1.2, label=label)
    paper = np.asarray(result["paper"])
    paper = paper * np.min(result["mean"][0]) / paper.min()
    axis.plot(lams, paper, color=red, lw=1.4, label="paper's bound, scaled to the least error")
    marks = (("measured", blue, "-"), ("sharp", "black", "--"), ("paper", red, "-"))
    for name, colour, style in marks:
        axis.axvline(summary["lambda"][name], color=colour, ls=style, lw=0.8)
    best = min(result["mean"][0])
    axis.set(
        xscale="log",
        yscale="log",
        ylim=(best / 4, 60 * max(result["mean"][0])),
        xlim=(lams[0], lams[-1]),
        xlabel="weight of the generator  λ = λ̃ / (1 - λ̃)",
        ylabel="squared error",
        title="Error against λ; vertical lines at the minima",
    )
    axis.legend(frameon=False, fontsize=8, loc="upper left")
