"""A colour profile made by code: sRGB's primaries without its curve."""

import struct


def linear_rgb() -> bytes:
    """An ICC v2 matrix profile with sRGB's primaries (adapted to D50) and gamma 1."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65_536))

    def xyz(x: float, y: float, z: float) -> bytes:
        return b"XYZ \0\0\0\0" + number(x) + number(y) + number(z)

    curve = b"curv\0\0\0\0" + struct.pack(">I", 0) + b"\0\0\0\0"
    words = b"linear\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", len(words)) + words + bytes(78)
    tags = {
        b"desc": text + bytes(-len(text) % 4),
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(
        ">I4sI4s4s4s12s4s",
        offset + len(body),
        b"lcms",
        0x02400000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        bytes(12),
        b"acsp",
    )
    head += bytes(28) + number(0.9642) + number(1.0) + number(0.8249)
    return head + bytes(128 - len(head)) + table + body
