"""Blind pairs: two systems' replies to the same prompt in random order, the key apart; and what votes on them say."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import ConfigError
from evaluation.voice.intervals import wilson
from pipeline.measure.cases import Case, draw
from pipeline.measure.kept import lines

VOTES = ("1", "2", "tie")


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes by system, and the share of the second system's wins among those that are no tie, with 95% (Wilson)."""

    first: str
    second: str
    wins: Mapping[str, int]
    share: float
    low: float
    high: float


def pairs(
    folder: Path, first: str, second: str, cases: Sequence[Case], n: int, seed: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(records to show, the key). Prompts to which both said the same, or one said nothing, are left out; the key
    counts them. Raises ConfigError where the folder has no common replies of the two."""
    by_case = {c.id: c for c in cases}
    mine, theirs = (
        {_prompt(r): r for r in _replies(folder, s) if r["id"] in by_case} for s in (first, second)
    )
    common = sorted(set(mine) & set(theirs))
    fit = [
        k for k in common if mine[k]["text"] and theirs[k]["text"] and mine[k]["text"] != theirs[k]["text"]
    ]
    if not fit:
        raise ConfigError(
            f"{first} and {second} have no prompt in common",
            where=str(folder),
            mend="`pipeline measure` both there",
        )
    chance = draw(seed, f"pairs {first} {second}")
    chosen = chance.sample(fit, min(n, len(fit)))
    shown, key = [], {}
    for number, prompt in enumerate(chosen, 1):
        name = f"p{number:03}"
        order = chance.sample((first, second), 2)
        texts = {first: mine[prompt]["text"], second: theirs[prompt]["text"]}
        shown.append({"id": name, **_scene(by_case[prompt[0]]), "1": texts[order[0]], "2": texts[order[1]]})
        key[name] = {"prompt": prompt[0], "1": order[0], "2": order[1]}
    return shown, {"systems": [first, second], "left_out": len(common) - len(fit), "pairs": key}


def tally(key: Mapping[str, Any], votes: Sequence[Mapping[str, Any]]) -> Tally:
    """Votes are {"id": ..., "vote": "1" | "2" | "tie"}. Raises ConfigError for an unknown or repeated id, or another
    vote: nothing is guessed."""
    first, second = key["systems"]
    wins: Counter[str] = Counter()
    seen: set[str] = set()
    for vote in votes:
        name, said = str(vote.get("id")), str(vote.get("vote"))
        if name not in key["pairs"] or name in seen or said not in VOTES:
            what = "voted on twice" if name in seen else "no vote on one of these pairs"
            raise ConfigError(
                f"{what}: {json.dumps(dict(vote))}", mend='a line is {"id": "p001", "vote": "1"}'
            )
        seen.add(name)
        wins["tie" if said == "tie" else key["pairs"][name][said]] += 1
    decided = wins[first] + wins[second]
    low, high = wilson(wins[second], decided)
    share = wins[second] / decided if decided else 0.5
    return Tally(first, second, {s: wins[s] for s in (first, second, "tie")}, share, low, high)


def read_votes(path: Path) -> list[dict[str, Any]]:
    """Raises ConfigError naming the line that is no JSON object."""
    votes = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                votes.append({**json.loads(line)})
            except (ValueError, TypeError) as error:
                where, mend = f"{path}:{number}", 'a line is {"id": "p001", "vote": "1"}'
                raise ConfigError("this line is no vote", where=where, mend=mend) from error
    return votes


def _replies(folder: Path, system: str) -> list[dict[str, Any]]:
    path = folder / f"replies-{system}.jsonl"
    if not path.is_file():
        known = sorted(p.stem.removeprefix("replies-") for p in folder.glob("replies-*.jsonl"))
        raise ConfigError(
            f"no replies of {system!r}", where=str(folder), mend=f"there are: {', '.join(known) or 'none'}"
        )
    return list(lines(path))


def _prompt(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Equal where two systems were asked the same in the same way."""
    return tuple(str(record[k]) for k in ("id", "prompt", "seed", "sampling"))


def _scene(case: Case) -> dict[str, Any]:
    turns = case.ask.dialogue.turns
    return {
        "character": case.ask.character.name,
        "profile": " ".join(case.ask.character.profile.introduction.split()),
        "notes": list(case.notes),
        "before": [f"{t.speaker.name or 'human'}: {t.text}" for t in turns[:-1] if t.text],
        "words": case.words,
    }
