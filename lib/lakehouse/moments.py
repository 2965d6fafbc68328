"""Days and instants as people write them in an option."""

from datetime import UTC, date, datetime

from lakehouse.errors import LakehouseError


def day(text: str | None, option: str) -> date | None:
    """A date in ISO form; None for no text.

    Raises LakehouseError for any other text.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise LakehouseError(
            f"{option} {text} is no date; expected a day of the calendar as 2026-06-30."
        ) from None


def instant(text: str | None, option: str) -> datetime | None:
    """A date and time in ISO form, UTC unless it names a zone; a date alone is its first instant.

    Raises LakehouseError for any other text.
    """
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise LakehouseError(
            f"{option} {text} is no instant; expected a date, or date and time, in ISO form, as"
            " '2026-06-30 12:00'."
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None
