import numpy as np
import pytest
from PIL import Image

from agent.eyes.groups import GROUPS, UNSAID
from agent.eyes.tags import Tagger, chosen, labels, prepared
from tests.agent.drawing import landscape
from tests.agent.eyes import scenes

NAMES = labels()


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger()


def given(**shares: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    found = np.zeros(1000, np.float32)
    for name, share in shares.items():
        found[NAMES.index(name.replace("_", " "))] = share
    return found


def test_labels_stand_in_their_order() -> None:
    assert len(NAMES) == 1000
    known = {0: "tench", 207: "golden retriever", 281: "tabby cat", 404: "airliner", 417: "hot-air balloon"}
    known |= {
        671: "mountain bike",
        817: "sports car",
        889: "violin",
        963: "pizza",
        980: "volcano",
        999: "toilet paper",
    }
    assert {index: NAMES[index] for index in known} == known
    said = [name for index, name in enumerate(NAMES) if index not in UNSAID and name != "sunglasses"]
    assert len(set(said)) == len(said)
    assert all(said)


def test_nothing_is_in_two_groups() -> None:
    members = [index for group in GROUPS.values() for index in group]
    assert len(set(members)) == len(members)
    assert set(members) <= set(range(1000)) - UNSAID
    for group, name in [("dog", "beagle"), ("cat", "Siamese cat"), ("bird", "toucan"), ("boat", "canoe")]:
        assert NAMES.index(name) in GROUPS[group]


@pytest.mark.parametrize(
    ("draw", "name"),
    [(scenes.crossword, "crossword"), (scenes.balloon, "hot-air balloon"), (scenes.page, "web page")],
)
def test_recognises(tagger: Tagger, draw: object, name: str) -> None:
    assert callable(draw)
    assert [tag.name for tag in tagger.tags(draw(), 0.3)] == [name]


def test_a_group_is_surer_than_its_kinds(tagger: Tagger) -> None:
    (tag,) = tagger.tags(scenes.clock(), 0.3)
    assert tag.name == "clock"
    assert tag.confidence > 0.9


def test_abstains(tagger: Tagger) -> None:
    assert tagger.tags(landscape(), 0.9) == []
    assert chosen(given(tench=0.2, toucan=0.2, pizza=0.2), NAMES, 0.3) == []


def test_choice_of_words() -> None:
    def said(**shares: float) -> list[tuple[str, float]]:
        return [(tag.name, round(tag.confidence, 2)) for tag in chosen(given(**shares), NAMES, 0.3)]

    assert said(tabby_cat=0.3, tiger_cat=0.4, Siamese_cat=0.2) == [("cat", 0.9)]
    assert said(tabby_cat=0.8, tiger_cat=0.1) == [("tabby cat", 0.8)]
    assert said(toucan=0.8) == [("toucan, a kind of bird", 0.8)]
    assert said(umbrella=0.5, toucan=0.2, ostrich=0.2) == [("umbrella", 0.5), ("bird", 0.4)]


def test_people_are_never_said() -> None:
    found = np.zeros(1000, np.float32)
    for index in UNSAID:
        found[index] = 1.0
    assert chosen(found, NAMES, 0.0)[0].confidence == 0.0


@pytest.mark.parametrize("size", [(1, 1), (1, 2048), (2048, 1), (500, 300)])
def test_any_size_is_prepared(size: tuple[int, int]) -> None:
    pixels = prepared(Image.new("RGB", size, (127, 255, 0)))
    assert pixels.shape == (1, 3, 224, 224)
    assert pixels[0, :, 100, 100].tolist() == [0.0, 1.0, -127 / 128]
