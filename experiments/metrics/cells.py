"""Rows put together: one cell for each data set and number of real points.

Axes: g sources, f fits, d draws of the real points, e synthetic samples, c counts, s shares.
"""

import dataclasses

import numpy as np

from .config import Config

FORMS = ("value", "excess", "debiased")


@dataclasses.dataclass(frozen=True, eq=False)
class Cell:
    """Curves and distances of all sources of one data set at one number of real points.

    Attributes:
        data: Name of the data set.
        n: Real points.
        sources: Names (g,).
        counts: Counts on the curves (c,).
        test: Squared test error (g, f, d, e, c).
        loo: Leave-one-out error, mean over samples (g, f, d, c).
        wrong: Share of test points misclassified, mean over samples (g, f, d, c); None for regression.
        weights: Weights of all synthetic points, the last of them one (w,).
        weighted: Test and leave-one-out error there (2, g, f, d, w), first sample only.
        distances: By metric and form of `FORMS` (g, f, d).
        reference: By metric, with more real points than the cell has (g, f, 1).
    """

    data: str
    n: int
    sources: tuple[str, ...]
    counts: np.ndarray
    test: np.ndarray
    loo: np.ndarray
    wrong: np.ndarray | None
    weights: np.ndarray
    weighted: np.ndarray
    distances: dict[tuple[str, str], np.ndarray]
    reference: dict[str, np.ndarray]

    def only(self, places: list[int], data: str) -> "Cell":
        """Some of the sources, under another name."""
        take = lambda values: None if values is None else values[places]
        return dataclasses.replace(
            self,
            data=data,
            sources=tuple(self.sources[i] for i in places),
            test=take(self.test),
            loo=take(self.loo),
            wrong=take(self.wrong),
            weighted=self.weighted[:, places],
            distances={k: take(v) for k, v in self.distances.items()},
            reference={k: take(v) for k, v in self.reference.items()},
        )

    @property
    def shares(self) -> np.ndarray:
        """m / (n + m) (c,)."""
        return self.counts / (self.n + self.counts)

    @property
    def cost(self) -> np.ndarray:
        """Test error, mean over samples (g, f, d, c)."""
        return self.test.mean(axis=3)

    @property
    def by_fit(self) -> np.ndarray:
        """Test error of each source as fitted (g, f, c): its minimum is the optimum."""
        return self.test.mean(axis=(2, 3))

    @property
    def amount(self) -> np.ndarray:
        """Place of the best count (g, f)."""
        return self.by_fit.argmin(axis=2)

    @property
    def gain(self) -> np.ndarray:
        """Share of the real-only error that the best count takes away (g, f)."""
        return 1.0 - self.by_fit.min(axis=2) / self.by_fit[..., 0]

    @property
    def weight_axis(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Shares (s,) of all points at each weight, none first; test and leave-one-out errors (g, f, d, s)."""
        total = self.weights * self.counts[-1]
        none = np.stack([self.test[..., 0, 0], self.loo[..., 0]])[..., None]
        errors = np.concatenate([none, self.weighted], axis=-1)
        return np.concatenate([[0.0], total / (self.n + total)]), errors[0], errors[1]


def cells(rows: list[dict], config: Config) -> list[Cell]:
    """One cell for each data set and number of real points whose repetitions are complete."""
    found = []
    for study in config.studies:
        for n in study.real:
            mine = {
                (row["fit"], row["draw"]): row
                for row in rows
                if (row["kind"], row["data"], row["n"]) == ("kernel", study.data, n)
            }
            wanted = [[(f, d) for d in range(config.draws_of_real)] for f in range(config.fits)]
            if all(at in mine for line in wanted for at in line):
                sources = tuple(source.name for source in study.sources)
                grid = [[mine[at] for at in line] for line in wanted]
                found.append(
                    dataclasses.replace(
                        _cell(study.data, n, sources, grid, config),
                        reference=_reference(rows, study.data, config.fits),
                    )
                )
    return found


def _cell(data: str, n: int, sources, grid: list[list[dict]], config: Config) -> Cell:
    first = grid[0][0]

    def stacked(take) -> np.ndarray:
        """(f, d, g, ...) to (g, f, d, ...)."""
        values = np.array([[take(row) for row in line] for line in grid], float)
        return np.moveaxis(values, 2, 0)

    weighted = stacked(lambda row: row["weighted"])
    found = {
        (metric, form): stacked(lambda row, m=metric, k=k: [v[k] for v in row["distances"][m]])
        for metric in first["distances"]
        for k, form in enumerate(FORMS)
    }
    for k, form in enumerate(FORMS[:2]):
        found["transfer", form] = stacked(lambda row, k=k: [v[k] for v in row["transfer"]])
    return Cell(
        data=data,
        n=n,
        sources=sources,
        counts=np.array(first["counts"]),
        test=stacked(lambda row: row["test"]),
        loo=stacked(lambda row: row["loo"]),
        wrong=stacked(lambda row: row["wrong"]) if first["wrong"] else None,
        weights=np.array([*config.weights, 1.0]),
        weighted=np.moveaxis(weighted, 3, 0),
        distances=found,
        reference={},
    )


def _reference(rows: list[dict], data: str, fits: int) -> dict[str, np.ndarray]:
    mine = {row["fit"]: row for row in rows if (row["kind"], row["data"]) == ("reference", data)}
    if len(mine) < fits:
        return {}
    return {
        metric: np.array(
            [[v[0] for v in mine[f]["distances"][metric]] for f in range(fits)], float
        ).T[..., None]
        for metric in mine[0]["distances"]
    }
