import base64
import io
import json
import zipfile
import zlib

import pytest
from PIL import Image

from agent.cards import read_card, read_lorebook
from agent.errors import CardError
from tests.agent.cards import make


@pytest.mark.parametrize(("obj", "spec"), [(make.V1, "v1"), (make.v2(), "v2"), (make.v3(), "v3")])
@pytest.mark.parametrize(
    "wrap",
    [
        make.dump,
        lambda o: json.dumps(o, indent=2).encode("utf-16"),
        lambda o: b"\xef\xbb\xbf" + make.dump(o),
        lambda o: make.dump([o]),
        lambda o: make.dump(o) + b"\0\0\n",
        make.b64,
        make.charx,
        make.png_card,
        lambda o: make.png(make.text("ccv3", make.b64(o)), base=make.apng()),
        lambda o: make.png(make.text("Chara", make.dump(o))),
        lambda o: make.picture() + make.text("chara", make.b64(o)),
        lambda o: make.png(make.chunk(b"zTXt", b"chara\0\0" + zlib.compress(make.b64(o)))),
        lambda o: make.png(make.chunk(b"iTXt", b"chara\0\0\0\0\0" + make.b64(o))),
        lambda o: make.png(make.chunk(b"iTXt", b"chara\0\1\0en\0x\0" + zlib.compress(make.b64(o)))),
        lambda o: make.picture("JPEG") + make.charx(o),
        lambda o: make.picture() + make.charx(o),
        lambda o: make.picture("WEBP") + make.charx(o),
        lambda o: make.webp(make.dump(o)),
        lambda o: make.webp(make.b64(o)),
        lambda o: make.webp(",".join(map(str, make.dump(o))).encode()),
        lambda o: make.webp(json.dumps(o).encode("utf-16-le"), code=b"UNICODE\0"),
        lambda o: make.picture("JPEG", exif=b"Exif\0\0" + make.exif(make.dump(o))),
    ],
)
def test_every_container_gives_the_same_character(obj: object, spec: str, wrap: object) -> None:
    assert callable(wrap)
    card = read_card(wrap(obj))
    assert card.spec == spec
    assert card.character.name == "Ada"
    assert card.character.card == obj
    assert card.character.version == read_card(make.dump(obj)).character.version


@pytest.mark.parametrize(
    "card",
    [
        make.png_card(make.v2()),
        make.picture("JPEG") + make.charx(make.v3()),
        make.webp(make.dump(make.V1)),
        make.picture("JPEG", exif=b"Exif\0\0" + make.exif(make.dump(make.V1))),
    ],
)
def test_the_portrait_is_the_picture_without_the_card(card: bytes) -> None:
    portrait = read_card(card).character.portrait
    assert portrait is not None
    for hint in (b"chara", b"Ada", b"card.json", base64.b64encode(b'{"name":"Ada')[:10]):
        assert hint not in portrait
    with Image.open(io.BytesIO(portrait)) as image:
        image.load()
        assert image.size == (12, 9)


def test_ccv3_wins_over_chara_and_a_damaged_one_is_passed_over() -> None:
    old, new = make.v2(name="Old"), make.v3(name="New")
    both = make.png(make.text("ccv3", make.b64(new)), make.text("chara", make.b64(old)))
    assert read_card(both).character.name == "New"
    broken = read_card(make.png(make.text("ccv3", b"%%%"), make.text("chara", make.b64(old))))
    assert broken.character.name == "Old"
    assert any("damaged" in r for r in broken.repairs)


def test_of_duplicate_chunks_the_last_counts_and_the_others_are_kept() -> None:
    old, new = make.v2(name="Old"), make.v2(name="New")
    card = read_card(make.png(make.text("chara", make.b64(old)), make.text("chara", make.b64(new))))
    assert card.character.name == "New"
    assert card.assets["superseded/chara-1.txt"] == make.b64(old)
    assert any("2 chara chunks" in r for r in card.repairs)


def test_damage_is_told_and_survived() -> None:
    whole = make.png_card(make.v2())
    assert read_card(whole).repairs == ()
    wrong_sum = whole[:-14] + bytes([whole[-14] ^ 1]) + whole[-13:]
    assert any("checksum" in r for r in read_card(wrong_sum).repairs)
    assert any("cut off" in r for r in read_card(whole[:-12]).repairs)
    assert any("left out" in r for r in read_card(whole + b"<script>").repairs)


def test_charx_assets_by_every_spelling() -> None:
    face = make.picture(color="red")
    for uri in ("embeded://assets/a.png", "embedded://assets/a.png", "__asset:assets/a.png"):
        icon = {"type": "icon", "uri": uri, "name": "main", "ext": "png"}
        card = read_card(make.charx(make.v3(assets=[icon]), {"assets/a.png": face, "module.risum": b"x"}))
        assert card.character.portrait == face
        assert card.assets == {"assets/a.png": face, "module.risum": b"x"}
        assert card.repairs == ()


def test_png_assets_and_data_uris() -> None:
    face = make.picture(color="red")
    icon = {"type": "icon", "uri": "__asset:0", "name": "main", "ext": "png"}
    chunks = make.text("ccv3", make.b64(make.v3(assets=[icon])))
    for keyword in ("chara-ext-asset_:0", "chara-ext-asset_0"):
        card = read_card(make.png(chunks, make.text(keyword, base64.b64encode(face))))
        assert card.character.portrait == face
        assert card.assets == {"0": face}
    icon["uri"] = "data:image/png;base64," + base64.b64encode(face).decode()
    assert read_card(make.dump(make.v3(assets=[icon]))).character.portrait == face
    icon["uri"] = "ccdefault:"
    portrait = read_card(make.png_card(make.v3(assets=[icon]))).character.portrait
    assert portrait == make.picture()


