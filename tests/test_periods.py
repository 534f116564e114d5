"""Days in words, from the day of a session on."""

from __future__ import annotations

from datetime import date

import pytest

from handoff.session.periods import parse_period

TUESDAY = date(2026, 8, 4)
CASES = """
August          2026-08-01  2026-08-31  2026-08
aug 2027        2027-08-01  2027-08-31  2027-08
July            2027-07-01  2027-07-31  2027-07
end of Sept     2026-09-01  2026-09-30  2026-09
2028-02         2028-02-01  2028-02-29  2028-02
Q3              2026-07-01  2026-09-30  2026-Q3
q2              2027-04-01  2027-06-30  2027-Q2
2026-Q4         2026-10-01  2026-12-31  2026-Q4
2026-W53        2026-12-28  2027-01-03  2026-W53
week 31         2027-08-02  2027-08-08  2027-W31
CW32            2026-08-03  2026-08-09  2026-W32
Friday          2026-08-07  2026-08-07  2026-08-07
by tue          2026-08-11  2026-08-11  2026-08-11
next Monday     2026-08-10  2026-08-10  2026-08-10
this week       2026-08-03  2026-08-09  2026-W32
next month      2026-09-01  2026-09-30  2026-09
end of quarter  2026-07-01  2026-09-30  2026-Q3
next year       2027-01-01  2027-12-31  2027-12-31
in 1 day        2026-08-05  2026-08-05  2026-08-05
in 2 weeks      2026-08-18  2026-08-18  2026-08-18
tomorrow        2026-08-05  2026-08-05  2026-08-05
"""


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_words_mean_days(case: str) -> None:
    words, first, last, again = (each.strip() for each in case.split("  ") if each)

    found = parse_period(words, TUESDAY)

    assert found
    assert (str(found.first), str(found.last), found.text) == (first, last, again)


@pytest.mark.parametrize(
    "words", ["Agust", "2026", "soon", "Q5", "2026-13", "week", "week 60", "Friday 13"]
)
def test_other_words_mean_none(words: str) -> None:
    assert parse_period(words, TUESDAY) is None


@pytest.mark.parametrize("words", ["2026-W54", "week 54 2026", "in 999 weeks"])
def test_days_that_do_not_exist(words: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        parse_period(words, date(9999, 12, 1))
