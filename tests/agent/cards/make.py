"""Cards of every container, made in code."""

import base64
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from PIL import Image

V1: dict[str, Any] = {
    "name": "Ada",
    "description": "Ada is a mathematician.",
    "personality": "Precise and playful.",
    "scenario": "A study in London.",
    "first_mes": "Good evening, {{user}}.",
    "mes_example": "<START>\n{{user}}: Hello.\n{{char}}: Hello.\n<START>\n{{char}}: Numbers!",
}
ENTRY: dict[str, Any] = {
    "keys": ["engine"],
    "content": "The Analytical Engine was never built.",
    "extensions": {"depth": 4},
    "enabled": True,
    "insertion_order": 10,
    "use_regex": False,
}


def v2(**data: Any) -> dict[str, Any]:
    whole = {
        **V1,
        "creator_notes": "Notes.",
        "system_prompt": "Be {{char}}. {{original}}",
        "post_history_instructions": "Stay Ada.",
        "alternate_greetings": ["Hello.", "Good day."],
        "tags": ["History", "math"],
        "creator": "somebody",
        "character_version": "1.2",
        "extensions": {"talkativeness": "0.5", "fav": False, "world": "", "depth_prompt": {"depth": 4}},
        "character_book": {"name": "Ada's book", "extensions": {}, "entries": [dict(ENTRY)]},
        **data,
    }
    return {"spec": "chara_card_v2", "spec_version": "2.0", "data": whole}


def v3(**data: Any) -> dict[str, Any]:
    more = {"nickname": "Countess", "group_only_greetings": ["Hello, all."], "source": ["https://a.test/1"]}
    return {**v2(**{**more, **data}), "spec": "chara_card_v3", "spec_version": "3.0"}


def dump(obj: Any) -> bytes:
    return json.dumps(obj, ensure_ascii=False).encode()


def b64(obj: Any) -> bytes:
    return base64.b64encode(obj if isinstance(obj, bytes) else dump(obj))


def picture(kind: str = "PNG", color: str = "teal", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (12, 9), color).save(out, kind, **options)
    return out.getvalue()


def apng() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "blue")]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def text(keyword: str, value: bytes) -> bytes:
    return chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + value)


def png(*chunks: bytes, base: bytes | None = None) -> bytes:
    """A picture with these chunks right before IEND."""
    body = base or picture()
    return body[:-12] + b"".join(chunks) + body[-12:]


def png_card(obj: Any, keyword: str = "chara") -> bytes:
    return png(text(keyword, b64(obj)))


def charx(obj: Any, files: Mapping[str, bytes] | None = None, name: str = "card.json") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr(name, obj if isinstance(obj, bytes) else dump(obj))
        for path, body in (files or {}).items():
            box.writestr(path, body)
    return out.getvalue()


def exif(comment: bytes, *, code: bytes = b"ASCII\0\0\0") -> bytes:
    """A TIFF block whose EXIF directory holds this UserComment."""
    body = code + comment
    outer = struct.pack("<HHHII", 1, 0x8769, 4, 1, 8 + 18) + b"\0" * 4
    inner = struct.pack("<HHHII", 1, 0x9286, 7, len(body), 8 + 36) + b"\0" * 4
    return b"II*\0" + struct.pack("<I", 8) + outer + inner + body


def webp(comment: bytes, **options: Any) -> bytes:
    return picture("WEBP", exif=exif(comment, **options))
