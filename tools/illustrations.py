"""Draw the pictures of the sample newsroom's stories: nobody's photos, and always the same.

    python tools/illustrations.py      writes stories/pictures/*.png

Each is drawn at twice its size and made smaller, which smooths its edges, in at most 128 colours.
"""

# ruff: noqa: INP001 - a script, run by hand
from __future__ import annotations

from math import cos, pi, sin
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable

PICTURES = Path(__file__).resolve().parent.parent / "stories" / "pictures"
SIZE = (1280, 853)
DENSITY = 2
COLOURS = 128

INK, NAVY, BLUE, SKY = "#1b1f3b", "#27348b", "#3f63c8", "#bcd7ee"
CREAM, SAND, GOLD, RUST = "#fbf1de", "#f0d3a0", "#e9a93a", "#c8552f"
TEAL, LEAF, WINE, STONE = "#1f7a72", "#7fa65a", "#8b2f4a", "#8d93a8"


class Sheet:
    """A sheet to draw on, 1280 wide and 853 high; all measures are in its pixels."""

    def __init__(self, ground: str) -> None:
        self.image = Image.new("RGB", (SIZE[0] * DENSITY, SIZE[1] * DENSITY), ground)
        self.draw = ImageDraw.Draw(self.image)

    def box(self, x: float, y: float, width: float, height: float, colour: str, corner: float = 0) -> None:
        """A rectangle, with round corners or without."""
        self.draw.rounded_rectangle(_big(x, y, x + width, y + height), corner * DENSITY, fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: str, flat: float = 1) -> None:
        """A disc, or an ellipse as high as `flat` says."""
        self.draw.ellipse(_big(x - radius, y - radius * flat, x + radius, y + radius * flat), fill=colour)

    def shape(self, colour: str, *points: tuple[float, float]) -> None:
        """An area between points."""
        self.draw.polygon([(x * DENSITY, y * DENSITY) for x, y in points], fill=colour)

    def line(self, colour: str, width: float, *points: tuple[float, float]) -> None:
        """A line through points, with round ends."""
        self.draw.line([(x * DENSITY, y * DENSITY) for x, y in points], colour, round(width * DENSITY), joint="curve")
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, colour)

    def ring(
        self, x: float, y: float, radius: float, width: float, colour: str, start: int = 0, end: int = 360
    ) -> None:
        """A part of a circle, from `start` to `end` in degrees, clockwise from the right."""
        corners = _big(x - radius, y - radius, x + radius, y + radius)
        self.draw.arc(corners, start, end, fill=colour, width=round(width * DENSITY))

    def fade(self, x: int, y: int, width: int, height: int, top: str, bottom: str) -> None:
        """An area that goes from one colour to another in 16 steps."""
        steps = 16
        first, last = Image.new("RGB", (1, 1), top), Image.new("RGB", (1, 1), bottom)
        for step in range(steps):
            red, green, blue = Image.blend(first, last, step / (steps - 1)).getpixel((0, 0))
            self.box(x, y + height * step / steps, width, height / steps + 1, f"#{red:02x}{green:02x}{blue:02x}")

    def save(self, name: str) -> None:
        """Write it in its own size."""
        made = self.image.resize(SIZE, Image.Resampling.LANCZOS).quantize(COLOURS, dither=Image.Dither.NONE)
        made.save(PICTURES / f"{name}.png", optimize=True)


def _big(*numbers: float) -> tuple[float, ...]:
    return tuple(number * DENSITY for number in numbers)


