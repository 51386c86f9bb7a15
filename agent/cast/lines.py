"""On which line of a TOML file a key stands, so that a complaint can point at it (tomllib does not tell)."""

import re

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_WORD = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def _words(dotted: str) -> list[str]:
    return [w.strip("\"'") for w in _WORD.findall(dotted)]


def _quote_left_open(line: str) -> str:
    for quote in ('"""', "'''"):
        if line.count(quote) % 2:
            return quote
    return ""


def line_numbers(text: str) -> dict[Path, int]:
    """Paths of tables and keys (an index after the name of an array of tables) to 1-based line numbers."""
    found: dict[Path, int] = {}
    counts: dict[str, int] = {}
    table: Path = ()
    quote = ""
    for number, line in enumerate(text.split("\n"), 1):
        if quote:
            quote = "" if quote in line else quote
        elif header := _HEADER.match(line):
            words = _words(header[2])
            table = _inside(words, counts)
            if header[1] == "[[":
                name = ".".join(words)
                counts[name] = counts.get(name, -1) + 1
                table = _inside(words, counts)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            path = (*table, *_words(key[1]))
            for end in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:end], number)
            quote = _quote_left_open(line[key.end() :])
        else:
            quote = _quote_left_open(line)
    return found


def _inside(words: list[str], counts: dict[str, int]) -> Path:
    """The table's path, with the current index after each array of tables it lies in."""
    path: list[str | int] = []
    for end, word in enumerate(words, 1):
        path.append(word)
        if (index := counts.get(".".join(words[:end]))) is not None:
            path.append(index)
    return tuple(path)


def line_of(text: str, path: Path) -> int:
    """The line of `path`, or of the nearest table around it; 1 where neither is written down."""
    found = line_numbers(text)
    while path and path not in found:
        path = path[:-1]
    return found.get(path, 1)
