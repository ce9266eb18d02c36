#!/usr/bin/env python3
"""docs/api.md, made from the comments of the library: `--- …` in Lua, `/// …` in C. `make docs` runs it."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODULES = [
    ("castslice", "host/lua_castslice.c", "Also a global."),
    ("castslice.text", "host/lua_text.c", "Strings without patterns: each function is linear. Also the global `text`."),
    ("castslice.quantity", "host/lua_quantity.c", "Kubernetes quantities, exactly. Also the global `quantity`."),
    ("castslice.rules", "lua/castslice/rules.lua", None),
    ("castslice.namespaces", "lua/castslice/namespaces.lua", None),
    ("castslice.selector", "lua/castslice/selector.lua", None),
    ("castslice.rulebook", "lua/castslice/rulebook.lua", None),
]
HEAD = """# The library

What policies can call beside Lua's own names ([policies.md](policies.md) lists those). Made from the comments of the code by `make docs`; change it there.
"""


def comments(path):
    """Every documented block: its lines without the comment signs, and the line of code behind it."""
    mark, plain = ("///", "//") if path.suffix == ".c" else ("---", "--")
    block = []
    for line in path.read_text().splitlines():
        if line.startswith(mark):
            block = [line[len(mark):].strip()]
        elif block and line.startswith(plain):
            block.append(line[len(plain):].strip())
        else:
            if block:
                yield block, line
            block = []


def parse(block, code):
    """(name, sentences, [(tag, text)]) of a function; the name is None for a module's own comment."""
    sentences, tags = [], []
    for line in block:
        if line.startswith("@"):
            tags.append(list(line[1:].partition(" ")[::2]))
        elif tags:
            tags[-1][1] += " " + line
        else:
            sentences.append(line)
    declared = [text for tag, text in tags if tag == "function"]
    found = re.match(r"function M\.(\w+)\(", code)
    return (declared[0] if declared else found and found[1]), " ".join(sentences), tags


def write_function(module, name, sentences, tags, out):
    names, rows = [], []
    for tag, text in tags:
        match = re.match(r"(t?)param(?:\[(opt)(?:=([^]]*))?\])?$", tag)
        if not match:
            continue
        typed, optional, default = match.groups()
        kind, _, rest = text.partition(" ") if typed else ("any", "", text)
        word, _, meaning = rest.partition(" ")
        names.append(f"[{word}]" if optional else word)
        rows.append((word, kind, (meaning + (f"; {default} when absent" if default else "")).strip("; ")))
    short = module.rpartition(".")[2]
    out.append(f"\n### {short}.{name}({', '.join(names)})\n\n{sentences}\n")
    if rows:
        out.append("\n| argument | type | |\n| --- | --- | --- |\n")
        out.extend(f"| `{word}` | `{kind.replace('|', chr(92) + '|')}` | {meaning} |\n" for word, kind, meaning in rows)
    for tag, text in tags:
        if tag in ("treturn", "return"):
            kind, _, meaning = text.partition(" ") if tag == "treturn" else ("", "", text)
            words = [f"`{kind}`"] * bool(kind) + [meaning] * bool(meaning)
            out.append("\nReturns " + ": ".join(words).rstrip(".") + ("" if meaning.endswith("?") else ".") + "\n")
        elif tag == "usage":
            out.append(f"\n```lua\n{text}\n```\n")


def page():
    out = [HEAD]
    for module, file, about in MODULES:
        blocks = [parse(*found) for found in comments(ROOT / file)]
        own = [sentences for name, sentences, _ in blocks if name is None and sentences]
        out.append(f"\n## {module}\n\n{about or own[0]}\n")
        for name, sentences, tags in blocks:
            if name:
                write_function(module, name, sentences, tags, out)
    return "".join(out)


if __name__ == "__main__":
    target = ROOT / "docs/api.md"
    if sys.argv[1:] == ["--check"]:
        if target.read_text() != page():
            sys.exit("docs/api.md is not what the comments say; run make docs and commit it")
    else:
        target.write_text(page())