def sewing(sheet: Sheet) -> None:
    """A sewing machine in front of a window; beyond it a town in the evening."""
    sheet.box(0, 0, 1280, 853, CREAM)
    sheet.disc(430, 340, 294, "#e6d4b4")
    sheet.box(136, 340, 588, 270, "#e6d4b4")
    sheet.disc(430, 340, 270, "#f6c98f")
    sheet.box(160, 340, 540, 270, "#f6c98f")
    sheet.disc(520, 380, 90, "#fbe3b0")
    for x, width, top in ((170, 90, 470), (270, 120, 510), (400, 80, 450), (490, 110, 500), (610, 85, 460)):
        sheet.box(x, top, width, 150, "#b4574a")
    sheet.disc(325, 512, 60, WINE)
    sheet.box(265, 512, 120, 100, WINE)
    sheet.box(320, 425, 10, 40, WINE)
    for x in (225, 640):
        sheet.box(x, 370, 26, 240, WINE)
        sheet.disc(x + 13, 372, 20, WINE)
        sheet.box(x - 8, 410, 42, 12, WINE)
    sheet.box(130, 605, 600, 30, "#d6bd92")
    sheet.box(425, 70, 12, 540, "#d6bd92")
    sheet.box(0, 690, 1280, 163, RUST)
    sheet.box(0, 690, 1280, 14, "#a94424")
    for index, colour in enumerate((TEAL, GOLD, WINE, BLUE, SAND)):
        sheet.box(150 + 6 * (index % 2), 655 - 34 * index, 250, 36, colour, 14)
    sheet.box(560, 640, 560, 56, INK, 14)
    sheet.box(960, 330, 130, 330, INK, 30)
    sheet.box(590, 300, 500, 120, INK, 56)
    sheet.box(600, 380, 100, 130, INK, 24)
    sheet.box(642, 500, 14, 130, STONE)
    sheet.box(616, 590, 66, 12, STONE, 6)
    sheet.disc(1118, 380, 78, GOLD)
    sheet.disc(1118, 380, 50, INK)
    sheet.disc(1118, 380, 18, GOLD)
    for x, colour in ((740, RUST), (830, GOLD)):
        sheet.box(x, 226, 46, 78, colour, 8)
        sheet.box(x - 8, 218, 62, 12, STONE, 6)
        sheet.box(x - 8, 294, 62, 12, STONE, 6)
    sheet.line(RUST, 4, (763, 250), (690, 240), (660, 330), (650, 560))
    sheet.shape(TEAL, (470, 640), (905, 640), (905, 690), (560, 720), (440, 800), (330, 790), (420, 700))
    sheet.shape("#17635d", (420, 700), (560, 720), (440, 800), (330, 790))
    sheet.box(780, 352, 130, 16, GOLD, 8)


def shop(sheet: Sheet) -> None:  # noqa: C901, PLR0912 - one picture, drawn from back to front
    """A small shop on a street by the water, its awning out."""
    sheet.fade(0, 0, 1280, 520, "#8ec3e6", "#fdf0d2")
    sheet.disc(1040, 190, 80, "#fff6d8")
    for x, y in ((150, 130), (820, 110)):
        for shift, radius in ((0, 40), (50, 56), (110, 44)):
            sheet.disc(x + shift, y, radius, "#ffffff", 0.6)
    sheet.box(0, 470, 1280, 120, "#4c8fb5")
    for x, y in ((60, 500), (1120, 520), (1010, 495), (1180, 560)):
        sheet.box(x, y, 110, 6, "#8ec3e6", 3)
    sheet.shape("#ffffff", (1100, 370), (1100, 475), (1015, 475))
    sheet.shape(GOLD, (1108, 350), (1108, 475), (1180, 475))
    sheet.shape(WINE, (1000, 482), (1200, 482), (1170, 512), (1030, 512))
    sheet.box(0, 585, 1280, 268, "#d9c9ab")
    sheet.box(0, 585, 1280, 12, "#b9a886")
    sheet.box(300, 130, 620, 560, CREAM)
    sheet.box(280, 110, 660, 40, TEAL, 6)
    sheet.box(370, 180, 480, 84, TEAL, 10)
    for index, width in enumerate((120, 60, 150)):
        sheet.box(410 + (0, 150, 240)[index], 212, width, 20, CREAM, 10)
    sheet.box(345, 390, 330, 230, "#f8dc9a", 8)
    sheet.box(720, 380, 150, 310, NAVY, 8)
    sheet.box(742, 402, 106, 150, SKY, 6)
    sheet.disc(738, 580, 9, GOLD)
    for shelf in (470, 545):
        sheet.box(345, shelf, 330, 10, "#b9813a")
    for x, colour in ((365, RUST), (412, TEAL), (459, WINE), (520, BLUE), (575, LEAF), (622, RUST)):
        sheet.box(x, 422, 34, 48, colour, 8)
    for x, colour in ((370, GOLD), (440, LEAF), (510, RUST), (580, WINE), (632, TEAL)):
        sheet.disc(x + 16, 523, 24, colour)
    for x in range(8):
        sheet.box(372 + 38 * x, 572, 26, 40, (BLUE, "#ffffff")[x % 2], 4)
    for index in range(11):
        x = 320 + index * 53
        colour = (RUST, "#fff7ea")[index % 2]
        sheet.shape(colour, (x + 10, 290), (x + 63, 290), (x + 53, 380), (x, 380))
        sheet.disc(x + 26.5, 380, 26.5, colour)
    sheet.box(300, 690, 620, 16, "#a39477")
    for x in (120, 1010):
        sheet.box(x, 560, 26, 150, "#6d4a32", 6)
        sheet.disc(x + 12, 470, 100, TEAL)
        sheet.disc(x - 38, 520, 66, LEAF)
        sheet.disc(x + 62, 520, 70, "#2a8d74")
        sheet.box(x - 24, 690, 76, 50, RUST, 8)
    for x in range(3):
        sheet.box(350 + 96 * x, 640, 84, 50, "#b9813a", 6)
        for fruit in range(4):
            sheet.disc(364 + 96 * x + 19 * fruit, 640, 13, (RUST, GOLD, LEAF)[x])
    sheet.box(0, 760, 1280, 93, STONE)
    for x in range(0, 1280, 160):
        sheet.box(x + 30, 800, 90, 10, CREAM, 5)


