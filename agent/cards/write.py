"""A Character -> bytes of a card."""

import copy
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from agent.cards import assets as pointers
from agent.cards import charx, png
from agent.cards.books import hide_decorators
from agent.cards.mapping import to_character, write_fields
from agent.cards.mending import OURS
from agent.cards.normal import V1, normalise
from agent.cards.ours import pack
from agent.cards.portraits import as_png
from agent.character import Character
from agent.errors import CardError

Format = Literal["png", "json", "charx"]
Spec = Literal["v3", "v2", "v1"]
BACKFILLED = (
    "This character card is Character Card V3, but it is loaded as a Character Card V2. "
    "Please use a Character Card V3 compatible application to use this character card properly."
)
_NAMED = 5  # assets that are named where they stay behind
_NEW = {"spec": "chara_card_v3", "spec_version": "3.0", "data": dict.fromkeys(V1, "")}


def write_card(
    character: Character,
    format: Format,
    *,
    portrait: bytes | None = None,
    spec: Spec = "v3",
    assets: Mapping[str, bytes] | None = None,
    clock: Callable[[], float] = time.time,
) -> bytes:
    """The character as a card, from which `read_card` gives the same character back.

    A card that was imported keeps every field and only what has changed since is written over it. `portrait`
    (default: the character's own) is any picture; for `png` others are turned into one. `assets` are files by path, as
    `read_card` returned them; what `json` has no place for is told by `left_behind`. PNG holds V3 (`ccv3`) and
    V2 (`chara`) unless an older `spec` is asked for. `clock` gives `modification_date` in unix
    seconds. Raises CardError.
    """
    files = dict(assets or {})
    picture = character.portrait if portrait is None else portrait
    if spec not in ("v3", "v2", "v1") or format not in ("png", "json", "charx"):
        raise CardError(
            f"a card cannot be written as {format} {spec}", mend="png, json or charx; v3, v2 or v1"
        )
    obj = canonical(character)
    obj["data"]["modification_date"] = int(clock())
    if not character.card:
        obj["data"].setdefault("creation_date", int(clock()))
    if format == "json":
        return _bytes(_as(obj, spec), indent=2)
    if format == "charx":
        if spec != "v3":
            raise CardError("a CHARX holds a V3 card", mend="use spec v3, or another format")
        _add_icon(obj["data"], picture, files)
        pointers.retarget(obj["data"].get("assets", ()), {path: path for path in files}, "embeded://")
        return charx.write(_bytes(obj, indent=2), files)
    if picture is None:
        raise CardError("a PNG card needs a picture", mend="give a portrait, or export as JSON or CHARX")
    names = pointers.short_names(files, png.fits_keyword)
    held = {names[path]: body for path, body in files.items()}
    pointers.retarget(obj["data"].get("assets", ()), names, "__asset:")
    texts = {"chara": _bytes(_as(obj, spec if spec != "v3" else "v2", backfill=spec == "v3"))}
    if spec == "v3":
        texts["ccv3"] = _bytes(obj)
    return png.write(as_png(picture), texts, held)


def left_behind(character: Character, format: Format, assets: Mapping[str, bytes]) -> tuple[str, ...]:
    """What `write_card` cannot put into that form, in words that follow "not in it"; empty where all goes along."""
    if format != "json":
        return ()
    portrait = character.portrait is not None and character.portrait not in assets.values()
    told = ["the portrait"] if portrait else []
    if assets:
        names = ", ".join(sorted(assets)[:_NAMED]) + (", ..." if len(assets) > _NAMED else "")
        told.append(f"{len(assets)} asset{'s' if len(assets) > 1 else ''} ({names})")
    return tuple(told)


def canonical(character: Character) -> dict[str, Any]:
    """The character as a V3 object: what was imported, mended, with the changes since written over it."""
    normal = normalise(character.card or _NEW)
    data = normal.data
    write_fields(character, to_character(data, {}, []), data)
    for key in V1:
        if key in normal.obj:  # V1's fields repeated at the top level must not contradict `data`
            normal.obj[key] = data[key]
    pack(character, to_character(data, {}, [], whole=False), data)
    return normal.obj


def _as(obj: dict[str, Any], spec: Spec, *, backfill: bool = False) -> dict[str, Any]:
    """The V3 object written down as an older one."""
    if spec == "v3":
        return obj
    if spec == "v1":
        own = {key: obj["data"][key] for key in V1}
        return {**own, "extensions": {OURS: {"whole": obj}}}
    made = copy.deepcopy(obj)
    made.update(spec="chara_card_v2", spec_version="2.0")
    data = made["data"]
    for entry in data.get("character_book", {}).get("entries", ()):
        hide_decorators(entry)
    if backfill:
        notes = data["creator_notes"]
        data["creator_notes"] = f"{BACKFILLED}\n\n{notes}" if notes else BACKFILLED
    return made


def _add_icon(data: dict[str, Any], picture: bytes | None, files: dict[str, bytes]) -> None:
    """The portrait becomes the main icon of a CHARX, unless it already is one of its files."""
    if picture is None or picture in files.values():
        return
    kinds = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"RIFF", "webp"), (b"GIF8", "gif"))
    ext = next((name for magic, name in kinds if picture.startswith(magic)), "unknown")
    path, n = f"assets/icon/images/main.{ext}", 2
    while path in files:
        path, n = f"assets/icon/images/main-{n}.{ext}", n + 1
    files[path] = picture
    icon = {"type": "icon", "uri": f"embeded://{path}", "name": "main", "ext": ext}
    listed = data.setdefault("assets", [])
    for asset in listed:
        if asset.get("type") == "icon" and asset.get("name") == "main":
            if asset["uri"].lower().startswith("ccdefault:"):
                asset.update(icon)
                return
            asset["name"] = "main (before)"
    listed.insert(0, icon)


def _bytes(obj: Mapping[str, Any], indent: int | None = None) -> bytes:
    return json.dumps(obj, ensure_ascii=False, indent=indent).encode("utf-8", "replace")
