"""What is learnt from, gathered: samples by part, and hashes of the files they are from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluation import splits
from evaluation.splits import Part
from pipeline.corpus.people import FOLDERS, characters
from pipeline.corpus.read import FOLDER
from pipeline.train.files import file_hash
from pipeline.train.pack import FILES, pack
from pipeline.train.samples import Sample, corpus


@dataclass(frozen=True)
class Data:
    """`train` and `dev` are samples of these parts and no other; `hashes` of the files they are from."""

    train: Sequence[Sample]
    dev: Sequence[Sample]
    hashes: dict[str, str] = field(default_factory=dict)


def gathered(share: float = 1.0, folder: Path | None = None, mix: float = 1.0) -> Data:
    """The project's own corpus, and for training a data pack in that folder as well. Raises CorpusError,
    CharacterError, DataError."""
    cast = characters()
    folders = dict(zip(("shipped", "characters"), FOLDERS, strict=True)) | {"dialogues": FOLDER / "dialogues"}
    hashes = {
        name: file_hash(*sorted(p for p in path.iterdir() if p.is_file())) for name, path in folders.items()
    }
    hashes["splits"] = file_hash(splits.FILE)
    train = corpus(Part.TRAIN, cast, share=share)
    if folder and mix:
        train += pack(folder, share=share, weight=mix)
        hashes["pack"] = file_hash(*(folder / name for name in FILES))
    return Data(train, corpus(Part.DEV, cast), hashes)
