"""OpenLineage run events of a build: START and COMPLETE or FAIL of it and of each table in it.

``openlineage`` in conf names where they go, a file (a line an event) or the URL of a server; none
go anywhere by default. Events are news for others: that they cannot be sent fails no build.
"""

import os
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakehouse import storage
from lakehouse.build import Outcome
from lakehouse.catalogue import Table
from lakehouse.errors import LakehouseError, first_line
from lakehouse.frame import Frame
from lakehouse.named import Name
from lakehouse.storage import Uri

SETTING = "openlineage"
# Marks, as the standard asks, who produced an event: by a URI.
PRODUCER = "urn:retail-lakehouse:build"
_BUILD = "build"
_RETRY = {"total": 1, "backoff_factor": 0.1}  # a build does not wait for its audience


class Events:
    """Where a build's events go; tables are built side by side, so one is sent at a time."""

    def __init__(self, frame: Frame):
        self.frame = frame
        self.target = str(frame.conf.get(SETTING) or "")
        self.trouble = ""
        self._lock = threading.Lock()
        self._runs: dict[str, str] = {}
        self._client: Any = _client(self.target) if self.target else None

    def started(self, table: Table, versions: Mapping[str, int]) -> None:
        """A table is about to be built from these versions of its inputs."""
        if self._client is None:
            return
        if _BUILD not in self._runs:
            self._send("START", _BUILD)
        self._send("START", table.full_name, self._inputs(versions), [self._dataset(table)])

    def ended(self, table: Table, outcome: Outcome, versions: Mapping[str, int]) -> None:
        """A table was built, or was not."""
        if self._client is None:
            return
        failed = outcome.status != "built"
        output = self._dataset(table, None if failed else outcome)
        state, error = ("FAIL", outcome.reason) if failed else ("COMPLETE", "")
        self._send(state, table.full_name, self._inputs(versions), [output], error)

    def closed(self, outcomes: Iterable[Outcome], interrupted: bool = False) -> None:
        """The build has ended, or was interrupted."""
        if self._client is None or _BUILD not in self._runs:
            return
        lost = [outcome.table for outcome in outcomes if outcome.status != "built"]
        error = f"not built: {', '.join(lost)}" if lost else ""
        error = "interrupted" if interrupted else error
        self._send("FAIL" if error else "COMPLETE", _BUILD, error=error)

    def _send(
        self,
        state: str,
        job: str,
        inputs: Iterable[Any] = (),
        outputs: Iterable[Any] = (),
        error: str = "",
    ) -> None:
        from openlineage.client import event_v2, facet_v2
        from openlineage.client.uuid import generate_new_uuid

        with self._lock:
            if self.trouble:
                return
            run = self._runs.setdefault(job, str(generate_new_uuid()))
            facets: dict[str, Any] = {}
            if job != _BUILD:
                facets["parent"] = facet_v2.parent_run.ParentRunFacet(
                    facet_v2.parent_run.Run(self._runs[_BUILD]),
                    facet_v2.parent_run.Job(self._namespace, _BUILD),
                )
            if error:
                facets["errorMessage"] = facet_v2.error_message_run.ErrorMessageRunFacet(
                    error, "Python"
                )
            kind = facet_v2.job_type_job.JobTypeJobFacet("BATCH", "SPARK", "JOB")
            event = event_v2.RunEvent(
                eventType=event_v2.RunState[state],
                eventTime=datetime.now(UTC).isoformat(),
                run=event_v2.Run(run, facets),
                job=event_v2.Job(self._namespace, job, {"jobType": kind}),
                inputs=list(inputs),
                outputs=list(outputs),
                producer=PRODUCER,
            )
            try:
                self._client.emit(event)
            except Exception as problem:
                self.trouble = (
                    f"OpenLineage events went nowhere from {job} on: {self.target} did not take"
                    f" one ({first_line(problem)}); the build does without."
                )

    @property
    def _namespace(self) -> str:
        return self.frame.source.name

    def _inputs(self, versions: Mapping[str, int]) -> list[Any]:
        from openlineage.client import event_v2, facet_v2

        version = facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet
        tables = self.frame.catalogue.tables
        return [
            event_v2.InputDataset(*self._place(tables[n]), facets={"version": version(str(number))})
            for n, number in versions.items()
        ]

    def _dataset(self, table: Table, built: Outcome | None = None) -> Any:
        """A table as an output; once built, with its version and what was written."""
        from openlineage.client import event_v2, facet_v2

        field = facet_v2.schema_dataset.SchemaDatasetFacetFields
        fields = [field(c.name, c.type, c.comment, fields=[]) for c in table.columns]
        facets: dict[str, Any] = {"schema": facet_v2.schema_dataset.SchemaDatasetFacet(fields)}
        wrote: dict[str, Any] = {}
        if built:
            facets["version"] = facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet(
                str(built.version)
            )
            wrote["outputStatistics"] = (
                facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                    built.rows, built.bytes, built.files
                )
            )
        return event_v2.OutputDataset(*self._place(table), facets=facets, outputFacets=wrote)

    def _place(self, table: Table) -> tuple[str, str]:
        """Namespace and name of a dataset, as OpenLineage has them for where it lies."""
        place = self.frame.path(table)
        if isinstance(place, Uri):
            scheme, rest = storage.address(place).split("://", 1)
            bucket, _, key = rest.partition("/")
            return f"{scheme}://{bucket}", key
        if isinstance(place, Name):
            catalogue, *names = place.parts
            return catalogue, ".".join(names)
        return "file", str(place.absolute())


def _client(target: str) -> Any:
    """The client for a file or a URL.

    Raises LakehouseError where the library is not installed or the target cannot be one.
    """
    try:
        from openlineage.client import OpenLineageClient
        from openlineage.client.transport.file import FileConfig, FileTransport
        from openlineage.client.transport.http import (
            ApiKeyTokenProvider,
            HttpConfig,
            HttpTransport,
            TokenProvider,
        )
    except ImportError:
        raise LakehouseError(
            f"conf sends OpenLineage events to {target}, but openlineage-python is not installed;"
            " install this project's extra [lineage], or set openlineage: null."
        ) from None
    if target.startswith(("http://", "https://")):
        key = os.environ.get("OPENLINEAGE_API_KEY")
        auth = ApiKeyTokenProvider({"api_key": key}) if key else TokenProvider({})
        return OpenLineageClient(
            transport=HttpTransport(HttpConfig(target, auth=auth, retry=_RETRY))
        )
    if "://" in target or not Path(target).expanduser().resolve().parent.is_dir():
        raise LakehouseError(
            f"openlineage in conf is {target}; expected an http(s) URL or a file in a folder that"
            " exists."
        )
    path = str(Path(target).expanduser().resolve())
    return OpenLineageClient(transport=FileTransport(FileConfig(path, append=True)))
