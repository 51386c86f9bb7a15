from bot.events import Author, Place
from bot.limits import MOST_BUCKETS, Limits
from bot.settings import LimitSettings

SETTINGS = LimitSettings(
    user_burst=2, user_seconds=10, channel_burst=3, channel_seconds=10, server_burst=4, server_seconds=10
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def author(n: int) -> Author:
    return Author("t", str(n), "Sam")


def place(n: int, server: str = "s") -> Place:
    return Place("t", str(n), server=server)


def test_each_person_has_a_bucket_that_refills() -> None:
    clock = Clock()
    limits = Limits(SETTINGS, clock)
    assert limits.take(author(1), place(1)) is None
    assert limits.take(author(1), place(2)) is None
    refusal = limits.take(author(1), place(3))
    assert refusal is not None
    assert (refusal.who, refusal.retry_after, refusal.tell) == ("you", 10.0, True)
    clock.now = 10.0
    assert limits.take(author(1), place(3)) is None


def test_a_flood_is_told_once() -> None:
    limits = Limits(SETTINGS, Clock())
    told = [r.tell for _ in range(6) if (r := limits.take(author(1), place(1)))]
    assert told == [True, False, False, False]


def test_channels_and_servers_have_theirs() -> None:
    limits = Limits(SETTINGS, Clock())
    by_channel = [limits.take(author(n), place(1)) for n in range(4)]
    assert [r.who if r else "" for r in by_channel] == ["", "", "", "this channel"]
    by_server = [limits.take(author(10 + n), place(10 + n)) for n in range(2)]
    assert [r.who if r else "" for r in by_server] == ["", "this server"]
    assert limits.take(author(20), place(20, server="")) is None


def test_a_refusal_takes_nothing_from_the_others() -> None:
    clock = Clock()
    limits = Limits(SETTINGS, clock)
    for _ in range(9):
        limits.take(author(1), place(1))
    assert limits.take(author(2), place(1)) is None  # two of three were used


def test_memory_is_bounded() -> None:
    limits = Limits(SETTINGS, Clock())
    for n in range(MOST_BUCKETS + 500):
        limits.take(author(n), place(n, server=""))
    assert len(limits._buckets) <= MOST_BUCKETS
