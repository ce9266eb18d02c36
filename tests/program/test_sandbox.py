"""The pages about the sandbox say what the code does: tests/escapes/README.md and docs/sandbox.md."""
import re

from harness import ROOT

ESCAPES = ROOT / "tests/escapes"
TABLE_ROW = re.compile(r"^\| (.+) \|$", re.M)


def marks(mark):
    """Mark → names of the files that carry it."""
    found = {}
    for file in sorted(ESCAPES.glob("*.lua")):
        line = re.search(rf"^-- {mark}: (.+)$", file.read_text(), re.M)
        for word in line[1].split(", ") if line else []:
            found.setdefault(word, []).append(file.stem)
    return found


def rows(page, header):
    """The cells of each row of the table below `header`."""
    lines = page.split(header, 1)[1].splitlines()[2:]
    table = [line for line in lines[:lines.index("") if "" in lines else None]]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def test_the_page_of_the_escapes_names_the_files_of_every_row():
    page = (ESCAPES / "README.md").read_text()
    tried = marks("row")
    table = rows(page, "| row | threat | attempts |")
    assert [int(row) for row, _, _ in table] == list(range(1, 31))
    for row, _, attempts in table:
        if row == "30":
            assert (ESCAPES / re.search(r"\((.+)\)", attempts)[1]).is_file()
        else:
            assert re.findall(r"`(.+?)`", attempts) == sorted(tried[row]), f"row {row}"


def library():
    """(name, bound) of every row of the allow-list, constants of the C source."""
    text = (ROOT / "host/lua_library.c").read_text()
    found = re.findall(r'^    \{ "(\w*)", "(\w+)", \w+, \w+, "(.+)" \},$', text, re.M)
    return [(f"{where}.{name}" if where else name, bound) for where, name, bound in found]


def test_the_page_of_the_sandbox_has_the_bound_and_the_attack_of_every_function():
    page = (ROOT / "docs/sandbox.md").read_text()
    attacked = marks("attacks")
    expected = [[f"`{name}`", bound, " ".join(f"`{file}`" for file in attacked[name])] for name, bound in library()]
    assert len(expected) > 40
    assert rows(page, "| function | what bounds its work | attacked by |") == expected
