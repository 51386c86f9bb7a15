"""A card's assets: where their addresses point, and which is the portrait. Nothing is ever fetched."""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from agent.cards.imported import MAX_ENTRY
from agent.cards.jsontext import unbase64

_INSIDE = ("embeded://", "embedded://", "__asset:")  # the first spelling is the specification's
_REMOTE = ("http:", "https:", "ftp:", "file:", "//")


def inside(uri: str) -> str | None:
    """The path inside the container that `uri` names, or None."""
    for scheme in _INSIDE:
        if uri.lower().startswith(scheme):
            return uri[len(scheme) :].lstrip("/:")
    return None


def portrait(
    data: Mapping[str, Any], found: Mapping[str, bytes], container: bytes | None, repairs: list[str]
) -> bytes | None:
    """The main icon: an asset if the card names one that is here, else the picture the card came in."""
    icons = [a for a in data.get("assets", ()) if a.get("type") == "icon"]
    main = [a for a in icons if a.get("name") == "main"]
    if len(main) > 1 or (len(icons) > 1 and not main):
        repairs.append(f"{len(main)} of {len(icons)} icons are called main (one should be): the first counts")
    for icon in main or icons:
        uri = icon["uri"]
        if uri.lower().startswith("ccdefault:"):
            break
        body = _body(uri, found)
        if body is not None:
            return body
    return container


def check(data: Mapping[str, Any], found: Mapping[str, bytes], repairs: list[str]) -> None:
    """Tells which of the assets that the card names are not here."""
    for asset in data.get("assets", ()):
        uri, name = asset["uri"], str(asset.get("name", ""))[:60]
        if uri.lower().startswith(_REMOTE):
            repairs.append(f"the asset {name!r} lies elsewhere ({uri[:80]}) and was not fetched")
        elif (path := inside(uri)) is not None and path not in found:
            repairs.append(f"the asset {name!r} is named in the card but missing from its container")


def _body(uri: str, found: Mapping[str, bytes]) -> bytes | None:
    path = inside(uri)
    if path is not None:
        return found.get(path)
    head, comma, body = uri.partition(",")
    if comma and head.lower().startswith("data:") and head.lower().endswith(";base64"):
        if len(body) > MAX_ENTRY * 4 // 3:
            return None
        return unbase64(body.encode("utf-8", "replace"))
    return None


def retarget(assets: Sequence[dict[str, Any]], names: Mapping[str, str], scheme: str) -> None:
    """Addresses of assets that are in `names` get their new name, and the `scheme` of the container they go to."""
    for asset in assets:
        path = inside(asset["uri"])
        new = names.get(path) if path is not None else None
        if new is not None and (new != path or not asset["uri"].startswith(scheme)):
            asset["uri"] = scheme + new


def short_names(paths: Iterable[str], fits: Callable[[str], bool]) -> dict[str, str]:
    """Old path to new: the same where it `fits`, else a number and the ending."""
    every = list(paths)
    names = {path: path for path in every if fits(path)}
    for path in every:
        if path in names:
            continue
        ending = re.sub(r".*(\.[A-Za-z0-9]{1,8})|.*", r"\1", path, flags=re.DOTALL)
        n = next(n for n in itertools.count() if f"renamed/{n}{ending}" not in names.values())
        names[path] = f"renamed/{n}{ending}"
    return names
