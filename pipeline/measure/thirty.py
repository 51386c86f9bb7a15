"""Prompts side by side with what everybody says to them, for people to read. Unchosen: the first of file order."""

from collections.abc import Mapping, Sequence

from pipeline.measure.cases import Asked
from pipeline.measure.kept import Record


def thirty(asked: Sequence[Asked], replies: Mapping[str, Sequence[Record]]) -> str:
    """Markdown; `replies` by system, in the order of `asked`."""
    pages = [f"# The first {len(asked)} prompts of the part, in the order of files\n"]
    for n, a in enumerate(asked):
        who = a.case.ask.character
        pages.append(f"## {n + 1}. {who.name} ({a.case.id})\n")
        for note in a.notes:
            pages.append(f"**Note.** {_line(note)}\n")
        for turn in a.case.ask.dialogue.turns[:-1]:
            if turn.text:
                pages.append(f"> {turn.speaker.name or 'human'}: {_line(turn.text)}\n")
        pages.append(f"**Words.** {_line(a.case.words) or '(the picture alone)'}\n")
        pages.append(f"**Corpus.** {_line(a.case.answer)}\n")
        for system, some in replies.items():
            pages.append(f"**{system}.** {_line(some[n]['text']) or '(nothing)'}\n")
    return "\n".join(pages)


def _line(text: str) -> str:
    """On one line, with nothing that markdown would take for its own."""
    return "".join(f"\\{c}" if c in "\\`*_<>#|[]" else c for c in " ".join(text.split()))
