"""Every link of a built site, followed: what leads nowhere, and what is not local."""

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser loads by itself, by tag; only an <a> may lead elsewhere.
_LOADED = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src"}
_CLICK = re.compile(r"^\s*click \w+ (?:href )?\"([^\"]+)\"", re.MULTILINE)
_ELSEWHERE = ("http", "https", "mailto")


class _Page(HTMLParser):
    """The anchors and links of a page; those of its diagrams too."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        target = found.get("href" if tag == "a" else _LOADED.get(tag, ""))
        if target and found.get("rel") != "canonical":
            self.links.append((tag, target))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@cache
def _read(page: Path) -> _Page:
    parsed = _Page()
    parsed.feed(page.read_text(encoding="utf-8"))
    parsed.links += [("a", target) for target in _CLICK.findall("".join(parsed.text))]
    return parsed


def dead(site: Path) -> Iterator[str]:
    """One sentence for each link that leads nowhere, and for each asset that is not local."""
    for page in sorted(site.rglob("*.html")):
        where = page.relative_to(site)
        for tag, target in _read(page).links:
            parts = urlsplit(target)
            if parts.scheme in _ELSEWHERE or parts.netloc:
                if tag != "a":
                    yield f"{where} loads {target} from elsewhere; expected a local file."
                continue
            base = site if parts.path.startswith("/") else page.parent
            aim = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else page
            aim = aim / "index.html" if aim.is_dir() else aim
            if parts.scheme == "data":
                continue
            if not aim.is_file():
                yield f"{where} links to {target}, and there is no such page."
            elif parts.fragment and unquote(parts.fragment) not in _read(aim).ids:
                yield f"{where} links to {target}, and that page has no such place."


def count(site: Path) -> tuple[int, int]:
    """How many pages and links there are."""
    pages = list(site.rglob("*.html"))
    return len(pages), sum(len(_read(page).links) for page in pages)
