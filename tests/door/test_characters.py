"""The `characters` command, as a person or a script uses it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cards import read_card
from agent.cast import load_character
from door.characters import characters
from tests.agent.cards import make

SHIPPED = Path(__file__).parents[2] / "characters"


class Door:
    """Runs the command against the shipped cast and an empty folder of one's own."""

    def __init__(self, tmp_path: Path) -> None:
        self.own = tmp_path / "own"
        cast = SimpleNamespace(shipped=SHIPPED, own=self.own)
        self.settings = SimpleNamespace(agent=SimpleNamespace(cast=cast))

    def __call__(self, *args: object, typed: str = "", code: int = 0) -> Result:
        result = CliRunner().invoke(characters, [str(a) for a in args], obj=self.settings, input=typed)
        assert result.exit_code == code, result.output
        return result


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.chdir(tmp_path)
    return Door(tmp_path)


def card(name: str = "Ama [red]Serwaa", **more: Any) -> str:
    data = {
        "name": name,
        "description": "Ama mends nets.",
        "first_mes": "Sit!",
        "extensions": {"odd": {"x": 1}},
    }
    return json.dumps({"spec": "chara_card_v2", "spec_version": "2.0", "data": {**data, **more}})


def test_help_has_examples(door: Door) -> None:
    shown = door("--help").output
    for word in ("list", "show", "import", "export", "new", "lint", "diff", "faces", "characters export"):
        assert word in shown
    assert "characters new --from-file" in door("new", "--help").output


def test_list(door: Door) -> None:
    shown = door("list").output
    assert "sherlock-holmes" in shown
    assert "ada-lovelace" in shown
    assert "sun-wukong" not in door("list", "detective").output


def test_show(door: Door) -> None:
    shown = door("show", "sherlock holmes").output
    assert "Life story" in shown
    assert load_character(SHIPPED / "sherlock-holmes.toml").version in shown


