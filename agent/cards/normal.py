"""Any card object -> a sound V3 object, telling what was mended. Mending a sound one changes nothing.

Specifications: Character Card V1, V2 (malfoyslastname) and V3 (kwaroran), and what is found in the wild.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.cards.books import mend_book
from agent.cards.mending import OURS, Mender
from agent.errors import CardError

V1 = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
_TEXTS = ("creator_notes", "system_prompt", "post_history_instructions", "creator", "character_version")
_LISTS = ("alternate_greetings", "tags", "group_only_greetings")
_OPTIONAL = (
    "nickname",
    "source",
    "creator_notes_multilingual",
    "creation_date",
    "modification_date",
    "assets",
    "character_book",
)
_DATA = (*V1, *_TEXTS, *_LISTS, *_OPTIONAL, "extensions")
# Older still: Pygmalion's and Text Generation WebUI's names for V1's fields.
_PYGMALION = {
    "char_name": "name",
    "char_persona": "description",
    "world_scenario": "scenario",
    "char_greeting": "first_mes",
    "example_dialogue": "mes_example",
    "context": "description",
    "greeting": "first_mes",
    "sampleChat": "mes_example",  # Agnai
}


@dataclass(frozen=True)
class Normal:
    """`obj` is a sound V3 object (its own copy), `spec` what the card was: `v1`, `v2` or `v3`."""

    obj: dict[str, Any]
    spec: str
    repairs: tuple[str, ...]

    @property
    def data(self) -> dict[str, Any]:
        made: dict[str, Any] = self.obj["data"]
        return made


def normalise(raw: Mapping[str, Any]) -> Normal:
    """Raises CardError where nothing in the object is a character's."""
    mender = Mender()
    obj, spec = _shaped(copy.deepcopy(dict(raw)), mender)
    data = obj["data"]
    _fill_mirrored(obj, data, mender)
    for key in V1:
        mender.string(data, key, "data")
    for key in (*_TEXTS, *_LISTS):
        missing = key not in data
        if key in _TEXTS:
            data.setdefault(key, "")  # absent in V1 by rule, and often in V2: nothing is lost
            mender.string(data, key, "data")
        else:
            mender.strings(data, key, "data", commas=key == "tags")
        if missing and spec != "v1" and not (spec == "v2" and key == "group_only_greetings"):
            mender.note(f"{key} was missing, now empty")
    mender.mapping(data, "extensions", "data")
    _mend_optional(data, mender)
    if isinstance(data.get("character_book"), dict):
        mend_book(data["character_book"], mender)
    _keep_originals(data, mender)
    return Normal(obj, spec, mender.lines())


def _shaped(raw: dict[str, Any], mender: Mender) -> tuple[dict[str, Any], str]:
    """The object in V3's outer shape, every value still as it came."""
    spec, data = raw.get("spec"), raw.get("data")
    known = {"chara_card_v2": "v2", "chara_card_v3": "v3"}.get(spec) if isinstance(spec, str) else None
    if isinstance(data, dict) and (known or any(k in data for k in V1)):
        obj = raw
        if known is None:
            known = "v3" if any(k in data for k in ("assets", "group_only_greetings", "nickname")) else "v2"
            mender.aside(
                "spec", spec, f"spec was {str(spec)[:40]!r}: read as {known}"
            ) if spec else mender.note(f"spec was missing: read as {known}")
    else:
        if known:
            mender.note("data was missing: the fields were taken from the top level")
        if "data" in raw and known:
            mender.aside("data", raw.pop("data"), "data was no object: it was set aside")
        _rename_pygmalion(raw, mender)
        if not any(k in raw for k in V1):
            mend = "a character card has at least a name and a description"
            raise CardError("this is no character card", mend=mend)
        obj = {k: v for k, v in raw.items() if k not in _DATA}
        obj["data"] = {k: v for k, v in raw.items() if k in _DATA}
        if not known and "spec" in obj:
            mender.aside("spec", obj["spec"], "spec is unknown: read as v1")
        known = known or "v1"
        obj = _unwrapped(obj) if known == "v1" else obj
    _set_version(obj, known, mender)
    return obj, known


def _rename_pygmalion(raw: dict[str, Any], mender: Mender) -> None:
    for old, new in _PYGMALION.items():
        if isinstance(raw.get(old), str) and new not in raw:
            raw[new] = raw[old]
            mender.note(f"{old} was taken as {new}")
    if "description" not in raw and (words := _persona(raw.get("persona"))):
        raw["description"] = words
        mender.note("persona was taken as description")


