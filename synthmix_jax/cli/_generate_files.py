"""What `synthmix generate` writes: samples, held-out points, generator, picture, page and numbers."""

import dataclasses
import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from synthmix_jax import _atomic, generators, loaders

from . import _generate_page, _generate_plots

if TYPE_CHECKING:
    from ._generate import Made
else:
    Made = Any


@dataclass(frozen=True)
class Places:
    """Where each file goes; all share a folder and the beginning of their names.

    Attributes:
        synthetic: Samples.
        held_out: Real points that the generator has not seen.
        generator: The fitted generator.
        picture: Samples beside real points.
        report: The page.
        numbers: JSON.
    """

    synthetic: Path
    held_out: Path
    generator: Path
    picture: Path
    report: Path
    numbers: Path

    @classmethod
    def of(cls, out: Path) -> "Places":
        """Places beside a .npz file, or in a folder.

        Raises:
            ValueError: another ending, or a .npz that is a folder.
        """
        if out.suffix.lower() == ".npz":
            folder, stem, samples = out.parent, out.stem, out.name
        elif out.is_dir() or not out.suffix:
            folder, stem, samples = out, "synthetic", "synthetic.npz"
        else:
            raise ValueError(
                f"--out {out} ends in {out.suffix}; name a file that ends in .npz, or a folder."
            )
        others = ("_held_out.npz", "_generator.npz", ".png", ".html", ".json")
        return cls(folder / samples, *(folder / f"{stem}{ending}" for ending in others))

    def check(self, source: str) -> None:
        """Refuse before any work is done; make the folder.

        Args:
            source: REAL, which must not be overwritten.

        Raises:
            ValueError: a file that is a folder, a folder that is a file, or REAL itself.
        """
        for path in dataclasses.astuple(self):
            if path.is_dir():
                raise ValueError(f"--out: {path} is a folder; move it, or name another file.")
            if (
                path.exists()
                and (real := Path(source).expanduser()).exists()
                and path.samefile(real)
            ):
                raise ValueError(f"--out: {path} is REAL itself; name another file.")
        folder = self.synthetic.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"--out: the folder {folder} cannot be made ({error.strerror}); name another one."
            ) from error

    def named(self) -> list[tuple[str, str]]:
        """What each file holds, and its path."""
        labels = (
            "synthetic points",
            "held-out points",
            "generator",
            "picture",
            "report",
            "numbers",
        )
        return list(zip(labels, map(str, dataclasses.astuple(self)), strict=True))

    def next_command(self) -> str:
        """The command that asks how many of the samples to add."""
        names = (shlex.quote(str(path)) for path in (self.held_out, self.synthetic))
        return f"synthmix recommend {' '.join(names)}"


def write(made: Made, numbers: str, places: Places) -> None:
    """Write all; pictures and texts are made before anything is written, and each file appears whole or not."""
    picture = _generate_plots.png(made)
    page = _generate_page.page(made, picture, places)
    loaders.save(places.synthetic, made.synthetic)
    loaders.save(places.held_out, made.held_out)
    generators.save(made.generator, places.generator)
    texts = {
        places.picture: picture,
        places.report: page.encode("utf-8", errors="replace"),
        places.numbers: numbers.encode("ascii"),
    }
    for path, content in texts.items():
        _atomic.write(path, partial(_put, content))


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)
