"""Use none, part or all of the synthetic points? Over discrepancy and noise, for three n.

The generator is f + delta b, b of the size of f with signs that alternate from frequency to frequency: as large as
the truth at delta = 1, and nearly unrelated to it (correlation -0.2). Neither kappa nor the weights of the formula
depend on delta and the noise variance s2, so the risk is c0 + c1 delta + c2 delta^2 + c3 s2 exactly: four calls of
`mixed_risk` for each n serve every cell. So is the simulated risk, with the noise integrated out: it is known in
all cells, too.
"""

import jax
import jax.numpy as jnp
import numpy as np

import synthmix_jax as smx

from . import _drawing, simulate
from ._save import rounded
from .config import Phase
from .designs import frequencies

VERDICTS = ("none", "part", "all")
ROWS = {"weight 1": "weight 1", "tuned": "best weight"}


def problem(config: Phase):
    """Design, truth f and the direction b."""
    j = frequencies(config.frequencies)
    truth = j**-config.decay
    signs = np.where(j % 2 == 0, 1.0, -1.0)
    # The constant and frequency one have the same j; the sign of the first sine is turned to part them.
    signs[1] = 1.0
    return smx.theory.fourier_design(config.frequencies, r=config.r), truth, signs * truth


def axes_of(config: Phase) -> tuple[np.ndarray, np.ndarray]:
    """Discrepancies delta and noise variances."""
    return (
        np.logspace(*config.log10_discrepancy, config.cells),
        np.logspace(*config.log10_noise, config.cells),
    )


