"""The `journal` commands, run as a person runs them."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.errors import JournalError
from agent.settings import AgentSettings, IntakeSettings, Secrets
from door.journal import journal as journal_group
from journal import dialogues, pictures
from journal.journal import Journal
from journal.settings import JournalSettings
from journal.types import now
from tests.journal.makers import answer, begin, bring, person, say


@dataclass(frozen=True)
class Passed:
    journal: JournalSettings
    agent: AgentSettings
    secrets: Secrets


@pytest.fixture
def passed(tmp_path: Path) -> Passed:
    url = f"sqlite+aiosqlite:///{tmp_path}/journal.db"
    agent = AgentSettings(intake=IntakeSettings(folder=tmp_path / "pictures"))
    return Passed(JournalSettings(url=url), agent, Secrets())


def run(passed: Passed, *words: str) -> Result:
    return CliRunner().invoke(journal_group, [str(word) for word in words], obj=passed)


def fill(passed: Passed) -> str:
    async def work() -> str:
        async with await Journal.open(passed.journal) as journal:
            dialogue = await begin(journal)
            picture = await bring(journal, passed.agent.intake.folder, b"cat")
            heard = await say(
                journal, dialogue, person("Ann\x1b[2J"), "Look\nhere\r!", "m1", shown=[picture.sha256]
            )
            await answer(journal, dialogue, "I see a cat.", to=heard)
            async with journal.write() as tx:
                await dialogues.end(tx, dialogue.id, "new", now=now())
            return dialogue.id

    return asyncio.run(work())


def test_an_empty_journal(passed: Passed) -> None:
    assert "no dialogue yet" in run(passed, "show").output
    assert json.loads(run(passed, "stats", "--json").output)["dialogues"] == 0
    assert run(passed, "stats").exit_code == 0
    assert "is whole" in run(passed, "verify").output


def test_a_transcript(passed: Passed) -> None:
    id = fill(passed)
    assert id in run(passed, "show").output
    shown = run(passed, "show", id[:20].lower()).output
    assert "    here" in shown
    assert "*Sherlock Holmes  (because named; tiny@1)" in shown
    assert "[picture " in shown
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert json.loads(run(passed, "show", id, "--json").output)["dialogue"]["id"] == id
    missing = run(passed, "show", "nothing")
    assert isinstance(missing.exception, JournalError)


def test_export_to_a_file(passed: Passed, tmp_path: Path) -> None:
    fill(passed)
    target = tmp_path / "out.jsonl"
    assert "Exported 1 dialogues" in run(passed, "export", str(target)).output
    assert len(json.loads(target.read_text())["turns"]) == 2
    assert "Exported 0" in run(passed, "export", str(target), "--consented-only").output


def test_backup_and_restore(passed: Passed, tmp_path: Path) -> None:
    id = fill(passed)
    target = str(tmp_path / "b.tar.gz")
    assert "1 pictures" in run(passed, "backup", target).output
    assert isinstance(run(passed, "restore", target).exception, JournalError)
    assert "Restored" in run(passed, "restore", target, "--replace").output
    assert "I see a cat." in run(passed, "show", id).output


def test_verify_and_prune(passed: Passed) -> None:
    fill(passed)
    folder = passed.agent.intake.folder
    assert run(passed, "verify").exit_code == 0
    file = next(folder.glob("*/*.png"))
    assert file == pictures.file_of(folder, file.stem, "image/png")
    file.write_bytes(b"dog")
    damaged = run(passed, "verify", "--json")
    assert damaged.exit_code == 1
    assert json.loads(damaged.output)[0]["serious"]
    assert run(passed, "prune", "--days", "1").exit_code == 1  # nobody said yes
    assert "Deleted 0 dialogues" in run(passed, "prune", "--days", "1", "--yes").output
