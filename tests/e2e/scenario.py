"""What a scenario has to hand: pytest fixtures. `tests/e2e/README.md` shows a scenario in ten lines.

    cluster     the control plane; kubectl(), apply(), api()
    castslice   CastSlice as deploy/install.yaml installs it, and what one may do to it
    namespace   a fresh namespace for this scenario, deleted afterwards
    gpu_node    a kwok node that offers whole GPUs and shares
"""
import itertools
import os
import pathlib
import signal

import pytest

from cluster import Cluster
from installation import Installation

FOLDER = pathlib.Path(os.environ["CASTSLICE_E2E_DIR"])
signal.signal(signal.SIGINT, signal.default_int_handler)        # `run` starts us where it is ignored


@pytest.fixture(scope="session")
def cluster():
    started = Cluster(FOLDER / "logs")
    try:
        yield _or_end_the_run(started.start)
    finally:
        started.stop()


def _or_end_the_run(start):
    """Without a control plane no scenario can say anything: one message, not one for each."""
    try:
        return start()
    except AssertionError as failure:
        pytest.exit(str(failure), returncode=2)


@pytest.fixture(scope="session")
def installation(cluster):
    installed = Installation(cluster, os.environ["CASTSLICE"])
    try:
        yield _or_end_the_run(installed.install)
    finally:
        installed.stop()


@pytest.fixture
def castslice(installation):
    """Whatever a scenario changes about it is put back afterwards."""
    yield installation
    installation.restore()


numbers = itertools.count(1)


@pytest.fixture
def namespace(cluster):
    name = f"team-{next(numbers)}"
    cluster.create_namespace(name)
    yield name
    cluster.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def gpu_node(cluster):
    return cluster.create_gpu_node("gpu-1", gpus=64, shares=4096)
