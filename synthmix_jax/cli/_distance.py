"""`synthmix distance`: how far synthetic data lie from real data, beside what chance alone shows."""

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

import jax
import numpy as np
from tyro.conf import OmitArgPrefixes, Positional, arg

from synthmix_jax import _atomic, _numerics, features
from synthmix_jax.advice import _distance_plots, _distance_tables, _json
from synthmix_jax.advice._copies import look_for_copies
from synthmix_jax.advice._records import Copies
from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import load

from . import _distance_text, _sources
from ._options import Common, progress

if TYPE_CHECKING:
    from synthmix_jax.distances import Table
else:
    # Distances load OTT, which --help does without.
    Table = Any

# Components of --features pca, fewer where points are few, and most points they are fitted on.
_RANK, _FITTED = 50, 10_000
# Most real points among which copies are looked for, which takes all pairs, and most synthetic ones.
_ORIGINALS, _COPIES = 4000, 2000
_AFTER = "Options that take several values stand after the data sets."


@dataclass(frozen=True)
class Distance:
    """Measure how far synthetic data lie from real data, each distance beside what chance alone shows.

    REAL and SYNTHETIC: a name (digits, cifar10, mnist, usps), a .npz file that holds x and y, or a folder with
    one sub-folder of images a class. Several SYNTHETIC are compared side by side.

    Attributes:
        real: The real points.
        synthetic: Synthetic points, of one generator each.
        split: Part of REAL to load.
        synthetic_split: Part of each SYNTHETIC to load.
        data_dir: Where named data sets lie; default the environment's SYNTHMIX_DATA_DIR.
        metrics: Distances to compute; default all that the data allow. A wrong name lists those that exist.
        features: What points are mapped by before they are compared; auto: random convolutions for images,
            vectors as they are. pca: 50 principal components of the real and synthetic points together.
        num_bootstrap: Random halves of the points behind each interval, at least 20.
        level: Level of the intervals.
        max_points: Most points of each data set that are used, drawn at random.
        per_class: Leave out the rows of single classes.
        debias: Subtract the bias of finite samples instead of showing it in the floor.
        common: Options of every command.
    """

    real: Annotated[Positional[str | None], arg(metavar="REAL")] = None
    synthetic: Annotated[Positional[tuple[str, ...]], arg(metavar="SYNTHETIC [SYNTHETIC ...]")] = ()
    split: str = "train"
    synthetic_split: str = "train"
    data_dir: Annotated[Path | None, arg(metavar="DIR")] = None
    metrics: Annotated[tuple[str, ...] | None, arg(metavar="NAME [NAME ...]")] = None
    features: Literal["auto", "pixels", "random-convolutions", "pca"] = "auto"
    num_bootstrap: int = 100
    level: float = 0.9
    max_points: int = 1000
    per_class: bool = True
    debias: bool = False
    common: OmitArgPrefixes[Common] = field(default_factory=Common)

    def run(self) -> None:
        """Load the data, compare, show, save."""
        self.common.check()
        real_name, names = self._check()
        real = load(real_name, split=self.split, data_dir=self.data_dir)
        pools = {
            name: load(source, split=self.synthetic_split, data_dir=self.data_dir)
            for name, source in names.items()
        }
        table = self._compare(real, pools)
        copies = {name: self._copies(real, pool) for name, pool in pools.items()}
        numbers = _json.dumps({**_distance_tables.content(table), "copies": copies})
        if self.common.out is not None:
            _save(table, numbers, self.common.out)
        if self.common.json:
            sys.stdout.write(numbers)
        else:
            _distance_text.show(table, Path(real_name).name or real_name, self.common.out, copies)

    def _check(self) -> tuple[str, dict[str, str]]:
        """REAL, and the sources of the generators by name.

        Raises:
            ValueError: data are missing or given twice.
        """
        if self.real is None or not self.synthetic:
            given = f"only {self.real!r} was given" if self.real else "no data were given"
            swallowed = "" if self.metrics is None else f" {_AFTER}"
            raise ValueError(f"{given}; distance takes REAL and one or more SYNTHETIC.{swallowed}")
        sources = self.synthetic
        one_split = self.split == self.synthetic_split
        if one_split and any(_sources.same(self.real, source) for source in sources):
            raise ValueError(
                f"REAL and SYNTHETIC are both {self.real}: the distance would be that of points to themselves. "
                "Name two different data sets."
            )
        for at, source in enumerate(sources):
            if any(_sources.same(source, earlier) for earlier in sources[:at]):
                raise ValueError(f"SYNTHETIC {source} was given twice; name each data set once.")
        names = _sources.short_names(sources)
        # "real" is what the comparison calls the other side.
        names = [f"synthetic {name}" if name == "real" else name for name in names]
        return self.real, dict(zip(names, sources, strict=True))

    def _compare(self, real: Dataset, pools: dict[str, Dataset]) -> Table:
        from synthmix_jax.distances import compare

        with progress() as tell:
            table = compare(
                real,
                pools,
                key=jax.random.key(self.common.seed),
                metrics=self.metrics,
                features=self._feature_map(real, pools),
                num_bootstrap=self.num_bootstrap,
                level=self.level,
                max_points=self.max_points,
                per_class=self.per_class,
                debias=self.debias,
                progress=tell,
            )
        command = {
            "command": "distance",
            "seed": self.common.seed,
            "files": [self.real, *self.synthetic],
            "splits": [self.split, self.synthetic_split],
            "features": self.features,
        }
        return dataclasses.replace(table, settings={**table.settings, "command_line": command})

    def _feature_map(self, real: Dataset, pools: dict[str, Dataset]) -> Callable[[Any], Any] | None:
        """The map by its name; None for the default.

        Principal components are those of all points together. On components of the real points alone, these would
        lie nearer to each other than to new points of their own law, and every generator would be above the floor.
        """
        if self.features == "auto":
            return None
        if self.features == "pixels":
            return features.Pixels()
        if self.features == "random-convolutions":
            return features.RandomConvolutions()
        for name, pool in pools.items():
            if pool.x.shape[1:] != real.x.shape[1:]:
                raise ValueError(
                    f"real and {name} hold points of shape {real.x.shape[1:]} and {pool.x.shape[1:]}. "
                    "Compare points of one kind, image sizes included."
                )
        arrays = [np.asarray(data.x) for data in (real, *pools.values())]
        chosen = self._random().permutation(sum(map(len, arrays)))[:_FITTED]
        ends = np.cumsum([0, *map(len, arrays)])
        cut = [
            _numerics.as_rows(x[np.sort(chosen[(chosen >= start) & (chosen < end)]) - start])
            for x, start, end in zip(arrays, ends[:-1], ends[1:], strict=True)
        ]
        x = np.concatenate([np.asarray(rows, np.float64) for rows in cut])
        most = min(len(x) - 1, x.shape[1])
        return features.PCA.fit(x.reshape(-1, *real.x.shape[1:]), max(1, min(_RANK, most)))

    def _copies(self, real: Dataset, pool: Dataset) -> Copies | None:
        """Whether synthetic points are copies of real ones, looked for in a random part of many."""
        rng = self._random()
        some = []
        for data, most in ((real, _ORIGINALS), (pool, _COPIES)):
            at = np.sort(rng.permutation(len(data))[:most])
            # Float64: in single precision a copy's distance to its original is not zero.
            x = np.asarray(_numerics.as_rows(np.asarray(data.x)[at]), np.float64)
            some.append(Dataset(x, np.zeros(len(x))))
        return look_for_copies(*some)

    def _random(self) -> np.random.Generator:
        return np.random.default_rng(self.common.seed)


def _save(table: Table, numbers: str, folder: Path) -> None:
    """Write distances.json, distances.csv and distances.png; all are made before any is written."""
    files = {
        "distances.json": numbers.encode("ascii"),
        "distances.csv": _distance_tables.csv_text(table).encode("utf-8", errors="replace"),
        "distances.png": _distance_plots.png(table),
    }
    for name, content in files.items():
        _atomic.write(folder / name, partial(_put, content))


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)
