"""Writing the tables from a sheet: all of it, or nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from gazadata.contract import Resource
from gazadata.curate.keys import computed_key, free, passage_keys, quote_key
from gazadata.curate.layout import (
    COMPUTED,
    coded_tables,
    nearest_names,
    parts_of,
    source_field,
)
from gazadata.curate.locate import locate
from gazadata.curate.marked import Mark, Mistake
from gazadata.curate.propose import Proposer, inferred_names
from gazadata.curate.record import Cells, HeldPassage, Item, Record, Span, cut
from gazadata.curate.rewrite import Changes, changes_of, derived, still_used
from gazadata.curate.sheet_read import OtherEvidence, Row, Sheet, Words, Written
from gazadata.curate.sheet_write import Printer, default_quote, row_lines, row_state, state
from gazadata.errors import GazadataError, WrongSheet
from gazadata.evidence.references import FORM

_TO_REPRINT = (
    "save your sheet under another name, print it again with `gazadata sheet {source} --out FILE`, "
    "and copy your changes into it"
)


def apply_sheet(record: Record, sheet: Sheet) -> Changes:
    """Work out what a sheet changes. Nothing is written.

    Raises:
        ReadError: a text cannot be read.
        WrongSheet: the sheet has mistakes, or was printed from rows that have changed since.
    """
    return _Applier(record, sheet).result()


class _Applier:
    def __init__(self, record: Record, sheet: Sheet) -> None:
        self.record, self.sheet = record, sheet
        self.contract = record.contract
        self.source = sheet.source.text
        self.text = self.held_text()
        self.proposer: Proposer  # Made for names first, and then for the other rows.
        self.mistakes: list[Mistake] = []
        self.parts: list[HeldPassage] = []
        self.cells: dict[Row, Cells] = {}
        self.mains: dict[Row, Span | None] = {}
        self.marks: dict[Span, Mark] = {}

    def wrong(self, mark: Mark, message: str) -> None:
        self.mistakes.append(Mistake(mark, message))

    def check(self) -> None:
        if self.mistakes:
            raise WrongSheet(self.sheet.path, self.mistakes)

    def result(self) -> Changes:
        """What the sheet changes.

        Raises:
            WrongSheet: it has mistakes, or is older than the tables.
        """
        passages = self.passage_rows()
        self.check()
        tables = self.coded_rows()
        self.check()
        after = self.record.changed({**tables, "passages": passages})
        evidence = self.all_evidence(after)
        self.check()
        after = after.changed(self.quotes_and_evidence(evidence))
        after = self.derived(after)
        self.check_filled(after)
        self.check_owned(after)
        self.check()
        result = changes_of(self.record, after)
        if result.files:
            self.refuse_stale()
        if (text := self.with_state(after)) != self.sheet.text:
            result.files[self.sheet.path] = text.encode("utf-8")
            result.read[self.sheet.path] = self.sheet.content
        return result

    def held_text(self) -> str:
        try:
            return self.record.text(self.source)
        except GazadataError as error:
            raise WrongSheet(
                self.sheet.path, [Mistake(self.sheet.source.mark, str(error))]
            ) from None

    # Passages and rows

    def passage_rows(self) -> list[Cells]:
        """The rows of `passages`, with those of this source made from the sheet."""
        others = [r for r in self.record.rows["passages"] if r["source_id"] != self.source]
        taken = {row["passage_id"] for row in others}
        made = passage_keys(self.source, [passage.kind for passage in self.sheet.passages])
        at = 0
        paragraph = 1
        rows: list[Cells] = []
        for number, passage in enumerate(self.sheet.passages):
            begin = at + len(self.text[at:]) - len(self.text[at:].lstrip())
            paragraph += "\n" in self.text[at:begin] and number > 0
            if not passage.text or not self.text.startswith(passage.text, begin):
                self.wrong(passage.mark, self.other_text(begin))
                return []
            at = begin + len(passage.text)
            key = passage.key.text if passage.key else made[number]
            if key in taken:
                mark = passage.key.mark if passage.key else passage.mark
                self.wrong(mark, f"there is already a passage {key!r}; give this one another id")
            taken.add(key)
            self.parts.append(HeldPassage(key, passage.kind, number, begin, at))
            rows.append(
                {
                    "passage_id": key,
                    "source_id": self.source,
                    "sequence": str(number + 1),
                    "paragraph": str(paragraph),
                    "kind": passage.kind,
                    "char_start": str(begin),
                    "char_end": str(at),
                }
            )
        if rest := self.text[at:].strip():
            mark = self.sheet.passages[-1].mark if self.sheet.passages else self.sheet.source.mark
            self.wrong(mark, f"the text continues after this passage with {cut(rest)!r}; add it")
        before = [r for r in self.record.rows["passages"] if r["source_id"] == self.source]
        if self.parts == self.record.passages(self.source):
            rows = before
        return others + rows

    def other_text(self, begin: int) -> str:
        expected = self.text[begin:].partition("\n")[0]
        if not expected:
            return f"the text of {self.source} ends before this passage; remove it"
        return (
            f"this is not the text of {self.source}, which continues with {cut(expected)!r}; "
            "passages must repeat the text letter for letter and in order"
        )

    def coded_rows(self) -> dict[str, list[Cells]]:
        """The rows of all tables, with those of this article made from the sheet."""
        owned = self.record.owned(self.source)
        tables: dict[str, list[Cells]] = {}
        kept: dict[str, set[str]] = {}
        for resource in coded_tables(self.contract):
            mine = {row[resource.key] for row in owned[resource.name]}
            others = [r for r in self.record.rows[resource.name] if r[resource.key] not in mine]
            tables[resource.name] = others
            kept[resource.name] = {row[resource.key] for row in others}
        lines: dict[tuple[str, str], int] = {}
        for row in self.sheet.rows:
            self.cells[row] = self.row_cells(row)
        held = {row: self.held_key(row) for row in self.sheet.rows}
        # Written and existing keys take precedence over computed ones.
        for row in sorted(self.sheet.rows, key=lambda one: held[one] is None):
            resource = self.contract[row.table]
            cells = self.cells[row]
            taken = {*kept[row.table], *(key for table, key in lines if table == row.table)}
            key = held[row] or self.made_key(resource, cells, taken)
            mark = row.key.mark if row.key else row.mark
            if (row.table, key) in lines:
                self.wrong(
                    mark,
                    f"two rows of {row.table} have the key {key!r}, the other on line "
                    f"{lines[row.table, key]}; rename one, or merge them",
                )
            elif key in kept[row.table]:
                self.wrong(mark, self.taken(row.table, key))
            elif problem := self.record.unfit_key(row.table, key):
                self.wrong(mark, problem)
            lines.setdefault((row.table, key), mark.line)
            cells[resource.key] = key
            before = self.record.by_key(row.table).get(key, {})
            cells |= {name: before.get(name, "") for name in COMPUTED.get(row.table, ())}
            tables[row.table].append(cells)
        if ("sources", self.source) not in lines:
            self.wrong(
                self.sheet.source.mark,
                f"no row of sources for the article itself; write one with the id {self.source!r} "
                "under its headline",
            )
        self.check_keys(tables)
        return tables

    def row_cells(self, row: Row) -> Cells:
        resource = self.contract[row.table]
        cells = dict.fromkeys(resource.field_names, "")
        cells |= {name: value.text for name, value in row.values.items()}
        if row.key:
            cells[resource.key] = row.key.text
        own = source_field(resource)
        if own and not cells[own]:
            cells[own] = self.source
        if row.parent:
            # A whole comes before its parts.
            implied = parts_of(self.contract, row.parent.table)[row.table]
            cells[implied] = self.cells[row.parent][self.contract[row.parent.table].key]
        return cells

    def held_key(self, row: Row) -> str | None:
        """The key of a row, as written or as in the tables; None if it is in neither."""
        if row.key:
            return row.key.text
        resource, cells = self.contract[row.table], self.cells[row]
        for unique in resource.unique_keys:
            for before in self.record.rows[resource.name]:
                if all(before[name] == cells[name] for name in unique):
                    return before[resource.key]
        return None

    def made_key(self, resource: Resource, cells: Cells, taken: set[str]) -> str:
        """The computed key of a new row, one that no row has or had."""
        retired = {key for table, key in self.record.retired if table == resource.name}
        endings = cells.get("role", ""), self.source
        return free(computed_key(resource.name, cells), taken | retired, endings=endings)

    def taken(self, table: str, key: str) -> str:
        resource = self.contract[table]
        owner = self.record.owner(resource, self.record.by_key(table)[key]) or "the references"
        return (
            f"{table} already has a row {key!r}, from {owner}; if you mean that row, refer to it "
            "by its key; otherwise give this row another key"
        )

    def check_keys(self, tables: dict[str, list[Cells]]) -> None:
        """Report keys that point to no row, and duplicate rows."""
        keys = {name: {row[self.contract[name].key] for row in tables[name]} for name in tables}
        for row in self.sheet.rows:
            resource = self.contract[row.table]
            for name, value in row.values.items():
                target = resource.target(name)
                if target in keys and value.text not in keys[target]:
                    near = nearest_names(value.text, sorted(keys[target])[:40])
                    self.wrong(value.mark, f"no row {value.text!r} in {target}; expected {near}")
        for resource in coded_tables(self.contract):
            for unique in resource.unique_keys:
                self.check_unique(resource, unique, tables[resource.name])
        self.check_dependants(tables, keys)

    def check_unique(self, resource: Resource, unique: tuple[str, ...], rows: list[Cells]) -> None:
        mine = {id(self.cells[row]): row for row in self.sheet.rows}
        seen: dict[tuple[str, ...], Cells] = {}
        for cells in rows:
            value = tuple(cells[name] for name in unique)
            other = seen.setdefault(value, cells)
            if other is not cells and id(cells) in mine:
                where = mine.get(id(other))
                self.wrong(
                    mine[id(cells)].mark,
                    f"the same {', '.join(unique)} as "
                    + (f"the row on line {where.mark.line}" if where else other[resource.key])
                    + "; remove one of them",
                )

    def check_dependants(self, tables: dict[str, list[Cells]], keys: dict[str, set[str]]) -> None:
        """Refuse to remove a row that rows of other articles point to."""
        mine = {id(cells) for cells in self.cells.values()}
        pointing = [
            f"{resource.name}/{row[resource.key]} points to {fk.resource}/{row[fk.field]}"
            for resource in coded_tables(self.contract)
            for row in tables[resource.name]
            if id(row) not in mine
            for fk in resource.foreign_keys
            if row[fk.field]
            and row[fk.field] not in keys.get(fk.resource, {row[fk.field]})
            and row[fk.field] in self.record.by_key(fk.resource)
        ]
        if pointing:
            self.wrong(
                self.sheet.source.mark,
                "other articles need rows that are not in the sheet; put them back, or change the "
                "rows that need them: " + "; ".join(pointing),
            )

    # Quotes and evidence

    def all_evidence(self, after: Record) -> dict[tuple[str, str], list[Item]]:
        """The evidence of each row of the sheet, by table and key."""
        evidence: dict[tuple[str, str], list[Item]] = {}
        for row in self.sheet.rows:
            main = self.mains[row] = self.main_quote(row)
            if main:
                self.marks.setdefault(main, row.quote.mark if row.quote else row.mark)
        # Names first: their evidence decides whether they can state whom they name.
        self.proposer = Proposer(after, ())
        of_names = [row for row in self.sheet.rows if row.table == "names"]
        for row in of_names:
            evidence |= self.evidence_of(row)
        self.proposer = Proposer(after, inferred_names(self.record.evidence | evidence))
        for row in self.sheet.rows:
            if row.table != "names":
                evidence |= self.evidence_of(row)
        return evidence

    def evidence_of(self, row: Row) -> dict[tuple[str, str], list[Item]]:
        """The evidence of a row, by its table and key; empty after a mistake was reported."""
        main = self.mains[row]
        if main is None:
            return {}
        items: list[Item] = []
        for item, mark in self.items_of(row, main):
            if any(
                (item.field, item.span, item.reference) == (one.field, one.span, one.reference)
                for one in items
            ):
                rests_on = item.reference or repr(self.record.words(item.span or main))
                self.wrong(
                    mark,
                    f"{item.field} rests on {rests_on} twice; remove one of the two, or write "
                    "`for` instead of `also`",
                )
            items.append(item)
        return {(row.table, self.key_of(row)): items}

    def key_of(self, row: Row) -> str:
        return self.cells[row][self.contract[row.table].key]

    def main_quote(self, row: Row) -> Span | None:
        """The main quote of a row; None after a mistake was reported."""
        if row.quote:
            return self.find_span(row.quote, self.parts[row.passage])
        whole = self.mains.get(row.parent) if row.parent else None
        if row.parent and whole is None:
            return None
        table, part = self.contract[row.table], self.parts[row.passage]
        found = default_quote(self.record, self.source, table, self.cells[row], whole, part)
        if found is None:
            self.wrong(row.mark, "no quote; write the words that this row mainly rests on")
        return found

    def find_span(self, words: Words, own: HeldPassage) -> Span | None:
        """Where quoted words are; None after a mistake was reported."""
        source = words.source or self.source
        try:
            text = self.record.text(source)
        except GazadataError as error:
            self.wrong(words.mark, str(error))
            return None
        parts = self.parts if source == self.source else self.record.passages(source)
        found = locate(words, source, text, parts, own if source == self.source else None)
        if isinstance(found, str):
            self.wrong(words.mark, found)
            return None
        return found

    def items_of(self, row: Row, main: Span) -> Iterator[tuple[Item, Mark]]:
        """The evidence of a row, each with the place in the sheet that it comes from."""
        cells = self.cells[row]
        passage = next((part for part in self.parts if part.holds(main)), None)
        replaced = {one.text for entry in row.others if not entry.adds for one in entry.fields}
        for name in self.contract[row.table].proven_fields:
            if not cells[name] or name in replaced:
                continue
            mark = row.values[name].mark if name in row.values else row.mark
            item = self.proposer.item(row.table, cells, name, main, passage)
            if name in row.notes:
                item = Item(name, item.basis, item.span, item.reference, row.notes[name].text)
            yield self.noted(item, mark)
        for entry in row.others:
            span = main
            if entry.words:
                found = self.find_span(entry.words, self.parts[row.passage])
                if found is None:
                    continue
                span = found
                self.marks.setdefault(span, entry.words.mark)
            for at in entry.fields:
                if cells[at.text]:
                    item = self.other_item(row, entry, at, span)
                    yield self.noted(item, entry.mark)

    def other_item(self, row: Row, entry: OtherEvidence, at: Written, span: Span) -> Item:
        if entry.reference:
            if entry.reference.text not in self.record.by_key("sources"):
                known = [
                    r["source_id"] for r in self.record.rows["sources"] if r["kind"] == "reference"
                ]
                near = nearest_names(entry.reference.text, known)
                self.wrong(
                    entry.reference.mark, f"no source {entry.reference.text!r}; expected {near}"
                )
            return Item(at.text, "reference", None, entry.reference.text, entry.note)
        basis, note = self.proposer.basis(row.table, self.cells[row], at.text, span)
        if entry.note:
            basis, note = "inferred", entry.note
        if entry.basis:
            basis = entry.basis.text
            note = entry.note or (note if basis == "inferred" else "")
        return Item(at.text, basis, span, "", note)

    def noted(self, item: Item, mark: Mark) -> tuple[Item, Mark]:
        """Report an inference or a reference without a note."""
        if not item.note and item.basis in ("inferred", "reference"):
            why = (
                f"what was looked up: {FORM}"
                if item.reference
                else "how it follows from the words, which do not contain it"
            )
            self.wrong(mark, f"no note on {item.field}; write under `notes` {why}")
        return item, mark

    def quotes_and_evidence(
        self, evidence: dict[tuple[str, str], list[Item]]
    ) -> dict[str, list[Cells]]:
        """The rows of `quotes` and `evidence`."""
        # The rows of the sheet, old and new: all evidence for them is written again.
        replaced = {
            (name, row[self.contract[name].key])
            for name, rows in self.record.owned(self.source).items()
            for row in rows
        } | evidence.keys()
        rows = [
            row
            for row in self.record.rows["evidence"]
            if (row["resource"], row["row_id"]) not in replaced
        ]
        by_span = {span: key for key, span in self.record.spans.items()}
        quotes = {row["quote_id"]: row for row in self.record.rows["quotes"]}
        for (table, key), items in evidence.items():
            for item in items:
                quote = ""
                if item.span:
                    if item.span not in by_span:
                        new = self.new_quote(item.span, quotes)
                        by_span[item.span] = new["quote_id"]
                        quotes[new["quote_id"]] = new
                    quote = by_span[item.span]
                rows.append(
                    {
                        "evidence_id": "",
                        "resource": table,
                        "row_id": key,
                        "field": item.field,
                        "basis": item.basis,
                        "quote_id": quote,
                        "reference_id": item.reference,
                        "note": item.note,
                    }
                )
        kept = still_used(self.record, quotes.values(), rows)
        return {"quotes": [self.within_passage(quote) for quote in kept], "evidence": rows}

    def within_passage(self, quote: Cells) -> Cells:
        """A quote with the key of its passage, whose boundaries may have moved."""
        if quote["source_id"] != self.source:
            return quote
        span = Span(self.source, int(quote["char_start"]), int(quote["char_end"]))
        own = next((part.key for part in self.parts if part.holds(span)), "")
        return quote | {"passage_id": own}

    def new_quote(self, span: Span, quotes: dict[str, Cells]) -> Cells:
        cells = dict.fromkeys(self.contract["quotes"].field_names, "")
        words = self.record.words(span)
        parts = self.parts if span.source == self.source else self.record.passages(span.source)
        passage = next(part for part in parts if part.holds(span))
        key = quote_key(words, passage.key, span.source, quotes)
        return cells | {
            "quote_id": key,
            "source_id": span.source,
            "passage_id": passage.key,
            "char_start": str(span.start),
            "char_end": str(span.end),
            "exact": words,
        }

    def derived(self, after: Record) -> Record:
        """The record with the cells that `gazadata fmt` fills in."""
        spans = after.spans
        after, problems = derived(after)
        for problem in problems:
            span = spans.get(problem.row_id or "")
            mark = self.marks.get(span, self.sheet.source.mark) if span else self.sheet.source.mark
            self.wrong(mark, f"{problem.resource} {problem.row_id or ''}: {problem.message}")
        return after

    def check_filled(self, after: Record) -> None:
        """Report required cells that are still empty."""
        rows = {table: after.by_key(table) for table in {row.table for row in self.sheet.rows}}
        for row in self.sheet.rows:
            resource = self.contract[row.table]
            cells = rows[row.table][self.key_of(row)]
            for one in resource.fields:
                if one.required and not cells[one.name]:
                    self.wrong(row.mark, f"no {one.name}; a row of {row.table} needs it")

    def check_owned(self, after: Record) -> None:
        """Report rows that this article's sheet would lack when it is printed again."""
        for row in self.sheet.rows:
            owner = after.owner(self.contract[row.table], after.by_key(row.table)[self.key_of(row)])
            if owner != self.source:
                why = f"it names {owner}, or most of its evidence quotes {owner}"
                hint = f"quote more words of {self.source}, or write the row in the other sheet"
                if owner is None:
                    why = "nothing links it to an article"
                    hint = f"write `cited_by: {self.source}`; a reference's row belongs in data/"
                self.wrong(row.mark, f"this row does not belong to {self.source}: {why}; {hint}")

    # The state that a sheet was printed from

    def refuse_stale(self) -> None:
        """Refuse a sheet that was printed before the tables changed, with the difference.

        Raises:
            WrongSheet: it was.
        """
        now = state(self.record, self.source)
        if self.sheet.state == frozenset(now):
            return
        advice = _TO_REPRINT.format(source=self.source)
        mark = self.sheet.source.mark
        if self.sheet.state is None:
            owned = self.record.owned(self.source)
            if sum(map(len, owned.values())) <= 1:
                return
            message = f"no `state`, but the tables already have rows of {self.source}; {advice}"
            raise WrongSheet(self.sheet.path, [Mistake(mark, message)])
        difference = "\n".join(self.differences(self.sheet.state))
        raise WrongSheet(
            self.sheet.path,
            [
                Mistake(
                    mark,
                    f"the tables have changed since this sheet was printed; {advice}\n{difference}",
                )
            ],
        )

    def differences(self, printed: frozenset[str]) -> Iterator[str]:
        """The rows of the tables that have changed since, compared with the sheet's."""
        sheet_lines = self.sheet.text.split("\n")
        mine = {(row.table, self.key_of(row)): row for row in self.sheet.rows}
        printer = Printer(self.record, self.source)
        printer.rows()
        found = 0
        for name, rows in self.record.owned(self.source).items():
            for cells in rows:
                key = cells[self.contract[name].key]
                if row_state(self.record, name, cells) in printed:
                    continue
                found += 1
                row = mine.get((name, key))
                there = (
                    [line.strip() for line in sheet_lines[row.span[0] - 1 : row.span[1]]]
                    if row
                    else []
                )
                here = [line.strip() for line in row_lines(printer.printed(name, key))]
                yield f"  {name}/{key}, in the sheet (-) and now in the tables (+):"
                for line in list(difflib.unified_diff(there, here, lineterm="", n=0))[2:]:
                    if not line.startswith("@@"):
                        yield f"    {line}"
        if not found:
            yield "  rows were removed, or the passages changed"

    def with_state(self, record: Record) -> str:
        """The text of the sheet with the state of the tables after it is applied."""
        made, text = " ".join(state(record, self.source)), self.sheet.text
        if self.sheet.state_span is None:
            return f"{text.rstrip()}\n\nstate: {made}\n"
        start, end = self.sheet.state_span
        written = text[start:end]
        gap = "" if text[start - 1].isspace() else " "
        return text[:start] + gap + made + written[len(written.rstrip()) :] + text[end:]
