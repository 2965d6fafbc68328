"""Make the documentation a site for a browser, with the figures of a lake, and follow its links."""

import sys
from pathlib import Path

from lakehouse.site import links
from lakehouse.site.build import MERMAID, html, stage
from retail import project

ROOT = Path(__file__).parents[1]


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "docs", help="build/docs")
    parser.add_argument("--mermaid", type=Path, default=Path(sys.prefix) / MERMAID, help="script")
    options = parser.parse_args()
    frame = project.frame(options)
    package = frame.conf["tables"]
    config = stage(ROOT, frame.catalogue, package, frame.lake, options.output.resolve())
    site = html(config, options.mermaid)
    dead = list(links.dead(site))
    for sentence in dead:
        print(sentence)
    pages, followed = links.count(site)
    print(f"{pages} pages, {followed} links followed, {len(dead)} lead nowhere: {site}/index.html")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