def counts_of(config: Phase, n: int) -> tuple[int, ...]:
    """0, then geometric up to the largest ratio."""
    largest = config.largest_ratio * n
    positive = np.geomspace(max(1, n // 20), largest, config.counts).round().astype(int)
    return (0, *(int(m) for m in np.unique(positive)))


def formula(config: Phase, n: int, counts, weights) -> simulate.Mixed:
    """Terms of `mixed_risk`, (w, c)."""
    design, f, b = problem(config)

    def risk(delta, noise):
        return np.asarray(
            smx.theory.mixed_risk(
                design.eigenvalues,
                f,
                f + delta * b,
                n=n,
                m=np.asarray(counts),
                ridge=config.ridge,
                weight=np.asarray(weights)[:, None],
                noise_variance=noise,
            )
        )

    plain, plus, minus = risk(0.0, 0.0), risk(1.0, 0.0), risk(-1.0, 0.0)
    return simulate.Mixed(
        plain, (plus - minus) / 2.0, (plus + minus) / 2.0 - plain, risk(0.0, 1.0) - plain
    )


def measured(config: Phase, n: int, counts, weights) -> tuple[simulate.Mixed, float]:
    """The same terms by simulation, and the mean relative standard error of the risk at delta = s2 = 1."""
    design, f, b = problem(config)
    terms = simulate.mixed(
        jax.random.fold_in(jax.random.key(config.seed), n),
        jnp.asarray(f),
        jnp.asarray(b)[:, None],
        config.ridge,
        design=design,
        n=n,
        counts=counts,
        weights=weights,
        repetitions=config.repetitions,
    )
    plain, cross, square, noise = (np.asarray(a) for a in terms)
    terms = simulate.Mixed(plain, cross[..., 0], square[..., 0], noise)
    one = terms.at(1.0, 1.0)
    error = one.std(axis=0) / np.sqrt(len(one)) / one.mean(axis=0)
    return simulate.Mixed(*(a.mean(axis=0) for a in terms)), float(error.mean())


def risks(config: Phase, terms: simulate.Mixed) -> np.ndarray:
    """Over (delta, noise, w, c)."""
    delta, noise = axes_of(config)
    return np.asarray(terms.at(delta[:, None, None, None], noise[:, None, None]))


def verdicts(curves: np.ndarray, tolerance: float) -> np.ndarray:
    """0 none, 1 part, 2 all, of curves (..., c): part where the gain over both ends exceeds the tolerance."""
    first, last = curves[..., 0], curves[..., -1]
    ends = np.minimum(first, last)
    part = curves.min(axis=-1) < (1.0 - tolerance) * ends
    # A tie goes to fewer points.
    return np.where(part, 1, np.where(last < (1.0 - tolerance) * first, 2, 0))


def taken(curves: np.ndarray, verdict: np.ndarray) -> np.ndarray:
    """The count that a verdict takes: an end, or the best."""
    return np.choose(verdict, [0, np.argmin(curves, axis=-1), curves.shape[-1] - 1])


def compared(config: Phase, theory: np.ndarray, simulated: np.ndarray) -> dict:
    """One panel: verdicts of both, agreement, regret of following the formula on simulated curves (.., w, c)."""
    flat_theory = theory.min(axis=-2)
    flat_simulated = simulated.min(axis=-2)
    said, true = (verdicts(c, config.tolerance) for c in (flat_theory, flat_simulated))
    count = taken(flat_theory, said)[..., None]
    at = np.take_along_axis(theory, count[..., None], -1)[..., 0]
    weight = np.argmin(at, axis=-1)[..., None]
    paid = np.take_along_axis(
        np.take_along_axis(simulated, count[..., None], -1)[..., 0], weight, -1
    )[..., 0]
    regret = paid / flat_simulated.min(axis=-1) - 1.0
    apart = said != true
    marks = (np.arange(config.marks) + 0.5) * config.cells / config.marks
    marks = marks.astype(int)
    at_marks = np.ix_(marks, marks)
    return {
        "verdict": ["".join(map(str, line)) for line in said.tolist()],
        "measured": ["".join(map(str, line)) for line in true.tolist()],
        "fraction": {v: np.mean(said == k) for k, v in enumerate(VERDICTS)},
        "measured_fraction": {v: np.mean(true == k) for k, v in enumerate(VERDICTS)},
        "agreement": np.mean(~apart),
        "agreement_at_marks": np.mean(~apart[at_marks]),
        "marks": marks,
        "regret": {
            "mean": regret.mean(),
            "largest": regret.max(),
            "mean_of_disagreements": regret[apart].mean() if apart.any() else 0.0,
            "largest_of_disagreements": regret[apart].max() if apart.any() else 0.0,
        },
    }


def run(config: Phase) -> dict:
    """A panel for each n and row."""
    weights = tuple(sorted({1.0, *config.tuned_weights}))
    panels = []
    for n in config.sizes:
        counts = counts_of(config, n)
        theory = risks(config, formula(config, n, counts, weights))
        terms, error = measured(config, n, counts, weights)
        simulated = risks(config, terms)
        one = weights.index(1.0)
        for row, some in (("weight 1", slice(one, one + 1)), ("tuned", slice(None))):
            panel = compared(config, theory[:, :, some], simulated[:, :, some])
            panels.append({"row": row, "n": n, "relative_standard_error": error, **panel})
    keep = (
        "row", "n", "relative_standard_error", "fraction", "measured_fraction", "agreement",
        "agreement_at_marks", "regret",
    )  # fmt: skip
    delta, noise = axes_of(config)
    return rounded(
        {
            "summary": {"panels": [{k: p[k] for k in keep} for p in panels]},
            "discrepancy": delta,
            "noise_variance": noise,
            "panels": panels,
        },
        4,
    )


def draw(result: dict, config: Phase, out) -> None:
    """phase.png: formula as areas, simulated verdicts as markers."""
    colours = ("#D55E00", "#F0E442", "#0072B2")
    from matplotlib.colors import ListedColormap
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    figure, axes = _drawing.subplots(
        2, len(config.sizes), width=3.6, height=3.3, sharex=True, sharey=True
    )
    delta, noise = (np.asarray(result[k]) for k in ("discrepancy", "noise_variance"))
    for panel in result["panels"]:
        row, column = list(ROWS).index(panel["row"]), config.sizes.index(panel["n"])
        axis = axes[row, column]
        said, true = (
            np.array([[int(c) for c in line] for line in panel[k]]) for k in ("verdict", "measured")
        )
        axis.pcolormesh(
            delta, noise, said.T, cmap=ListedColormap(colours), vmin=0, vmax=2, alpha=0.55, lw=0
        )
        marks = panel["marks"]
        places = [(delta[i], noise[j], colours[true[i, j]]) for i in marks for j in marks]
        x, y, c = zip(*places, strict=True)
        axis.scatter(x, y, c=c, s=26, edgecolors="black", linewidths=0.7)
        axis.set(xscale="log", yscale="log")
        if row == 0:
            axis.set_title(f"n = {panel['n']}", fontsize=11)
        else:
            axis.set_xlabel("discrepancy |g - f*| / |f*|")
        if column == 0:
            axis.set_ylabel(f"{ROWS[panel['row']]}\nnoise variance")
    handles: list = [
        Patch(color=c, alpha=0.55, label=f"use {v}") for c, v in zip(colours, VERDICTS, strict=True)
    ]
    handles.append(
        Line2D([], [], marker="o", ls="", mfc="white", mec="black", label="simulated verdict")
    )
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    _drawing.save(figure, out / "phase.png")
