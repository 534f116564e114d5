"""`query import` and `query new`: a pasted query, or a contract, as a query of the project."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handoff.base.files import disk, is_plain, write_new
from handoff.base.problems import (
    HandoffError,
    InvalidInput,
    Place,
    Problem,
    Refused,
    UsageError,
)
from handoff.base.report import counted
from handoff.commands import console, options
from handoff.facts.recorded import Column, Failure
from handoff.project.project import Project
from handoff.publish import gate
from handoff.sql import tables
from handoff.sql.pasted import CODE, Param, PastedQuery, pasted_queries
from handoff.sql.query import CONTRACTS, Declaration, Query, read
from handoff.workspace.load import open_project

if TYPE_CHECKING:
    from sqlglot import exp

    from handoff.warehouse.port import Warehouse

MAX_CHARACTERS = 1_000_000


def import_query(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE|-", help="File of SQL or Markdown; '-' reads stdin."),
    ] = "-",
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Name of the query (default: its first table)."
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", metavar="DATASET", help="Dataset of tables that are named without one."
        ),
    ] = None,
    stdout: Annotated[
        bool, typer.Option("--stdout", help="Print the queries; write nothing.")
    ] = False,
    engine: options.EngineOption = None,
    settings: options.SettingsOption = None,
    root: options.Root = None,
) -> int:
    """Convert SQL pasted from a console, or from Markdown, to queries of the project.

    Replace the clock by @as_of and declared variables by parameters, and add missing datasets,
    names of columns and the header. List what could not be rewritten.
    """
    project = open_project(root, settings=settings or ())
    text = _read(file)
    name_of_file = "stdin" if file == "-" else file
    gate.hold(gate.text_problems(project, text, name_of_file))
    found = pasted_queries(text, name_of_file)
    if not found:
        raise Refused(
            f"{file}: error: no SELECT found, expected SQL, or Markdown with SQL fences"
        )
    importer = _Importer(project, engine, dataset)
    code = 0
    try:
        for each in found:
            content, subject, problems = importer.convert(each, name)
            console.problems(problems)
            if stdout:
                console.out(content)
            else:
                path = _write(project, content, name, subject, is_one=len(found) == 1)
                console.note(f"wrote {path}: {_summary(content, path)}")
                _note_values(each, path)
            code = max(code, int(any(each.level == "error" for each in problems)))
    finally:
        importer.close()
    return code


def new_query(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new query.")],
    contract: Annotated[
        str | None,
        typer.Option(
            "--contract",
            metavar="CONTRACT",
            help="Contract that it returns.",
            autocompletion=options.completer("contracts"),
        ),
    ] = None,
    root: options.Root = None,
) -> int:
    """Write a query with the columns of a contract to fill in."""
    if contract is not None and contract not in CONTRACTS:
        raise UsageError(f"unknown contract '{contract}', expected {' or '.join(CONTRACTS)}")
    project = open_project(root)
    columns = CONTRACTS[contract] if contract else {"n": "INT64"}
    items = ",\n".join(f"  CAST(NULL AS {type_}) AS {each}" for each, type_ in columns.items())
    returns = [Column(each, type_) for each, type_ in columns.items()]
    header = _header("-- What the query counts, as of a time.\n", (), returns, contract)
    content = f"{header}SELECT\n{items}\n"
    path = _write(project, content, name, name, is_one=True)
    console.note(f"wrote {path}: replace each NULL, then 'handoff query run {name}'")
    return 0


def _read(file: str) -> str:
    if file == "-":
        source = sys.stdin.buffer.read(MAX_CHARACTERS + 1)
    else:
        if not is_plain(Path(file)):
            raise UsageError(f"no file '{file}'")
        with disk(file, "read"), Path(file).open("rb") as opened:
            source = opened.read(MAX_CHARACTERS + 1)
    if len(source) > MAX_CHARACTERS:
        raise UsageError(f"'{file}' has more than {MAX_CHARACTERS:,} bytes")
    try:
        return source.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"'{file}' is not UTF-8") from error


class _Importer:
    """Completes pasted queries with what the schema and the warehouse know."""

    def __init__(self, project: Project, engine: str | None, dataset: str | None) -> None:
        self._project = project
        self._engine = engine
        self._dataset = dataset
        self._warehouse: Warehouse | None = None
        source = project.read_input(project.schema_path)
        self._schema = tables.load(source, project.schema_path) if source else None

    def close(self) -> None:
        if self._warehouse is not None:
            self._warehouse.close()

    def convert(self, pasted: PastedQuery, name: str | None) -> tuple[str, str, list[Problem]]:
        """The file's text, a name from its first table, and what could not be rewritten."""
        from handoff.sql import explicit_names  # slow: brings sqlglot

        problems, text = list(pasted.problems), pasted.text
        tree = explicit_names.parsed(text)
        subject = "imported/query"
        place = pasted.place
        if tree is None:
            message = "cannot be parsed, so names were not completed"
            problems.append(Problem(CODE, message, place, "warning"))
        else:
            text, missing = explicit_names.add_datasets(text, tree, self._dataset_of)
            for _, table in missing:
                message = f"table '{table}' has no dataset; add it, or use '--dataset'"
                problems.append(Problem(CODE, message, place, "warning"))
            tree = explicit_names.parsed(text) or tree
            text, _ = explicit_names.add_column_names(text, tree)
            known = set(map(str.casefold, self._column_names(explicit_names.tables_in(tree))))
            for each in pasted.params:
                if each.name.casefold() in known:
                    message = f"'{each.name}' is a column, too, and was taken for the variable"
                    message += "; remove '@' where the column is meant, as BigQuery prefers it"
                    problems.append(Problem(CODE, message, place, "warning"))
            first = next(explicit_names.tables_in(tree), None)
            if first is not None:
                parts = [each for each in (first.db, first.name) if each]
                subject = "/".join(re.sub(r"\W+", "_", each).strip("_") for each in parts)
        columns = self._columns(pasted, text, name or subject, place, problems)
        contract = _contract_of(columns)
        header = _header(
            pasted.summary or f"-- {_title(name or subject)}.\n",
            pasted.params,
            columns,
            contract,
        )
        return header + text, subject, problems

    def _column_names(self, used: Iterable[exp.Table]) -> Iterator[str]:
        members = self._schema.tables if self._schema else {}
        for each in used:
            table = members.get(each.db, {}).get(each.name)
            yield from table.columns if table else ()

    def _dataset_of(self, table: str) -> str | None:
        if self._dataset or self._project.settings.bigquery.dataset:
            return self._dataset or self._project.settings.bigquery.dataset
        members = self._schema.tables if self._schema else {}
        found = [dataset for dataset, known in members.items() if table in known]
        return found[0] if len(found) == 1 else None

    def _columns(
        self,
        pasted: PastedQuery,
        text: str,
        name: str,
        place: Place,
        problems: list[Problem],
    ) -> Sequence[Column]:
        """The columns of the result, by the warehouse; none with a problem if it fails."""
        params = tuple(Declaration(each.name, each.type, place) for each in pasted.params)
        query = Query(f"{name}.sql", pasted.place.path, text, "", "", params, (), None)
        try:
            found = self._open().columns(query)
            reason = found.message if isinstance(found, Failure) else ""
        except HandoffError as error:
            found, reason = (), error.lines.strip()
        if not reason and not isinstance(found, Failure):
            return found
        if self._schema is not None:
            from handoff.warehouse.duckdb.translate import columns_by_schema  # slow

            by_schema = columns_by_schema(query, self._schema)
            if by_schema:
                return by_schema
        reason = re.sub(rf"^{re.escape(pasted.place.path)}[:\d]*: ", "", reason)
        message = f"no 'returns:', because its types are not known: {reason}"
        problems.append(Problem(CODE, message, place, "error"))
        return ()

    def _open(self) -> Warehouse:
        from handoff.warehouse import engines  # slow

        if self._warehouse is None:
            chosen = engines.choose_engine(self._project, self._engine)
            progress = console.ProgressLine()
            self._warehouse = engines.open_warehouse(self._project, chosen, progress)
        return self._warehouse


