"""Landed columns in their contract's types, as DuckDB reads them: null where Spark's cast fails."""

DECIMAL_OF_FLOAT = ("DOUBLE", "FLOAT")
# What Spark trims off a text before it reads a value: blanks and control characters.
_AROUND = r"^[\x00-\x20\x7f]+|[\x00-\x20\x7f]+$"
_WHOLE = ("INT", "BIGINT")
_DUCKDB = {"TIMESTAMP": "TIMESTAMPTZ", "TIMESTAMP_NTZ": "TIMESTAMP", "STRING": "VARCHAR"}


def literal(text: str) -> str:
    """The text as DuckDB's string literal, in which a backslash is one."""
    return "'" + text.replace("'", "''") + "'"


def typed(column: str, landed: str, wanted: str) -> str:
    """SQL for a landed column in the type that its contract wants.

    ``landed`` is DuckDB's name of a type, ``wanted`` Spark's. As in Spark, text around a value is
    blank, and a fraction is no whole number.
    """
    name, kind = f'"{column}"', _DUCKDB.get(wanted, wanted)
    if kind == "VARCHAR":
        return f"CAST({name} AS VARCHAR)"
    if landed == "VARCHAR":
        return _parsed(f"regexp_replace({name}, '{_AROUND}', '', 'g')", kind)
    if landed in DECIMAL_OF_FLOAT and kind.startswith("DECIMAL"):
        return f"TRY_CAST(CAST({name} AS VARCHAR) AS {kind})"
    if kind in _WHOLE and (landed in DECIMAL_OF_FLOAT or landed.startswith("DECIMAL")):
        return f"CASE WHEN {name} = floor({name}) THEN TRY_CAST({name} AS {kind}) END"
    return f"TRY_CAST({name} AS {kind})"


def _parsed(text: str, kind: str) -> str:
    if kind in _WHOLE:
        is_whole = f"regexp_full_match({text}, '[+-]?[0-9]+')"
        return f"CASE WHEN {is_whole} THEN TRY_CAST({text} AS {kind}) END"
    if kind == "DATE":  # a date ends at a blank or T, whatever follows
        day = f"regexp_replace({text}, '[ T].*$', '')"
        return f"CAST(TRY_CAST({_completed(day)} AS TIMESTAMP) AS DATE)"
    return f"TRY_CAST({_completed(text) if kind.startswith('TIMESTAMP') else text} AS {kind})"


def _completed(text: str) -> str:
    """A year or a month, which Spark takes for its first day, and an hour, for its first minute."""
    rest = {"{4}": "-01-01", "{4}-[0-9]{1,2}": "-01", "{4}(-[0-9]{1,2}){2}[ T][0-9]{1,2}": ":00"}
    cases = " ".join(
        f"WHEN regexp_full_match({text}, '[0-9]{form}') THEN {text} || '{more}'"
        for form, more in rest.items()
    )
    return f"CASE {cases} ELSE {text} END"
