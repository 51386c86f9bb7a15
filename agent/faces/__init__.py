"""Faces: the portrait a card brought, or one drawn from the `[face]` instructions of a character.

backdrop -> hair and hat behind -> body -> neck -> head -> features -> beard -> hair -> glasses -> hat
-> accessories, in units of 0 to 100 on a canvas larger than the result.
"""

from functools import lru_cache

from agent.character import Character

__all__ = ["face"]


def face(character: Character, size: int = 256) -> bytes:
    """A square PNG, `size` pixels a side, at most 60 KB at 256. Always one: what cannot be drawn or read is
    replaced by a face made from the character's id. Blocking, about 40 ms; the last 64 are remembered.
    """
    if character.portrait:
        from agent.faces.portrait import cropped

        if made := cropped(character.portrait, size):
            return made
    return _drawn(tuple(sorted(character.face.items())), character.id, size)


@lru_cache(maxsize=64)
def _drawn(instructions: tuple[tuple[str, str], ...], seed: str, size: int) -> bytes:
    from agent.faces.drawing import drawn

    return drawn(dict(instructions), seed, size)
