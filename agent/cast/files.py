"""Characters on disk: one file each, and beside it a folder for what is no text (portrait, raw card).

sherlock-holmes.toml            what people edit
sherlock-holmes.files/
    portrait.png                the picture that came with a card
    card.json                   the raw imported object
    original.png|json|charx     the very file that was imported
"""

import json
import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.cast.names import is_id, slug
from agent.cast.read import read_toml
from agent.cast.write import dump_toml
from agent.character import Character
from agent.errors import CharacterError

log = logging.getLogger(__name__)

CARDS = (".json", ".png", ".apng", ".charx")
LARGEST_TOML = 1_000_000
LARGEST_CARD = 128 << 20


def load_character(path: Path) -> Character:
    """The character in a TOML file or a character card. Raises CharacterError (CardError for a card)."""
    toml = path.suffix.lower() == ".toml"
    data = read_bytes(path, LARGEST_TOML if toml else LARGEST_CARD)
    if toml:
        try:
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            mend = "save the file as UTF-8"
            raise CharacterError("this is not UTF-8 text", where=f"{path}:{line}", mend=mend) from None
        return _with_companions(read_toml(text, str(path)), companions(path))
    from agent.cards import read_card  # needs Pillow: only where there are cards

    character = read_card(data, name_hint=path.stem).character
    return character if is_id(character.id) else replace(character, id=slug(character.name))


def read_bytes(path: Path, limit: int) -> bytes:
    """The file's bytes. Raises CharacterError where it cannot be read or is larger than `limit` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        what = f"the file cannot be read: {error.strerror}"
        raise CharacterError(what, where=str(path), mend="check the path and its permissions") from None
    if len(data) > limit:
        what = f"the file is larger than {limit:,} bytes"
        raise CharacterError(what, where=str(path), mend="this is no character: move it elsewhere")
    return data


def companions(path: Path) -> Path:
    """The folder beside a character's TOML."""
    return path.with_suffix(".files")


def _with_companions(character: Character, folder: Path) -> Character:
    if not folder.is_dir():
        return character
    portrait, card = folder / "portrait.png", folder / "card.json"
    raw: dict[str, Any] = {}
    if card.is_file():
        try:
            raw = json.loads(read_bytes(card, LARGEST_CARD))
        except (ValueError, RecursionError) as error:
            what, mend = f"the raw card is broken: {error}", "import the original file beside it again"
            raise CharacterError(what, where=str(card), mend=mend) from None
    picture = read_bytes(portrait, LARGEST_CARD) if portrait.is_file() else None
    return replace(character, portrait=picture, card=raw)


def save(character: Character, folder: Path, original: bytes | None = None, ext: str = "") -> Path:
    """Writes `ID.toml` and what goes beside it, the TOML last, each file whole or not at all."""
    path = folder / f"{character.id}.toml"
    beside = companions(path)
    if character.portrait:
        write_whole(beside / "portrait.png", character.portrait)
    else:
        (beside / "portrait.png").unlink(missing_ok=True)
    if character.card:
        write_whole(beside / "card.json", json.dumps(character.card, indent=1).encode())
    else:
        (beside / "card.json").unlink(missing_ok=True)
    if original is not None or not character.card:
        for stale in beside.glob("original.*"):
            stale.unlink()
    if original is not None:
        write_whole(beside / f"original{ext}", original)
    write_whole(path, dump_toml(character).encode())
    return path


def write_whole(path: Path, data: bytes) -> None:
    """Replaces a file in one step: readers see the old bytes or the new ones, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
