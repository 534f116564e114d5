"""Copy the screenshots of the browser tests to the documentation, as WebP: `make pictures`."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))

import browser  # noqa: E402

NAMES = ("light", "dark", "phone", "zoom", "error-light", "index", "value-light", "github")
CHARTS = ("charts-light", "charts-dark")
SCALED = """async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, 1000 / image.width);
  [canvas.width, canvas.height] = [image.width * scale, image.height * scale];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", 0.8);
}"""


def main() -> None:
    folder = DOCS / "pictures"
    folder.mkdir(exist_ok=True)
    with browser.opened() as chromium:
        page = chromium.new_page()
        for name in (*NAMES, *CHARTS):
            png = base64.b64encode((browser.PICTURES / f"{name}.png").read_bytes()).decode()
            data = page.evaluate(SCALED, f"data:image/png;base64,{png}")
            webp = base64.b64decode(data.partition(",")[2])
            kind = "" if name in CHARTS else "preview-"
            (folder / f"{kind}{name}.webp").write_bytes(webp)


if __name__ == "__main__":
    main()
