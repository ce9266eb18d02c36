"""The pages newcomers type from, run as they stand: files are written, commands run, and what they print compared.

A block of ```LANGUAGE FILE is a file; a block of ```sh is run in the folder of the files; the ```text right behind it
is what it prints.
"""
import os
import pathlib
import re
import subprocess

import pytest

from harness import CASTSLICE, ROOT, SLOWNESS

PAGES = ["tutorial.md", "testing-policies.md"]
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.S | re.M)


def blocks(page):
    """(language, file, text, the line it starts in), in order."""
    text = (ROOT / "docs" / page).read_text()
    for match in BLOCK.finditer(text):
        yield match[1], match[2], match[3], text.count("\n", 0, match.start()) + 1


@pytest.fixture
def place(tmp_path):
    """An empty folder with the repository's docs and policies in it, and `castslice` on the PATH."""
    for name in ("docs", "policies"):
        (tmp_path / name).symlink_to(ROOT / name)
    programs = tmp_path / ".bin"
    programs.mkdir()
    (programs / "castslice").symlink_to(pathlib.Path(CASTSLICE).resolve())
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_a_page_works_as_it_is_written(place, page):
    ran, printed = 0, None
    for language, file, text, line in blocks(page):
        if file:
            (place / file).parent.mkdir(exist_ok=True)
            (place / file).write_text(text)
        elif language == "sh":
            done = subprocess.run(["bash", "-ec", text], cwd=place, capture_output=True, text=True, timeout=60 * SLOWNESS,
                                  env={**os.environ, "PATH": f"{place}/.bin:{os.environ['PATH']}"})
            assert done.returncode == 0, f"{page}:{line}\n{done.stdout}{done.stderr}"
            printed, ran = done.stdout, ran + 1
        elif language == "text":
            assert printed == text, f"{page}:{line}"
    assert ran > 2
