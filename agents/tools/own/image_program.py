"""A program for the sandbox: measures the file `image`, and writes what shall be seen of it."""

import io
import json
import sys
from pathlib import Path
from typing import Any

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_MAX_PIXELS = 50_000_000
_LEAST_SIDE = 64


def main() -> None:
    """Read `request.json`, write `result.json` and `part`."""
    request = json.loads(Path("request.json").read_bytes())
    sys.path.insert(0, request["folder"])
    try:
        result = _view(request)
    except Exception as error:  # noqa: BLE001 - whatever a damaged image causes
        result = {"problem": f"{type(error).__name__}: {error}"[:300]}
    Path("result.json").write_text(json.dumps(result), encoding="utf-8")


def _view(request: dict[str, Any]) -> dict[str, Any]:
    from PIL import Image  # noqa: PLC0415 - it is found only now

    with Image.open("image", formats=_FORMATS) as opened:
        width, height = opened.size
        if width * height > _MAX_PIXELS:
            return {"problem": f"it has {width} x {height} pixels"}
        measured = {
            "width": width,
            "height": height,
            "format": opened.format,
            "frames": getattr(opened, "n_frames", 1),
        }
        crop = request["crop"] or {"left": 0, "top": 0, "width": width, "height": height}
        if crop["left"] >= width or crop["top"] >= height:
            return {"problem": f"the part is outside: it has {width} x {height} pixels"}
        right = min(crop["left"] + crop["width"], width)
        bottom = min(crop["top"] + crop["height"], height)
        part = opened.crop((crop["left"], crop["top"], right, bottom))
    if part.mode not in {"RGB", "RGBA", "L"}:
        part = part.convert("RGBA")
    side = request["max_side"]
    if request["crop"] is None:
        side = min(side, max(part.size))
    content, size = _encode(part, side, request["most"])
    Path("part").write_bytes(content)
    box = {"left": crop["left"], "top": crop["top"], "right": right, "bottom": bottom}
    return {**measured, "part": box, "shown": {"width": size[0], "height": size[1]}}


def _encode(part: Any, side: int, most: int) -> tuple[bytes, tuple[int, int]]:
    """Return a picture of at most so many bytes, and its size."""
    while True:
        factor = side / max(part.size)
        size = (max(1, round(part.width * factor)), max(1, round(part.height * factor)))
        shown = part.resize(size)
        for kind, picture in (("PNG", shown), ("JPEG", shown.convert("RGB"))):
            file = io.BytesIO()
            picture.save(file, kind)
            if file.tell() <= most:
                return file.getvalue(), size
        if side <= _LEAST_SIDE:
            raise ValueError("it cannot be made small enough")
        side = max(side * 3 // 4, _LEAST_SIDE)


if __name__ == "__main__":
    main()
