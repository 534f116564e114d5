"""Responses that are not BigQuery's: one query fails, with a sentence, and no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bigquery_stub import Body, Script, Stub, serving
from test_bigquery import question, told

from handoff.facts.recorded import QueryResult
from handoff.project.settings import BigQuerySettings as Settings
from handoff.warehouse.bigquery.warehouse import BigQueryWarehouse

MODES = [
    line
    for line in (Path(__file__).parent / "fixtures/bigquery/wrong_responses.txt")
    .read_text("utf-8")
    .splitlines()
    if not line.startswith("#")
]
TOO_SLOW = ("stopped after timeout_seconds (1 s), read less, or raise it in 'bigquery:'", 3)


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with serving() as stub:
        yield stub


def changed(mode: str) -> Callable[[str, Body], Any]:
    """What a line of the fixture makes of a response."""
    step, path, text = mode.split(" ", 2)

    def change(this: str, body: Body) -> Any:
        if this != step:
            return body
        if text.startswith("~"):
            return text[1:].encode()
        value = None if text == "-" else json.loads(text)
        if path == ".":
            return value
        *outer, last = path.split(".")
        body = json.loads(json.dumps(body))
        inner = body
        for name in outer:
            inner = inner[name]
        if text == "-":
            del inner[last]
        else:
            inner[last] = value
        return body

    return change


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff.warehouse.bigquery.client.GRACE_SECONDS", 0.0)
    monkeypatch.setattr("handoff.warehouse.bigquery.client.POLL_SECONDS", 0.2)
    monkeypatch.setattr("handoff.warehouse.bigquery.warehouse.GRACE_SECONDS", 0.0)
    monkeypatch.setattr("handoff.warehouse.bigquery.warehouse._OVERDUE_SECONDS", 0.5)


def ask(stub: Stub, script: Script) -> list[Any]:
    """The results of three queries, the second as the script has it."""
    asked = [question(n) for n in range(3)]
    scripts = [Script(n_rows=2), script, Script(n_rows=2)]
    stub.scripts = {each.query.text: s for each, s in zip(asked, scripts, strict=True)}
    settings = Settings(project="p", location="US", endpoint=stub.url, timeout_seconds=1)
    warehouse = BigQueryWarehouse(settings, lambda _: None, retry_seconds=0.2)
    try:
        return [*warehouse.run(asked)]
    finally:
        warehouse.close()


@pytest.mark.parametrize("mode", MODES)
def test_wrong_response_fails_one_query(stub: Stub, mode: str) -> None:
    # a job that still runs when it has begun is asked for again
    script = Script(n_rows=2, seconds=0.05, change=changed(mode.lstrip("=")))

    first, wrong, last = ask(stub, script)

    assert isinstance(first, QueryResult)
    assert isinstance(last, QueryResult)
    if mode.startswith("="):
        assert wrong.rows == first.rows
        return
    message, code = told(wrong)
    if code == 3:
        assert message.startswith(f"{stub.url} did not respond as BigQuery does")
    else:
        assert message.startswith("sql/a/q1.sql"), message


def test_empty_pages_without_end_take_as_long_as_a_query_may(stub: Stub) -> None:
    first, endless, last = ask(stub, Script(n_rows=2, endless=True))

    assert isinstance(first, QueryResult)
    assert isinstance(last, QueryResult)
    assert told(endless) == TOO_SLOW


def test_trickle_takes_as_long_as_a_query_may(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stub, "piece_bytes", 1)
    monkeypatch.setattr(stub, "piece_seconds", 0.2)

    answers = ask(stub, Script(n_rows=2))

    assert [told(each) for each in answers] == [TOO_SLOW] * 3
    assert stub.jobs.keys() >= set(stub.cancelled())


def test_trickle_ends_one_request(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff.warehouse.bigquery.client.HTTP_SECONDS", 0.1)
    monkeypatch.setattr(stub, "piece_bytes", 100)
    monkeypatch.setattr(stub, "piece_seconds", 0.05)

    answers = ask(stub, Script(n_rows=2))

    late = f"{stub.url} did not respond in time, check the network and try again"
    assert [told(each) for each in answers] == [(late, 3)] * 3


def test_response_of_any_size_is_not_kept(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff.warehouse.bigquery.client.RESPONSE_BYTES", 100_000)

    first, large, last = ask(stub, Script(n_rows=1_000, page_rows=1_000_000, rows=wide))

    assert isinstance(first, QueryResult)
    assert isinstance(last, QueryResult)
    assert told(large)[0].startswith(
        f"{stub.url} did not respond as BigQuery does (a response of more than 0 MiB)"
    )


def wide(n: int) -> list[str]:
    return ["1" * 1_000]
