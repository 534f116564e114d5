"""What a heading or a label means: the key of the session for what is below it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.session.synonyms import SYNONYMS, synonyms
from handoff.session.titles import PLACEHOLDER, ChosenTitles

_KEYS: Mapping[str, str] = {
    "next": "next.objectives",
    "objectives": "next.objectives",
    "prerequisites": "next.prerequisites",
    "time": "next.time",
}
"""The path of the key, where it is not that of its titles."""
_NUMBER = lazy_pattern(
    r"(?:(?:part|step|section|chapter|phase|task|item)\s+)?"
    r"(?:\d{1,3}(?:\.\d{1,2})*|[ivx]{1,4}|[a-h])\s*[.):]\s+|\d{1,2}\s+(?=[a-z])"
)
"""In front of a heading: `1.`, `2)`, `IV.`, `Step 3:`, `1️⃣`."""
_ASIDE = lazy_pattern(r"\([^()]*\)|\[[^\[\]]*\]")
_HEAD = lazy_pattern(r"\s*(?:[:—–|]|\s-{1,2}\s)\s*")
"""Between what a heading is about and its details: `Next session: train the model`."""
_APOSTROPHES = lazy_pattern("['’`´]")


class Meaning(Struct, frozen=True):
    """The key of a heading, and the words after it."""

    key: str
    rest: str
    """`Train the model`, of `➡️ Next Session: Train the model`."""


class Recognizer:
    """Finds the key whose title a heading is, or contains."""

    def __init__(self, chosen: ChosenTitles) -> None:
        self._phrases: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        self._whole: dict[str, str] = {}
        for name in SYNONYMS:
            key = _KEYS.get(name, name)
            for title in synonyms(name, chosen):
                words = tuple(normalize(PLACEHOLDER.sub(" ", title)).split())
                if words:
                    self._whole.setdefault(" ".join(words), key)
                    self._phrases.setdefault(words[0], []).append((words, key))
        for name, titles in chosen.items():  # the author's own win over every other key
            self._whole |= {normalize(x): _KEYS.get(name, name) for x in titles}
        self.read = lru_cache(2000)(self._read)

    def _read(self, heading: str) -> Meaning | None:
        """The key that a heading names; `None` for one of its own."""
        words = normalize(heading)
        if whole := self._whole.get(words):
            return Meaning(whole, "")
        first, _, rest = _split(heading)
        head = normalize(first)
        if head and head != words:
            if key := self._whole.get(head) or self._find(head):
                return Meaning(key, rest)
            if _IS_NUMBERED.fullmatch(head):  # 'Session 5: what was done'
                return self._read(rest)
        key = self._find(words)
        return Meaning(key, "") if key else None

    def _find(self, text: str) -> str | None:
        """The key of the longest phrase in `text`; of several the first one."""
        words = text.split()
        if len(words) > _MAX_WORDS:
            return None
        found = max(self._matches(words), default=None)
        return found[2] if found else None

    def _matches(self, words: list[str]) -> Iterator[tuple[int, int, str]]:
        for at, word in enumerate(words):
            for phrase, key in self._phrases.get(word, ()):
                size = len(phrase)
                is_whole_word = size > 1 or at == 0 or at == len(words) - 1
                if is_whole_word and tuple(words[at : at + size]) == phrase:
                    yield size + (key == "prompt"), -at, key


_MAX_WORDS = 12
"""Of a heading that names what is below it; a longer one is a sentence."""
_IS_NUMBERED = lazy_pattern(r"(?:session|part|phase|day)? ?\d{0,4}[a-z]?")


def _split(heading: str) -> tuple[str, str, str]:
    """What is before and after the first colon or dash, without marks."""
    text = re.sub(r"[*_`]", "", heading).strip()
    found = _HEAD.search(text, 1) if text else None
    if not found:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :].strip()


def normalize(heading: str) -> str:
    """`heading` in lower case, without its number, emoji, marks, asides and punctuation."""
    text = unicodedata.normalize("NFKC", heading).casefold()
    text = _APOSTROPHES.sub("", re.sub(r"[*_]", "", text)).replace("&", " and ")
    bare = _ASIDE.sub(" ", text)
    text = bare if re.search(r"\w", bare) else text
    text = "".join(c if c.isalnum() or c in ".):" else " " for c in text).strip()
    without = _NUMBER.sub("", text, count=1) if _NUMBER.match(text) else text
    words = re.findall(r"\w+", without) or re.findall(r"\w+", text)
    return " ".join(words)
