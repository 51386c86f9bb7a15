"""Rate limits: token buckets for each person, channel and server."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bot.events import Author, Place
from bot.settings import LimitSettings

MOST_BUCKETS = 10_000  # of one kind; the least recently used is forgotten, which only ever favours people


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    told: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """`who` is at the limit; `tell` is True once per spell, so that a flood is not answered by a flood."""

    who: str
    retry_after: float
    tell: bool


class Limits:
    def __init__(self, settings: LimitSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = {
            "you": (settings.user_burst, settings.user_seconds),
            "this channel": (settings.channel_burst, settings.channel_seconds),
            "this server": (settings.server_burst, settings.server_seconds),
        }
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._clock = clock

    def take(self, author: Author, place: Place) -> Refusal | None:
        """Takes one message's worth from all three buckets, or from none and says which was empty."""
        keys = [("you", author.key), ("this channel", place.key)]
        if place.server:
            keys.append(("this server", f"{place.platform}:{place.server}"))
        buckets = [(who, self._filled(who, key)) for who, key in keys]
        for who, bucket in buckets:
            if bucket.tokens < 1:
                tell, bucket.told = not bucket.told, True
                return Refusal(who, (1 - bucket.tokens) * self._rates[who][1], tell)
        for _, bucket in buckets:
            bucket.tokens -= 1
            bucket.told = False
        return None

    def _filled(self, who: str, key: str) -> _Bucket:
        burst, seconds = self._rates[who]
        now = self._clock()
        bucket = self._buckets.pop((who, key), None) or _Bucket(burst, now)
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.at) / seconds)
        bucket.at = now
        self._buckets[who, key] = bucket
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return bucket
