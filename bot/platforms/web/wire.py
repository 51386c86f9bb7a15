"""JSON on its way out, and the checks on what comes in. Nothing past this file sees an unchecked value."""

import hashlib
import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from agent.character import Character
from agent.errors import Busy, PictureError, VignetteError
from agent.macros import shown
from agent.picture import Note
from bot.platforms.web.needs import DialogueSummary, PictureView, TurnView

MAX_WORDS = 8_000  # characters of one message
MAX_JSON = 64_000  # bytes of one JSON body
CONVERSATION = r"c-[A-Za-z0-9_-]{16,64}"
NAME = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"  # ids of characters, turns, dialogues, a client's messages
SHA256 = r"[0-9a-f]{64}"

Conversation = Annotated[str, StringConstraints(pattern=f"^{CONVERSATION}$")]
Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
CallMe = Annotated[str, StringConstraints(max_length=40)]
Value = Annotated[str, StringConstraints(max_length=MAX_WORDS)] | int | bool


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


B = TypeVar("B", bound=Body)


class CommandBody(Body):
    """`id` is the client's own, so that a repeat is recognised."""

    id: Name
    place: Conversation
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,31}$")]
    arguments: Annotated[dict[str, Value], Field(max_length=24)] = {}
    call_me: CallMe = ""


class ReactionBody(Body):
    place: Conversation
    emoji: Annotated[str, StringConstraints(min_length=1, max_length=16)]
    removed: bool = False


class ServerBody(Body):
    """A server that speaks OpenAI's protocol. The key goes no further than the memory of this program."""

    address: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    model: Annotated[str, StringConstraints(max_length=200)] = ""
    key: Annotated[str, StringConstraints(max_length=500)] = ""


class MessageBody(Body):
    """The words of a message; its pictures come beside it. `characters` are addressed."""

    id: Name
    words: Annotated[str, StringConstraints(max_length=MAX_WORDS)] = ""
    characters: Annotated[tuple[Name, ...], Field(max_length=8, strict=False)] = ()
    reply_to: Annotated[str, StringConstraints(pattern=f"^({NAME})?$")] = ""
    call_me: CallMe = ""


class Refused(Exception):
    """A request that gets an error answer instead of what it asked for."""

    def __init__(self, status: int, what: str, *, mend: str = "") -> None:
        super().__init__(what)
        self.status, self.what, self.mend = status, what, mend


def parse(kind: type[B], text: str | bytes) -> B:
    """The body, or Refused 400 naming the field that is wrong (never echoing what was sent)."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Refused(400, f"{where}: {first['msg']}") from None


def message_id(place: str, client_id: str) -> str:
    """The server's id of a message. It follows from what the client sent, so that a repeat, even after a
    restart of the server, is the same message to the journal."""
    return "m-" + hashlib.sha256(f"{place}\n{client_id}".encode()).hexdigest()[:24]


def error_answer(status: int, what: str, mend: str = "") -> web.Response:
    return web.json_response({"error": {"what": what, "mend": mend}}, status=status)


def refusal(error: VignetteError) -> web.Response:
    """An error of the house as an HTTP answer, with the words meant for people. `where` stays here: it may
    name files of this machine."""
    if isinstance(error, Busy):
        answer = error_answer(429, error.what, error.mend)
        if error.retry_after:
            answer.headers["Retry-After"] = str(max(1, round(error.retry_after)))
        return answer
    return error_answer(422 if isinstance(error, PictureError) else 503, error.what, error.mend)


def character_json(character: Character, reader: str) -> dict[str, Any]:
    """`reader` is what the person at the page is called: a card may speak to them."""
    return {
        "id": character.id,
        "name": character.spoken_name,
        "origin": character.origin,
        "kind": character.kind.value,
        "language": character.language,
        "introduction": shown(character.profile.introduction, character, user=reader),
        "greeting": shown(character.greeting, character, user=reader),
        "version": character.version,
    }


def note_json(note: Note | None) -> dict[str, Any] | None:
    if note is None:
        return None
    return {"text": note.text, "maker": note.maker.value, "version": note.version, "sure": note.sure}


def picture_json(picture: PictureView) -> dict[str, Any]:
    return {
        "sha256": picture.sha256,
        "width": picture.width,
        "height": picture.height,
        "note": note_json(picture.note),
    }


def turn_json(turn: TurnView) -> dict[str, Any]:
    return {
        "id": turn.id,
        "message_id": turn.message_id,
        "speaker": {"id": turn.speaker.id, "name": turn.speaker.name, "kind": turn.speaker.kind.value},
        "text": turn.text,
        "pictures": [picture_json(p) for p in turn.pictures],
        "at": turn.at.isoformat() if turn.at else None,
        "dialogue": turn.dialogue,
        "over": turn.over,
        "gone": turn.gone,
    }


def summary_json(summary: DialogueSummary) -> dict[str, Any]:
    return {
        "id": summary.id,
        "scenario": summary.scenario.value,
        "platform": summary.platform,
        "place": summary.place,
        "characters": list(summary.characters),
        "opening": summary.opening,
        "turns": summary.turns,
        "last": summary.last.isoformat(),
        "cover": summary.cover,
    }


def moment(text: str) -> datetime:
    """An ISO 8601 moment with its time zone; Refused 400 otherwise."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, "before: not a moment") from None
    if at.tzinfo is None:
        raise Refused(400, "before: a moment needs its time zone")
    return at


def checked(pattern: str, value: str) -> str:
    """The value, if all of it has that form; Refused 404 otherwise."""
    if not re.fullmatch(pattern, value, re.ASCII):
        raise Refused(404, "there is nothing here")
    return value
