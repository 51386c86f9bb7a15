"""What is learnt from, gathered: samples by part, and hashes of the files they are from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evaluation import splits
from evaluation.splits import Part
from pipeline.corpus.people import FOLDERS, characters
from pipeline.corpus.read import FOLDER
from pipeline.train.files import file_hash
from pipeline.train.samples import Sample, corpus


@dataclass(frozen=True)
class Data:
    """`train` and `dev` are samples of these parts and no other; `hashes` of the files they are from."""

    train: Sequence[Sample]
    dev: Sequence[Sample]
    hashes: dict[str, str] = field(default_factory=dict)


def of_corpus(share: float = 1.0) -> Data:
    """The project's own. Raises CorpusError, CharacterError."""
    cast = characters()
    folders = dict(zip(("shipped", "characters"), FOLDERS, strict=True)) | {"dialogues": FOLDER / "dialogues"}
    hashes = {
        name: file_hash(*sorted(p for p in path.iterdir() if p.is_file())) for name, path in folders.items()
    }
    hashes["splits"] = file_hash(splits.FILE)
    return Data(corpus(Part.TRAIN, cast, share=share), corpus(Part.DEV, cast), hashes)
