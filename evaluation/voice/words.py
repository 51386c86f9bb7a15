"""Words: what all counts here are made of."""

import re
from functools import lru_cache

from agent.words import words

__all__ = ["STOP", "content", "stem", "words"]

_CONFIDENCE = re.compile(r"\((?:0\.\d+|1\.0+)\)")  # how sure the eyes are of a tag
_SUFFIXES = ("ingly", "edly", "ings", "ing", "ied", "ies", "ed", "es", "ly", "s")
_SHORTEST = 3  # letters that a stem keeps

# Words without a subject of their own, and those that the eyes write into every note.
_STOP = """
    a about above after again all almost also am an and any are aren't as at away be because been before behind being
    below beside between both but by can can't cannot come could couldn't did didn't do does doesn't doing don't down
    each either else ever every few for from get give go good had has hasn't have having he he'd he'll he's her here
    hers him himself his how i i'd i'll i'm i've if in indeed into is isn't it it's its itself just know less let let's
    like make many may me might mine more most much must my myself near no none nor not nothing now of off often oh on
    once one only or other others our ours out over own perhaps put quite rather said same say see seem seems shall she
    she's should shouldn't since so some something still such take tell than that that's the their theirs them
    themselves then there there's these they they're thing things think this those though through thus to too two
    under until up upon us very was wasn't we we'd we'll we're we've well went were weren't what what's when where
    whether which while who whom whose why will with within without won't would wouldn't yes yet you you'd you'll
    you're you've your yours yourself
    tag tags machine guess text picture pictures colour colours shape mostly subject recognised kind
"""
STOP = frozenset(_STOP.split())


@lru_cache(4096)  # notes are compared with many replies
def content(text: str) -> frozenset[str]:
    """The stems of the words that have a subject: no stop words, no single letters, no tag's confidence."""
    said = words(_CONFIDENCE.sub(" ", text))
    return frozenset(stem(w) for w in said if w not in STOP and (len(w) > 1 or not w.isascii()))


def stem(word: str) -> str:
    """A word (lower case) without its ending: `harbours` and `harbour`, `carried` and `carry` are one. Crude: it
    knows no irregular forms."""
    word = word.removesuffix("'s").removesuffix("'")
    for suffix in _SUFFIXES:
        head = word.removesuffix(suffix)
        if head != word and len(head) >= _SHORTEST and not (suffix == "s" and head.endswith(("s", "u", "i"))):
            word = head + ("y" if suffix in ("ied", "ies") else "")
            break
    if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] in "bdgmnprt":
        word = word[:-1]  # running -> run
    return word[:-1] if len(word) > _SHORTEST and word.endswith("e") else word
