"""A notebook, as it was executed, as a page of the site: texts, code, tables and charts."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def page(notebook: Path, images: Path) -> str:
    """The notebook as Markdown; its charts are written to the folder ``images`` beside the page."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    parts: list[str] = []
    for number, cell in enumerate(cells):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code":
            parts.append(f"```python\n{source}\n```")
            name = f"{notebook.stem}_{number}"
            parts += _outputs(cell.get("outputs", []), images, name)
    return "\n\n".join(parts) + "\n"


def _outputs(outputs: list[dict[str, Any]], images: Path, name: str) -> Iterator[str]:
    for number, output in enumerate(outputs):
        data = output.get("data", {})
        if "image/png" in data:
            images.mkdir(parents=True, exist_ok=True)
            file = images / f"{name}_{number}.png"
            file.write_bytes(base64.b64decode("".join(data["image/png"])))
            yield f"![]({images.name}/{file.name})"
        elif "text/html" in data:
            yield re.sub(r"<style.*?</style>|\n\s*\n", "", "".join(data["text/html"]), flags=re.S)
        else:
            text = "".join(data.get("text/plain", output.get("text", "")))
            yield f"```text\n{text.rstrip()}\n```"
