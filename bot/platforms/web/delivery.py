"""A reply on its way to the page: events in the hub, which never waits for a browser."""

from collections.abc import Sequence
from typing import Any

from bot.events import Outgoing
from bot.platforms.web.hub import Hub


class WebDelivery:
    """Delivery of one turn. A web turn is one message, whose id is the turn's id."""

    def __init__(self, hub: Hub, turn: Outgoing) -> None:
        self._hub, self._turn, self._text = hub, turn, ""
        opened: dict[str, Any] = {
            "turn": turn.turn_id,
            "character": {"id": turn.character_id, "name": turn.character_name},
            "after": turn.after,
            "text": "",
        }
        hub.log(turn.place.id).live[turn.turn_id] = opened
        hub.publish(turn.place.id, "turn-open", dict(opened))

    async def update(self, text: str) -> None:
        if text == self._text:
            return
        more: dict[str, Any] = {"turn": self._turn.turn_id}
        if text.startswith(self._text):
            more["more"] = text[len(self._text) :]
        else:
            more["text"] = text
        self._text = text
        live = self._hub.log(self._turn.place.id).live
        if self._turn.turn_id in live:
            live[self._turn.turn_id]["text"] = text
        self._hub.publish(self._turn.place.id, "turn-update", more)

    async def finish(self, text: str) -> Sequence[str]:
        self._close("turn-finish", {"text": text})
        return (self._turn.turn_id,)

    async def abort(self, words: str) -> None:
        self._close("turn-abort", {"words": words})

    def _close(self, name: str, data: dict[str, Any]) -> None:
        turn, place = self._turn, self._turn.place.id
        self._hub.log(place).live.pop(turn.turn_id, None)
        character = {"id": turn.character_id, "name": turn.character_name}
        self._hub.publish(place, name, {"turn": turn.turn_id, "character": character, **data})
