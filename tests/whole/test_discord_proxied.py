"""Somebody who speaks through a proxy, from their words to their being forgotten."""

from journal import consent, people
from tests.fakes.stage import ScriptedBackend
from tests.whole.theatre import Theatre

PLURALKIT = "466378653216014359"


async def mia_says(on: Theatre, text: str) -> None:
    await on.d.say_through_webhook(on.channel, "Mia | Trees", text, application=PLURALKIT)


async def test_a_name_is_answered_never_consents_and_is_forgotten(
    on: Theatre, backend: ScriptedBackend
) -> None:
    assert "may train" in await on.do("privacy", by=on.john, training="on")
    await on.say("I am John.")
    await on.answered(1)
    await mia_says(on, "I am Mia.")
    rows = await on.answered(2)
    mia = f"discord:{on.guild['id']}/mia | trees"
    assert [(r.speaker_id, r.speaker_name) for r in rows if r.text == "I am Mia."] == [(mia, "Mia | Trees")]
    assert "I am Mia." in backend.requests[-1].messages[-1].text
    async with on.bot.house.journal.read() as tx:
        assert await consent.consented(tx, f"discord:{on.john['id']}")
        assert not await consent.consented(tx, mia)

    told = await on.do("forget", by=on.john, name="Mia | Trees", confirm="yes")
    assert "cannot be told that it is yours" in told, "John may not delete what another name said"
    assert "nobody spoke" in (await on.do("forget", by=on.boss, name="Ben", confirm="yes")).lower()
    assert "nobody spoke" in (await on.do("forget", by=on.boss, name="John", confirm="yes")).lower()
    assert "cannot be undone" in await on.do("forget", by=on.boss, name="mia |  TREES")
    assert "Forgotten: 1 turns" in await on.do("forget", by=on.boss, name="mia |  TREES", confirm="yes")
    left = [r.text for r in await on.logged()]
    assert "I am John." in left
    assert "I am Mia." not in left
    async with on.bot.house.journal.read() as tx:
        assert await people.get(tx, mia) is None


async def test_a_name_of_another_server_is_somebody_else(on: Theatre) -> None:
    await mia_says(on, "I am Mia.")
    await on.answered(1)
    private = on.d.dm(on.boss)
    told = await on.do("forget", by=on.boss, channel=private, name="Mia | Trees", confirm="yes")
    assert "nobody spoke" in told.lower()
    assert "I am Mia." in [r.text for r in await on.logged()]