def test_remote_and_missing_assets_are_told_and_never_fetched() -> None:
    assets = [
        {"type": "icon", "uri": "https://a.invalid/x.png", "name": "main", "ext": "png"},
        {"type": "emotion", "uri": "embeded://gone.png", "name": "sad", "ext": "png"},
    ]
    card = read_card(make.dump(make.v3(assets=assets)))
    assert card.character.portrait is None
    assert any("not fetched" in r for r in card.repairs)
    assert any("missing from its container" in r for r in card.repairs)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (make.picture(), "holds no character card"),
        (make.picture("JPEG"), "holds no character card"),
        (make.picture("WEBP"), "holds no character card"),
        (make.png(make.text("chara", b"rcc||rccv1||aGVsbG8=||00||e30=")), "encrypted"),
        (b"rcc||rccv1||aGVsbG8=||00||e30=", "encrypted"),
        (make.b64(b"rcc||rccv1||aGVsbG8=||00||e30="), "encrypted"),
        (make.dump({"spec": "lorebook_v3", "data": {"entries": []}}), "lorebook"),
        (make.dump({"entries": {"0": {}}}), "lorebook"),
        (make.dump({"hello": 1}), "no character card"),
        (make.dump([1, 2]), "not an object"),
        (b'{"name": ', "not JSON"),
        (b"GIF89a whatever", "no character card"),
        (make.webp(b"Screenshot"), "holds no character card"),
        (make.picture("JPEG", exif=b"Exif\0\0" + make.exif(b"holiday")), "holds no character card"),
        (make.webp(b"rcc||rccv1||aa||bb"), "encrypted"),
        (b'{"name":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "too deep"),
        (b'{"name":' + b"[" * 200 + b"]" * 200 + b"}", "too deep"),
        (b'{"name":"a","x":[' + b"[]," * 1_100_000 + b"1]}", "too many values"),
        (b'{"name":"a","x":[' + b"1," * 1_100_000 + b"1]}", "too many values"),
        (make.charx(make.V1, name="other.json"), "no card.json"),
        (b"PK\x03\x04 nothing", "damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_with_advice(data: bytes, words: str) -> None:
    with pytest.raises(CardError, match=words) as caught:
        read_card(data)
    assert caught.value.mend


def test_zip_slip_is_left_out() -> None:
    names = ["../evil.png", "/etc/passwd", "C:/x.png", "a/../../b", "..\\w.png", "a\nb"]
    card = read_card(make.charx(make.v3(), {**dict.fromkeys(names, b"x"), "good.png": b"y"}))
    assert card.assets == {"good.png": b"y"}
    assert sum("unsafe" in r for r in card.repairs) == len(names)


def test_png_asset_names_that_climb_are_renamed() -> None:
    chunks = make.text("ccv3", make.b64(make.v3())), make.text("chara-ext-asset_:../x", b"AAAA")
    assert set(read_card(make.png(*chunks)).assets) == {"renamed/0"}


def test_bombs_do_not_unpack() -> None:
    zeros = b"\0" * (8 << 20)
    card = read_card(make.charx(make.v3(), {"bomb.bin": zeros}))
    assert card.assets == {}
    assert any("too large" in r for r in card.repairs)
    with pytest.raises(CardError, match=r"card\.json"):
        read_card(make.charx(b" " * (8 << 20)))
    with pytest.raises(CardError, match="files"):
        read_card(make.charx(make.v3(), {f"{n}": b"" for n in range(2_100)}))
    packed = make.chunk(b"zTXt", b"chara\0\0" + zlib.compress(b" " * (70 << 20), 1))
    with pytest.raises(CardError):
        read_card(make.png(packed, packed))


def test_an_encrypted_or_second_card_json() -> None:
    data = bytearray(make.charx(make.v3()))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(CardError, match="encrypted"):
        read_card(bytes(data))
    out = io.BytesIO(make.charx(make.v3(name="First")))
    with zipfile.ZipFile(out, "a") as box, pytest.warns(UserWarning, match="Duplicate"):
        box.writestr("card.json", make.dump(make.v3(name="Second")))
    card = read_card(out.getvalue())
    assert card.character.name == "Second"
    assert b"First" in card.assets["superseded/card.json"]


def test_a_card_json_in_a_folder_is_found() -> None:
    card = read_card(make.charx(make.v3(), name="Ada/Card.JSON"))
    assert any("not at the root" in r for r in card.repairs)


def test_lorebooks_alone() -> None:
    book = {"extensions": {}, "entries": [make.ENTRY], "scan_depth": 3}
    for raw in ({"spec": "lorebook_v3", "data": book}, book, make.v2(character_book=book)):
        read = read_lorebook(make.dump(raw))
        assert read.book.scan_depth == 3
        assert read.book.entries[0].keys == ("engine",)
        assert read.raw == raw
        assert read.repairs == ()
    silly = {
        "entries": {
            "7": {"uid": 7, "key": ["a"], "keysecondary": ["b"], "content": "c", "order": 5, "disable": True}
        }
    }
    entry = read_lorebook(make.dump(silly)).book.entries[0]
    assert (entry.keys, entry.secondary_keys, entry.insertion_order) == (("a",), ("b",), 5)
    assert (entry.enabled, entry.id) == (False, "7")
    with pytest.raises(CardError, match="no lorebook"):
        read_lorebook(make.dump(make.V1))
