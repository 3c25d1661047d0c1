"""Decoded CIFAR-10 is shared by the experiments of one run of the suite."""

import pytest


@pytest.fixture(scope="session")
def decoded(tmp_path_factory):
    """A cache of decoded images: fresh in every run, shared by its processes."""
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if folder.name.startswith("popen") else folder) / "decoded"
