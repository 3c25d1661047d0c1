"""Real lesions beside synthetic ones at each dial: a picture, and how far apart they are in numbers.

Each dial has a statistic of its own, measured in every patch around the lesion in the middle:

    contrast    intensities of the voxels inside
    edge        step across the outline, relative to the lesion's contrast
    shape       length of the outline over the root of the area
    texture     root mean square difference of neighbouring voxels inside
    noise       the same outside
    placement   unevenness (standard deviation) of the tissue from two to six voxels outside

The distance between real and synthetic values is Wasserstein-1, in the units of the statistic. Two floors stand
beside it: the distance between halves of the real lesions of one patient (slabs of eight slices, since slices next
to each other show the same lesions), and that between the real lesions of two patients, which no generator made
from one can know.
"""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import numpy as np

import synthmix_jax as smx
from synthmix_jax.generators import LesionDials, Lesions

RESULTS = Path(__file__).parent / "results"
CITATION = "Data: Lesjak et al. 2018, doi 10.1007/s12021-017-9348-7 (CC-BY)"
DIALS = {
    "contrast": "intensity inside",
    "edge": "step at the edge",
    "shape": "outline length",
    "texture": "roughness inside",
    "noise": "roughness outside",
    "placement": "unevenness around",
}
TURNED = {"contrast": "too bright", "edge": "too sharp", "shape": "ellipse, then square",
          "texture": "too smooth", "noise": "noisy", "placement": "anywhere"}  # fmt: skip