def workshop(sheet: Sheet) -> None:
    """A workbench with a wall of tools; in the window a mountain with snow on it."""
    sheet.box(0, 0, 1280, 853, "#dfe8e3")
    sheet.box(80, 80, 470, 420, "#8a5a34", 10)
    sheet.fade(104, 104, 422, 372, "#9fd0e8", "#fbe9c4")
    sheet.shape("#6f86a8", (104, 420), (250, 250), (300, 210), (360, 210), (410, 255), (526, 400), (526, 420))
    sheet.shape(
        "#ffffff", (262, 238), (300, 210), (360, 210), (398, 245), (372, 262), (345, 240), (318, 270), (290, 244)
    )
    sheet.box(104, 415, 422, 61, LEAF)
    sheet.box(200, 360, 12, 80, "#6d4a32")
    sheet.disc(206, 352, 60, "#4f7d46", 0.35)
    sheet.box(309, 104, 12, 372, "#8a5a34")
    sheet.box(104, 284, 422, 12, "#8a5a34")
    sheet.box(620, 80, 580, 420, "#c99b62", 10)
    for x in range(650, 1190, 45):
        for y in range(105, 490, 45):
            sheet.disc(x, y, 4, "#ad7f49")
    sheet.box(690, 130, 26, 300, "#7c4a25", 12)
    sheet.box(640, 118, 126, 62, INK, 12)
    sheet.box(850, 190, 34, 240, STONE, 16)
    sheet.disc(867, 170, 56, STONE)
    sheet.shape("#c99b62", (845, 100), (889, 100), (889, 165), (845, 165))
    sheet.disc(867, 440, 34, STONE)
    sheet.disc(867, 440, 15, "#c99b62")
    sheet.shape("#e8ecef", (960, 140), (1010, 140), (1040, 430), (960, 430))
    for tooth in range(14):
        sheet.shape("#c99b62", (960, 142 + 21 * tooth), (970, 152 + 21 * tooth), (960, 163 + 21 * tooth))
    sheet.box(945, 100, 110, 70, RUST, 20)
    sheet.box(975, 120, 50, 24, "#c99b62", 12)
    sheet.box(1100, 120, 50, 120, GOLD, 18)
    sheet.box(1117, 235, 16, 190, STONE, 6)
    sheet.disc(195, 590, 66, GOLD)
    sheet.box(110, 586, 170, 16, "#c98a1f", 8)
    sheet.box(0, 600, 1280, 60, "#8a5a34")
    sheet.box(0, 600, 1280, 12, "#a8733f")
    for x in (110, 1100):
        sheet.box(x, 660, 70, 193, "#6d4427")
    sheet.box(300, 700, 680, 110, "#7a5030", 8)
    sheet.box(600, 745, 80, 16, GOLD, 8)
    for index in range(9):
        angle = index * 2 * pi / 9
        sheet.line(NAVY, 34, (420, 520), (420 + 78 * cos(angle), 520 + 78 * sin(angle)))
    sheet.disc(420, 520, 66, NAVY)
    sheet.disc(420, 520, 26, "#dfe8e3")
    sheet.box(690, 520, 240, 80, TEAL, 10)
    sheet.box(750, 480, 120, 50, TEAL, 18)
    sheet.box(774, 498, 72, 40, "#dfe8e3", 12)
    sheet.box(690, 545, 240, 12, "#17635d")
    sheet.box(985, 560, 190, 40, CREAM, 6)
    for y in (572, 584):
        sheet.box(1000, y, 150, 5, STONE, 2)
    sheet.line(GOLD, 12, (1090, 560), (1180, 515))


