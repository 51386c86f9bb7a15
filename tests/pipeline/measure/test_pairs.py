"""Blind pairs, and what votes on them say."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.errors import ConfigError
from main import door
from pipeline.corpus.people import characters
from pipeline.measure.cases import Case, cases
from pipeline.measure.pairs import pairs, read_votes, tally
from tests.pipeline.measure.scripted import talk


def written(folder: Path, system: str, says: str, count: int = 40) -> list[Case]:
    """One reply a dialogue; the first is the same for all systems, the second empty."""
    every = cases([talk(f"t-{n}") for n in range(count)], characters())
    texts = ["Same.", "", *(f"{says} {n}." for n in range(count))]
    kept = [{"id": c.id, "prompt": "p", "seed": 1, "sampling": "s"} for c in every[::2]]
    data = "".join(json.dumps(k | {"text": t}) + "\n" for k, t in zip(kept, texts, strict=False))
    (folder / f"replies-{system}.jsonl").write_text(data)
    return every


def test_pairs_are_blind_shuffled_and_found_again_by_their_key(tmp_path: Path) -> None:
    every = written(tmp_path, "base", "Old")
    written(tmp_path, "new", "Young")
    shown, key = pairs(tmp_path, "base", "new", every, 30, 1)
    assert len(shown) == 30
    assert key["left_out"] == 2
    assert {s["character"] for s in shown} == {"Devon Clarke"}
    assert all("night" in s["profile"] or s["profile"] for s in shown)
    assert all(s["words"] == "what do you see" and s["notes"] for s in shown)
    firsts = [key["pairs"][s["id"]]["1"] for s in shown]
    assert 5 < firsts.count("new") < 25  # either may stand first
    for s in shown:
        named = key["pairs"][s["id"]]
        assert {s[side].split()[0]: named[side] for side in "12"} == {"Old": "base", "Young": "new"}
    assert not any(word in json.dumps(shown) for word in ("base", '"new"', "t-1"))
    assert pairs(tmp_path, "base", "new", every, 30, 1) == (shown, key)


def test_votes_become_wins_with_an_interval() -> None:
    key = {
        "systems": ["a", "b"],
        "pairs": {f"p{n}": {"1": "a" if n % 2 else "b", "2": "b" if n % 2 else "a"} for n in range(12)},
    }
    votes = [{"id": f"p{n}", "vote": "2" if n % 2 else "1"} for n in range(8)]  # all for b
    votes += [{"id": "p8", "vote": "2"}, {"id": "p9", "vote": "1"}, {"id": "p10", "vote": "tie"}]
    found = tally(key, votes)
    assert found.wins == {"a": 2, "b": 8, "tie": 1}
    assert (found.share, found.low, found.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert tally(key, []).low == 0


@pytest.mark.parametrize(
    "votes",
    [
        [{"id": "p9", "vote": "1"}],
        [{"id": "p1", "vote": "both"}],
        [{"vote": "1"}],
        [{"id": "p1", "vote": "1"}] * 2,
    ],
)
def test_a_vote_that_means_nothing_is_refused(votes: list[dict[str, str]]) -> None:
    with pytest.raises(ConfigError, match=r"no vote|voted on twice"):
        tally({"systems": ["a", "b"], "pairs": {"p1": {"1": "a", "2": "b"}}}, votes)


def test_systems_that_were_not_measured_are_told(tmp_path: Path) -> None:
    every = written(tmp_path, "base", "Old")
    with pytest.raises(ConfigError, match="no replies of 'new'") as told:
        pairs(tmp_path, "base", "new", every, 3, 1)
    assert "there are: base" in str(told.value)
    written(tmp_path, "same", "Old")
    with pytest.raises(ConfigError, match="no prompt"):
        pairs(tmp_path, "base", "same", every, 3, 1)


def test_the_command_counts_votes(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text('{"systems": ["a", "b"], "pairs": {"p1": {"1": "a", "2": "b"}}}')
    (tmp_path / "votes.jsonl").write_text('{"id": "p1", "vote": 2}')  # a number, and no end of the line
    done = CliRunner().invoke(
        door, ["pipeline", "pairs-result", str(tmp_path / "key.json"), str(tmp_path / "votes.jsonl")]
    )
    assert done.exit_code == 0, done.output
    assert "b wins 100.0%" in done.output


def test_a_file_of_votes_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "votes.jsonl").write_text('{"id": "p1", "vote": "1"}\n\n[1]\n')
    with pytest.raises(ConfigError, match="no vote") as told:
        read_votes(tmp_path / "votes.jsonl")
    assert told.value.where.endswith("votes.jsonl:3")
