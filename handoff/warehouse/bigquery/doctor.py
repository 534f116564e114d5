"""Whether BigQuery can be asked from here, step by step, and what to mend where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import HandoffError, nearest
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import read
from handoff.warehouse import BoundQuery
from handoff.warehouse.bigquery import request
from handoff.warehouse.bigquery.catalogue import Catalogue
from handoff.warehouse.bigquery.client import Connection, connect, endpoint, takes_credentials
from handoff.warehouse.bigquery.errors import explain
from handoff.warehouse.bigquery.jobs import Jobs

_CLOCK_OFF = timedelta(seconds=60)
"""`as_of` is to the minute; credentials are refused at five."""


class DoctorFinding(Struct, frozen=True):
    what: str
    ok: bool
    detail: str
    """What was found."""
    mend: str = ""
    """What to do; empty where all is well."""


def doctor_checks(
    settings: Settings, *, retry_seconds: float = 10.0
) -> Iterator[DoctorFinding]:
    """Each step when it is taken; the first that others rest on ends them."""
    try:
        request.check_labels(settings)
        yield _endpoint(settings)
        connection = connect(settings, retry_seconds=retry_seconds, told=lambda _: None)
    except HandoffError as error:
        # each message is 'what, what to do'
        found, _, mend = str(error).partition(", ")
        yield DoctorFinding("credentials", False, found, mend)
        return
    try:
        yield DoctorFinding("credentials", True, _whose(connection, settings))
        yield DoctorFinding("project", True, str(connection.client.project))
        yield _dry_run(connection, settings)
        if settings.dataset:
            yield _dataset(connection, settings, settings.dataset)
        if connection.clock.ahead is not None:  # a server that is silent tells no time
            yield _clock(connection.clock.ahead)
    finally:
        connection.close()


def _endpoint(settings: Settings) -> DoctorFinding:
    server = endpoint(settings)
    if server is None:
        return DoctorFinding("endpoint", True, "bigquery.googleapis.com")
    sent = "" if takes_credentials(server) else ", without credentials"
    return DoctorFinding("endpoint", True, f"{server}{sent}")


def _whose(connection: Connection, settings: Settings) -> str:
    credentials = connection.credentials
    if settings.impersonate:
        return f"impersonating {settings.impersonate}"
    account = getattr(credentials, "service_account_email", None)
    return str(account or getattr(credentials, "account", None) or type(credentials).__name__)


def _dry_run(connection: Connection, settings: Settings) -> DoctorFinding:
    query = read(b"-- returns: n INT64\nSELECT 1 AS n", "SELECT 1", "doctor.sql")
    asked = BoundQuery("doctor", query, {"as_of": datetime.now(UTC)})
    configuration = request.dry_run(asked, replace(settings, dataset=None))
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
        found, _, mend = explained.message.partition(", ")
        return DoctorFinding("dry run", False, found, mend)
    return DoctorFinding(
        "dry run", True, f"SELECT 1 in {job.location or 'the default location'}"
    )


def _dataset(connection: Connection, settings: Settings, name: str) -> DoctorFinding:
    project, dataset = request.dataset_of(name, str(connection.client.project))
    catalogue = Catalogue(connection)
    there = catalogue.location(project, dataset)
    if there is None:
        hint = nearest(dataset, catalogue.datasets(project))
        mend = f"look at 'bigquery: dataset:'{hint}"
        return DoctorFinding(
            "dataset", False, f"no dataset '{project}.{dataset}', or no access", mend
        )
    if settings.location and settings.location.casefold() != there.casefold():
        found = f"'{project}.{dataset}' is in {there}, jobs run in {settings.location}"
        return DoctorFinding("dataset", False, found, f"set 'bigquery: location: {there}'")
    return DoctorFinding("dataset", True, f"{project}.{dataset} in {there}")


def _clock(ahead: timedelta) -> DoctorFinding:
    seconds = round(ahead.total_seconds(), -1)
    if abs(ahead) < _CLOCK_OFF:
        return DoctorFinding("clock", True, "agrees with the server's")
    word = "ahead of" if seconds > 0 else "behind"
    return DoctorFinding(
        "clock", False, f"{abs(seconds):.0f} s {word} the server's", "set the clock (NTP)"
    )
