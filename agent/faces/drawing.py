"""One face, layer by layer."""

from collections.abc import Mapping

from PIL import Image

from agent.faces.backdrop import draw_backdrop
from agent.faces.body import draw_body
from agent.faces.canvas import Canvas
from agent.faces.extras import draw_accessories, draw_glasses
from agent.faces.hair import draw_beard, draw_hair_back, draw_hair_front
from agent.faces.hats import draw_hat, draw_hat_back
from agent.faces.head import draw_features, draw_head, draw_neck
from agent.faces.look import look
from agent.faces.portrait import encoded

_LAYERS = (
    draw_backdrop,
    draw_hat_back,
    draw_hair_back,
    draw_neck,
    draw_body,
    draw_head,
    draw_features,
    draw_beard,
    draw_hair_front,
    draw_glasses,
    draw_hat,
    draw_accessories,
)


def drawn(instructions: Mapping[str, str], seed: str, size: int) -> bytes:
    """PNG bytes of a face, the same for the same arguments."""
    canvas, plan = Canvas(), look(instructions, seed)
    for layer in _LAYERS:
        layer(canvas, plan)
    return encoded(canvas.image.resize((size, size), Image.Resampling.LANCZOS))
