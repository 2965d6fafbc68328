"""What became of one rule: how many rows it looked at, how many break it, and what follows."""

from dataclasses import dataclass

from lakehouse.catalogue import Table
from lakehouse.checks.rules import Rule

# What follows from a broken rule, by its severity.
BROKEN = {"quarantine": "quarantined", "warn": "warned", "stop": "stopped"}
PASSED = "passed"


@dataclass(frozen=True)
class Judgement:
    """One rule of one table at one of its versions."""

    table: str
    version: int
    rule: str
    kind: str
    severity: str
    checked: int
    failed: int
    verdict: str
    sample: str = ""

    @property
    def sentence(self) -> str:
        """What a person reads of a broken rule."""
        shown = f" ({self.sample})" if self.sample else ""
        return f"{self.failed:,} rows of {self.table}: {self.rule}{shown}"


def judgement(
    table: Table, version: int, rule: Rule, checked: int, failed: int, sample: str = ""
) -> Judgement:
    """The judgement on a rule that ``failed`` of ``checked`` rows break."""
    verdict = BROKEN[rule.severity] if failed else PASSED
    return Judgement(
        table.full_name, version, rule.name, rule.kind, rule.severity, checked, failed, verdict,
        sample,
    )  # fmt: skip
