"""What is said of a table that failed."""

import re

from lakehouse import quality
from lakehouse.catalogue import Table
from lakehouse.errors import LakehouseError, StopRuleError


def explain(error: Exception, table: Table) -> str:
    """One sentence for a failed table: the stop rule broken, or the error's first line."""
    if isinstance(error, LakehouseError):
        return str(error)
    text = str(error)
    causes = re.findall(r"^(?:Caused by|): (?:[\w.$]+(?:Exception|Error): )?(.*)$", text, re.M)
    if match := re.search(rf"{quality.STOP}[^\n]*", text):
        return f"{match[0][len(quality.STOP) :].strip()}; nothing was written, mend the input"
    lines = [*reversed(causes), *text.split("\n"), type(error).__name__]
    first = next(line for line in lines if line.strip())
    return f"{table.full_name} failed: {first[:300]}"


def is_stop(error: Exception) -> bool:
    """Whether a stop rule, not a defect, ended the table."""
    return isinstance(error, StopRuleError) or quality.STOP in str(error)
