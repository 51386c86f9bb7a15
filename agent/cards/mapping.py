"""A sound V3 object <-> a Character."""

from collections.abc import Mapping
from typing import Any

from agent.cards import books, deep, ours, texts
from agent.cast.names import slug
from agent.character import Character, Kind, Profile

NAMELESS = "nameless"
_ADULT = {
    "18",
    "18+",
    "+18",
    "adult",
    "adults only",
    "adult content",
    "erotic",
    "erotica",
    "explicit",
    "hentai",
    "lewd",
    "mature content",
    "nsfl",
    "nsfw",
    "porn",
    "r-18",
    "r18",
    "smut",
    "xxx",
}


def to_character(
    data: Mapping[str, Any],
    raw: Mapping[str, Any],
    repairs: list[str],
    *,
    name_hint: str = "",
    whole: bool = True,
) -> Character:
    """The character in the `data` of a sound V3 object. Without `whole`, from the card's own fields alone."""
    name = texts.clean_name(data["name"])
    if not name:
        name = texts.clean_name(name_hint) or NAMELESS
        repairs.append(f"the card has no name: called {name!r}")
    book = data.get("character_book")
    lorebook = None if book is None else books.to_lorebook(book)
    character = Character(
        id=slug(name),
        name=name,
        origin="",  # no field of a card says it: its sources are addresses, its world is a file's name
        kind=Kind.FICTIONAL,
        profile=Profile(texts.clean(data["description"]).strip(), texts.clean(data["personality"]).strip()),
        language=_language(data),
        greeting=texts.clean(data["first_mes"]),
        other_greetings=tuple(texts.clean(g) for g in data["alternate_greetings"]),
        nickname=texts.clean_name(data.get("nickname", "")),
        scene=texts.clean(data["scenario"]),
        examples=texts.examples(data["mes_example"]),
        system_prompt=texts.clean(data["system_prompt"]),
        post_history=texts.clean(data["post_history_instructions"]),
        lorebook=deep.joined(lorebook, data["extensions"]),
        adult=_adult(data),
        tags=tuple(texts.clean(t) for t in data["tags"]),
        creator=texts.clean(data["creator"]),
        creator_notes=_notes(data),
        card=raw,
    )
    return ours.unpack(character, data, repairs) if whole else character


def _language(data: Mapping[str, Any]) -> str:
    """What the card calls its language, or the one that its words' script belongs to; else empty. The languages of
    `creator_notes_multilingual` are those of the notes."""
    for holder in (data, data["extensions"]):
        said = holder.get("language")
        if isinstance(said, str) and (named := texts.named_language(said)):
            return named
    return texts.language(
        f"{data['first_mes'][:1500]} {data['description'][:1500]} {data['personality'][:500]}"
    )


def _adult(data: Mapping[str, Any]) -> bool:
    flags = [data.get("nsfw"), data["extensions"].get("nsfw")]
    for part in data["extensions"].values():
        if isinstance(part, dict):
            flags.append(part.get("nsfw"))
    return any(f is True for f in flags) or any(t.strip().lower().lstrip("#") in _ADULT for t in data["tags"])


def _notes(data: Mapping[str, Any]) -> str:
    english = (data.get("creator_notes_multilingual") or {}).get("en")
    return texts.clean(english if isinstance(english, str) else data["creator_notes"])


def write_fields(character: Character, was: Character, data: dict[str, Any]) -> None:
    """Writes into `data` the card's own fields that have changed since `was`; everything else stays raw."""
    c = character
    simple: dict[str, tuple[str, Any]] = {
        "name": ("name", c.name),
        "nickname": ("nickname", c.nickname),
        "greeting": ("first_mes", c.greeting),
        "other_greetings": ("alternate_greetings", list(c.other_greetings)),
        "scene": ("scenario", c.scene),
        "examples": ("mes_example", "\n".join(f"<START>\n{e}" for e in c.examples)),
        "system_prompt": ("system_prompt", c.system_prompt),
        "post_history": ("post_history_instructions", c.post_history),
        "tags": ("tags", list(c.tags)),
        "creator": ("creator", c.creator),
        "creator_notes": ("creator_notes", c.creator_notes),
    }
    for field, (key, value) in simple.items():
        if getattr(c, field) != getattr(was, field):
            data[key] = value
    if c.creator_notes != was.creator_notes and "en" in (data.get("creator_notes_multilingual") or {}):
        data["creator_notes_multilingual"]["en"] = c.creator_notes
    if c.profile != was.profile:
        data["description"], data["personality"] = _description(c.profile), c.profile.personality
    if c.lorebook != was.lorebook:
        book = deep.parted(c.lorebook, data["extensions"])
        if book is None:
            data.pop("character_book", None)
        else:
            data["character_book"] = books.from_lorebook(book, data.get("character_book"))


def _description(profile: Profile) -> str:
    """MMRole's sections that cards have no field for, in the one that every program puts in the prompt."""
    sections = [
        ("Life story", profile.life_story),
        ("Main interpersonal relationships", profile.relationships),
        ("Catchphrases", "\n".join(f"- {c}" for c in profile.catchphrases)),
    ]
    told = [f"{title}:\n{text}" for title, text in sections if text.strip()]
    return "\n\n".join(part for part in (profile.introduction, *told) if part)
