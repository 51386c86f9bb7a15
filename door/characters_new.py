"""`characters new`: a person is led through the five sections, or a script gives all at once."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.cast import Cast
    from agent.character import Character

QUESTIONS = {
    "introduction": (
        "Brief introduction: who are they, when and where?",
        "Ama Serwaa mends fishing nets on the beach at Elmina, seventy years old and never silent.",
    ),
    "personality": (
        "Personality: how do they talk, what do they notice in a picture, what would they never say?",
        "Teasing and exact. She looks at knots, boats and the weather first. She never pities anyone aloud.",
    ),
    "life_story": (
        "Life story: what made them so, and where does their knowledge of the world end?",
        "Born in a house behind the castle, she lost two brothers to the sea. She knows the coast, not the cities.",
    ),
    "relationships": (
        "Relationships: whom would they mention, and with what feeling?",
        "Kofi, her grandson, who fishes with an engine and will not listen. Auntie Esi, her rival at the market.",
    ),
    "greeting": (
        "Greeting: their first words to somebody who comes with a picture.",
        "Sit, sit, but not on the net! What have you brought me to look at?",
    ),
}
PHRASE_EXAMPLE = "A net has more holes than thread, and still it feeds us."
FACE_KEYS = ("skin", "hair", "hair_color", "beard", "hat", "glasses", "clothing", "mood")


def _face_option(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [v.partition("=") for v in values]
    if wrong := [k for k, sign, _ in pairs if not sign]:
        raise click.BadParameter(f"{wrong[0]!r} is not KEY=VALUE, such as hat=turban")
    return {key.strip(): value.strip() for key, _, value in pairs}


@click.command("new")
@click.option(
    "--from-file", type=click.Path(path_type=Path), help="Answers in TOML, laid out like a character's file."
)
@click.option("--name", help="The name people call the character by.")
@click.option("--id", "new_id", help="Default: made from the name.")
@click.option("--origin", help="The book, the time and place, the walk of life.")
@click.option("--kind", type=click.Choice(["fictional", "historical", "hypothetical"]))
@click.option("--language", default="English", show_default=True)
@click.option("--introduction")
@click.option("--personality")
@click.option("--life-story")
@click.option("--relationships")
@click.option("--catchphrase", "catchphrases", multiple=True, help="Once for each.")
@click.option("--greeting")
@click.option("--tag", "tags", multiple=True, help="Once for each.")
@click.option(
    "--face",
    multiple=True,
    callback=_face_option,
    metavar="KEY=VALUE",
    help="Such as hat=turban; once for each.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: what is not given stays empty.")
@click.option("--force", is_flag=True, help="Save despite errors, and replace a character with the same id.")
@click.pass_obj
def new(settings: Any, /, from_file: Path | None, yes: bool, force: bool, **given: Any) -> None:
    """Make a character, step by step.

    You are asked for MMRole's five sections one after the other, with an example each; then for a greeting,
    catchphrases and a face. Answers given as options are not asked for.

    \b
    Examples:
      characters new
      characters new --from-file answers.toml
      characters new --yes --name "Ama Serwaa" --kind hypothetical --introduction "..." ...
    """
    from agent.lint import Level, lint
    from door.characters import open_cast, tell

    asking = not yes and from_file is None
    made = _from_answers(from_file) if from_file else _made(given, asking)
    found = lint(made)
    if found:
        click.echo("What could be better:")
        tell(found)
    broken = any(f.level is Level.ERROR for f in found)
    if asking and not click.confirm(f"Save {made.name} as {made.id}?", default=not broken):
        raise click.Abort
    if broken and not asking and not force:
        raise click.ClickException("not saved\n  To mend it: answer what the errors name, or add --force")
    path = _saved(open_cast(settings), made, asking, force)
    click.secho(f"{made.name} lives in {path}. Try: chat --character {made.id}", fg="green")


def _saved(cast: "Cast", made: "Character", asking: bool, force: bool) -> Path:
    """A taken id costs a person another id, not all their answers."""
    from agent.errors import CharacterError

    while True:
        try:
            return cast.add(made, replace=force)
        except CharacterError as error:
            if not asking:
                raise
            click.secho(str(error), fg="red", err=True)
            made = replace(made, id=click.prompt("Another id", value_proc=_checked_id))


def _checked_id(text: str) -> str:
    from agent.cast import is_id, slug

    if not is_id(text.strip()):
        raise click.BadParameter(f"lower-case words joined by hyphens, such as {slug(text)}")
    return text.strip()


def _from_answers(file: Path) -> "Character":
    from agent.cast import read_toml
    from agent.cast.files import LARGEST_TOML, read_bytes
    from agent.errors import CharacterError

    try:
        text = read_bytes(file, LARGEST_TOML).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise CharacterError(
            "this is not UTF-8 text", where=str(file), mend="save the file as UTF-8"
        ) from None
    return read_toml(text, str(file), invent_id=True)


def _made(given: dict[str, Any], asking: bool) -> "Character":
    from agent.cast import slug
    from agent.character import Character, Kind, Profile

    if not asking and not given["name"]:
        raise click.UsageError("--name is wanted with --yes")
    name = given["name"] or click.prompt("Name")
    new_id = given["new_id"] or slug(name)
    if asking and not given["new_id"]:
        new_id = click.prompt("Id (stays for ever)", default=new_id, value_proc=_checked_id)
    kinds = click.Choice([k.value for k in Kind])
    kind = given["kind"] or (
        click.prompt("Kind", type=kinds, default="hypothetical") if asking else "hypothetical"
    )
    origin = given["origin"] or (
        click.prompt("Origin (book; time and place; walk of life)") if asking else ""
    )
    answers = {key: given[key] or (_ask(key) if asking else "") for key in QUESTIONS}
    greeting = answers.pop("greeting")
    phrases = given["catchphrases"] or (_ask_phrases() if asking else ())
    made = Character(
        id=new_id,
        name=name,
        origin=origin,
        kind=Kind(kind),
        profile=Profile(**answers, catchphrases=tuple(phrases)),
        language=given["language"],
        greeting=greeting,
        tags=tuple(given["tags"]),
        face=given["face"],
    )
    return replace(made, face=_ask_face(made)) if asking and not made.face else made


def _ask(key: str) -> str:
    question, example = QUESTIONS[key]
    click.secho(f"\n{question}", bold=True)
    click.secho(f"  For example: {example}", dim=True)
    return str(click.prompt(">", default="", show_default=False, prompt_suffix=" ")).strip()


def _ask_phrases() -> tuple[str, ...]:
    click.secho("\nCatchphrases: things only they say, one a line; an empty line ends.", bold=True)
    click.secho(f"  For example: {PHRASE_EXAMPLE}", dim=True)
    phrases: list[str] = []
    while phrase := str(click.prompt(">", default="", show_default=False, prompt_suffix=" ")).strip():
        phrases.append(phrase)
    return tuple(phrases)


def _ask_face(made: "Character") -> dict[str, str]:
    """The face that the id gives, changed where the person likes."""
    from agent.faces.look import CHOICES, invented

    face = invented(made.id)
    click.secho(
        "\nThe face is drawn. Enter keeps what is in brackets; colours are written like #a1b2c3.", bold=True
    )
    for key in FACE_KEYS:
        if key in CHOICES:
            choice = click.Choice(CHOICES[key])
            face[key] = click.prompt(f"  {key}", type=choice, default=face.get(key, CHOICES[key][0]))
        else:
            face[key] = click.prompt(f"  {key}", default=face[key])
    return face
