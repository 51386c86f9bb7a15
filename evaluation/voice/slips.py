"""Signs that a character fell out of its role. Patterns over words: each catches some of what its name says and
misses the rest, and a figure means little without the same figure of the corpus's own answers beside it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_I = r"\bi(?:'m| am| was)\b"
_CANNOT = r"(?:can't|cannot|can not|couldn't|could not|am unable to|am not able to|don't have the ability to)"
_PICTURE = r"(?:images?|pictures?|photos?|photographs?)"
_ASSISTANT = re.compile(
    rf"\bas an ai\b|\blanguage model\b|\bai (?:assistant|model|system)\b|\b(?:virtual|digital|helpful) assistant\b"
    rf"|{_I} (?:only |just |merely )?an? (?:ai|assistant|chat ?bot|bot|computer program|program)\b"
    r"|\bhow (?:can|may) i (?:help|assist) you\b|\bcan i (?:help|assist) you with (?:some|any)thing\b"
    r"|\bi(?:'m| am) (?:here|happy|glad) to (?:help|assist)\b"
)
_NO_PICTURE = re.compile(
    rf"\bi {_CANNOT} (?:actually |really )?(?:see|view|look at|open|process|display) (?:the |any |this |that |your )?"
    rf"(?:attached |actual )?{_PICTURE}\b"
    rf"|\bi (?:don't|do not|didn't|did not) (?:see|have|receive) (?:an?|any|the) {_PICTURE}\b"
    rf"|\b(?:there is|there's|there was) no {_PICTURE}\b"
    rf"|\bno {_PICTURE} (?:is|was|here|there|attached|provided|shown)\b"
    rf"|\bwithout (?:seeing|having seen) the {_PICTURE}\b"
)
_OUTSIDE = re.compile(
    r"\bthe (notes?|profile|tags?|prompt|description|instructions?|caption)\b|\bmachine guess\b|\bwhat is known of\b"
)
_SCRIPT = re.compile(
    r"\(human\b|\bhuman\)?:|\bthe (?:curious )?human\b(?! [a-z])|\bthe conversation so far\b"
)
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*")
_BORN = re.compile(
    r"\bI was born (?:and raised )?(?:in|at|near|on) (?:the )?((?:[A-Z]\w+|\d{3,4})(?:[ -][A-Z]\w+)*)"
)
_KIN = re.compile(
    r"\b[Mm]y (?:dear |old |late |younger |elder |little )?(?:wife|husband|son|daughter|brother|sister"
    r"|father|mother|uncle|aunt|cousin|friend),? ([A-Z]\w+)"
)
_DENIED = re.compile(
    r"\bI (?:do not|don't|did not|didn't|never|have never|had never) (?:know|knew|known|meet|met|heard of)\b"
)
_VERB = r"(?:is|was|has|had|does|did|will|would|can|could|may|might|must|[a-z]{2,}(?:s|ed))"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a reply was given. `name` the character's, `profile` all that it is told of itself, `prompt` everything
    that it read, `notes` those that it read."""

    name: str
    profile: str
    prompt: str
    notes: Sequence[str] = ()


def assistant(reply: str, _scene: Scene) -> bool:
    """Claims to be an AI or an assistant, or offers help like one."""
    return bool(_ASSISTANT.search(_plain(reply)))


def third_person(reply: str, scene: Scene) -> bool:
    """Its own name begins a sentence as the subject of a verb in the third person."""
    parts = [p for p in scene.name.split() if p[:1].isupper() and p not in ("The", "Old", "Unit")]
    names = sorted({scene.name, *parts}, key=len, reverse=True)
    either = "|".join(re.escape(n) for n in names if n)
    return bool(either) and bool(
        re.search(rf"(?:^|[.!?…]['\"”’]?\s+|\n)(?:{either}) {_VERB}\b", _quotes(reply))
    )


def no_picture(reply: str, scene: Scene) -> bool | None:
    """Says that it sees no picture, or that there is none, though it was told of one. None where it was not."""
    return bool(_NO_PICTURE.search(_plain(reply))) if scene.notes else None


def outside(reply: str, scene: Scene) -> bool:
    """Speaks of the note, the profile, the tags, the prompt. Not where these words stand in what it was shown or is:
    a bank note, a singer's note, a price tag."""
    around = _plain(" ".join((scene.profile, *scene.notes))).replace("tags (machine guess)", "")
    return any(
        not (word := found[1]) or not re.search(rf"\b{word.rstrip('s')}s?\b", around)
        for found in _OUTSIDE.finditer(_plain(reply))
    )


def script(reply: str, _scene: Scene) -> bool:
    """Writes the conversation down instead of speaking: `human:`, `the human` for whom it talks with."""
    return bool(_SCRIPT.search(_plain(reply)))


def new_number(reply: str, scene: Scene) -> bool:
    """A number in digits that stands nowhere in the prompt: a year, a price, an age made up. Not every one is wrong."""
    known = set(_NUMBER.findall(scene.prompt)) | set(_NUMBER.findall(scene.profile))
    return bool(set(_NUMBER.findall(reply)) - known)


def born_elsewhere(reply: str, scene: Scene) -> bool:
    """`I was born in X`, and the profile has no X."""
    return any(found[1] not in scene.profile for found in _BORN.finditer(_quotes(reply)))


def new_kin(reply: str, scene: Scene) -> bool:
    """`My sister X`, `my friend X`, and neither the profile nor the rest of the prompt has an X."""
    known = f"{scene.profile} {scene.prompt}"
    return any(found[1] not in known for found in _KIN.finditer(_quotes(reply)))


def denies(reply: str, scene: Scene) -> bool:
    """`I never met`, and within six words a name that the profile has."""
    for found in _DENIED.finditer(_quotes(reply)):
        after = re.split(r"[.!?;]", reply[found.end() :])[0].split()[:6]
        names = (w.strip(",'’\"“”").removesuffix("'s").removesuffix("’s") for w in after)
        if any(
            n[:1].isupper() and len(n) > 2 and re.search(rf"\b{re.escape(n)}\b", scene.profile) for n in names
        ):
            return True
    return False


SLIPS: dict[str, Callable[[str, Scene], bool | None]] = {
    "calls itself an AI or assistant": assistant,
    "speaks of itself by name": third_person,
    "says there is no picture": no_picture,
    "speaks of note, profile or prompt": outside,
    "writes of the human, or a label": script,
    "a number that the prompt has not": new_number,
    "born where the profile does not say": born_elsewhere,
    "names kin or a friend nobody told it of": new_kin,
    "denies knowing somebody of its profile": denies,
}


def _quotes(text: str) -> str:
    return text.replace("’", "'")


def _plain(text: str) -> str:
    return " ".join(_quotes(text).lower().split())
