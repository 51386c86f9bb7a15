"""`journal stats | show | export | backup | restore | verify | prune`: the log of everything said."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import click

from agent.settings import AgentSettings, Secrets
from journal.settings import JournalSettings

if TYPE_CHECKING:
    from journal.journal import Journal

PASSWORD = "VIGNETTE_DATABASE_PASSWORD"


class HasJournal(Protocol):
    """What the door passes down."""

    @property
    def journal(self) -> JournalSettings: ...
    @property
    def agent(self) -> AgentSettings: ...
    @property
    def secrets(self) -> Secrets: ...


@click.group()
def journal() -> None:
    """Read, export, back up and check the log of all conversations."""


@journal.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def stats(house: HasJournal, as_json: bool) -> None:
    """Count what the journal holds."""
    from journal.stats import stats as count

    async def work() -> None:
        async with _open(house) as journal, journal.read(long=True) as tx:
            found = asdict(await count(tx))
        if as_json:
            click.echo(json.dumps(found, default=_iso))
            return
        for name, value in found.items():
            if isinstance(value, dict):
                value = ", ".join(f"{key} {number}" for key, number in value.items()) or "-"
            click.echo(f"{name.replace('_', ' ') + ':':<20}{_iso(value) if value is not None else '-'}")

    asyncio.run(work())


@journal.command()
@click.argument("dialogue", default="")
@click.option("--limit", default=20, show_default=True, help="How many dialogues to list.")
@click.option("--platform", help="Of one platform only.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
@click.pass_obj
def show(house: HasJournal, dialogue: str, limit: int, platform: str | None, as_json: bool) -> None:
    """Print DIALOGUE as a transcript, or list the newest dialogues. The first characters of an id will do."""
    from door.transcript import one, several

    async def work() -> None:
        async with _open(house) as journal, journal.read(long=True) as tx:
            lines = await (one(tx, dialogue, as_json) if dialogue else several(tx, limit, platform, as_json))
        for line in lines:
            click.echo(line)

    asyncio.run(work())


@journal.command()
@click.argument("file", type=click.File("w", encoding="utf-8", lazy=False, atomic=True), default="-")
@click.option("--platform", help="Of one platform only.")
@click.option("--consented-only", is_flag=True, help="Only dialogues in which everybody agreed to training.")
@click.pass_obj
def export(house: HasJournal, file: IO[str], platform: str | None, consented_only: bool) -> None:
    """Write all dialogues to FILE as JSON lines, one record a dialogue ("-": standard output)."""
    from journal.export import records

    async def work() -> None:
        count = 0
        progress = _progress()
        async with _open(house) as journal:
            async for record in records(journal, platform=platform, consented_only=consented_only):
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
                count += 1
                progress("dialogues", count)
        click.echo(f"Exported {count} dialogues.", err=True)

    asyncio.run(work())


@journal.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.pass_obj
def backup(house: HasJournal, file: Path | None) -> None:
    """Back up the journal and its pictures to FILE (by default backups/journal-DATE.tar.gz). The bot may go
    on meanwhile."""
    from journal.backup import backup as back_up

    target = file or Path("backups") / f"journal-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar.gz"

    async def work() -> None:
        async with _open(house) as journal:
            made = await back_up(journal, house.agent.intake.folder, target, _progress())
        rows = sum(made["rows"].values())
        click.echo(f"Backed up {rows} rows and {made['pictures']} pictures to {target}.")

    asyncio.run(work())


@journal.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Put it in the place of what the journal holds now.")
@click.pass_obj
def restore(house: HasJournal, file: Path, replace: bool) -> None:
    """Bring the backup FILE back into an empty journal, on either database. Whoever asked to be forgotten
    since then stays forgotten. Stop the bot first."""
    from journal.restore import restore as bring_back

    async def work() -> None:
        async with _open(house) as journal:
            done = await bring_back(
                journal, house.agent.intake.folder, file, replace=replace, progress=_progress()
            )
        click.echo(f"Restored {sum(done.rows.values())} rows and {done.pictures} pictures.")
        if done.forgotten:
            click.echo(f"{done.forgotten} turns were forgotten again.")
        for sha256 in done.damaged:
            click.echo(f"The backup's picture {sha256} is damaged and was left out.", err=True)

    asyncio.run(work())


@journal.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list of findings.")
@click.pass_obj
def verify(house: HasJournal, as_json: bool) -> None:
    """Check the database, its references, and every picture's bytes. Exit code 1 if something is damaged."""
    from journal.verify import verify as check

    async def work() -> bool:
        progress = _progress()
        async with _open(house) as journal, journal.read(long=True) as tx:
            found = await check(
                tx, house.agent.intake.folder, lambda done, all: progress(f"of {all} pictures", done)
            )
        if as_json:
            click.echo(json.dumps([asdict(finding) for finding in found]))
        else:
            for finding in found:
                click.echo(f"{'DAMAGED' if finding.serious else 'note':<8} {finding.where}: {finding.what}")
            click.echo(
                "The journal is whole." if not any(f.serious for f in found) else "The journal is damaged."
            )
        return any(finding.serious for finding in found)

    if asyncio.run(work()):
        sys.exit(1)


@journal.command()
@click.option("--days", type=click.IntRange(1), help="Instead of journal.retention_days.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def prune(house: HasJournal, days: int | None, yes: bool) -> None:
    """Delete dialogues that ended longer ago than the retention time, and pictures that no turn shows."""
    from journal.pictures import unlink
    from journal.retention import prune as delete_old

    limit = days or house.journal.retention_days
    what = f"all dialogues that ended more than {limit} days ago" if limit else "pictures that no turn shows"
    if not yes:
        click.confirm(f"Delete {what}?", abort=True)

    async def work() -> None:
        async with _open(house) as journal:
            async with journal.write(long=True) as tx:
                gone = await delete_old(tx, now=datetime.now(UTC), days=limit)
            await journal.compact()
        files = await asyncio.to_thread(unlink, house.agent.intake.folder, gone.pictures)
        click.echo(
            f"Deleted {gone.dialogues} dialogues, {gone.turns} turns, {gone.events} events, {files} pictures."
        )

    asyncio.run(work())


@asynccontextmanager
async def _open(house: HasJournal) -> "AsyncIterator[Journal]":
    from journal.journal import Journal

    async with await Journal.open(house.journal, secrets_password=house.secrets.get(PASSWORD)) as journal:
        yield journal


def _progress() -> Callable[[str, int], None]:
    """Shows one changing line on standard error, and only where a person watches."""
    if not sys.stderr.isatty():
        return lambda part, count: None
    return lambda part, count: click.echo(f"\r\x1b[K{count} {part} ", nl=False, err=True)


def _iso(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
