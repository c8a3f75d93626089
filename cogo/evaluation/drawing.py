"""Lines on axes, as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor
from typing import Final

from cogo.terminal import neutralize

WIDTH: Final = 1080
_LEFT: Final = 70
_RIGHT: Final = 330
"""Space for the legend."""
COLOURS: Final = (
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#e377c2",
    "#bcbd22", "#393b79", "#637939", "#843c39",
)  # fmt: skip
_MOST_MARKS: Final = 12
_MANY_POINTS: Final = 40
_MOST_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Line:
    """Points that belong together, each with what it is."""

    name: str
    points: Sequence[tuple[float, float, str]]
    """Across, up, and the text that shows when a reader points there."""
    colour: str
    is_dashed: bool = False
    is_joined: bool = True


@dataclass(frozen=True, slots=True)
class Axes:
    """A part of the picture with axes of its own."""

    top: float
    height: float
    low: float
    high: float
    floor: float
    roof: float

    @property
    def width(self) -> float:
        """The width without the legend."""
        return WIDTH - _LEFT - _RIGHT

    def place(self, across: float, up: float) -> tuple[float, float]:
        """Return the position of a point."""
        x = (across - self.low) / (self.high - self.low)
        y = (up - self.floor) / (self.roof - self.floor)
        return _LEFT + x * self.width, self.top + (1 - y) * self.height


def escape_text(text: str) -> str:
    """Return text as SVG holds it: without control characters, and not too long."""
    shown = text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 3]}..."
    return escape(neutralize(shown, one_line=True))


def find_bounds(points: Sequence[tuple[float, float, str]], step: float) -> tuple[float, float]:
    """Return the lowest and the highest multiple of a step that hold all points."""
    ups = [up for _, up, _ in points]
    low = floor(min(ups) / step) * step
    return low, max(ceil(max(ups) / step) * step, low + step)


def mark_across(panel: Axes, across: float, text: str) -> Iterator[str]:
    """Draw a line upwards, and its label."""
    x, _ = panel.place(across, panel.floor)
    bottom = panel.top + panel.height
    yield f'<line x1="{x:.1f}" y1="{panel.top}" x2="{x:.1f}" y2="{bottom}" stroke="#ddd"/>'
    yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{text}</text>'


def mark_up(panel: Axes, step: float, form: str) -> Iterator[str]:
    """Draw lines across at multiples of a step, and their labels."""
    count = round((panel.roof - panel.floor) / step)
    every = max(1, ceil(count / _MOST_MARKS))
    for number in range(0, count + 1, every):
        up = panel.floor + number * step
        _, y = panel.place(panel.low, up)
        yield (
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + panel.width}" y2="{y:.1f}" '
            f'stroke="#ddd"/><text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{form.format(up)}</text>"
        )


def draw_lines(panel: Axes, lines: Sequence[Line]) -> Iterator[str]:
    """Draw the lines and the legend."""
    for number, line in enumerate(lines):
        placed = [panel.place(across, up) for across, up, _ in line.points]
        dashes = ' stroke-dasharray="5 4"' if line.is_dashed else ""
        if line.is_joined and len(placed) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
            yield (
                f'<polyline points="{path}" fill="none" stroke="{line.colour}" '
                f'stroke-width="1.5"{dashes}/>'
            )
        radius = _find_radius(line)
        fill = "none" if line.is_dashed else line.colour
        for (x, y), (_, _, text) in zip(placed, line.points, strict=True):
            yield (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" '
                f'stroke="{line.colour}"><title>{escape_text(text)}</title></circle>'
            )
        at = panel.top + 10 + 19 * number
        left = _LEFT + panel.width + 20
        yield (
            f'<line x1="{left}" y1="{at}" x2="{left + 18}" y2="{at}" stroke="{line.colour}" '
            f'stroke-width="3"{dashes}/>'
            f'<text x="{left + 26}" y="{at + 4}">{escape_text(line.name)}</text>'
        )


def _find_radius(line: Line) -> float:
    """Return the radius of a line's points; those of a long line only show what they are."""
    if line.is_joined and len(line.points) > _MANY_POINTS:
        return 0.5
    return 3 if line.is_dashed else 4.5


def draw_document(height: int, parts: Sequence[str]) -> str:
    """Return a picture of these parts."""
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            *parts,
            "</svg>\n",
        )
    )


def draw_title(top: float, text: str) -> str:
    """Draw a title."""
    return f'<text x="{_LEFT}" y="{top}" font-size="15">{escape_text(text)}</text>'


def label_across(panel: Axes, text: str) -> str:
    """Draw what the axis across is."""
    middle = _LEFT + panel.width / 2
    y = panel.top + panel.height + 38
    return f'<text x="{middle}" y="{y}" text-anchor="middle">{escape_text(text)}</text>'