TOGETHER = "together"
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        pairs: Patient the generator is made of, and patient whose real lesions it is compared with.
        count: Synthetic patches at each dial.
        size: Voxels of a patch along each side.
        splits: Random halves for the floor.
        slab: Slices that stay on one side of a split.
        seed: Of everything drawn.
    """

    pairs: tuple[tuple[str, str], ...] = (("19", "19"), ("26", "26"), ("19", "26"), ("26", "19"))
    count: int = 600
    size: int = 25
    splits: int = 40
    slab: int = 8
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Sample:
    """Patches (n, size, size) of FLAIR with lesion maps, and the slice that each shows."""

    x: np.ndarray
    maps: np.ndarray
    slices: np.ndarray


def real_lesions(patient, size: int, seed: int) -> Sample:
    """Patches on all parts of lesions of one patient."""
    found = smx.loaders.lesion_patches(
        patient, size=size, modalities=("FLAIR",), key=jax.random.key(seed)
    )
    found = found[np.asarray(found.y) == 1]
    wide = np.pad(patient.lesions, [(size, size), (size, size), (0, 0)])
    corners = found.centres[:, :2] + size - size // 2
    maps = [
        wide[i : i + size, j : j + size, z]
        for (i, j), z in zip(corners, found.centres[:, 2], strict=True)
    ]
    return Sample(np.asarray(found.x)[..., 0], np.stack(maps), found.centres[:, 2])


def synthetic_lesions(generator: Lesions, dials: LesionDials, count: int, seed: int) -> Sample:
    """Painted patches; dials of one seed share tissue, outlines and noise."""
    labels = np.ones(count, int)
    x, maps = generator.dialled(dials).sample_with_maps(labels, key=jax.random.key(seed))
    return Sample(np.asarray(x)[..., 0], np.asarray(maps) > 0, np.arange(count))


def turned(name: str, dial: float) -> LesionDials:
    """One dial, or all that are turned together."""
    return LesionDials.together(dial) if name == TOGETHER else LesionDials(**{name: dial})


def statistics(sample: Sample) -> list[dict]:
    """Each patch's value of each dial's statistic, NaN where there is none; for contrast all voxels inside."""
    return [_of_patch(x, shown) for x, shown in zip(sample.x, sample.maps, strict=True)]


def _of_patch(x: np.ndarray, shown: np.ndarray) -> dict:
    own, distance = _middle_one(shown)
    outside = ~shown & (x != 0.0)
    mean = lambda values: float(values.mean()) if values.size else np.nan
    near, far = (outside & (distance > -d) & (distance < 1 - d) for d in (1, 3))
    edge = (own & (distance < 1)) | near
    step = mean(x[own & edge]) - mean(x[near])
    around = x[outside & (distance < -2) & (distance > -6)]
    return {
        "contrast": x[own],
        "edge": step / max(mean(x[own]) - mean(x[far]), 0.05) if far.any() else np.nan,
        "shape": _outline(own) / np.sqrt(own.sum()),
        "texture": _roughness(x, own),
        "noise": _roughness(x, outside & (distance < -2)),
        "placement": float(around.std()) if around.size > 8 else np.nan,
    }


def _middle_one(shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of the map nearest to the middle, and signed distances to its outline."""
    from scipy import ndimage

    marked, _ = ndimage.label(shown)  # type: ignore[misc]
    places = np.argwhere(shown)
    nearest = places[((places - shown.shape[0] // 2) ** 2).sum(axis=1).argmin()]
    own = marked == marked[tuple(nearest)]
    inside = ndimage.distance_transform_edt(own)
    outside = ndimage.distance_transform_edt(~own)
    return own, np.where(own, inside - 0.5, 0.5 - outside)  # type: ignore[operator]


def _outline(own: np.ndarray) -> int:
    return sum(int((np.diff(own.astype(int), axis=axis) != 0).sum()) for axis in (0, 1))


def _roughness(x: np.ndarray, where: np.ndarray) -> float:
    steps = [
        np.diff(x, axis=axis)[np.delete(where, 0, axis) & np.delete(where, -1, axis)]
        for axis in (0, 1)
    ]
    steps = np.concatenate(steps)
    return float(np.sqrt(np.mean(steps**2))) if steps.size else np.nan


def apart(first: list[dict], second: list[dict]) -> dict[str, float]:
    """Wasserstein-1 between the values of each statistic."""
    from scipy.stats import wasserstein_distance

    def values(rows, name):
        found = np.concatenate([np.atleast_1d(row[name]) for row in rows])
        return found[np.isfinite(found)]

    return {
        name: float(wasserstein_distance(values(first, name), values(second, name)))
        for name in DIALS
    }


def floor(values: list[dict], slices: np.ndarray, plan: Plan) -> dict[str, list[float]]:
    """Mean and 95 % quantile of the distance between random halves of one patient's lesions."""
    rng = np.random.default_rng(plan.seed)
    slabs = slices // plan.slab
    found = []
    for _ in range(plan.splits):
        halves: tuple[list, list] = ([], [])
        for slab in rng.permutation(np.unique(slabs)):  # slab by slab to the smaller half
            smaller = min(halves, key=len)
            smaller += [values[i] for i in np.flatnonzero(slabs == slab)]
        found.append(apart(*halves))
    each = {name: [f[name] for f in found] for name in DIALS}
    return {n: [float(np.mean(v)), float(np.quantile(v, 0.95))] for n, v in each.items()}


def measure(patients: dict, generators: dict[str, Lesions], plan: Plan) -> list[dict]:
    """A row for each pair of patients: distances at every dial, and floors."""
    names = dict.fromkeys(name for pair in plan.pairs for name in pair)
    samples = {name: real_lesions(patients[name], plan.size, plan.seed) for name in names}
    values = {name: statistics(sample) for name, sample in samples.items()}
    floors = {name: floor(values[name], samples[name].slices, plan) for name in names}
    made = {source: synthetic_values(generator, plan) for source, generator in generators.items()}
    rows = []
    for source, target in plan.pairs:
        row = {"generator": source, "real": target, "parts of lesions": len(values[target])}
        row["floor (mean, 95 %)"] = floors[target]
        if source != target:
            row["between patients"] = apart(values[source], values[target])
        row["distances"] = {}
        for name, steps in made[source].items():
            found = [apart(values[target], step) for step in steps]
            row["distances"][name] = {other: [f[other] for f in found] for other in DIALS}
        rows.append(row)
    return rows


def synthetic_values(generator: Lesions, plan: Plan) -> dict[str, list[list[dict]]]:
    """Statistics of synthetic patches at every step of every dial."""
    at = lambda name, dial: statistics(
        synthetic_lesions(generator, turned(name, dial), plan.count, plan.seed)
    )
    zero = at(TOGETHER, 0.0)  # the same for all
    return {name: [zero, *(at(name, dial) for dial in STEPS[1:])] for name in (*DIALS, TOGETHER)}


def picture(
    real: Sample, generator: Lesions, row: dict, plan: Plan, path: Path, *, examples: int = 3
) -> None:
    """Rows: dials. Columns: real lesions, synthetic ones at 0, 1/2 and 1, and the dial's own distance."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = (*DIALS, TOGETHER)
    shown = (0.0, 0.5, 1.0)
    widths = ([1.0] * examples + [0.15]) * len(shown) + [1.0] * examples + [0.7, 2.6]
    figure, axes = plt.subplots(
        len(names), len(widths), figsize=(15, 9.6),
        gridspec_kw={"width_ratios": widths, "wspace": 0.04, "hspace": 0.22},
    )  # fmt: skip
    places = _alike(
        real,
        synthetic_lesions(generator, LesionDials(), plan.count, plan.seed),
        len(names) * examples,
    )
    for i, name in enumerate(names):
        own = slice(i * examples, (i + 1) * examples)
        columns = [real.x[places[0][own]]]
        for dial in shown:
            made = synthetic_lesions(generator, turned(name, dial), plan.count, plan.seed)
            columns.append(made.x[places[1][own]])
        for j, patches in enumerate(columns):
            group = axes[i, j * (examples + 1) : (j + 1) * (examples + 1)]
            for axis, patch in zip(group, patches, strict=False):
                axis.imshow(patch.T, cmap="gray", vmin=0.5, vmax=1.9, origin="lower")
            for axis in group:
                axis.set_axis_off()
            if i == 0:
                group[examples // 2].set_title(
                    ("real", "dial 0", "dial 0.5", "dial 1")[j], fontsize=11
                )
        label = name if name == TOGETHER else f"{name}\n({TURNED[name]})"
        axes[i, 0].text(
            -0.12, 0.5, label, transform=axes[i, 0].transAxes, ha="right", va="center", fontsize=9
        )
        _curve(axes[i, -1], name, row)
    axes[0, -1].set_title("distance from real lesions", fontsize=11)
    figure.suptitle(
        f"Real lesions of patient {row['real']} beside lesions painted into healthy tissue of patient "
        f"{row['generator']} (FLAIR, 25 mm)", fontsize=13, y=0.965,
    )  # fmt: skip
    figure.text(
        0.5, 0.02, "Along a row the dial is turned for the same lesions in the same tissue (placement: another). "
        f"Right: Wasserstein-1 at each dial; grey: halves of the real lesions, up to 95 %. {CITATION}",
        ha="center", fontsize=8.5,
    )  # fmt: skip
    figure.subplots_adjust(left=0.11, right=0.985, top=0.9, bottom=0.065)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _alike(real: Sample, made: Sample, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of real and synthetic patches with lesions of like areas, neither tiny nor wider than the patch."""
    areas = [np.array([_middle_one(m)[0].sum() for m in sample.maps]) for sample in (real, made)]
    fit = [np.flatnonzero((a >= 20) & (a <= 160)) for a in areas]
    first = np.random.default_rng(5).permutation(fit[0])[:count]
    free, second = list(fit[1]), []
    for place in first:
        nearest = min(free, key=lambda i: abs(int(areas[1][i]) - int(areas[0][place])))
        free.remove(nearest)
        second.append(nearest)
    return first, np.array(second)


def _curve(axis, name: str, row: dict) -> None:
    """The dial's own distance; of all dials together that of intensities."""
    own = "contrast" if name == TOGETHER else name
    axis.axhspan(0.0, row["floor (mean, 95 %)"][own][1], color="0.85", lw=0)
    axis.plot(STEPS, row["distances"][name][own], "o-", color="#0072B2", ms=3.5, lw=1.4)
    axis.set_ylim(bottom=0)
    axis.set_xticks((0, 0.5, 1))
    axis.tick_params(labelsize=7)
    axis.text(0.04, 0.85, DIALS[own], transform=axis.transAxes, fontsize=8, va="top")


def run(
    patients: dict, library: Sequence[np.ndarray], plan: Plan, out: Path, credit: str = CITATION
) -> list[dict]:
    """Measure and draw; writes dials.json and dials.png.

    Args:
        patients: Patients with images by name, at least those of `plan.pairs`.
        library: Lesion masks of other patients.
        plan: What is measured.
        out: Folder.
        credit: Citation.
    """
    generators = {
        name: Lesions.fit(patients[name].anatomy(("FLAIR",)), library=library, size=plan.size)
        for name in dict.fromkeys(source for source, _ in plan.pairs)
    }
    rows = measure(patients, generators, plan)
    out.mkdir(parents=True, exist_ok=True)
    units = "Wasserstein-1 in the statistic's units; intensities relative to white matter"
    content = {
        "data": credit,
        "plan": asdict(plan),
        "units": units,
        "dials": STEPS,
        "statistics": DIALS,
        "rows": rows,
    }
    (out / "dials.json").write_text(json.dumps(rounded(content), indent=1) + "\n")
    source, target = plan.pairs[-1] if len(plan.pairs) < 2 else plan.pairs[1]
    picture(
        real_lesions(patients[target], plan.size, plan.seed),
        generators[source], rows[min(1, len(rows) - 1)], plan, out / "dials.png",
    )  # fmt: skip
    return rows


def rounded(value):
    """The same content with floats of four digits."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value


def main(argv: list[str] | None = None) -> None:
    """Measure on the patients of open_ms."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.ms_mri.dials", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data-dir", default=os.environ.get("SYNTHMIX_DATA_DIR"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(argv)
    if not options.data_dir:
        parser.error("give --data-dir, or set SYNTHMIX_DATA_DIR, to the folder that holds open_ms.")
    files = {f.name[-2:]: f for f in smx.loaders.find_patients(Path(options.data_dir) / "open_ms")}
    plan = Plan()
    wanted = {name for pair in plan.pairs for name in pair}
    patients = {
        n: smx.loaders.read_patient(files[n], modalities=("FLAIR", "T1")) for n in sorted(wanted)
    }
    library = [smx.loaders.read_lesions(f) for f in files.values() if not f.images]
    for row in run(patients, library, plan, options.out):
        print(f"{row['generator']} -> {row['real']}")
        for name in DIALS:
            values = " ".join(f"{v:.3f}" for v in row["distances"][name][name])
            low, high = row["floor (mean, 95 %)"][name]
            print(f"  {name:10} {values}   floor {low:.3f}, {high:.3f}")


if __name__ == "__main__":
    main()
