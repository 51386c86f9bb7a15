"""Text from cards: cleaned, named, and its language where the script tells."""

import re
import unicodedata
from collections import Counter

_START = re.compile(r"<\s*START\s*>", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
_BIDI = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CODES = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
# Scripts that one language of today is written in. Latin, Cyrillic and Arabic letters have dozens.
_SCRIPTS = {
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "CJK": "han",
    "HANGUL": "Korean",
    "THAI": "Thai",
    "GREEK": "Greek",
}


def clean(text: str) -> str:
    """Line ends as \\n, no control characters but line ends and tabs (databases reject some of them)."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def clean_name(text: str) -> str:
    """One line without invisible direction marks, at most 120 characters."""
    return " ".join(_BIDI.sub("", clean(text)).split())[:120].strip()


def examples(text: str) -> tuple[str, ...]:
    """The blocks of `mes_example`, each of which begins with `<START>`."""
    return tuple(b for b in (part.strip() for part in _START.split(clean(text))) if b)


def language(sample: str) -> str:
    """The language of a text in a script that belongs to one alone; empty for any other."""
    letters = [c for c in sample[:4000] if c.isalpha()]
    scripts = Counter(
        _SCRIPTS.get(unicodedata.name(c, "").split(" ")[0].split("-")[0], "other") for c in letters
    )
    total = max(len(letters), 1)
    if (scripts["kana"] + scripts["han"]) / total > 0.3:
        return "Japanese" if scripts["kana"] / total > 0.1 else "Chinese"
    return next((name for name in ("Korean", "Thai", "Greek") if scripts[name] / total > 0.3), "")


def named_language(said: str) -> str:
    """A language by its code (`es`, `pt-BR`) or its name; empty where it is neither."""
    word = clean_name(said)[:40]
    code = _CODES.get(re.split("[-_]", word.lower())[0])
    return code or (word if word.replace(" ", "").isalpha() and len(word) > 3 else "")
