"""The layers hold, files stay readable, and nothing tracked names the machine it was written on."""

import ast
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "synthmix_jax"
MAX_LINES = 400

# Imports go to lower rows only. Inside the bottom row, to what stands further left.
ROWS = (
    (
        "_version",
        "_typing",
        "_atomic",
        "_free_memory",
        "_agreement",
        "_devices",
        "_best",
        "_checks",
        "_numerics",
        "_rendezvous",
        "distributed",
        "dataset",
        "_matching",
    ),
    ("kernels", "mixing", "features"),
    ("krr", "distances", "theory", "training", "models"),
    ("generators", "adaptation"),
    ("advice", "loaders"),
    ("cli", "__main__"),
)
ROW_OF = {name: row for row, names in enumerate(ROWS) for name in names}
TOP = len(ROWS) - 1


class Import(NamedTuple):
    """One imported name, e.g. ("synthmix_jax.krr", "sweep"); "" where the module itself is."""

    module: str
    name: str
    line: int


def python_files(*folders):
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def relative(path):
    return str(path.relative_to(ROOT))


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(path, tree):
    """All imports of a file, wherever they stand, with relative ones made absolute."""
    package = list(path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (Import(module, alias.name, node.lineno) for alias in node.names)


def part_of(imported):
    """The part of the package an import reaches: "krr"; "" for the package itself; None outside."""
    names = [*imported.module.split("."), *filter(None, [imported.name])]
    if names[0] != PACKAGE:
        return None
    return next((name for name in names[1:2] if name in ROW_OF), "")


def forbidden(part, imported):
    """Why a file of `part` may not make this import, or None."""
    target = part_of(imported)
    if target is None or target == part:
        return None
    if target == "":
        # The package's own namespace holds everything: only the top row may take from it.
        return None if ROW_OF[part] == TOP else "imports the package's root instead of a part"
    if ROW_OF[part] == ROW_OF[target] == 0:
        below = ROWS[0].index(target) < ROWS[0].index(part)
    elif ROW_OF[part] == ROW_OF[target] == TOP:
        below = target == "cli"
    else:
        below = ROW_OF[target] < ROW_OF[part]
    return None if below else f"row {ROW_OF[part]} ({part}) imports row {ROW_OF[target]} ({target})"


def violations(path, tree):
    part = path.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py")
    if part == "__init__":
        return []  # The root hands all parts on.
    assert part in ROW_OF, f"{relative(path)}: give {part} a row in this test's table"
    return [
        f"{relative(path)}:{imported.line}: {reason}"
        for imported in imports_of(path, tree)
        if (reason := forbidden(part, imported))
    ]


@pytest.mark.parametrize("path", python_files(PACKAGE), ids=relative)
def test_imports_go_down(path):
    assert violations(path, parse(path)) == []


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("kernels/_x.py", "from synthmix_jax.krr import sweep"),
        ("kernels/_x.py", "from ..krr._sweep import sweep"),
        ("kernels/_x.py", "from synthmix_jax import mixing"),
        ("krr/_x.py", "def late():\n    import synthmix_jax.advice"),
        ("advice/_x.py", "from synthmix_jax import loaders"),
        ("advice/_x.py", "import synthmix_jax as smx"),
        ("advice/_x.py", "from synthmix_jax import Dataset"),
        ("_checks.py", "from synthmix_jax._numerics import cast"),
    ],
)
def test_upward_imports_are_found(file, code):
    assert len(violations(ROOT / PACKAGE / file, ast.parse(code))) == 1


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("krr/_x.py", "from synthmix_jax import _checks, kernels"),
        ("krr/_x.py", "from ._sweep import sweep\nfrom . import _loo"),
        ("advice/_x.py", "from synthmix_jax.krr import sweep\nimport numpy as np"),
        ("cli/_x.py", "import synthmix_jax as smx\nfrom synthmix_jax.advice import recommend"),
        ("__main__.py", "from synthmix_jax.cli import main"),
    ],
)
def test_downward_imports_pass(file, code):
    assert violations(ROOT / PACKAGE / file, ast.parse(code)) == []


def test_experiments_use_public_names_only():
    for path in python_files("experiments", "benchmarks"):
        for imported in imports_of(path, parse(path)):
            names = [*imported.module.split("."), imported.name]
            private = [name for name in names if name.startswith("_")]
            assert part_of(imported) is None or not private, f"{relative(path)}:{imported.line}"


def test_nothing_in_the_package_imports_experiments_or_benchmarks():
    for path in python_files(PACKAGE):
        tops = {imported.module.partition(".")[0] for imported in imports_of(path, parse(path))}
        assert not tops & {"experiments", "benchmarks", "tests"}, relative(path)


ALL_CODE = python_files(PACKAGE, "experiments", "benchmarks", "tests", "tools")


@pytest.mark.parametrize("path", ALL_CODE, ids=relative)
def test_file_is_readable_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    assert path.stem not in {"utils", "util", "helpers", "misc"}


@pytest.mark.parametrize("path", ALL_CODE, ids=relative)
def test_annotations_are_evaluated(path):
    # Postponed annotations are strings, which the shape checks cannot read.
    assert not [i for i in imports_of(path, parse(path)) if i[:2] == ("__future__", "annotations")]


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


# Each pattern is written so that it does not match itself.
MACHINE_PATH = re.compile(r"""(?:^|[\s"'`(=:,])/(?:work|root|home|farm|tmp)/""", re.MULTILINE)
REGISTRY_HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian\.org|conda\.anaconda"
)


def test_tracked_files_name_no_machine_and_no_registry():
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue  # A picture or an archive.
        text = content.decode("utf-8")
        for pattern in (MACHINE_PATH, REGISTRY_HOST):
            found = pattern.search(text)
            assert found is None, f"{relative(path)} holds {found.group().strip()!r}"


@pytest.mark.parametrize("name", ["work", "root", "home"])
def test_machine_paths_are_found(name):
    assert MACHINE_PATH.search(f'folder = "/{name}/someone/data"')
    assert not MACHINE_PATH.search(f"see https://example.org/{name}/page and docs/{name}/index.md")
