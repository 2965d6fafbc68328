"""The options by which a person names the parts of a type-2 table and of its facts."""

import argparse

_SEVERAL = "; several by repeating or with commas"


def add_names(parser: argparse.ArgumentParser) -> None:
    """Add what ``subject`` reads: the table, its columns, and the facts that point at it."""

    def columns(option: str, text: str) -> None:
        parser.add_argument(option, action="append", metavar="COLUMN", help=text + _SEVERAL)

    parser.add_argument("table", help="layer.table of the lake, or the path of a Delta table")
    columns("--key", "what has versions")
    parser.add_argument("--from", dest="start", help="start of a version (valid_from)")
    parser.add_argument("--to", dest="end", help="end of a version (valid_to)")
    parser.add_argument("--current", help="flag of the open version (is_current, if there)")
    columns("--tracked", "what cuts versions (all attributes)")
    parser.add_argument("--surrogate", help="column that identifies a version")
    parser.add_argument("--open-end", help="ends from here on are open, as null is (9999-12-31)")
    parser.add_argument("--end-includes", choices=["day", "second"], help="for closed intervals")
    parser.add_argument("--fact", help="table that points at versions")
    columns("--fact-key", "by what a fact points: the surrogate, or the key")
    parser.add_argument("--fact-at", help="when a fact happened")
