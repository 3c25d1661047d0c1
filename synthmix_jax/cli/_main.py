"""From arguments to a command, and from whatever happens to an exit code.

0: done. 2: bad input, one line on stderr that says what to change. 130: Ctrl-C. 143: SIGTERM, which
training answers by saving. A mistake of ours keeps its traceback.
"""

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from synthmix_jax._version import __version__

from . import _cache, _stopping, _together
from ._distance import Distance
from ._generate import Generate
from ._options import Command
from ._predict import Predict
from ._recommend import Recommend
from ._stopping import EXIT_CODE, Terminated
from ._train import Train

# A new command is a file with a frozen dataclass that has run(), and a line here.
COMMANDS: dict[str, Callable[..., Command]] = {
    "recommend": Recommend,
    "distance": Distance,
    "predict": Predict,
    "train": Train,
    "generate": Generate,
}
_PACKAGE = Path(__file__).resolve().parents[1]
_DESCRIPTION = "How much synthetic data should I add to my real data, and how sure are you?"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; None for those of the process, whose settings (of JAX, of
            signals) are then the command line's.

    Returns:
        The exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _survive_any_encoding()
    program = argv is None
    try:
        with _stopping.ends_at_once() if program else contextlib.nullcontext():
            code = _run(arguments, program)
    except Exception:
        _together.leave_in_error()
        raise
    _together.leave(code)
    return code


def _run(arguments: list[str], program: bool) -> int:
    """The exit code of what was asked for; a program of its own keeps what it compiles."""
    try:
        if arguments == ["--version"]:
            print(f"synthmix {__version__}")
            return 0
        if not arguments:
            return _fail(f"name a command: {', '.join(COMMANDS)}. See synthmix --help.")
        command = _parse(arguments)
        if isinstance(command, int):
            return command
        if program:
            _cache.use()
        command.run()
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt as stopped:
        return _fail(f"interrupted. {stopped}", 130)
    except Terminated as stopped:
        return _fail(f"stopped by SIGTERM. {stopped}", EXIT_CODE)
    except BrokenPipeError:
        return _reader_left()
    except OSError as error:
        named = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        return _fail(named if error.errno else str(error))
    except ValueError as error:
        if not _is_ours(error):
            raise
        return _fail(str(error))


def _parse(arguments: list[str]) -> Command | int:
    """The command asked for; or an exit code, where help or a refusal was all there is to say."""
    import tyro

    app = tyro.extras.SubcommandApp()
    for name, command in COMMANDS.items():
        app.command(name=name)(command)
    said = io.StringIO()
    try:
        # tyro explains a bad option in a box of many lines; the first of them say what is wrong.
        with contextlib.redirect_stderr(said):
            return app.cli(
                prog="synthmix",
                description=f"{_DESCRIPTION} (synthmix --version prints the version.)",
                args=arguments,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as leaving:
        if not leaving.code:
            return 0
        named = arguments[0] if arguments and arguments[0] in COMMANDS else ""
        program = f"synthmix {named}".strip()
        return _fail(f"{_first_words(said.getvalue())} See {program} --help.")


def _first_words(box: str) -> str:
    """What a box of text says above its first rule; without line-drawing characters its title has a rule too."""
    parts: list[list[str]] = [[]]
    lines = box.strip("\n").splitlines()
    for line in (line.strip("│ ") for line in lines if not line.startswith(("╭", "╰"))):
        if line and not line.strip("─-"):
            parts.append([])
        else:
            parts[-1].append(line)
    titled = not box.lstrip().startswith("╭") and len(parts) > 1
    text = " ".join(parts[1 if titled else 0]).strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _fail(message: str, code: int = 2) -> int:
    # Messages quote files and names: what is not printable would be read by the terminal.
    plain = "".join(c if c.isprintable() else " " for c in message)
    print(f"synthmix: {' '.join(plain.split())}", file=sys.stderr)
    return code


def _is_ours(error: BaseException) -> bool:
    """Whether the package raised this on purpose, to tell the user what to change.

    The last frame is ours and stands at a `raise`; a ValueError out of NumPy is a mistake of ours instead.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or _PACKAGE not in Path(frames[-1].filename).resolve().parents:
        return False
    line = frames[-1].line
    return not line or line.startswith("raise")


def _reader_left() -> int:
    """The reader of the pipe has gone: stop, and keep the interpreter from complaining at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _survive_any_encoding() -> None:
    """File names may hold what the terminal cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
