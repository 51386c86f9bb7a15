"""Places and the journal's channels: the same thing, seen from either side."""

from bot.events import Place
from journal.channels import Channel


def channel_of(place: Place) -> Channel:
    return Channel(
        place.key,
        place.platform,
        place.id,
        place.name,
        place.parent,
        place.server,
        place.private,
        place.adult,
        "",
    )


def place_of(channel: Channel) -> Place:
    return Place(
        channel.platform,
        channel.native_id,
        channel.name,
        channel.parent,
        channel.server,
        channel.private,
        channel.adult,
    )
