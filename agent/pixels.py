"""Any of Pillow's modes to plain RGB pixels, upright, in sRGB, on an opaque ground, within a size."""

import io
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

WHITE = (255, 255, 255)
DARK = (48, 49, 54)
_BRIGHT = 225


def clean(image: "Image", max_side: int) -> "Image":
    """A fresh RGB image without metadata. Small work last: it is scaled before colours are converted."""
    profile = image.info.get("icc_profile")
    turn = _orientation(image)
    image = _in_sight(image, max_side)
    image = _scaled(image, max_side)
    image = _in_srgb(image, profile)
    image = _on_ground(image)
    if turn is not None:
        image = image.transpose(turn)
    image.info = {}
    return image


def _orientation(image: "Image") -> "Image.Transpose | None":  # type: ignore[name-defined]
    """What EXIF says about the way the camera was held; nonsense there is no reason to refuse a picture."""
    from PIL import ExifTags
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        return turns.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  (a hostile EXIF block breaks its parser in many ways)
        return None


def _in_sight(image: "Image", max_side: int) -> "Image":
    """To 8 bits a channel: L, RGB, RGBA or CMYK."""
    if image.mode.startswith("I;16"):
        return _high_bytes(image)
    if image.mode in ("I", "F"):
        return _eight_bits(_scaled(image, max_side))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return image if image.getchannel("A").getextrema() != (255, 255) else image.convert("RGB")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _high_bytes(image: "Image") -> "Image":
    from PIL import Image as pil

    return pil.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def _eight_bits(image: "Image") -> "Image":
    """32-bit and floating-point grey. Scaled by the type's usual range, else by what is there."""
    from PIL import Image as pil

    values: npt.NDArray[np.float32] = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0, neginf=0)
    low, high = min(0.0, float(values.min())), float(values.max())
    if image.mode == "F" and high <= 1:
        high = 1.0
    elif image.mode != "F" and high <= 65_535:
        high = 65_535.0
    values = (values - np.float32(low)) * np.float32(255 / max(high - low, 1e-6))
    return pil.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _scaled(image: "Image", max_side: int) -> "Image":
    from PIL.Image import Resampling

    longest = max(image.size)
    if longest <= max_side:
        return image
    width, height = (max(1, round(side * max_side / longest)) for side in image.size)
    return image.resize((width, height), Resampling.LANCZOS, reducing_gap=3.0)


def _in_srgb(image: "Image", profile: bytes | None) -> "Image":
    """RGB or RGBA in sRGB, by the embedded colour profile where it fits the pixels."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha else image
    if profile and colours.mode in ("RGB", "CMYK"):
        colours = _by_profile(colours, profile)
    colours = colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours


def _by_profile(image: "Image", profile: bytes) -> "Image":
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != image.mode:
            return image
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image  # a broken profile: the plain numbers are still a picture


def _on_ground(image: "Image") -> "Image":
    """Transparent pictures are laid on white, as paper: most are dark ink on nothing. Those drawn in light
    ink for dark screens would vanish there, so they are laid on a dark grey."""
    from PIL import Image as pil

    if image.mode != "RGBA":
        return image
    alpha = np.asarray(image.getchannel("A"), dtype=np.float32)
    grey = np.asarray(image.convert("RGB").convert("L"), dtype=np.float32)
    seen = float(alpha.sum())
    light = seen > 0 and float((grey * alpha).sum()) / seen > _BRIGHT and float(alpha.mean()) < 230
    ground = pil.new("RGB", image.size, DARK if light else WHITE)
    ground.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return ground
