"""Drawn scenes that a classifier of photographs recognises all the same."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 448


def crossword() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), "white")
    draw, random = ImageDraw.Draw(image), np.random.default_rng(0)
    for x in range(0, SIDE, 32):
        for y in range(0, SIDE, 32):
            fill = "black" if random.random() < 0.25 else "white"
            draw.rectangle((x, y, x + 32, y + 32), fill=fill, outline="black")
    return image


def balloon() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), (120, 180, 240))
    draw = ImageDraw.Draw(image)
    for ring in range(5):
        draw.ellipse((84 + ring * 35, 40, 364 - ring * 35, 320), fill=("red", "yellow")[ring % 2])
    draw.polygon([(190, 320), (258, 320), (245, 380), (203, 380)], outline="black")
    draw.rectangle((200, 370, 248, 410), fill=(120, 70, 30))
    return image


def page() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    draw.rectangle((0, 0, SIDE, 60), fill=(30, 90, 180))
    for y in range(80, 430, 20):
        draw.text((20, y), "Lorem ipsum dolor sit amet consectetur " * 2, "black", font)
    draw.rectangle((300, 80, 430, 200), fill=(200, 220, 240))
    return image


def clock() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), (190, 170, 140))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(34)
    draw.ellipse((40, 40, 408, 408), fill="white", outline="black", width=14)
    for hour in range(1, 13):
        angle = math.radians(30 * hour - 90)
        place = (224 + 145 * math.cos(angle), 224 + 145 * math.sin(angle))
        draw.text(place, str(hour), "black", font, anchor="mm")
    draw.line((224, 224, 304, 164), fill="black", width=10)
    draw.line((224, 224, 164, 104), fill="black", width=6)
    return image