def lesson(sheet: Sheet) -> None:
    """A laptop with a lesson on it; outside, a field under a blue sky."""
    sheet.box(0, 0, 1280, 853, "#f3ead8")
    sheet.box(60, 50, 1160, 460, "#ffffff", 12)
    sheet.fade(80, 70, 1120, 290, "#4a86d8", "#b9d8f3")
    sheet.fade(80, 355, 1120, 135, "#f4c542", "#e0a021")
    for index in range(12):
        sheet.shape("#cf9420", (640 + (index - 6) * 20, 356), (644 + (index - 6) * 20, 356),
                    (646 + (index - 6) * 90, 490), (634 + (index - 6) * 90, 490))  # fmt: skip
    for x, y in ((220, 150), (900, 120)):
        for shift, radius in ((0, 34), (46, 48), (98, 36)):
            sheet.disc(x + shift, y, radius, "#ffffff", 0.6)
    sheet.box(632, 50, 16, 460, "#ffffff")
    sheet.box(0, 650, 1280, 203, "#a8733f")
    sheet.box(0, 650, 1280, 14, "#8a5a34")
    sheet.box(330, 240, 620, 410, INK, 24)
    sheet.box(352, 262, 576, 360, "#eef3fb", 8)
    sheet.shape(STONE, (270, 650), (1010, 650), (1060, 700), (220, 700))
    sheet.box(220, 694, 840, 22, "#6f768c", 10)
    sheet.box(560, 652, 160, 14, "#b7bccb", 6)
    for x, y, radius, teeth, colour in ((500, 415, 74, 10, BLUE), (612, 494, 50, 8, GOLD)):
        for index in range(teeth):
            angle = index * 2 * pi / teeth
            sheet.line(colour, radius * 0.38, (x, y), (x + radius * 1.16 * cos(angle), y + radius * 1.16 * sin(angle)))
        sheet.disc(x, y, radius, colour)
        sheet.disc(x, y, radius * 0.42, "#eef3fb")
    sheet.disc(805, 410, 66, RUST)
    sheet.shape("#ffffff", (784, 374), (784, 446), (846, 410))
    for y, width in ((505, 190), (532, 150), (559, 170)):
        sheet.box(720, y, width, 12, "#b7c4dd", 6)
    sheet.box(352, 606, 576, 16, "#cfd9ea")
    sheet.box(352, 606, 250, 16, RUST)
    sheet.box(1080, 560, 96, 110, TEAL, 14)
    sheet.ring(1178, 612, 34, 14, TEAL)
    sheet.box(120, 640, 190, 26, WINE, 6)
    sheet.box(132, 612, 170, 28, GOLD, 6)
    sheet.box(126, 586, 180, 26, NAVY, 6)
    sheet.box(186, 470, 60, 116, "#d8e4ea", 10)
    sheet.line(LEAF, 8, (216, 540), (216, 390))
    for index in range(14):
        angle = index * 2 * pi / 14
        sheet.line(GOLD, 22, (216, 366), (216 + 56 * cos(angle), 366 + 56 * sin(angle)))
    sheet.disc(216, 366, 34, "#6d4427")


DRAWN: dict[str, Callable[[Sheet], None]] = {
    "sewing": sewing,
    "shop": shop,
    "workshop": workshop,
    "lesson": lesson,
}


def main() -> None:
    """Draw each picture."""
    PICTURES.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        sheet = Sheet(CREAM)
        draw(sheet)
        sheet.save(name)


if __name__ == "__main__":
    main()