def _persona(persona: Any) -> str:
    """Agnai's: a text, or attributes with a list of texts each."""
    if isinstance(persona, str):
        return persona
    attributes = persona.get("attributes") if isinstance(persona, dict) else None
    if not isinstance(attributes, dict):
        return ""
    told = {k: v if isinstance(v, list) else [v] for k, v in attributes.items()}
    texts = {k: ", ".join(str(w) for w in v if isinstance(w, str | int | float)) for k, v in told.items()}
    return "\n".join(words if key == "text" else f"{key}: {words}" for key, words in texts.items() if words)


def _unwrapped(obj: dict[str, Any]) -> dict[str, Any]:
    """A V1 card that we wrote carries the whole V3 object: that, with V1's own fields laid over it."""
    extensions = obj["data"].get("extensions")
    ours = extensions.get(OURS) if isinstance(extensions, dict) else None
    whole = ours.get("whole") if isinstance(ours, dict) else None
    if not isinstance(whole, dict) or not isinstance(whole.get("data"), dict):
        return obj
    told = {k: v for k, v in obj["data"].items() if k != "extensions"}
    inner = whole["data"].get("extensions")
    joined = {
        **(inner if isinstance(inner, dict) else {}),
        **{k: v for k, v in extensions.items() if k != OURS},
    }
    data = {**whole["data"], **told, "extensions": joined}
    return {**{k: v for k, v in obj.items() if k != "data"}, **whole, "data": data}


def _set_version(obj: dict[str, Any], known: str, mender: Mender) -> None:
    said = obj.get("spec_version")
    try:
        number = float(said) if isinstance(said, str | int | float) and not isinstance(said, bool) else 0.0
    except ValueError:
        number = 0.0
    if number > 3.0:
        mender.note(
            f"the card says version {str(said)[:20]}, newer than 3.0: what is unknown was kept untouched"
        )
    elif known == "v3" and number != 3.0:
        mender.note("spec_version was not 3.0")
    elif known == "v2" and number != 2.0:
        mender.note("spec_version was not 2.0")
    if not isinstance(said, str | None):
        mender.aside("spec_version", said, "spec_version was no text")
    version = said if isinstance(said, str) and number > 3.0 else "3.0"
    rest = {k: v for k, v in obj.items() if k not in ("spec", "spec_version")}
    obj.clear()
    obj.update(spec="chara_card_v3", spec_version=version, **rest)


def _fill_mirrored(obj: dict[str, Any], data: dict[str, Any], mender: Mender) -> None:
    """Many V2 cards repeat V1's fields at the top level: they fill what `data` lacks."""
    for key in V1:
        if key not in data and isinstance(obj.get(key), str):
            data[key] = obj[key]
            mender.note(f"{key} was missing in data: taken from the top level")


def _mend_optional(data: dict[str, Any], mender: Mender) -> None:
    if "nickname" in data:
        mender.string(data, "nickname", "data")
    if "source" in data:
        mender.strings(data, "source", "data")
    for key in ("creation_date", "modification_date"):
        if key in data:
            mender.number(data, key, "data", None)
    for key, kind in (("creator_notes_multilingual", dict), ("assets", list), ("character_book", dict)):
        if key not in data:
            continue
        value = data[key]
        if key == "character_book" and isinstance(value, list):
            data[key] = {"entries": value}
            mender.note("character_book was a bare list of entries")
        elif value is None:
            del data[key]
            mender.note(f"{key} was null")
        elif not isinstance(value, kind):
            mender.aside(f"data.{key}", data.pop(key), f"{key} was of the wrong kind: it was set aside")
    assets = data.get("assets")
    if assets is not None and not all(_is_asset(a) for a in assets):
        data["assets"] = [a for a in assets if _is_asset(a)]
        mender.aside("data.assets", assets, "assets held items without a uri: they were set aside")


def _is_asset(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("uri"), str)


def _keep_originals(data: dict[str, Any], mender: Mender) -> None:
    """What mending replaced goes under our key in `extensions`, so that an export loses nothing."""
    if not mender.originals:
        return
    extensions = data["extensions"]
    ours = extensions.get(OURS)
    if not isinstance(ours, dict):
        if ours is not None:
            mender.originals[f"data.extensions.{OURS}"] = ours
        ours = extensions[OURS] = {}
    earlier, merged = ours.get("originals"), Mender()
    for path, value in [*(earlier.items() if isinstance(earlier, dict) else ()), *mender.originals.items()]:
        merged.aside(path, value, "")
    ours["originals"] = merged.originals
