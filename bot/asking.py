"""From the journal to the question put to the agent: what this character witnessed, and what it can see."""

from collections.abc import Sequence

from agent.agent import Ask
from agent.character import Character
from agent.dialogue import Dialogue, Scenario, Speaker, SpeakerKind, Turn
from agent.errors import CharacterError, JournalError
from agent.picture import Picture
from bot.house import House
from bot.sights import Sights, shown_in
from journal import dialogues, pictures, turns
from journal.turns import TurnRow


def character_of(house: House, turn: TurnRow) -> Character:
    """The speaker as it is now, with the lore of this channel; raises CharacterError for one that left the cast."""
    try:
        return house.equipped(house.cast.characters[turn.speaker_id], turn.channel_id)
    except KeyError:
        raise CharacterError(
            f"{turn.speaker_name} is no longer in the cast", mend="`characters list` shows who is"
        ) from None


async def make_ask(
    house: House,
    sights: Sights,
    turn: TurnRow,
    character: Character,
    *,
    others: Sequence[Character] = (),
    about: str = "",
) -> Ask:
    """What `character` is asked for in a planned turn. Another answer (`/again`) is asked for as the first
    one was: nothing that was said since is known to it."""
    async with house.journal.read() as tx:
        dialogue = await dialogues.get(tx, turn.dialogue_id)
        rows = await turns.witnessed(tx, turn.dialogue_id, character.id, before=turn.id, messages=False)
        hashes = {sha for row in rows for sha in row.pictures}
        found = {sha: await pictures.get(tx, sha, house.pictures) for sha in hashes}
    if dialogue is None:
        raise JournalError("the dialogue of this turn was deleted")
    heard = tuple(_turn(row, found) for row in rows)
    shown = shown_in(t.pictures for t in heard)
    able = await house.agent.backend.abilities()
    notes = await sights.notes(shown, sees=able.sees, pixels=house.agent.settings.prompt.pictures)
    cast = house.cast.characters
    spoke = (t.speaker.id for t in heard if t.speaker.kind is SpeakerKind.CHARACTER)
    company = {c.id: c for c in others} | {i: cast[i] for i in spoke if i in cast}
    company.pop(character.id, None)
    return Ask(
        character, Dialogue(turn.dialogue_id, Scenario(dialogue.scenario), heard), company, notes, about
    )


def _turn(row: TurnRow, found: dict[str, Picture | None]) -> Turn:
    shown = tuple(p for sha in row.pictures if (p := found.get(sha)))
    return Turn(
        row.id, Speaker(row.speaker_id, row.speaker_name, SpeakerKind(row.speaker_kind)), row.text, shown
    )
