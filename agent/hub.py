"""One file from a Hugging Face repository: resumed where it was cut, checked against the hub's SHA-256.

huggingface_hub finds the file and does the transfer; the part file is ours, because its own download drops
what has arrived when a transfer fails. `HF_ENDPOINT` and `HF_HUB_OFFLINE` are honoured, `HF_TOKEN` is sent.
"""

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from agent.errors import BackendDown, BackendError

log = logging.getLogger(__name__)
HUB = "https://huggingface.co"
SPARE = 200_000_000  # bytes left free on the disk
T = TypeVar("T")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Remote:
    """A file as the hub describes it. `sha256` comes from its LFS metadata; empty where it has none."""

    repo: str
    file: str
    commit: str
    size: int
    sha256: str


def endpoint() -> str:
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def address(repo: str, file: str, revision: str = "main") -> str:
    """Where the file can be fetched, by a browser as well."""
    return f"{endpoint()}/{repo}/resolve/{revision}/{file}"


def look_up(repo: str, file: str, revision: str = "main") -> Remote:
    """Asks the hub. Raises BackendDown when it cannot be reached, BackendError when it has no such file."""
    from huggingface_hub import get_hf_file_metadata

    url = address(repo, file, revision)
    found = _reach(url, lambda: get_hf_file_metadata(url, endpoint=endpoint()))
    if found.size is None or not found.commit_hash:
        raise BackendError("the hub does not describe this file", where=url, mend="try again later")
    etag = found.etag or ""
    return Remote(repo, file, found.commit_hash, found.size, etag if _SHA256.fullmatch(etag) else "")


def check_room(folder: Path, needed: int) -> None:
    """Raises BackendError before a download that would fill the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        raise BackendError(
            f"{needed / 1e9:.2f} GB are needed, {max(free - SPARE, 0) / 1e9:.2f} GB are free",
            where=str(folder),
            mend="make room, or move the `data` folder to a larger disk",
        )


def part(folder: Path, remote: Remote) -> Path:
    """Where the file grows. The name ties it to the content, so that two versions never mix."""
    return folder / f"{remote.file}.{(remote.sha256 or remote.commit)[:12]}.part"


def missing(folder: Path, remote: Remote) -> int:
    """Bytes still to be fetched."""
    if (folder / remote.file).exists():
        return 0
    grown = part(folder, remote)
    return remote.size - (grown.stat().st_size if grown.exists() else 0)


def fetch(folder: Path, remote: Remote) -> str:
    """Downloads into `folder`, and returns the SHA-256 of what arrived. Shows progress on stderr.

    Raises BackendDown where the connection fails (what has arrived is kept for the next try) and BackendError
    where the content is not what the hub announced (it is thrown away).
    """
    grown = part(folder, remote)
    grown.parent.mkdir(parents=True, exist_ok=True)
    _transfer(grown, remote)
    with grown.open("rb") as file:
        arrived = hashlib.file_digest(file, "sha256").hexdigest()
    if remote.sha256 and arrived != remote.sha256:
        grown.unlink()
        raise BackendError(
            f"the checksum is wrong: {arrived[:12]}… arrived, {remote.sha256[:12]}… was announced",
            where=address(remote.repo, remote.file, remote.commit),
            mend="nothing of it was kept; run `models get` again, on another network if it happens again",
        )
    grown.replace(folder / remote.file)
    return arrived


def _transfer(grown: Path, remote: Remote) -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils._headers import build_hf_headers

    url = address(remote.repo, remote.file, remote.commit)
    if grown.exists() and grown.stat().st_size > remote.size:
        grown.unlink()
    with grown.open("r+b" if grown.exists() else "wb") as file:
        begun = file.seek(0, os.SEEK_END)
        if begun:
            log.info("resuming %s at %d of %d bytes", remote.file, begun, remote.size)
        _reach(
            url,
            lambda: http_get(
                url,
                file,
                resume_size=begun,
                headers=build_hf_headers(),
                expected_size=remote.size,
                displayed_filename=remote.file,
            ),
        )


def _reach(url: str, ask: Callable[[], T]) -> T:
    """Runs a call to the hub and turns its failures into ours."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        return ask()
    except OfflineModeIsEnabled as error:
        raise BackendDown("HF_HUB_OFFLINE forbids asking the hub", where=url, mend="unset it") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status >= 500 or status in (408, 429):
            raise BackendDown(f"the hub answers {status}", where=url, mend="try again later") from error
        raise BackendError(
            f"the hub refuses the file ({status})",
            where=url,
            mend="check the name; gated files need HF_TOKEN",
        ) from error
    except (httpx2.TransportError, ConnectionError, TimeoutError) as error:
        raise BackendDown(
            f"the hub cannot be reached ({error})", where=url, mend="are you online?"
        ) from error
    except OSError as error:
        raise BackendDown(
            f"the transfer broke off ({error})", where=url, mend="run it again to resume"
        ) from error
