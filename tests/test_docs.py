"""Every public name stands on an API page with a docstring, and every citation has its entry."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import synthmix_jax as smx

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
NAMESPACES = [name for name in smx.__all__ if (ROOT / "synthmix_jax" / name).is_dir()]


def public_names(namespace):
    """Names a namespace hands on: those of `__all__`, else all it holds without an underscore."""
    held = [name for name in vars(namespace) if not name.startswith("_")]
    names = getattr(namespace, "__all__", held)
    return [name for name in names if not isinstance(getattr(namespace, name), ModuleType)]


def documented(page):
    return re.findall(
        r"^::: synthmix_jax\.([\w.]+)$", page.read_text(encoding="utf-8"), re.MULTILINE
    )


def resolve(path):
    thing = smx
    for name in path.split("."):
        thing = getattr(thing, name)
    return thing


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_public_names_are_on_the_page(namespace):
    names = {f"{namespace}.{name}" for name in public_names(getattr(smx, namespace))}
    assert names, f"{namespace} hands on nothing"
    assert sorted(documented(DOCS / "api" / f"{namespace}.md")) == sorted(names)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_public_names_have_docstrings(namespace):
    module = getattr(smx, namespace)
    assert inspect.getdoc(module)
    bare = [name for name in public_names(module) if not inspect.getdoc(getattr(module, name))]
    assert bare == []


def test_names_of_the_root_are_on_a_page():
    shown = [resolve(path) for page in (DOCS / "api").glob("*.md") for path in documented(page)]
    own = [name for name in smx.__all__ if name not in {*NAMESPACES, "__version__"}]
    assert "Dataset" in own
    missing = [name for name in own if not any(resolve(name) is thing for thing in shown)]
    assert missing == []


def cited_keys():
    """Keys such as author2019 in the package's docstrings and comments, with where they stand."""
    for path in sorted((ROOT / "synthmix_jax").rglob("*.py")):
        for key in re.findall(r"\b[a-z]+(?:19|20)\d\d[a-z]?\b", path.read_text(encoding="utf-8")):
            yield key, path.name


def test_citations_have_an_entry():
    entries = set(
        re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text("utf-8"), re.MULTILINE)
    )
    cited = set(cited_keys())
    assert cited
    assert {(key, place) for key, place in cited if key not in entries} == set()
    listed = re.findall(r"^- \[(\w+)\]", (DOCS / "references.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(entries)


def documented_commands():
    """Each command's heading on the command line page, with the options its section names."""
    _, *sections = (DOCS / "cli.md").read_text("utf-8").split("\n## synthmix ")
    return [
        (section.split()[0], sorted(set(re.findall(r"--[a-z][a-z-]*", section))))
        for section in sections
    ]


@pytest.mark.parametrize(("command", "options"), documented_commands())
def test_documented_commands_and_options_exist(command, options):
    done = subprocess.run(
        [sys.executable, "-m", "synthmix_jax", command, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert options
    assert [option for option in options if option not in done.stdout] == []
