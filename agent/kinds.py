"""What bytes are that are no picture of an accepted kind, told from themselves: labels and names often lie."""

import re

ACCEPTED = "Send a PNG, JPEG, GIF, WebP, AVIF, HEIC, BMP or TIFF picture."
_LOOKED_AT = 65_536  # bytes: the entities that drawing programs declare come before the first tag
_ELEMENT = re.compile(
    rb"<!doctype\s+([a-z]+)|<([a-z][a-z0-9]*:)?(svg|html|head|body|script|title|meta|div|p)[\s>/]"
)
_VIDEO = {
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"M4V ",
    b"qt  ",
    b"3gp4",
    b"3gp5",
}
_HEADS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"8BPS", "a Photoshop file"),
    (b"\x1aE\xdf\xa3", "a video (WebM or Matroska)"),
    (b"\xff\x0a", "a JPEG XL picture, a kind that is not accepted"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture, a kind that is not accepted"),
    (b"\0\0\1\0", "an icon file (ICO)"),
    (b"PK\x03\x04", "a zip archive or a document"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"OggS", "a sound or video file"),
    (b"ID3", "a sound file"),
)


def told(data: bytes) -> str:
    """What the bytes are, in words that follow "this is"; empty where nothing is known of them."""
    for head, words in _HEADS:
        if data.startswith(head):
            return words
    if data[4:8] == b"ftyp" and data[8:12] in _VIDEO:
        return "a video"
    if data[:4] == b"RIFF" and data[8:12] in (b"AVI ", b"WAVE"):
        return "a video (AVI)" if data[8:12] == b"AVI " else "a sound file"
    return {"svg": "an SVG drawing", "html": "a web page"}.get(markup(data), "")


def markup(data: bytes) -> str:
    """`svg` or `html` where the first element of a text says so; empty for anything else."""
    head = data[:_LOOKED_AT]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16: the letters that count are ASCII
        head = head[2:].replace(b"\0", b"")
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not head.startswith(b"<"):
        return ""
    found = _ELEMENT.search(head)
    if found is None:
        return ""
    return "svg" if b"svg" in (found[1], found[3]) else "html"
