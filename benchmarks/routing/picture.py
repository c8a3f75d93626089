"""The curves of one split as SVG: logarithmic cost, quality upwards."""

from html import escape
from math import ceil, floor, log10
from typing import Final

from benchmarks.routing.curve import Point, hull
from benchmarks.routing.evaluation import Split

WIDTH: Final = 900
HEIGHT: Final = 560
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 250, 30, 60
_COLOURS: Final = (
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f",
)  # fmt: skip


def svg(split: Split, *, title: str) -> str:
    """Draw curves with their settings, and a ring at the chosen one."""
    points = [p for entry in split.entries for p in (*entry.curve, entry.point) if p.cost > 0]
    axes = _Axes(points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="18" font-size="14">{escape(title)}</text>',
        *axes.drawn(),
    ]
    for number, entry in enumerate(split.entries):
        colour = _COLOURS[number % len(_COLOURS)]
        x, y = axes.place(entry.point)
        curve = [p for p in hull([*entry.curve, entry.point]) if p.cost > 0] if entry.curve else []
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(axes.place, curve))
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="none" stroke="{colour}" '
            f'stroke-width="2"><title>{escape(entry.name)}</title></circle>'
        )
        at = _TOP + 14 + 18 * number
        parts.append(
            f'<rect x="{WIDTH - _RIGHT + 20}" y="{at - 9}" width="12" height="10" fill="{colour}"/>'
            f'<text x="{WIDTH - _RIGHT + 38}" y="{at}">{escape(entry.name)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


class _Axes:
    def __init__(self, points: list[Point]) -> None:
        costs = [log10(point.cost) for point in points] or [0.0]
        self._low, self._high = floor(min(costs)), max(ceil(max(costs)), floor(min(costs)) + 1)
        worst = min((point.quality for point in points), default=0.0)
        best = max((point.quality for point in points), default=1.0)
        self._floor, self._roof = floor(worst * 20) / 20, max(ceil(best * 20) / 20, 0.05)
        if self._roof <= self._floor:
            self._roof = self._floor + 0.05

    def place(self, point: Point) -> tuple[float, float]:
        """Return the position of a point."""
        cost = log10(max(point.cost, 10.0**self._low))
        across = (cost - self._low) / (self._high - self._low)
        up = (point.quality - self._floor) / (self._roof - self._floor)
        return (
            _LEFT + across * (WIDTH - _LEFT - _RIGHT),
            HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM),
        )

    def drawn(self) -> list[str]:
        """Draw the grid and its labels."""
        right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
        parts = []
        for power in range(self._low, self._high + 1):
            x, _ = self.place(Point(10.0**power, self._floor))
            parts.append(
                f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#ddd"/>'
                f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">${10.0**power:g}</text>'
            )
        steps = round((self._roof - self._floor) * 20)
        for step in range(steps + 1):
            quality = self._floor + step / 20
            _, y = self.place(Point(1.0, quality))
            parts.append(
                f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#ddd"/>'
                f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{quality:.2f}</text>'
            )
        middle = (_LEFT + right) / 2
        label = f'<text x="{middle}" y="{bottom + 42}" text-anchor="middle">dollars a prompt</text>'
        return [*parts, label]
