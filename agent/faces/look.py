"""Drawing instructions: the vocabulary of `[face]`, and a look for those who have none."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from agent.faces.canvas import Colour, colour

COLOURS: dict[str, str] = {
    "background": "#4a7c8c",
    "background2": "#cfe0d0",
    "skin": "#e8bd97",
    "hair_color": "#3a2a22",
    "eyes": "#4a3526",
    "beard_color": "",
    "hat_color": "#7a4a4a",
    "hat_trim": "#e2c27a",
    "glasses_color": "#3a3438",
    "clothing_color": "#48607c",
    "clothing_trim": "#e9e2d2",
}
"""Keys that hold `#rrggbb`, with what is taken where they are missing (no beard colour: the hair's)."""

_WORDS = {
    "scene": """plain sun moon stars northstar hills dunes mountains rays clouds grid snow glow blossom
        waves""",
    "shape": "oval round long square heart",
    "age": "young grown old",
    "hair": """short none crop swept wavy long lank bob bun updo topknot braids curls afro wild monkey""",
    "brows": "soft arched thick stern raised",
    "beard": "none moustache goatee full long pointed wisp stubble",
    "hat": """none deerstalker tophat turban headscarf beret futou basin montera fila veil band circlet
        cap straw""",
    "glasses": "none round square monocle",
    "clothing": "shirt coat cape gown robe tunic dress scrubs shawl manta armor",
    "mark": "none stitches freckles monkey scar",
    "mood": "smile calm grin sly stern wistful",
}

CHOICES: dict[str, tuple[str, ...]] = {key: tuple(words.split()) for key, words in _WORDS.items()}
"""Keys that hold one of a few words; the first is taken where they are missing."""

ACCESSORIES = ("pipe", "earrings", "necklace", "bowtie", "ruff", "staff", "flask", "stethoscope", "flower")
"""`accessory` holds any number of these, with commas between."""

_HEX = re.compile(r"#[0-9a-fA-F]{6}")

_SKINS = ("#f6d9c2", "#f0c9a4", "#dfa97c", "#c08552", "#9a6238", "#6b4328")
_HAIRS = ("#1f1a1c", "#3a2a22", "#6b4326", "#a8672f", "#c9a15a", "#8d8580", "#5a2a22")
_GROUNDS = (
    ("#35607a", "#b9d8d2"),
    ("#7a4a6b", "#e7b9c4"),
    ("#2f6f5f", "#c9dfa6"),
    ("#c2703d", "#f4d79a"),
    ("#4b4f8a", "#c3bfe4"),
    ("#8a3f45", "#efb79a"),
)
_CLOTHES = ("#48607c", "#7c3f4b", "#3f7a63", "#6b4f86", "#b0692f", "#2f4a58", "#96803a")


@dataclass(frozen=True)
class Look:
    """Complete instructions: every word known, every colour real."""

    words: Mapping[str, str]
    colours: Mapping[str, Colour]
    accessories: tuple[str, ...]

    def __getitem__(self, key: str) -> str:
        return self.words[key]

    def paint(self, key: str) -> Colour:
        return self.colours[key]


def look(face: Mapping[str, str], seed: str) -> Look:
    """Fills in what is missing or wrong; where nothing at all is given, from `seed` (a character's id)."""
    given = dict(face) or invented(seed)
    words = {k: given[k] if given.get(k) in known else known[0] for k, known in CHOICES.items()}
    texts = {k: v if _HEX.fullmatch(v := given.get(k, "")) else usual for k, usual in COLOURS.items()}
    texts["beard_color"] = texts["beard_color"] or texts["hair_color"]
    wanted = [w.strip() for w in given.get("accessory", "").split(",")]
    return Look(words, {k: colour(v) for k, v in texts.items()}, tuple(w for w in wanted if w in ACCESSORIES))


def invented(seed: str) -> dict[str, str]:
    """A pleasant face that is always the same for the same seed."""
    number = int.from_bytes(hashlib.sha256(seed.encode("utf-8", "replace")).digest(), "big")

    def pick(options: tuple[str, ...] | tuple[tuple[str, str], ...]) -> str | tuple[str, str]:
        nonlocal number
        number, at = divmod(number, len(options))
        return options[at]

    ground = pick(_GROUNDS)
    keys = {
        "skin": _SKINS,
        "hair_color": _HAIRS,
        "clothing_color": _CLOTHES,
        "hair": (
            "short",
            "swept",
            "wavy",
            "long",
            "bob",
            "bun",
            "curls",
            "afro",
            "topknot",
            "braids",
            "crop",
        ),
        "shape": ("oval", "round", "heart", "square", "long"),
        "scene": ("plain", "sun", "moon", "stars", "hills", "clouds", "rays", "blossom", "waves"),
        "brows": CHOICES["brows"],
        "clothing": ("shirt", "coat", "robe", "tunic", "shawl", "dress"),
        "glasses": ("none", "none", "none", "round", "square"),
        "mood": ("smile", "smile", "calm", "grin", "sly"),
        "mark": ("none", "none", "none", "freckles"),
        "accessory": ("", "", "earrings", "flower", "necklace"),
    }
    face = {key: str(pick(tuple(options))) for key, options in keys.items()}
    if sum(colour(face["skin"])[:3]) < 420 and sum(colour(face["hair_color"])[:3]) > 130:
        face["hair_color"] = _HAIRS[0]  # brown hair on brown skin would melt into one shape
    return {"background": ground[0], "background2": ground[1], **face}


def wrong_words(face: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What a face says that nobody can draw: (key, what is wrong, what would be right)."""
    found = []
    for key, value in face.items():
        if key in COLOURS:
            if not _HEX.fullmatch(value):
                found.append((key, f"{value!r} is no colour", "write it like #a1b2c3"))
        elif key in CHOICES:
            if value not in CHOICES[key]:
                found.append((key, f"{value!r} is not known", f"one of: {', '.join(CHOICES[key])}"))
        elif key == "accessory":
            for word in (w.strip() for w in value.split(",")):
                if word and word not in ACCESSORIES:
                    found.append((key, f"{word!r} is not known", f"any of: {', '.join(ACCESSORIES)}"))
        else:
            keys = ", ".join([*COLOURS, *CHOICES, "accessory"])
            found.append((key, "there is no such key", f"known: {keys}"))
    return found