def _contract_of(columns: Sequence[Column]) -> str | None:
    """The contract whose columns the query returns."""
    types = {each.name: each.type for each in columns}
    fitting = (name for name, needed in CONTRACTS.items() if needed.items() <= types.items())
    return next(fitting, None)


def _header(
    summary: str, params: Sequence[Param], columns: Sequence[Column], contract: str | None
) -> str:
    lines = [summary]
    for word, fields in (("params", params), ("returns", columns)):
        if fields:
            lines.append(_declared(word, [f"{each.name} {each.type}" for each in fields]))
    lines.append(f"-- contract: {contract}\n" if contract else "")
    return "".join(lines)


def _declared(word: str, fields: Sequence[str]) -> str:
    """A line of the header, continued where it gets long."""
    lines = [f"-- {word}:"]
    for number, field in enumerate(fields):
        comma = "," if number + 1 < len(fields) else ""
        if len(lines[-1]) + len(field) > 90:
            lines.append("--  ")
        lines[-1] += f" {field}{comma}"
    return "\n".join(lines) + "\n"


def _title(name: str) -> str:
    words = name.removesuffix(".sql").rpartition("/")[2].replace("_", " ")
    return words[:1].upper() + words[1:]


def _write(
    project: Project, content: str, name: str | None, subject: str, *, is_one: bool
) -> str:
    """Write a query that is new. Raises Refused if a file has the name that was chosen."""
    wanted = (name or subject).removeprefix(f"{project.settings.queries}/").removesuffix(".sql")
    for number in range(1, 1_000):
        path = project.query_path(f"{wanted}{f'_{number}' if number > 1 else ''}.sql")
        if write_new(project.path(path), content.encode(), place=path):
            return path
        if name is not None and is_one:
            break
    raise Refused(f"{path}: error: already exists; choose another name")


def _summary(content: str, path: str) -> str:
    try:
        query = read(content.encode(), path, path)
    except InvalidInput as error:
        return f"{counted(len(error.report.errors), 'error')} to fix, see 'handoff check'"
    parts = [counted(len(query.params), "parameter"), counted(len(query.returns), "column")]
    return ", ".join([*parts, *([f"contract {query.contract}"] if query.contract else [])])


def _note_values(pasted: PastedQuery, path: str) -> None:
    """The values of the parameters, as they were declared, for the session file."""
    for each in pasted.params:
        if each.value:
            console.note(f"{path}: parameter {each.name} was {each.value}")
