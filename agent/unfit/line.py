"""A line for when a model has nothing fit to say."""

from agent.character import Character
from agent.macros import shown
from agent.speech import sentences

_NOBODYS = "Forgive me, the words will not come just now."


def line(character: Character, seed: int) -> str:
    """One of the character's catchphrases, else the first sentence of its greeting: in its own voice."""
    own = [" ".join(c.split()) for c in character.profile.catchphrases if c.strip()]
    first = next(iter(sentences(character.greeting)), "") or _NOBODYS
    chosen = own[seed % len(own)] if own else first
    return shown(chosen, character)
