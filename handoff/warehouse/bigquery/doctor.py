"""Checks whether BigQuery can run queries from here, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from handoff.base.problems import HandoffError, nearest
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import BoundQuery, read
from handoff.warehouse.bigquery import wire
from handoff.warehouse.bigquery.client import (
    Connection,
    Jobs,
    connect,
    endpoint,
    takes_credentials,
)
from handoff.warehouse.bigquery.errors import explain
from handoff.warehouse.bigquery.warehouse import Catalogue
from handoff.warehouse.port import DoctorStep

_CLOCK_TOLERANCE = timedelta(seconds=60)
"""`as_of` is to the minute; credentials are rejected at five."""


def doctor_checks(settings: Settings, *, retry_seconds: float = 10.0) -> Iterator[DoctorStep]:
    """The finding of each step; stops at the first that the others depend on."""
    try:
        wire.check_labels(settings)
        yield _endpoint(settings)
        connection = connect(settings, retry_seconds=retry_seconds, progress=lambda _: None)
    except HandoffError as error:
        # each message is 'what, what to do'
        detail, _, fix = str(error).partition(", ")
        yield DoctorStep("credentials", False, detail, fix)
        return
    try:
        yield DoctorStep("credentials", True, _account(connection, settings))
        yield DoctorStep("project", True, str(connection.client.project))
        yield _dry_run(connection, settings)
        if settings.dataset:
            yield _dataset(connection, settings, settings.dataset)
        if connection.clock.ahead is not None:  # not every server sends its time
            yield _clock(connection.clock.ahead)
    finally:
        connection.close()


def _endpoint(settings: Settings) -> DoctorStep:
    server = endpoint(settings)
    if server is None:
        return DoctorStep("endpoint", True, "bigquery.googleapis.com")
    sent = "" if takes_credentials(server) else ", without credentials"
    return DoctorStep("endpoint", True, f"{server}{sent}")


def _account(connection: Connection, settings: Settings) -> str:
    credentials = connection.credentials
    if settings.impersonate:
        return f"impersonating {settings.impersonate}"
    account = getattr(credentials, "service_account_email", None)
    return str(account or getattr(credentials, "account", None) or type(credentials).__name__)


def _dry_run(connection: Connection, settings: Settings) -> DoctorStep:
    query = read(b"-- returns: n INT64\nSELECT 1 AS n", "SELECT 1", "doctor.sql")
    bound = BoundQuery("doctor", query, {"as_of": datetime.now(UTC)})
    configuration = wire.dry_run_configuration(bound, replace(settings, dataset=None))
    try:
        job = Jobs(connection, settings.timeout_seconds).dry_run(query.text, configuration)
    except Exception as error:
        explained = explain(
            error,
            query,
            project=str(connection.client.project),
            settings=settings,
            catalogue=Catalogue(connection),
        )
        if explained is None:
            raise
        detail, _, fix = explained.message.partition(", ")
        return DoctorStep("dry run", False, detail, fix)
    where = job.location or "the default location"
    return DoctorStep("dry run", True, f"SELECT 1 in {where}")


def _dataset(connection: Connection, settings: Settings, name: str) -> DoctorStep:
    project, dataset = wire.dataset_of(name, str(connection.client.project))
    catalogue = Catalogue(connection)
    location = catalogue.location(project, dataset)
    if location is None:
        hint = nearest(dataset, catalogue.datasets(project))
        detail = f"no dataset '{project}.{dataset}', or no access"
        return DoctorStep("dataset", False, detail, f"check 'bigquery: dataset:'{hint}")
    if settings.location and settings.location.casefold() != location.casefold():
        detail = f"'{project}.{dataset}' is in {location}, jobs run in {settings.location}"
        return DoctorStep("dataset", False, detail, f"set 'bigquery: location: {location}'")
    return DoctorStep("dataset", True, f"{project}.{dataset} in {location}")


def _clock(ahead: timedelta) -> DoctorStep:
    seconds = round(ahead.total_seconds(), -1)
    if abs(ahead) < _CLOCK_TOLERANCE:
        return DoctorStep("clock", True, "agrees with the server's")
    word = "ahead of" if seconds > 0 else "behind"
    detail = f"{abs(seconds):.0f} s {word} the server's"
    return DoctorStep("clock", False, detail, "set the clock (NTP)")