def test_macros_of_a_card_are_filled_where_it_is_shown(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "ama.json"
    file.write_text(card("Ama", first_mes="{{char}} waves to {{user}}.", description="{{char}} mends nets."))
    door("import", file)
    told = door("show", "Ama").output
    assert "Ama waves to you." in told
    assert "{{" not in told


def test_an_unknown_name_is_told_kindly(door: Door) -> None:
    shown = door("show", "sherlok", code=1).output
    assert "did you mean Sherlock Holmes" in shown
    assert "Traceback" not in shown


def test_import_repairs_and_keeps_everything(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "ama.json"
    file.write_text(card(character_book=None))
    shown = door("import", file).output
    assert "personality: the section is missing" in shown
    folder = door.own / "ama-red-serwaa.files"
    assert (folder / "original.json").read_text() == file.read_text()
    assert json.loads((folder / "card.json").read_text())["data"]["extensions"]["odd"] == {"x": 1}
    assert "ama-red-serwaa" in door("list").output


def test_one_bad_file_does_not_stop_the_others(door: Door, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_text("{")
    good.write_text(card("Good One"))
    shown = door("import", bad, tmp_path / "none.png", good, code=1).output
    assert "bad.json: not imported" in shown
    assert "none.png: not imported" in shown
    assert (door.own / "good-one.toml").is_file()


def test_import_never_replaces_silently(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(card("Sherlock Holmes"))
    assert "belongs to another" in door("import", file, code=1).output
    assert not door.own.exists()
    door("import", file, "--id", "holmes-two")
    assert load_character(door.own / "holmes-two.toml").name == "Sherlock Holmes"
    door("import", file, "--force")
    assert "introduction:" in door("diff", "sherlock-holmes").output


@pytest.mark.parametrize("kind", ["png", "json", "charx", "toml"])
def test_export_and_back(door: Door, tmp_path: Path, kind: str) -> None:
    door("export", "Ada Lovelace", "--format", kind)
    file = tmp_path / f"ada-lovelace.{kind}"
    ours, theirs = load_character(SHIPPED / "ada-lovelace.toml"), load_character(file)
    assert theirs.version == ours.version
    assert theirs.id == ours.id
    assert "exists already" in door("export", "ada-lovelace", "--format", kind, code=1).output
    door("export", "ada-lovelace", "--format", kind, "--force")


@pytest.mark.parametrize("came", ["png", "charx"])
def test_assets_go_from_form_to_form(door: Door, tmp_path: Path, came: str) -> None:
    """Imported as one form, exported as another, that imported and exported again: everything is still there."""
    face = make.picture(color="navy")
    uri = "__asset:0" if came == "png" else "embeded://assets/emotion/images/happy.png"
    obj = make.v3(assets=[{"type": "emotion", "uri": uri, "name": "happy", "ext": "png"}])
    chunks = [make.text("chara-ext-asset_:0", make.b64(face)), make.text("ccv3", make.b64(obj))]
    first = tmp_path / f"first.{came}"
    first.write_bytes(
        make.png(*chunks) if came == "png" else make.charx(obj, {"assets/emotion/images/happy.png": face})
    )
    door("import", "--id", "ada-one", first)
    for source in ("ada-one", str(first)):
        for kind in ("png", "charx"):
            shown = door("export", source, "--format", kind, "-o", f"out.{kind}", "--force").output
            got = read_card((tmp_path / f"out.{kind}").read_bytes())
            assert face in got.assets.values()
            assert not any("missing" in r for r in got.repairs)
            assert "not in it" not in shown
    door("import", "--id", "ada-two", "out.png")
    door("export", "ada-two", "--format", "charx", "-o", "again.charx")
    assert face in read_card((tmp_path / "again.charx").read_bytes()).assets.values()
    shown = door("export", "ada-one", "--format", "json", "-o", "out.json").output
    assert "not in it: 1 asset" in shown
    assert f"original.{came}" in shown
    assert "fields and assets" in door("export", "ada-one", "--format", "toml", "-o", "out.toml").output


def test_import_tells_what_has_no_effect(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "ama.json"
    file.write_text(card())
    assert "not used: extensions.odd" in door("import", file).output


def test_export_to_standard_output_and_older_spec(door: Door) -> None:
    raw = json.loads(door("export", "li-bai", "--format", "json", "--spec", "v1", "-o", "-").stdout_bytes)
    assert raw["name"] == "Li Bai"
    assert "spec" not in raw


FLAGS = {
    "--name": "Ama Serwaa",
    "--kind": "hypothetical",
    "--origin": "Elmina, Ghana",
    "--introduction": "Ama Serwaa mends fishing nets on the beach at Elmina. " * 3,
    "--personality": "She teases, looks at knots and boats first, and never pities anyone aloud. " * 3,
    "--life-story": "Born behind the castle, she lost two brothers to the sea and knows only the coast. " * 3,
    "--relationships": "Kofi, her grandson, who will not listen. Auntie Esi, her rival at the market. " * 2,
    "--greeting": "Sit, sit, but not on the net!",
}
PHRASES = [
    "A net has more holes than thread.",
    "Ask the knots, not the fisherman.",
    "The sea keeps no receipts.",
]


def flags() -> list[str]:
    pairs = [part for pair in FLAGS.items() for part in pair]
    return [*pairs, *(part for p in PHRASES for part in ("--catchphrase", p))]


def test_new_from_flags(door: Door) -> None:
    door("new", "--yes", *flags(), "--face", "hat=headscarf")
    made = load_character(door.own / "ama-serwaa.toml")
    assert made.profile.catchphrases == tuple(PHRASES)
    assert made.face == {"hat": "headscarf"}


def test_new_refuses_what_is_broken(door: Door) -> None:
    assert "the section is missing" in door("new", "--yes", "--name", "X Y", code=1).output
    assert not door.own.exists()
    door("new", "--yes", "--name", "X Y", "--force")
    assert (door.own / "x-y.toml").is_file()
    door("new", "--yes", code=2)


def test_new_from_a_file(door: Door, tmp_path: Path) -> None:
    door("new", "--yes", *flags())
    answers = tmp_path / "answers.toml"
    text = (
        (door.own / "ama-serwaa.toml").read_text().replace('id = "ama-serwaa"\n', "").replace("Ama", "Efua")
    )
    answers.write_text(text)
    door("new", "--from-file", answers)
    assert load_character(door.own / "efua-serwaa.toml").name == "Efua Serwaa"
    answers.write_text(text.replace("origin", "orgin"))
    assert f"{answers}:1: origin is missing" in door("new", "--from-file", answers, code=1).output


def test_new_asks_step_by_step(door: Door) -> None:
    sections = [
        FLAGS[k] for k in ("--introduction", "--personality", "--life-story", "--relationships", "--greeting")
    ]
    face = ["", "bun", "", "", "headscarf", "round", "", "grin"]
    typed = [
        "Sherlock Holmes",
        "Bad Id!",
        "sherlock-holmes",
        "",
        "Elmina",
        *sections,
        *PHRASES,
        "",
        *face,
        "y",
        "holmes-2",
    ]
    shown = door("new", typed="\n".join(typed) + "\n").output
    assert "For example:" in shown
    assert "belongs to another" in shown
    made = load_character(door.own / "holmes-2.toml")
    assert made.profile.introduction == FLAGS["--introduction"].strip()
    assert made.profile.catchphrases == tuple(PHRASES)
    assert made.face["hat"] == "headscarf"
    assert made.face["glasses"] == "round"


def test_lint(door: Door, tmp_path: Path) -> None:
    assert "sherlock-holmes: good" in door("lint").output
    file = tmp_path / "thin.json"
    file.write_text(card("Thin"))
    assert "life_story: the section is missing" in door("lint", file, code=1).output
    door("lint", "ada-lovelace")
    door.own.mkdir()
    (door.own / "broken.toml").write_text("id =")
    assert "broken.toml:1" in door("lint", code=1).output


def test_diff(door: Door, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    text = (SHIPPED / "li-bai.toml").read_text(encoding="utf-8")
    mine.write_text(text.replace("Open the scroll slowly, and pour.", "Pour."), encoding="utf-8")
    shown = door("diff", "li-bai", mine).output
    assert "catchphrases:" in shown
    assert "+ Pour." in shown
    assert "nothing that reaches a prompt differs" in door("diff", "li-bai", "Li Bai").output
    assert "nothing that reaches" in door("diff", "li-bai").output


def test_faces(door: Door, tmp_path: Path) -> None:
    door("faces", tmp_path / "faces", "--size", 32)
    assert {p.stem for p in (tmp_path / "faces").iterdir()} == {p.stem for p in SHIPPED.glob("*.toml")}
