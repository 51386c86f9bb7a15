"""The `characters lorebook` command, as a person uses it."""

import json
from pathlib import Path

import pytest

from agent.cards import read_lorebook
from tests.agent.test_lorebooks import world
from tests.door.test_characters import Door, card


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.chdir(tmp_path)
    return Door(tmp_path)


def test_a_book_alone_from_import_to_removal(door: Door) -> None:
    Path("world.json").write_bytes(world("owl", name="Night Birds"))
    assert "characters lorebook import" in door("import", "world.json", code=1).output
    shown = door("lorebook", "import", "world.json").output
    assert "is now the lorebook night-birds (1 entry)" in shown
    assert "attach night-birds" in shown
    assert "attached to nothing" in door("lorebook", "list").output
    assert (
        "li-bai knows"
        in door("lorebook", "attach", "night-birds", "Li Bai", "--channel", "discord:42").output
    )
    assert "with li-bai, discord:42" in door("lorebook", "list").output
    door("lorebook", "detach", "night-birds", "--channel", "discord:42")
    assert "with li-bai\n" in door("lorebook", "list").output
    door("lorebook", "export", "night-birds")
    assert json.loads(Path("night-birds.json").read_text())["spec"] == "lorebook_v3"
    assert "exists already" in door("lorebook", "export", "night-birds", code=1).output
    raw = door("lorebook", "export", "night-birds", "--format", "imported", "-o", "-").stdout_bytes
    assert json.loads(raw) == json.loads(Path("world.json").read_bytes())
    door("lorebook", "remove", "night-birds")
    assert "no lorebooks yet" in door("lorebook", "list").output


def test_the_book_in_a_card_can_be_taken_alone(door: Door) -> None:
    book = {"name": "Hers", "extensions": {}, "entries": [{"keys": ["owl"], "content": "x", "cooldown": 3}]}
    Path("ama.json").write_text(card(character_book=book))
    assert "not used: lorebook: cooldown" in door("lorebook", "import", "ama.json").output
    door("lorebook", "export", "hers", "-o", "out.json")
    assert read_lorebook(Path("out.json").read_bytes()).book.entries[0].keys == ("owl",)


def test_mistakes_are_answered(door: Door) -> None:
    Path("world.json").write_bytes(world("owl"))
    door("lorebook", "import", "world.json", "--id", "birds")
    assert "name a CHARACTER" in door("lorebook", "attach", "birds", code=2).output
    assert "PLATFORM:ID" in door("lorebook", "attach", "birds", "--channel", "42", code=2).output
    assert "did you mean Li Bai" in door("lorebook", "attach", "birds", "li bia", code=1).output
    assert "there is no lorebook 'fish'" in door("lorebook", "attach", "fish", "li-bai", code=1).output
    Path("card.json").write_text(card())
    assert "holds no lorebook" in door("lorebook", "import", "card.json", code=1).output
    assert "cannot be read" in door("lorebook", "import", "nowhere.json", code=1).output
