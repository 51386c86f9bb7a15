"""A writer killed at any moment: what it said was kept is there, once; what is there is whole."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from journal import events, turns
from journal.journal import Journal
from journal.settings import JournalSettings
from journal.verify import verify
from tests.journal.makers import begin

ROOT = Path(__file__).parents[2]
ROUNDS = 60
# The nursery loads everything once, then gives birth to writers by fork, kills each at a random moment after
# its first word, and passes on what it had acknowledged by then.
NURSERY = """
import asyncio, itertools, os, random, signal, sys, time
from tests.journal.makers import AT, HOLMES, MADE, person
from journal import dialogues, events, turns
from journal.events import StoredEvent
from journal.journal import Journal
from journal.settings import JournalSettings

async def main(url, dialogue, tag):
    async with await Journal.open(JournalSettings(url=url)) as journal:
        for number in itertools.count():
            name = f"{tag}-{number}"
            async with journal.write() as tx:
                await events.store(tx, StoredEvent("web", name, "web:1", {"text": name}, "new", AT))
            say("stored", name)
            async with journal.write() as tx:
                heard = await turns.hear(tx, dialogue_id=dialogue, channel_id="web:1", person=person("Ann"), text=name,
                    pictures=[], message_id=name, platform="web", witnesses=[HOLMES.id], at=AT)
                plan = await turns.plan(tx, dialogue_id=dialogue, channel_id="web:1", character=HOLMES, rule="named",
                    reply_to=heard.id, witnesses=[])
                await events.settle(tx, "web", name, "done")
            say("heard", name)
            async with journal.write() as tx:
                await turns.write(tx, plan.id, "Re: " + name, MADE)
                await turns.posted(tx, plan.id, "web", "out-" + name)
                await turns.delivered(tx, plan.id)
            say("answered", name)

def one(tag, pause):
    inlet, outlet = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            global say
            say = lambda what, name: os.write(outlet, f"{what} {name}\\n".encode())
            asyncio.run(main(url, dialogue, tag))
        finally:
            os._exit(1)
    os.close(outlet)
    heard = os.read(inlet, 65536)
    time.sleep(pause)
    os.kill(pid, signal.SIGKILL)
    while more := os.read(inlet, 65536):
        heard += more
    os.close(inlet)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1]), "the writer ended by itself"
    print(heard.decode(), end="", flush=True)

url, dialogue, rounds = sys.argv[1:]
chance = random.Random(2_408_04203)
for number in range(int(rounds)):
    one(f"r{number}", chance.uniform(0, 0.15))
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_kill_at_sixty_random_moments(url: str, tmp_path: Path) -> None:
    settings = JournalSettings(url=url)
    async with await Journal.open(settings) as journal:
        dialogue = (await begin(journal)).id
    acknowledged: dict[str, set[str]] = {"stored": set(), "heard": set(), "answered": set()}
    command = (sys.executable, "-c", NURSERY, url, dialogue, str(ROUNDS))
    nursery = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    said, _ = await nursery.communicate()
    assert nursery.returncode == 0
    for line in said.decode().splitlines():
        what, name = line.split()
        acknowledged[what].add(name)
    if url.startswith("sqlite"):
        assert await asyncio.to_thread(integrity, url.removeprefix("sqlite+aiosqlite:///")) == "ok"
    async with await Journal.open(settings) as journal, journal.read() as tx:
        spoken = await turns.of_dialogue(tx, dialogue)
        waiting = {event.message_id for event in await events.unsettled(tx, "web")}
        assert [finding for finding in await verify(tx, tmp_path) if finding.serious] == []
    heard = [turn.text for turn in spoken if turn.state == "heard"]
    answered = [turn.text.removeprefix("Re: ") for turn in spoken if turn.state == "delivered"]
    assert len(acknowledged["stored"]) >= ROUNDS
    assert len(heard) == len(set(heard))
    assert len(answered) == len(set(answered))
    assert acknowledged["stored"] <= waiting | set(heard)
    assert acknowledged["heard"] <= set(heard)
    assert acknowledged["answered"] <= set(answered)
    # Half-done work is either not there or open, to be taken up again: never a heard message without its plan.
    assert {turn.state for turn in spoken} <= {"heard", "planned", "delivered"}
    assert len(heard) == len(spoken) - len(heard)
    assert waiting.isdisjoint(heard)


def integrity(path: str) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()
