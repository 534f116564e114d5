from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from bigquery_stub import Script, Stub, error, serving
from google.api_core.exceptions import RetryError, Unauthorized
from google.auth.exceptions import (
    DefaultCredentialsError,
    InvalidOperation,
    RefreshError,
    TransportError,
)

from handoff.facts.recorded import Failure
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import BoundQuery, read
from handoff.warehouse.bigquery.client import JobFailed
from handoff.warehouse.bigquery.errors import explain
from handoff.warehouse.bigquery.warehouse import BigQueryWarehouse

FIXTURES = Path(__file__).parent / "fixtures" / "bigquery"
ERRORS = yaml.safe_load((FIXTURES / "errors.yaml").read_text("utf-8"))
QUERY = read(
    (FIXTURES / "question.sql").read_bytes(), "sql/games/played.sql", "games/played.sql"
)
ASKED = BoundQuery("games", QUERY, {"as_of": datetime(2026, 1, 3, 16, 20, tzinfo=UTC)})
SCHEMA = [{"name": "game", "type": "STRING"}, {"name": "n", "type": "INTEGER"}]


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with serving() as stub:
        stub.tables = {"nba": ["games", "players"], "nba_eu": []}
        stub.locations = {"nba_eu": "EU"}
        yield stub


def asked(stub: Stub, script: Script) -> Failure:
    stub.scripts = {QUERY.text: script}
    settings = Settings(project="p", location="US", endpoint=stub.url)
    warehouse = BigQueryWarehouse(settings, lambda _: None, retry_seconds=0.05)
    (failure,) = warehouse.run([ASKED])
    warehouse.close()
    assert isinstance(failure, Failure)
    return failure


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case["name"])
def test_error_of_a_dry_run(stub: Stub, case: dict[str, Any]) -> None:
    # tables of a domain's project are looked up by the stub all the same
    said = error(case["status"], case["reason"], case["message"])

    failure = asked(stub, Script(schema=SCHEMA, dry_error=said))

    assert (failure.message, failure.exit_code) == (case["told"], case["exit_code"])


def test_error_of_the_job_itself_is_reported_like_that_of_its_dry_run(stub: Stub) -> None:
    said = {"reason": "invalidQuery", "message": "division by zero: 1 / 0 at [5:17]"}

    failure = asked(stub, Script(schema=SCHEMA, job_errors=[said]))

    assert failure.message == "sql/games/played.sql:5:3: division by zero: 1 / 0"
    assert failure.exit_code == 1


def test_job_that_somebody_cancelled(stub: Stub) -> None:
    said = {"reason": "stopped", "message": "Job execution was cancelled"}

    failure = asked(stub, Script(schema=SCHEMA, job_errors=[said]))

    assert failure.message == "the job was cancelled (job execution was cancelled)"


class _Nothing:
    def tables(self, project: str, dataset: str) -> list[str]:
        return []

    def datasets(self, project: str) -> list[str]:
        return []

    def location(self, project: str, dataset: str) -> str | None:
        return None


UNREACHABLE = {
    "no connection to bigquery.googleapis.com (connection refused), check the network": (
        requests.ConnectionError("HTTPSConnectionPool: ... [Errno 111] Connection refused")
    ),
    "bigquery.googleapis.com did not respond in time, check the network and try again": (
        RetryError("Timeout of 60.0s exceeded", requests.ReadTimeout("read timed out"))
    ),
    "no connection to bigquery.googleapis.com (unknown host name), check the network": (
        RetryError("Timeout", TransportError(requests.ConnectionError("NameResolutionError(")))
    ),
    "no credentials for BigQuery (file k.json was not found), run 'gcloud auth"
    " application-default login' and 'gcloud config set project PROJECT', or set"
    " 'bigquery: project:' in handoff.yaml": DefaultCredentialsError(
        "File k.json was not found.", ValueError("k.json")
    ),
    "no credentials for BigQuery (file k.json is not valid json), run 'gcloud auth"
    " application-default login' and 'gcloud config set project PROJECT', or set"
    " 'bigquery: project:' in handoff.yaml": DefaultCredentialsError(
        ("File k.json is not valid json.", ValueError("k.json"))
    ),
    "127.0.0.1 requires credentials, which are sent only to *.googleapis.com over https": (
        InvalidOperation("Anonymous credentials cannot be refreshed.")
    ),
    "BigQuery rejects these credentials (invalid Credentials), run"
    " 'gcloud auth application-default login'": Unauthorized(
        "POST https://...: Invalid Credentials",
        errors=[{"reason": "authError", "message": "Invalid Credentials"}],
    ),
    "the credentials are no longer valid (invalid_grant: Token has been expired), run"
    " 'gcloud auth application-default login'": RefreshError(
        "invalid_grant: Token has been expired.", {"error": "invalid_grant"}
    ),
}


@pytest.mark.parametrize("told", UNREACHABLE)
def test_nobody_to_speak_to(told: str) -> None:
    settings = Settings(endpoint="127.0.0.1" if told.startswith("127") else None)

    explained = explain(
        UNREACHABLE[told], QUERY, project="p", settings=settings, catalogue=_Nothing()
    )

    assert explained is not None
    assert explained.message == told
    assert explained.exit_code == 3


def test_causes_are_unwrapped_however_deep() -> None:
    wrapped = RetryError("Timeout", JobFailed(requests.ConnectionError("reset by peer")))

    explained = explain(wrapped, QUERY, project="p", settings=Settings(), catalogue=_Nothing())

    assert explained is not None
    assert "(connection reset)" in explained.message


def test_bug_is_not_a_result_of_bigquery() -> None:
    bug = KeyError("rows")

    assert explain(bug, QUERY, project="p", settings=Settings(), catalogue=_Nothing()) is None
