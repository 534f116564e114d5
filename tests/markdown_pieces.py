# ruff: noqa: E501
"""Markdown documents made of difficult pieces, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = st.sampled_from(
    [
        "plain words", "**bold** text", "a `code | span`", "[link](docs/a.md)", "[ref][r]", "![alt](i.png)",
        "[TO BE FILLED]", "[TO BE FILLED - hint]", "[TIME]", "✅/❌", "TBD", "{{ orchestrator.eta }}",
        "{{", "\\{{ x }}", "{% if %}", "PR #123 now", "a: b: c", "- not a list", "1. no step", "# no heading",
        "No", "null", "~", "true", "1:30", "0x1F", "1,537", "2026-01-03", "'quoted'", '"double"', "🎯 emoji",
        "<b>html</b>", "<!-- note -->", "a  \nhard break", "a\\\nhard break", "two\nlines", "tab\there",
        "trail  ", "\u00a0nbsp\u00a0", "line\u2028sep", "next\u0085line", "*em* _em_", "**Label**: value",
        "**Label:** value", "Label: value", "Label:", "&amp; &copy;", "a | b", "[^1] note", "[x] box", "[ ] box",
        "[X] box", "`", "``a`b``", "***", "value: x", "markdown: y", "@at", "%per", "!bang", "&anchor", "*star",
        "> quote", "| pipe |", "? q", ": colon", "trailing #", "\\# escaped", "http://x.y/z", "<http://x.y>",
        "back\\slash", "e\u0301", "\ufeffbom", "a — b", "=", "===", "+", "-", "10) ten", "```", "~~~", "Ω",
    ]
)  # fmt: skip
LINE = WORDS.map(lambda words: words.split("\n")[0])
INDENT = st.sampled_from(["", "", "", " ", "  ", "   ", "    ", "\t"])


def _indented(prefix: str, text: str) -> str:
    return "\n".join(prefix + line if line.strip() else line for line in text.split("\n"))


def _fence(mark: str, info: str, body: str, closed: bool) -> str:
    return f"{mark}{info}\n{body}" + (f"\n{mark}" if closed else "")


def _list(marks: list[str], bodies: list[str], gap: str) -> str:
    lines = []
    for mark, body in zip(marks, bodies, strict=False):
        first, *rest = body.split("\n")
        pad = " " * (len(mark) + 1)
        lines.append(
            "\n".join([f"{mark} {first}", *(pad + line if line else line for line in rest)])
        )
    return gap.join(lines)


CODE = st.lists(
    st.sampled_from(["x = 1", "", "", "  y", "trail   ", "{{ z }}", "```", "~~~", "- [ ] a", "# c", "\tt", "| a |"]),
    max_size=6,
).map("\n".join)  # fmt: skip
FENCE = st.builds(
    _fence,
    st.sampled_from(["```", "````", "~~~", "```````"]),
    st.sampled_from(["", "bash", "sql", "python", "text", "SQL", "js title=x", " yaml", "c++", "prompt", "{.x}"]),
    CODE,
    st.sampled_from([True, True, True, False]),
)  # fmt: skip
MARK = st.sampled_from(
    ["-", "-", "*", "+", "1.", "2.", "1)", "10.", "- [ ]", "- [x]", "- [X]", "-  ", "-"]
)
ROW = st.lists(LINE, min_size=1, max_size=4).map(lambda cells: f"| {' | '.join(cells)} |")
TABLE = st.builds(
    lambda head, ruler, rows: "\n".join([head, ruler, *rows]),
    ROW,
    st.sampled_from(["|---|---|", "|:--|--:|:-:|", "| --- |", "---|---", "|--|"]),
    st.lists(ROW, max_size=3),
)
HTML = st.sampled_from(
    [
        "<div>\nx\n</div>", "<!-- a\n\n\nb -->", "<pre>\na\n\n\nb\n</pre>", "<details>\n<summary>s</summary>\n\nx\n\n</details>",
        "<br>", "<!--", "<script>\n```\n</script>", "  <table>", "</div>", "<?php\n\n?>",
    ]
)  # fmt: skip
OTHER = st.sampled_from(
    [
        "---", "***", "- - -", "___", "[r]: http://x.y 'T'", "[R]: /other", "[^1]: a footnote", "[TBD]: /u",
        "    indented\n\n\n    code", "\tcode\n\n\tcode", "&nbsp;", "\\", "> a\n> b\n\n> c", "> ```\n> x\n\n\n> y",
        "> - a\n>   - b", "Title\n===", "Title\nmore\n---", "##", "#", "####### seven", "## C#", "## a #", "#no",
        "**Created**: January 3, 2026\n**Status**: ⏸️ TO BE COMPLETED", "**A**: x  \n**B**: y", "- a\n\n- b\n\n\n- c",
        "- a\n* b\n+ c", "1. a\n1) b", "- a\n\n      code\n\n  para", "-\n  a", "-", "- a\n\n[r]: /in\n", "- [z]: /z",
        "-\t\ttab", "1.  wide\n    - in", "- a\nlazy", "> q\nlazy", "* * *", "- ***", "- # h", "- > q", "- | a |\n  |---|",
        "| a | b |\n|---|---|\n| `x\\|y` | z |\n| 1 |", "| a |\n|---|\npara", "\n\n\n", " ", "   ", "\x0c", "a\x0bb",
    ]
)  # fmt: skip
HEADING = st.builds(
    lambda level, words, tail: f"{'#' * level} {words}{tail}",
    st.integers(1, 6),
    LINE,
    st.sampled_from(["", "", "", " #", "  "]),
)
BODY = st.recursive(
    st.one_of(WORDS, FENCE),
    lambda inner: st.one_of(
        st.builds(_list, st.lists(MARK, min_size=1, max_size=4), st.lists(inner, min_size=1, max_size=4), st.sampled_from(["\n", "\n", "\n\n"])),
        st.builds(lambda a, b, gap: a + gap + b, inner, inner, st.sampled_from(["\n", "\n\n"])),
        inner.map(lambda text: _indented("> ", text)),
    ),
    max_leaves=6,
)  # fmt: skip
BLOCK = st.one_of(BODY, HEADING, TABLE, HTML, OTHER, FENCE, st.builds(_indented, INDENT, BODY))
GAP = st.sampled_from(["\n\n", "\n\n", "\n\n", "\n", "\n\n\n\n", "\n  \n"])
DOCUMENTS = st.lists(st.tuples(BLOCK, GAP), min_size=1, max_size=12).map(
    lambda blocks: "".join(block + gap for block, gap in blocks)
)
SKELETON = st.sampled_from(
    [
        "# 🎯 Session 1 Handoff: T\n**Created**: May 1\n**Status**: ⏸️ TO BE COMPLETED\n\n",
        "# 🎯 Session 1 Handoff: T\n**Created**: May 1\n**Status**: x\n**Next Session**: Session 2 - N\n**More**: y\n\n",
        "# T\n\n**Date**: x\n**Status:** y\n\n", "\ufeff", "---\ntitle: a\ntags: [x]\n---\n\n", "---\na: b\n---\n# T\n",
        "<!-- top -->\n# T\n", "",
    ]
)  # fmt: skip
CHAPTER = st.sampled_from(
    [
        "---\n\n## ⚡ EXECUTIVE SUMMARY\n\n**Session Goal**: g\n\n**Completion Status**: [TO BE FILLED]\n- [ ] a\n- [ ] b\n\n",
        "---\n\n## ⚡ EXECUTIVE SUMMARY\n\n**Completion Status**: 1 of 2\n- [x] a\n- [ ] b {{ x }}\n\n**Other**: o\n\n",
        "---\n\n## 📋 WHAT WE ACCOMPLISHED\n\n### 1. A\n**B**: c\n\n### 2. D\n", "## 📋 WHAT WE ACCOMPLISHED\n\n",
        "---\n\n## 🔍 KEY FINDINGS & INSIGHTS\n\n### A\n", "---\n\n## 📊 SESSION METRICS\n\n**T**: 1\n- a: b\n\n",
        "---\n\n## ➡️ NEXT SESSION: N\n\n### Session 2 Objectives\n1. a\n\n### Prerequisites\n- b\n\n",
        "---\n\n## 🚀 HOW TO START SESSION 2\n\n### Copy-Paste This Message:\n\n```\ngo {{ x }}\n```\n\n",
        "---\n\n**Session 1 Status**: ⏸️ TO BE COMPLETED\n**N**: a", "## Prompt\n\n```\npaste\n```\n\n", "",
    ]
)  # fmt: skip
HANDOFFS = st.builds(
    lambda start, chapters: start + "".join(a + b for a, b in chapters),
    SKELETON,
    st.lists(st.tuples(CHAPTER, DOCUMENTS), min_size=1, max_size=5),
)
