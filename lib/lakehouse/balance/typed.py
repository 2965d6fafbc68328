"""Landed columns in their contract's types, as DuckDB reads them: null where Spark's cast fails."""

DECIMAL_OF_FLOAT = ("DOUBLE", "FLOAT")
_WHOLE = ("INT", "BIGINT")
_DUCKDB = {"TIMESTAMP": "TIMESTAMPTZ", "TIMESTAMP_NTZ": "TIMESTAMP", "STRING": "VARCHAR"}


def typed(column: str, landed: str, wanted: str) -> str:
    """SQL for a landed column in the type that its contract wants.

    ``landed`` is DuckDB's name of a type, ``wanted`` Spark's. As in Spark, text around a value is
    blank, and a fraction is no whole number.
    """
    name, kind = f'"{column}"', _DUCKDB.get(wanted, wanted)
    if kind == "VARCHAR":
        return f"CAST({name} AS VARCHAR)"
    if landed == "VARCHAR":
        return _parsed(f"trim({name})", kind)
    if landed in DECIMAL_OF_FLOAT and kind.startswith("DECIMAL"):
        return f"TRY_CAST(CAST({name} AS VARCHAR) AS {kind})"
    if kind in _WHOLE and (landed in DECIMAL_OF_FLOAT or landed.startswith("DECIMAL")):
        return f"CASE WHEN {name} = floor({name}) THEN TRY_CAST({name} AS {kind}) END"
    return f"TRY_CAST({name} AS {kind})"


def _parsed(text: str, kind: str) -> str:
    if kind in _WHOLE:
        is_whole = f"regexp_full_match({text}, '[+-]?[0-9]+')"
        return f"CASE WHEN {is_whole} THEN TRY_CAST({text} AS {kind}) END"
    if kind == "DATE":  # Spark takes a year or a month for its first day, and ends at a blank or T
        day = f"regexp_replace({text}, '[ T].*$', '')"
        return f"""CASE
            WHEN regexp_full_match({day}, '[0-9]{{4}}') THEN TRY_CAST({day} || '-01-01' AS DATE)
            WHEN regexp_full_match({day}, '[0-9]{{4}}-[0-9]{{1,2}}')
            THEN TRY_CAST({day} || '-01' AS DATE)
            ELSE TRY_CAST({day} AS DATE) END"""
    return f"TRY_CAST({text} AS {kind})"
