"""Adding an article: its text in the form that raw/ needs, its row in sources, its passages."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from gazadata import atomic
from gazadata.contract import inside
from gazadata.curate.apply import apply_sheet
from gazadata.curate.keys import slug
from gazadata.curate.marked import plain
from gazadata.curate.record import Record
from gazadata.curate.rewrite import Changes, changes_of
from gazadata.curate.sheet_read import parse_sheet
from gazadata.curate.tables import decode, read_bytes, refusal
from gazadata.errors import GazadataError, ReadError, extra
from gazadata.evidence.quotes import cuts_word
from gazadata.text import FORMULA_SIGNS, HIDDEN, form_c

_LINE_ENDS = re.compile("\r\n|[\r\v\f\u2028\u2029]")
_WRONG = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U0010ffff]"
)
"""Control, replacement and private-use characters: letters that were decoded wrongly."""

_NOT_IN_TEXT = "Given when the article was added; its text does not say it."


@dataclass(frozen=True)
class Details:
    """What is known of an article besides its text; '' if unknown."""

    title: str = ""
    publisher: str = ""
    url: str = ""
    published: str = ""
    language: str = "en"


def add_article(record: Record, file: Path, details: Details) -> Changes:
    """Copy a text into raw/ and work out its row in `sources`, its passages and their evidence.

    The article's key is the name of the file. The text is written; the tables are not.

    Raises:
        ReadError: the file cannot be read, is not UTF-8 or holds no words.
        GazadataError: the article or its key already exists, or the date is malformed.
        MissingExtra: sentencex is not installed.
    """
    text, changes = required_form(file)
    source = slug(file.stem)
    if not source:
        raise GazadataError(
            f"{file}: rename the file, using Latin letters or digits; its name becomes the key"
        )
    known = record.by_key("sources")
    if source in known:
        raise GazadataError(f"{file}: there is already a source {source!r}; rename the file")
    target = inside(record.package.root, f"raw/{source}.txt")
    for row in known.values():
        if row["text_path"] and record.text(row["source_id"]) == text:
            raise GazadataError(f"{file}: this is the text of {row['source_id']}")
    content = text.encode("utf-8")
    if target.exists() and read_bytes(target) != content:
        raise GazadataError(f"{target}: another file is already there; rename {file.name}")
    passages = split(text, details.language)
    if not passages:
        raise ReadError(f"{file}: the file has no words")
    headline = quotable(passages[0])
    if not re.search(r"\w", headline):
        raise ReadError(f"{file}: its first line, {passages[0]!r}, has no words; write a headline")
    if headline != passages[0] and not details.title:
        sign = passages[0].removesuffix(headline)
        changes.append(f"title without {sign!r}, which would make it a spreadsheet formula")
    row = _source_row(source, headline, details)
    first = _first_sheet(source, row, passages, headline, text)
    sheet = parse_sheet(file, first, record.contract)
    sources = [*record.rows["sources"], dict.fromkeys(record.contract["sources"].field_names, "")]
    sources[-1] |= {"source_id": source, "text_path": row["text_path"]}
    before = record.changed({"sources": sources})
    before.texts[source] = text
    existed = target.exists()
    target.parent.mkdir(exist_ok=True)
    try:
        if not existed:
            atomic.replace(target, content)
        added = changes_of(record, apply_sheet(before, sheet).record)
    except BaseException:
        if not existed:
            target.unlink(missing_ok=True)
        raise
    added.lines = [*changes, f"+ {target}", *added.lines]
    return added


def required_form(file: Path) -> tuple[str, list[str]]:
    """A text as raw/ needs it (UTF-8, NFC, LF, no hidden characters), and what was changed.

    Raises:
        ReadError: the file cannot be read, is not UTF-8, or has a character that shows that it was
            decoded wrongly; the message names line and column.
    """
    text = decode(file, read_bytes(file))
    changes = []
    if text.startswith("\ufeff"):
        text = text[1:]
        changes.append("removed the byte order mark")
    if wrong := _WRONG.search(text):
        before = text[: wrong.start()].replace("\r\n", "\n").replace("\r", "\n")
        raise refusal(
            file,
            before,
            f"{_called(wrong.group())} shows that the text was decoded wrongly and letters are "
            "lost; copy it from its source again, as UTF-8",
        )
    text, number = _LINE_ENDS.subn("\n", text)
    if number:
        changes.append(f"changed line endings to LF: {number}")
    for character in sorted(set(HIDDEN.findall(text))):
        number = text.count(character)
        text = text.replace(character, "")
        changes.append(f"removed {_called(character)}: {number}")
    if (composed := form_c(text)) != text:
        changes.append("composed characters (Unicode form NFC)")
        text = composed
    return text, changes


def _called(character: str) -> str:
    name = unicodedata.name(character, "a control or private character").lower()
    return f"U+{ord(character):04X} ({name})"


def split(text: str, language: str) -> list[str]:
    """The passages of a text: its first line, which is the headline, and each sentence.

    Raises:
        MissingExtra: sentencex is not installed.
    """
    with extra("sentencex", "curate"):
        import sentencex
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    passages = lines[:1]
    for line in lines[1:]:
        begun = len(passages)
        for piece in sentencex.segment(language, line):
            # A closing quotation mark or a dash is not a sentence.
            if len(passages) > begun and not re.search(r"\w", piece):
                passages[-1] += piece
            else:
                passages.append(piece)
        passages[begun:] = [piece.strip() for piece in passages[begun:]]
    return passages


def quotable(headline: str) -> str:
    """A headline without a sign at its start that would make the cell a spreadsheet formula.

    A word that would mean something else without it goes, too: "-5 degrees" gives "degrees".
    """
    at = 0
    while at < len(headline) and (
        headline[at] in FORMULA_SIGNS or headline[at].isspace() or cuts_word(headline, at)
    ):
        at += 1
    return headline[at:]


def _source_row(source: str, headline: str, details: Details) -> dict[str, str]:
    earliest, latest = _published(details.published)
    return {
        "kind": "article",
        "title": details.title or headline,
        "publisher": details.publisher,
        "url": details.url,
        "language": details.language,
        "published_earliest": earliest,
        "published_latest": latest,
        "held": "true",
        "text_path": f"raw/{source}.txt",
    }


def _published(published: str) -> tuple[str, str]:
    """The first and the last day of a date.

    Raises:
        GazadataError: it is not a date.
    """
    import calendar
    import datetime

    if not published:
        return "", ""
    try:
        if not re.fullmatch("[0-9]{4}(-(?!00)[0-9]{2}){0,2}", published):
            raise ValueError
        year, *rest = (int(part) for part in published.split("-"))
        month, day = [*rest, 0, 0][:2]
        first = datetime.date(year, month or 1, day or 1)
        last = first
        if not day:
            last_month = month or 12
            last = datetime.date(year, last_month, calendar.monthrange(year, last_month)[1])
    except ValueError:
        raise GazadataError(
            f"--published {published!r} is not a date; expected YYYY-MM-DD, YYYY-MM or YYYY"
        ) from None
    return first.isoformat(), last.isoformat()


def _first_sheet(
    source: str, row: dict[str, str], passages: list[str], headline: str, text: str
) -> str:
    """A sheet with the article's row in sources, and its passages without rows."""
    lines = [f"source: {source}", "passages:", f"- headline: {plain(passages[0], is_text=True)}"]
    lines += ["  sources:", f"  - id: {source}"]
    lines.append(f"    quote: {plain(headline, is_text=True)}")
    filled = {name: value for name, value in row.items() if value}
    lines += (f"    {name}: {plain(value, is_text=True)}" for name, value in filled.items())
    unsaid = [
        name
        for name, value in filled.items()
        if name not in ("kind", "language", "held", "text_path") and value not in text
    ]
    lines.append("    notes:")
    lines += (f"      {name}: {_NOT_IN_TEXT}" for name in unsaid)
    lines += (f"- sentence: {plain(passage, is_text=True)}" for passage in passages[1:])
    return "\n".join(lines) + "\n"
