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

from synthmix_jax import _atomic, features
from synthmix_jax.advice import _distance_plots, _distance_tables, _json
from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import load

from . import _distance_text, _sources
from ._options import Common, progress

if TYPE_CHECKING:
    from synthmix_jax.distances import Table
else:
    # Distances load OTT, which --help does without.
    Table = Any

# Components of --features pca, fewer where the real points are few.
_RANK = 50


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
            vectors as they are. pca: 50 principal components of the real points.
        num_bootstrap: Random halves of the points behind each interval.
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
        numbers = _json.dumps(_distance_tables.content(table))
        if self.common.out is not None:
            _save(table, numbers, self.common.out)
        if self.common.json:
            sys.stdout.write(numbers)
        else:
            _distance_text.show(table, Path(real_name).name or real_name, self.common.out)

    def _check(self) -> tuple[str, dict[str, str]]:
        """REAL, and the sources of the generators by name.

        Raises:
            ValueError: data are missing or given twice.
        """
        if self.real is None or not self.synthetic:
            given = f"only {self.real!r} was given" if self.real else "no data were given"
            raise ValueError(f"{given}; distance takes REAL and one or more SYNTHETIC.")
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
                features=_feature_map(self.features, real),
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


def _feature_map(name: str, real: Dataset) -> Callable[[Any], Any] | None:
    """The map by its name; None for the default."""
    if name == "auto":
        return None
    if name == "pixels":
        return features.Pixels()
    if name == "random-convolutions":
        return features.RandomConvolutions()
    x = np.asarray(real.x)
    most = min(len(x) - 1, int(np.prod(x.shape[1:])))
    return features.PCA.fit(x, max(1, min(_RANK, most)))


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
