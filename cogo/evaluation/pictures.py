"""Files of pictures: SVG as it was drawn, or PNG painted from it."""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from cogo.errors import CommandError, UsageError
from cogo.terminal import print_text

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_ENDINGS: Final = (".svg", ".png")
_SCALE: Final = 2
"""Pixels of a PNG for each unit of the drawing."""
_SIZE: Final = 12.0
_ANCHORS: Final = {"start": "ls", "middle": "ms", "end": "rs"}


def check_picture_name(file: Path | None) -> None:
    """Raise UsageError if a file's name does not end like that of a picture."""
    if file is not None and file.suffix.casefold() not in _ENDINGS:
        raise UsageError(f"--plot {file}: pictures are .svg or .png; name a file that ends so")


def write_picture(file: Path, svg: str) -> None:
    """Write a drawing, and say so. Raises CommandError."""
    try:
        if file.suffix.casefold() == ".png":
            _paint(svg, file)
        else:
            file.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror or error}") from error
    print_text(f"wrote {file}", err=True)


def _paint(svg: str, file: Path) -> None:
    """Paint the elements that `drawing` makes into a PNG."""
    # Imported here because only PNG needs them.
    from PIL import Image, ImageDraw  # noqa: PLC0415

    root = ET.fromstring(svg)  # noqa: S314 - our own
    size = (int(root.attrib["width"]) * _SCALE, int(root.attrib["height"]) * _SCALE)
    image = Image.new("RGB", size, "white")
    canvas = ImageDraw.Draw(image, "RGBA")
    for element in root.iter():
        _paint_element(canvas, element)
    image.save(file, "PNG")


def _paint_element(canvas: "ImageDraw", element: ET.Element) -> None:
    kind = element.tag.rpartition("}")[2]
    if kind == "line":
        _paint_line(canvas, element, [(_get(element, "x1"), _get(element, "y1")),
                                      (_get(element, "x2"), _get(element, "y2"))])  # fmt: skip
    elif kind == "polyline":
        pairs = (each.split(",") for each in element.attrib["points"].split())
        _paint_line(canvas, element, [(float(x) * _SCALE, float(y) * _SCALE) for x, y in pairs])
    elif kind == "circle":
        centre, radius = (_get(element, "cx"), _get(element, "cy")), _get(element, "r")
        fill = element.attrib["fill"]
        canvas.circle(
            centre, radius, None if fill == "none" else fill, element.attrib["stroke"], _SCALE
        )
    elif kind == "text":
        _paint_text(canvas, element)


def _paint_line(
    canvas: "ImageDraw", element: ET.Element, points: list[tuple[float, float]]
) -> None:
    colour: Any = element.attrib["stroke"]
    if "stroke-opacity" in element.attrib:
        opacity = round(255 * float(element.attrib["stroke-opacity"]))
        colour = f"#{colour[1:] if len(colour) == 7 else ''.join(c * 2 for c in colour[1:])}"
        colour += f"{opacity:02x}"
    width = max(round(_get(element, "stroke-width", 1.0)), 1)
    pieces = _cut_into_dashes(points) if "stroke-dasharray" in element.attrib else [points]
    for piece in pieces:
        canvas.line(piece, colour, width)


def _cut_into_dashes(points: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Return the dashes of a line, each of them straight."""
    dashes = []
    step = 5.0 * _SCALE
    for (x, y), (to_x, to_y) in pairwise(points):
        length = ((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5
        for number in range(0, int(length / step) + 1, 2):
            start, end = (min(each * step / (length or 1.0), 1.0) for each in (number, number + 1))
            dashes.append(
                [
                    (x + start * (to_x - x), y + start * (to_y - y)),
                    (x + end * (to_x - x), y + end * (to_y - y)),
                ]
            )
    return dashes


def _paint_text(canvas: "ImageDraw", element: ET.Element) -> None:
    from PIL import ImageFont  # noqa: PLC0415 - as above

    size = _SCALE * float(element.attrib.get("font-size", _SIZE))
    place = (_get(element, "x"), _get(element, "y"))
    anchor = _ANCHORS[element.attrib.get("text-anchor", "start")]
    canvas.text(place, element.text or "", "black", ImageFont.load_default(size), anchor)


def _get(element: ET.Element, name: str, default: float = 0.0) -> float:
    return float(element.attrib.get(name, default)) * _SCALE
