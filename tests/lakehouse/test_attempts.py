"""A table that fails is tried again where conf says so, and only for what may pass."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse import LakehouseError, quality, run
from lakehouse.run import _Run

VERDICT = SimpleNamespace(table=SimpleNamespace(full_name="gold.sales"))


def attempt(monkeypatch: pytest.MonkeyPatch, attempts: int, errors: list[Exception]) -> list[str]:
    """Make a table that fails by these errors, one a try; returns what was done."""
    done: list[str] = []

    def judged(*_: Any) -> Any:
        done.append("judged")
        return VERDICT

    def tried(self: _Run, verdict: Any) -> str:
        done.append("tried")
        if errors:
            raise errors.pop(0)
        return "built"

    monkeypatch.setattr(run, "judge", judged)
    monkeypatch.setattr(_Run, "_try", tried)
    one = _Run.__new__(_Run)
    one.frame = SimpleNamespace(conf={"build": {"attempts": attempts}})  # type: ignore[assignment]
    one.found, one.local = None, threading.local()  # type: ignore[assignment]
    one.local.spark = None
    one._built(VERDICT)  # type: ignore[arg-type]
    return done


def test_a_lost_machine_costs_a_try(monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[Exception] = [RuntimeError("executor lost"), RuntimeError("executor lost")]
    assert attempt(monkeypatch, 3, lost) == ["tried", "judged", "tried", "judged", "tried"]


def test_the_last_try_s_error_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="second"):
        attempt(monkeypatch, 2, [RuntimeError("first"), RuntimeError("second")])
    with pytest.raises(RuntimeError, match="first"):
        attempt(monkeypatch, 1, [RuntimeError("first")])


@pytest.mark.parametrize(
    "error", [LakehouseError("no such column"), RuntimeError(f"{quality.STOP} too few rows")]
)
def test_what_would_fail_again_is_not_tried_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [error]
    with pytest.raises(type(error)):
        attempt(monkeypatch, 3, errors)
    assert errors == []
