"""Where the corpus breaks its own rules. `python -m pipeline.corpus.lint [CHARACTER ...]` prints them."""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.dialogue import Scenario
from pipeline.corpus.read import HUMAN, Talk, read

SHORT, LONG, LONG_COMMENTARY = 12, 75, 120  # words of a character's turn
OPENING, OPENINGS = 5, 10  # so many first words may stand at the head of so many turns in the whole
SHARED_RUN, COPIED_RUN = (
    8,
    5,
)  # words: the longest run two characters may share, or a reply may copy from its note
PER_CHARACTER = 9  # turns each character has at least
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_QUOTED = re.compile(r'"[^"]*"')
_LABEL = re.compile(
    r"(?:[A-Z][\w.'’-]*\s?){1,4}:\s"
)  # "Captain Nemo: ...", and not "Green failing into black: ..."
_ASSISTANT = re.compile(
    r"as an ai|language model|how (can|may) i (help|assist)|feel free to|great question|i('m| am) (here|happy) to help"
    r"|i cannot assist|certainly!|of course!|absolutely!|let me know if|\bdelve\b|a testament to|tapestry of",
    re.IGNORECASE,
)
_COMMON = frozenset(
    {
        *(
            "the",
            "a",
            "an",
            "and",
            "or",
            "of",
            "to",
            "in",
            "on",
            "is",
            "are",
            "was",
            "be",
            "with",
            "it",
            "its",
            "this",
            "that",
        ),
        *(
            "there",
            "for",
            "at",
            "by",
            "from",
            "as",
            "but",
            "not",
            "no",
            "mostly",
            "tags",
            "machine",
            "guess",
            "text",
            "picture",
        ),
        *(
            "colours",
            "shape",
            "landscape",
            "portrait",
            "square",
            "subject",
            "recognised",
            "bright",
            "dark",
            "one",
            "two",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """`where` is a dialogue's id, or a character's."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def words(text: str) -> list[str]:
    return [w.lower().replace("’", "'") for w in _WORD.findall(text)]


def lint(talks: Sequence[Talk]) -> list[Fault]:
    """All faults, by dialogue first, then those of the whole."""
    faults = [fault for talk in talks for fault in _of_talk(talk)]
    return [*faults, *_ids(talks), *_openings(talks), *_repeats(talks), *_shared(talks), *_counts(talks)]


def _of_talk(talk: Talk) -> Iterator[Fault]:
    longest = LONG_COMMENTARY if talk.scenario is Scenario.COMMENTARY else LONG
    note = ""
    for turn in talk.turns:
        fresh = bool(turn.note)
        note = turn.note or note
        if turn.by == HUMAN:
            continue
        said = words(turn.text)
        if not SHORT <= len(said) <= longest:
            yield Fault(talk.id, f"{len(said)} words: {turn.text[:50]!r}")
        if found := _ASSISTANT.search(turn.text):
            yield Fault(talk.id, f"sounds like an assistant: {found[0]!r}")
        if "[" in turn.text or _LABEL.match(turn.text) or "\n" in turn.text:
            yield Fault(talk.id, f"a label, a bracket or a line break: {turn.text[:50]!r}")
        copied = _runs(words(_QUOTED.sub(" ", note)), COPIED_RUN) & _runs(said, COPIED_RUN)
        if copied:
            yield Fault(talk.id, f"copied from the note: {' '.join(min(copied))!r}")
        if fresh:
            yield Fault(talk.id, "a character brings no pictures")
    if talk.notes and not _used(talk):
        yield Fault(talk.id, "the first reply uses no word of the note")
    if talk.owner not in talk.speakers:
        yield Fault(talk.id, f"{talk.owner} does not speak")
    if talk.scenario is Scenario.COMMENTARY and not (talk.notes and len(talk.turns) == 2):
        yield Fault(talk.id, "a commentary is one picture and one reply")
    if (len(talk.speakers) > 1) != (talk.scenario is Scenario.INTER_ROLE):
        yield Fault(talk.id, "two characters make an inter-role dialogue, and only two do")


def _used(talk: Talk) -> bool:
    """The first reply after the first note takes up a content word of it, where it says more than colours."""
    at = next(i for i, t in enumerate(talk.turns) if t.note)
    note = talk.turns[at].note
    reply = next((t.text for t in talk.turns[at:] if t.by != HUMAN), "")
    stems = {w[:5] for w in words(note)} - {w[:5] for w in _COMMON}
    blank = "not recognised" in note and "Text in the picture" not in note
    return blank or bool(stems & {w[:5] for w in words(reply)})


def _runs(said: Sequence[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(said[i : i + size]) for i in range(len(said) - size + 1)}


def _replies(talks: Sequence[Talk]) -> Iterator[tuple[str, Talk, str]]:
    return ((t.by, talk, t.text) for talk in talks for t in talk.turns if t.by != HUMAN)


def _ids(talks: Sequence[Talk]) -> Iterator[Fault]:
    for name, count in Counter(t.id for t in talks).items():
        if count > 1:
            yield Fault(name, f"{count} dialogues have this id")


def _openings(talks: Sequence[Talk]) -> Iterator[Fault]:
    heads = Counter(tuple(words(text)[:OPENING]) for _, _, text in _replies(talks))
    for head, count in heads.items():
        if count > OPENINGS:
            yield Fault("whole", f"{count} turns begin with {' '.join(head)!r}")
    for who in {by for by, _, _ in _replies(talks)}:
        own = Counter(tuple(words(text)[:2]) for by, _, text in _replies(talks) if by == who)
        for head, count in own.items():
            if count > 5:
                yield Fault(who, f"{count} of its turns begin with {' '.join(head)!r}")


def _repeats(talks: Sequence[Talk]) -> Iterator[Fault]:
    seen: dict[tuple[str, ...], str] = {}
    for _, talk, text in _replies(talks):
        other = seen.setdefault(tuple(words(text)), talk.id)
        if other != talk.id:
            yield Fault(talk.id, f"says word for word what {other} says")


def _shared(talks: Sequence[Talk]) -> Iterator[Fault]:
    owners: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for who, _, text in _replies(talks):
        for run in _runs(words(text), SHARED_RUN):
            owners[run].add(who)
    for run, both in owners.items():
        if len(both) > 1:
            yield Fault("/".join(sorted(both)), f"share {' '.join(run)!r}")


def _counts(talks: Sequence[Talk]) -> Iterator[Fault]:
    counts = Counter(who for who, _, _ in _replies(talks))
    for owner in {t.owner for t in talks}:
        if counts[owner] < PER_CHARACTER:
            yield Fault(owner, f"has {counts[owner]} turns, fewer than {PER_CHARACTER}")


def main() -> int:
    wanted = set(sys.argv[1:])
    talks = [t for t in read() if not wanted or t.owner in wanted]
    faults = lint(talks)
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    turns = sum(1 for _ in _replies(talks))
    notes = len({n for t in talks for n in t.notes})
    sys.stdout.write(
        f"{len(talks)} dialogues, {turns} turns of characters, {notes} notes, {len(faults)} faults\n"
    )
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
