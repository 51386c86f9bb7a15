"""Words of a text, as all that compares texts counts them."""

import re

_EAST = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # scripts without blanks: every sign counts as a word
_WORD = re.compile(rf"[{_EAST}]|[^\W_{_EAST}]+(?:['’][^\W_{_EAST}]+)*")


def words(text: str) -> list[str]:
    """In order, without case and punctuation. Of Chinese and Japanese every sign is one."""
    return [word for word, _ in placed(text)]


def placed(text: str) -> list[tuple[str, int]]:
    """The same, each with where it begins."""
    return [(found[0].casefold().replace("’", "'"), found.start()) for found in _WORD.finditer(text)]
