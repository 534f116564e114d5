"""Write the generated tables of the documentation (`make docs`)."""

from pathlib import Path

from handoff.check import update_table

PAGE = Path(__file__).parent / "checks.md"
PAGE.write_text(update_table(PAGE.read_text("utf-8")), "utf-8")
