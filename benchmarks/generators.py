"""How good is a flow on 8 x 8 digits within five minutes of a CPU, and does the test of copies tell?

    python -m benchmarks.generators            # the table of README
    python -m benchmarks.generators --quick    # one seed, few steps

Half of the UCI digits are the generators', the other half is held out. A support vector machine fitted on the
held-out half reads the samples: the share that it reads as asked. The Fréchet distance (squared, of pixels) is that
of as many samples as there are held-out digits to these; its floor that of the generators' own digits to them.
"""

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from sklearn.svm import SVC

import synthmix_jax as smx
from benchmarks._record import provenance, resumable, write_json
from synthmix_jax.generators import (
    SMOTE,
    ClassGaussian,
    ClassMixture,
    Flow,
    FlowConfig,
    Shifted,
    draw,
)

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Settings:
    """What is fitted.

    Attributes:
        seeds: Of the split, the fits and the samples.
        lengths: Steps of the flow's ladder.
        guidance: Of one more flow, the longest one.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    lengths: tuple[int, ...] = (125, 250, 500, 1000, 1500)
    guidance: float = 0.5


def fitted(data: smx.Dataset, seed: int, settings: Settings) -> dict[str, tuple[Any, float]]:
    """Generators by name, and the seconds that each took."""
    key = jax.random.key(seed)
    gaussian = timed(lambda: ClassGaussian.fit(data, rank=10))
    flows = timed(
        lambda: Flow.ladder(
            data, lengths=settings.lengths, key=key, config=FlowConfig(steps=settings.lengths[-1])
        )
    )
    rungs = {
        f"flow, {flow.steps} steps": (flow, flows[1] * flow.steps / settings.lengths[-1])
        for flow in flows[0]
    }
    return {
        "Gaussian, rank 10": gaussian,
        "mixture of 5": timed(lambda: ClassMixture.fit(data, components=5, rank=10, key=key)),
        "SMOTE": timed(lambda: SMOTE.fit(data)),
        "copies": (Shifted(gaussian[0], memorize=1.0, training=data), 0.0),
        "a fifth copies": (Shifted(gaussian[0], memorize=0.2, training=data), 0.0),
        **rungs,
    }


def timed(make) -> tuple[Any, float]:
    """What is made, and how long it took, compilation included."""
    start = time.perf_counter()
    made = make()
    return made, time.perf_counter() - start


def measured(seed: int, settings: Settings) -> dict[str, Any]:
    """All generators of one seed."""
    digits = smx.load("digits", split="all")
    seen, held_out = digits.split(0.5, key=jax.random.key(100 + seed))
    reader = SVC(C=10.0, gamma=0.02).fit(rows(held_out), held_out.y)
    floor = smx.distances.gaussian_wasserstein(rows(seen), rows(held_out)) ** 2
    table = []
    for name, (generator, seconds) in fitted(seen, seed, settings).items():
        start = time.perf_counter()
        made = draw(generator, len(held_out), key=jax.random.key(200 + seed))
        copies = smx.distances.nearest_neighbours(seen.x, held_out.x, made.x)
        frechet = smx.distances.gaussian_wasserstein(rows(made), rows(held_out)) ** 2
        table.append(
            {
                "generator": name,
                "as asked": float((reader.predict(rows(made)) == made.y).mean()),
                "frechet": float(frechet),
                "nearer": copies.nearer,
                "close": copies.close,
                "copies": bool(copies.copies),
                "fit seconds": seconds,
                "sample seconds": time.perf_counter() - start,
            }
        )
        print(seed, table[-1], flush=True)
    return {"floor": float(floor), "real as asked": read_right(reader, seen), "table": table}


def read_right(reader: SVC, data: smx.Dataset) -> float:
    """Share of real digits of the other half that the reader reads as labelled."""
    return float((reader.predict(rows(data)) == data.y).mean())


def rows(data: smx.Dataset) -> np.ndarray:
    """Pixels in 0 to 1, one row a digit."""
    return np.asarray(data.x, np.float64).reshape(len(data), -1)


def main() -> None:
    """Fit, measure, write the table; an interrupted run goes on after the last finished seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, few steps")
    parser.add_argument("--out", type=Path, default=RESULTS / "generators.json")
    arguments = parser.parse_args()
    settings = Settings((0,), (5, 10)) if arguments.quick else Settings()
    under_way = arguments.out.with_suffix(".jsonl")
    seeds = resumable(
        under_way, asdict(settings), [(s,) for s in settings.seeds], lambda s: measured(s, settings)
    )
    command = "python -m benchmarks.generators" + (" --quick" if arguments.quick else "")
    write_json(arguments.out, {**provenance(command), "settings": asdict(settings), "seeds": seeds})
    under_way.unlink()


if __name__ == "__main__":
    main()
