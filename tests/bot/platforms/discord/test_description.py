"""All traffic of these tests is held against Discord's own description; here, that breaches are seen at all."""

import json
from collections import Counter

import aiohttp
import pytest

from tests.fakes.discord import LoopbackDiscord
from tests.fakes.discord.description import HELD
from tests.fakes.discord.schema import Json, Schemas

DOCUMENT: Json = {
    "ids": {"type": "string", "format": "snowflake"},
    "user": {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"$ref": "#/ids"}, "bio": {"type": ["string", "null"], "maxLength": 3}},
        "additionalProperties": False,
    },
    "either": {"oneOf": [{"type": "null"}, {"$ref": "#/user"}]},
}


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"id": "1"}, ""),
        ({"id": "1", "bio": None}, ""),
        (None, ""),
        ({"id": 1}, "1 is not string"),
        ({"id": True}, "True is not string"),
        ({"id": "one"}, "'one' is no snowflake"),
        ({}, ".id is missing"),
        ({"id": "1", "bio": "long"}, "breaks maxLength 3"),
        ({"id": "1", "nick": "x"}, ".nick is not described"),
        ([], "is not object"),
    ],
)
def test_what_is_wrong_is_named(value: object, wrong: str) -> None:
    found = list(Schemas(DOCUMENT).wrong({"$ref": "#/either"}, value))
    assert bool(found) == bool(wrong)
    assert wrong in " ".join(found)


def test_ids_may_be_numbers_in_what_is_asked_alone() -> None:
    assert not list(Schemas(DOCUMENT, numbers=True).wrong({"$ref": "#/user"}, {"id": 1}))
    assert list(Schemas(DOCUMENT, numbers=True).wrong({"$ref": "#/user"}, {"id": True}))


async def test_a_breach_fails_the_test_that_made_it() -> None:
    """On both sides: what the bot asks, and what this Discord answers."""
    before = Counter(HELD)
    with pytest.raises(AssertionError, match="breaks maxLength") as caught:
        await _misbehave()
    assert HELD["breach"] > before["breach"]
    HELD.clear()
    HELD.update(before)  # these were meant
    assert "request of POST" in str(caught.value)
    assert "author.username: None is not string" in str(caught.value)
    assert "/nowhere/at/all: it is not described" in str(caught.value)


async def _misbehave() -> None:
    async with LoopbackDiscord() as d:
        d.bot.user["username"] = None
        channel = d.channel(d.guild())
        at = f"https://discord.com/api/v10/channels/{channel['id']}/messages"
        headers = {"Authorization": f"Bot {d.bot.token}", "Content-Type": "application/json"}
        async with aiohttp.ClientSession(connector=d.connector(), headers=headers) as session:
            async with session.post(at, data=json.dumps({"content": "x" * 4_001})) as refused:
                assert refused.headers["X-RateLimit-Remaining"]
            for asking in (
                session.post(at, data='{"content": "Hello."}'),
                session.get(f"{at}/nowhere/at/all"),
            ):
                async with asking:
                    pass
