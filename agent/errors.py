"""The error tree. Every error says what went wrong, where, and what to do about it.

    VignetteError
    ├── ConfigError            a setting is unknown or has a bad value
    ├── CharacterError         no such character, or a thin or broken profile
    │   └── CardError          a character card cannot be read
    ├── PictureError           bytes that are no acceptable picture
    │   └── FetchError         an address that may not or cannot be fetched
    │       └── GoneError      an address with nothing behind it
    ├── PromptError            profile and current words alone exceed the context
    ├── BackendError           the model cannot answer
    │   ├── BackendDown        not reachable, not loaded, or crashed
    │   ├── BackendRefused     the server rejects the request (credentials, bad request)
    │   └── SpendCapReached    the money set aside for remote models is used up
    ├── DataError              data, or a folder of a training, that cannot be worked with
    ├── Busy                   a queue is full or a rate limit is hit: try again later
    ├── JournalError           the log cannot be opened, migrated, or trusted
    └── PlatformError          a messaging platform is away or is misconfigured
        └── PlatformRefused    it said no for good: the same would be refused again

Rooms raise these for everything a person can cause or mend. Anything else is a bug and is caught only
at an edge (event loop, stage runner, request handler), where it is logged with its traceback.
"""


class VignetteError(Exception):
    """`what` went wrong, `where` (file, line, setting, address; may be empty), how to `mend` it."""

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what, self.where, self.mend = what, where, mend
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  To mend it: {self.mend}" if self.mend else text


class ConfigError(VignetteError):
    """A setting is unknown or has a bad value; `where` is `config.toml:LINE`."""


class CharacterError(VignetteError):
    """There is no such character, or its profile cannot be used."""


class CardError(CharacterError):
    """A character card cannot be read at all (what can be repaired is repaired instead)."""


class PictureError(VignetteError):
    """These bytes are not a picture that is accepted here."""


class FetchError(PictureError):
    """The address may not be fetched (policy) or did not deliver."""


class GoneError(FetchError):
    """There is nothing at the address, or not any more: another one of the same picture may do."""


class PromptError(VignetteError):
    """The parts of a prompt that may not be dropped exceed the model's context."""


class BackendError(VignetteError):
    """The model cannot answer."""


class BackendDown(BackendError):
    """The backend is not reachable, not loaded, or crashed. Worth another try."""


class BackendRefused(BackendError):
    """The server understood and said no (credentials, unknown model, bad request). Not worth another try."""


class NotTaken(BackendRefused):
    """What was sent is not what this model takes: pictures, a schema. Unlike other refusals it says what it can do."""


class SpendCapReached(BackendError):
    """The money set aside for remote models is used up."""


class DataError(VignetteError):
    """What was to be learnt from, or a folder that a training left, cannot be worked with."""


class Busy(VignetteError):
    """A queue is full or a rate limit is hit. `retry_after` in seconds, 0 when unknown."""

    def __init__(self, what: str, *, retry_after: float = 0.0, where: str = "", mend: str = "") -> None:
        super().__init__(what, where=where, mend=mend)
        self.retry_after = retry_after


class JournalError(VignetteError):
    """The journal cannot be opened, migrated, or trusted."""


class PlatformError(VignetteError):
    """A messaging platform is away, refuses us, or is set up wrongly."""


class PlatformRefused(PlatformError):
    """The platform understood and said no (a moderator, a locked thread, a missing permission): what it refused is
    not worth another try."""
