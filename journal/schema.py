"""The tables. A change here needs a migration (journal/migrations/versions/); a test compares the two."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from journal.types import Flag, Json, When, Words

HEAD = "0001"  # the newest migration; lets an up-to-date journal open without loading alembic
VERSION_TABLE = "vignette_version"

_NAMES = {"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"}
metadata = MetaData(naming_convention=_NAMES)


def _word(name: str, *, key: bool = False, default: str | None = "") -> Column[str]:
    if key:
        return Column(name, Words, primary_key=True)
    return Column(name, Words, nullable=False, server_default=default)


def _flag(name: str) -> Column[bool]:
    return Column(name, Flag, nullable=False, server_default="0")


def _when(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, When, nullable=null)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _of(name: str, target: str, *, key: bool = False) -> Column[str]:
    return Column(name, Words, ForeignKey(target, ondelete="CASCADE"), primary_key=key, nullable=False)


events = Table(
    "events",
    metadata,
    _word("platform", key=True),
    _word("message_id", key=True),
    _word("id"),
    _word("channel_id"),
    _word("person_id"),
    Column("payload", Json, nullable=False),
    _word("state"),
    _word("reason"),
    _when("received_at"),
    Index("ix_events_state", "platform", "state", "id"),
    Index("ix_events_person_id", "person_id"),
)

channels = Table(
    "channels",
    metadata,
    _word("id", key=True),
    _word("platform"),
    _word("native_id"),
    _word("name"),
    _word("parent"),
    _word("server"),
    _flag("private"),
    _flag("adult"),
    _word("last_message_id"),
)

members = Table(
    "members",
    metadata,
    _of("channel_id", "channels.id", key=True),
    _word("character_id", key=True),
    _word("id"),
    _word("talk"),
    _word("added_by"),
    _when("added_at"),
)

people = Table(
    "people",
    metadata,
    _word("id", key=True),
    _word("platform"),
    _word("native_id"),
    _word("name"),
    _flag("consented"),
    _when("consent_at", null=True),
    _when("seen_at"),
)

characters = Table(
    "characters",
    metadata,
    _word("id", key=True),
    _word("version", key=True),
    _word("name"),
    Column("body", Json, nullable=False),
    _when("recorded_at"),
)

pictures = Table(
    "pictures",
    metadata,
    _word("sha256", key=True),
    _word("mime"),
    _count("width"),
    _count("height"),
    _word("phash"),
    _count("frames"),
    _word("source"),
    _when("added_at"),
)

notes = Table(
    "notes",
    metadata,
    _word("id", key=True),
    _of("sha256", "pictures.sha256"),
    _word("text"),
    _word("maker"),
    _word("version"),
    _flag("sure"),
    _when("made_at"),
    Index("ix_notes_sha256", "sha256", "id"),
)

dialogues = Table(
    "dialogues",
    metadata,
    _word("id", key=True),
    _of("channel_id", "channels.id"),
    _word("scenario"),
    _when("started_at"),
    _when("last_at"),
    _when("ended_at", null=True),
    _word("end_reason"),
    Index("ix_dialogues_channel_id", "channel_id", "id"),
)
_still = text("ended_at IS NULL")
Index("uq_dialogues_open", dialogues.c.channel_id, unique=True, sqlite_where=_still, postgresql_where=_still)

turns = Table(
    "turns",
    metadata,
    _word("id", key=True),
    _of("dialogue_id", "dialogues.id"),
    _count("position"),
    _word("channel_id"),
    _word("speaker_id"),
    _word("speaker_name"),
    _word("speaker_kind"),
    _word("text"),
    _word("state"),
    _word("rule"),
    _word("reply_to"),
    _word("alternative_of"),
    _word("character_version"),
    Column("made", Json, nullable=True),
    _count("attempts"),
    _when("created_at"),
    _when("finished_at", null=True),
    _when("delivered_at", null=True),
    _when("edited_at", null=True),
    _when("deleted_at", null=True),
    _when("chosen_at", null=True),
    _word("error"),
    UniqueConstraint("dialogue_id", "position", name="uq_turns_position"),
    Index("ix_turns_channel_id", "channel_id", "id"),
    Index("ix_turns_speaker_id", "speaker_id", "id"),
    Index("ix_turns_reply_to", "reply_to"),
    Index("ix_turns_state", "state", "id"),
)

turn_messages = Table(
    "turn_messages",
    metadata,
    _word("platform", key=True),
    _word("message_id", key=True),
    _of("turn_id", "turns.id"),
    _word("id"),
    Index("ix_turn_messages_turn_id", "turn_id", "id"),
)

turn_pictures = Table(
    "turn_pictures",
    metadata,
    _of("turn_id", "turns.id", key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sha256", Words, ForeignKey("pictures.sha256"), nullable=False),
    Index("ix_turn_pictures_sha256", "sha256"),
)

witnesses = Table(
    "witnesses",
    metadata,
    _of("turn_id", "turns.id", key=True),
    _word("character_id", key=True),
)

revisions = Table(
    "revisions",
    metadata,
    _word("id", key=True),
    _of("turn_id", "turns.id"),
    _word("text"),
    _when("at"),
    Index("ix_revisions_turn_id", "turn_id", "id"),
)

feedback = Table(
    "feedback",
    metadata,
    _word("id", key=True),
    _of("turn_id", "turns.id"),
    _word("person_id"),
    _word("kind"),
    _word("value"),
    _when("at"),
    UniqueConstraint("turn_id", "person_id", "kind", "value", name="uq_feedback_turn_id"),
    Index("ix_feedback_person_id", "person_id"),
)

tombstones = Table(
    "tombstones",
    metadata,
    _word("id", key=True),
    _word("salt"),
    _word("person_hash"),
    Column("turns", Json, nullable=False),
    Column("answers", Json, nullable=False),
    Column("pictures", Json, nullable=False),
    _when("at"),
)

duets = Table(
    "duets",
    metadata,
    _word("id", key=True),
    _of("dialogue_id", "dialogues.id"),
    _word("channel_id"),
    Column("characters", Json, nullable=False),
    _count("turns"),
    _word("state"),
    _word("end_reason"),
    _word("started_by"),
    _when("started_at"),
    _when("ended_at", null=True),
    Index("ix_duets_state", "state", "channel_id"),
    Index("ix_duets_dialogue_id", "dialogue_id"),
)

versions = Table(
    "versions",
    metadata,
    _word("id", key=True),
    Column("lineage", Json, nullable=False),
    _when("registered_at"),
)

pointers = Table(
    "pointers",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    _word("current"),
    _word("candidate"),
    Column("canary", Float, nullable=False, server_default="0"),
    _word("reason"),
    _when("moved_at"),
)

runs = Table(
    "runs",
    metadata,
    _word("id", key=True),
    _word("kind"),
    _word("lock"),
    _word("state"),
    Column("details", Json, nullable=False),
    _word("error"),
    _when("started_at"),
    _when("heartbeat_at"),
    _when("ended_at", null=True),
)
Index("uq_runs_lock", runs.c.lock, unique=True, sqlite_where=_still, postgresql_where=_still)

memory = Table(
    "memory",
    metadata,
    _word("key", key=True),
    _word("value"),
)
