"""Every validation rule: code, title, reason, an example that breaks it, and the remedy.

Codes: GD0 package, GD1 files, GD2 tables, GD3 provenance, GD4 semantics.
A title states the problem. `gazadata rule` prints these texts, and docs/rules.md is generated
from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Rule:
    """One rule. `unit` is what its checks count."""

    code: str
    title: str
    reason: str
    example: str
    remedy: str
    unit: str = "rows"
    severity: Severity = "error"


def _rules(*rules: Rule) -> dict[str, Rule]:
    return {rule.code: rule for rule in rules}


RULES = _rules(
    # ------------------------------------------------------------------ package
    Rule(
        "GD001",
        "descriptor or schema cannot be read",
        "Without a readable contract nothing else can be checked.",
        "datapackage.json with a comma missing",
        "Fix the file at the reported place, or restore it.",
        "files",
    ),
    Rule(
        "GD002",
        "descriptor or schema breaks the Data Package standard",
        "Other tools read the package by the standard alone.",
        '"licences" instead of "licenses"; an unknown field type',
        "Check the property against the Data Package standard, version 2.",
        "objects",
    ),
    Rule(
        "GD003",
        "version is not a semantic version",
        "Downstream projects pin and compare versions.",
        '"version": "1.0"',
        "Write MAJOR.MINOR.PATCH, such as 1.0.0.",
        "packages",
    ),
    Rule(
        "GD004",
        "contract differs from the one published under this name and version",
        "A schema weakened without a new version passes every check and warns nobody.",
        '"required": true removed from schemas/events.json, with the version unchanged',
        "Restore the schema, or give the package a new version.",
        "tables",
    ),
    Rule(
        "GD005",
        "file is missing, unlisted, listed twice or outside the package",
        "Unlisted tables are not checked, and a path that leaves the package reads other files.",
        '"path": "../other/events.csv"; an unlisted data/extra.csv beside the listed tables',
        "List the file in datapackage.json, restore it, or remove it.",
        "files",
    ),
    Rule(
        "GD006",
        "field has no evidence policy, or its categories differ from its enum",
        "A field without a policy needs no proof, and two lists of terms drift apart.",
        'a field without "gazadata:evidence"; a category that is missing from "enum"',
        'Set "gazadata:evidence" to required, exempt or derived, and list the same terms in '
        "categories and enum.",
        "fields",
    ),
    Rule(
        "GD007",
        "size or hash of a file differs from the descriptor",
        "Users who pin a release rely on its exact bytes.",
        'the "hash" of another file; a "hash" that is not SHA-256',
        "Restore the file, or build the release again.",
        "files",
    ),
    Rule(
        "GD008",
        "frictionless rejects what the other rules accept",
        "Users open the package with frictionless, the official implementation of the standard.",
        "a schema in a form that only frictionless refuses",
        "Run `frictionless validate datapackage.json` for its full report, and correct the place.",
        "rows",
    ),
    # ------------------------------------------------------------------ files
    Rule(
        "GD101",
        "file is not UTF-8, or has a byte order mark",
        "Other encodings and byte order marks silently change names and offsets.",
        "a file saved as Latin-1, or by a spreadsheet with a byte order mark",
        "Save the file as UTF-8 without a byte order mark.",
        "bytes",
    ),
    Rule(
        "GD102",
        "line does not end in a line feed alone",
        "The same rows must have the same bytes on every machine.",
        "a file with Windows line endings; a last line without a line feed",
        "Run `gazadata fmt`.",
        "bytes",
    ),
    Rule(
        "GD103",
        "text is not in Unicode normalization form C",
        "Two encodings of the same letter compare as different.",
        "é written as e with a combining accent",
        "Run `gazadata fmt`.",
        "bytes",
    ),
    Rule(
        "GD104",
        "invisible, bidirectional or control character",
        "Reviewers cannot see it, and it breaks comparisons.",
        "a zero-width space in a name",
        "Delete the character.",
        "bytes",
    ),
    Rule(
        "GD105",
        "header differs from the schema",
        "With a column missing, repeated or moved, values end up in the wrong field.",
        "event_id,label,label,event_type",
        "Write the header as in the schema; `gazadata fmt` puts the columns in order.",
        "columns",
    ),
    Rule(
        "GD106",
        "table has no rows",
        "Checks of an empty table prove nothing.",
        "a table that has only a header",
        "Restore the rows, or remove the table from the package.",
        "tables",
    ),
    Rule(
        "GD107",
        "line is not a row with one cell per field",
        "An extra or missing cell shifts the values after it, and a line break hides part of a "
        "cell.",
        "an unquoted cell that contains a comma",
        "Quote cells that contain a comma or a quotation mark, and remove line breaks.",
    ),
    Rule(
        "GD108",
        "table is not in canonical form",
        "Rows sorted by key and minimal quoting let a diff show only what changed.",
        '"pakistan" in quotation marks; a row appended at the end',
        "Run `gazadata fmt`.",
        severity="warning",
    ),
    Rule(
        "GD109",
        "cell begins or ends with white space",
        "It is invisible, and makes equal values different.",
        "`support ` in stance",
        "Remove the white space.",
        "cells",
    ),
    Rule(
        "GD110",
        "cell begins like a spreadsheet formula",
        "A spreadsheet would run it.",
        "=HYPERLINK(…) in a note",
        "Start the cell with a character other than =, +, - or @. In a quote, or its prefix or "
        "suffix, start the quote a word earlier or later.",
        "cells",
    ),
    Rule(
        "GD111",
        "words are separated by something other than one ordinary space",
        "Other spaces look the same, but joins and filters miss the row.",
        "a no-break space in a label",
        "Replace it with one ordinary space.",
        "cells",
    ),
    Rule(
        "GD112",
        "word mixes alphabets",
        "Letters of different alphabets can look the same, but searches and joins miss the row.",
        "`Pakistan` with a Cyrillic а in a label, or with a fullwidth ａ",
        "Retype the word in one alphabet. For micro, use µ (U+00B5). Join a symbol to a word with "
        "a hyphen.",
        "bytes",
    ),
    Rule(
        "GD113",
        "text is a program's marker for a missing value or an error",
        "Loaders read it as text, so a missing value looks like a real one.",
        "`nan`, `None`, `<NA>` or `#NAME?` in a note",
        "Write the words that were meant, or empty the cell.",
        "cells",
    ),
    # ------------------------------------------------------------------ tables
    Rule(
        "GD201",
        "value has the wrong type",
        "Loading the table would fail or give another value.",
        "`yes` in a boolean field; 2025-02-30 in a date field",
        "Write integers as digits, booleans as true or false, and dates as YYYY-MM-DD.",
        "cells",
    ),
    Rule(
        "GD202",
        "required cell is empty",
        "Users of the field rely on every row having a value.",
        "an event without a status",
        "Fill in the cell, or remove the row.",
        "cells",
    ),
    Rule(
        "GD203",
        "value is not in the field's vocabulary",
        "Queries by term miss rows with a misspelt one.",
        "`suport` in stance",
        "Use a term of the vocabulary, in the same case.",
        "cells",
    ),
    Rule(
        "GD204",
        "value does not match the field's pattern",
        "Keys and codes must be well formed to be joined on.",
        "`Asim_Munir` as a key; a Cyrillic letter in a key",
        "Write keys as lower-case words and digits joined by single hyphens, and codes as in their "
        "code list.",
        "cells",
    ),
    Rule(
        "GD205",
        "number is below the field's minimum",
        "No count or offset can be that small.",
        "0 in occurrences",
        "Correct the number, or leave the cell empty if the source gives none.",
        "cells",
    ),
    Rule(
        "GD206",
        "primary key occurs twice",
        "Rows with the same key cannot be told apart.",
        "two rows with the key `asim-munir` in actors",
        "Merge the rows, or give one of them another key.",
    ),
    Rule(
        "GD207",
        "foreign key matches no row",
        "A join would drop the row.",
        "`asim-munr` in holder_id",
        "Correct the key, or add the row it should refer to.",
        "cells",
    ),
    Rule(
        "GD208",
        "row repeats values that must be unique",
        "The same thing recorded twice is counted twice.",
        "the same span quoted under two keys; a copy of a position under another key",
        "Keep one of the rows, and refer to it.",
    ),
    Rule(
        "GD209",
        "two keys differ only in hyphens",
        "They are almost certainly two names for one thing.",
        "`asim-munir` and `asimmunir`",
        "Keep one of the keys.",
    ),
    Rule(
        "GD210",
        "value does not have the field's format",
        "Users follow these links.",
        "`github` in url",
        "Write a full URL, such as https://example.org/page.",
        "cells",
    ),
    Rule(
        "GD211",
        "invalid entry in the list of retired identifiers",
        "Readers of older work look up here what became of an identifier, so it is never reused.",
        "`azerbaijan` in data/retired.csv while it is still a key of actors",
        "Give the new row another key, or correct the line in data/retired.csv. Do not change a "
        "line that has been released.",
        "rows",
    ),
    # ------------------------------------------------------------------ provenance
    Rule(
        "GD301",
        "source text is missing or malformed",
        "Offsets are counted in this text, so it must be UTF-8 and NFC, with line feeds and "
        "without hidden characters.",
        "raw/ without the file named in text_path",
        "Restore the exact file; never edit raw/. In a new text, remove hidden characters before "
        "coding it.",
        "texts",
    ),
    Rule(
        "GD302",
        "source text differs from its recorded hash or length",
        "One changed character moves every offset after it.",
        "one comma removed from the article",
        "Restore the file from version control. If the text is new, empty text_sha256 and "
        "text_length and run `gazadata fmt`.",
        "texts",
    ),
    Rule(
        "GD303",
        "held disagrees with text_path, text_sha256 or text_length",
        "Only a held text can prove a quote.",
        "held is false, but text_path is filled",
        "For a held source, fill in text_path and run `gazadata fmt`; otherwise empty all three.",
        "sources",
    ),
    Rule(
        "GD304",
        "file in raw/ belongs to no held source",
        "Nobody would notice that this text is not coded.",
        "raw/second.txt without a row in sources",
        "Add the source and code its text, or remove the file from raw/.",
        "texts",
    ),
    Rule(
        "GD311",
        "passages overlap or are numbered wrongly",
        "Coverage is counted in passages.",
        "a passage that starts before the previous one ends; sequence 3 after sequence 1",
        "Correct start, end, sequence and paragraph.",
        "passages",
    ),
    Rule(
        "GD312",
        "text lies outside every passage",
        "Words outside the passages could be left uncoded without anyone noticing.",
        "the last sentence without a passage",
        "Add the passage, or correct the bounds of its neighbours.",
        "passages",
    ),
    Rule(
        "GD313",
        "passage has invalid bounds",
        "A passage is one sentence or the headline; a longer one hides what is not coded.",
        "an end beyond the end of the text; one passage across two paragraphs",
        "Correct start and end.",
        "passages",
    ),
    Rule(
        "GD321",
        "quote differs from the article",
        "A quote is proof only if it is the text between its offsets, character for character.",
        "an offset that is off by one",
        "Copy the words from the article; `gazadata fmt` fills in the offsets.",
        "quotes",
    ),
    Rule(
        "GD322",
        "prefix or suffix differs from the article",
        "They locate the quote in copies of the text with other offsets.",
        "prefix and suffix swapped",
        "Run `gazadata fmt`.",
        "quotes",
    ),
    Rule(
        "GD323",
        "quote lies outside its passage",
        "Coverage is counted by passage.",
        "a quote from sentence 3 assigned to sentence 4",
        "Empty passage_id and run `gazadata fmt`.",
        "quotes",
    ),
    Rule(
        "GD324",
        "quote cuts a word or contains none",
        "Part of a word can mean the opposite of the whole word, and punctuation says nothing.",
        "`likely` from `unlikely`, `can` from `can’t`, `committal` from `non-committal`",
        "Quote whole words.",
        "quotes",
    ),
    Rule(
        "GD331",
        "no evidence quotes the passage",
        "What the passage asserts may have been left uncoded.",
        "a sentence that no evidence quotes",
        "Code what the passage asserts; `gazadata todo` lists what is open.",
        "passages",
    ),
    Rule(
        "GD332",
        "quote is not used as evidence",
        "An unused quote proves nothing.",
        "a quote that no row of evidence names",
        "Use the quote in evidence, or remove it.",
        "quotes",
    ),
    Rule(
        "GD333",
        "cell has no evidence",
        "Without evidence, a value is only the coder's claim.",
        "an outcome without a row in evidence",
        "Add the evidence, or empty the cell if the article does not say it.",
        "cells",
    ),
    Rule(
        "GD334",
        "evidence does not refer to a filled cell that needs it",
        "The cell was renamed, emptied or removed, and its evidence was left.",
        "evidence for a field that was emptied",
        "Correct resource, row_id and field, or remove the evidence.",
        "evidence",
    ),
    Rule(
        "GD335",
        "evidence_id does not match the row",
        "Built from the row, it is the same for the same evidence in every version.",
        "an identifier that names another field",
        "Run `gazadata fmt`.",
        "evidence",
    ),
    Rule(
        "GD336",
        "row has no quote from its own source",
        "The row would attribute to one article what another one says.",
        "source_id names one article, but all quotes of the row are from another",
        "Correct source_id, or quote the source it names. Quotes from other sources may remain.",
    ),
    Rule(
        "GD341",
        "quote does not contain the stated value",
        "Evidence of basis stated needs the words themselves. For a key, these are a name of what "
        "it refers to, other than the name in the row itself.",
        "`strongly` as stated by “public sentiment”",
        "Choose a quote that contains the words, or correct the basis.",
        "evidence",
    ),
    Rule(
        "GD342",
        "inferred evidence has no explanation",
        "An inference that nobody can follow cannot be checked.",
        "basis inferred with an empty note, or one without letters",
        "Explain in note how the words lead to the value.",
        "evidence",
    ),
    Rule(
        "GD343",
        "evidence lacks what its basis requires",
        "Basis reference needs a reference and a note of what was looked up; any other basis needs "
        "a quote and no reference.",
        "reference without reference_id; stated with a reference_id",
        "Fill in quote_id, or reference_id and note, as the basis requires.",
        "evidence",
    ),
    Rule(
        "GD344",
        "evidence cites the wrong kind of source as reference",
        "Articles and what they cite are quoted, not cited as references; and the row of a "
        "reference in sources is backed by that reference alone.",
        "reference_id that names the article",
        "Use a row of sources of kind reference.",
        "evidence",
    ),
    Rule(
        "GD345",
        "verbatim cell is not quoted letter for letter",
        "Case, spaces, dashes and apostrophes must be the article's, too.",
        "a hedge that is only classified; `Reportedly` with a quote that has `reportedly`",
        "Copy the words exactly as in the article, and use a quote of basis stated.",
        "cells",
    ),
    Rule(
        "GD346",
        "free text has basis classified",
        "Only vocabularies, booleans, counts and keys have terms to classify into.",
        "a description of basis classified",
        "Use inferred, and explain in note what was resolved.",
        "evidence",
    ),
    Rule(
        "GD347",
        "code or identifier has no reference",
        "Codes from memory are often wrong, and the article does not give them.",
        "a wikidata_id classified from a name",
        "Look up the code, and use basis reference with a note of what was looked up.",
        "cells",
    ),
    Rule(
        "GD348",
        "value is not confirmed by the reference row in its note",
        "A wrong code joins the row to another country or person and looks just as plausible.",
        "iso3 `ISR` by “Row Türkiye of reference/countries.csv.”; a name by “Well known.”; a row "
        "of reference/countries.csv where reference_id is entity-identifiers",
        "Correct the cell or the file in reference/, or start the note with the row that has the "
        "value: `Row NAME of reference/FILE.csv`. If NAME is not one of the actor's names, go on "
        "to explain why it is this row. FILE must be named in a note on the row of reference_id in "
        "sources. Values that no file has a column for need a quote.",
        "evidence",
    ),
    Rule(
        "GD351",
        "hedge or attribution in the quote is missing from the row",
        "What the article only reports or suggests must not become certain, and what somebody says "
        "must not become the article's own word.",
        "certain, with no cue in hedge, on a quote that says reportedly; no attributed_to on a "
        "quote that says insisted",
        "Lower certainty, copy the cue into hedge, or choose a quote without the cue. What "
        "somebody says has attributed_to; only a position with an expression and an event of a "
        "verbal type are the saying itself.",
        "evidence",
        "warning",
    ),
    Rule(
        "GD352",
        "quote names other actors than those of the row",
        "A quote of another sentence can say the same of somebody else.",
        "a stance of azerbaijan on “Pakistan rejected the plan”, with no Azerbaijan in the passage",
        "Quote the words about the row's own actor, or correct the actor. Where the words only say "
        "“he” or “the country”, quote them for the actor too, as inferred, and explain in note who "
        "is meant.",
        "evidence",
        "warning",
    ),
    # ------------------------------------------------------------------ semantics
    Rule(
        "GD401",
        "earliest date is after the latest",
        "Time runs forwards.",
        "date_earliest 2025-06-01, date_latest 2025-05-01",
        "Swap or correct the dates.",
    ),
    Rule(
        "GD402",
        "precision does not match the dates",
        "Users interpret the dates by their precision.",
        "month with two dates two weeks apart; unknown with a date",
        "day: both dates the same; week: a span of at most 7 days; month and year: the first and "
        "last day; range: any other two dates; open: only one date; unknown: none.",
    ),
    Rule(
        "GD403",
        "mode does not belong to the event type",
        "In PLOVER each event type has its own modes.",
        "CONSULT with mode assist",
        "Choose a mode of the event type, or leave event_mode empty.",
    ),
    Rule(
        "GD404",
        "event has both event_type and local_type, or neither",
        "Local types are only for what PLOVER does not cover.",
        "SUPPORT and rank_attained in one row",
        "Keep the PLOVER type if there is one.",
    ),
    Rule(
        "GD405",
        "planned event is coded as CONSULT",
        "CONSULT is for talks that took place; PLOVER codes a future meeting as AGREE.",
        "an upcoming visit as CONSULT",
        "Use AGREE.",
    ),
    Rule(
        "GD406",
        "event has no recipient",
        "Events of this type are directed at somebody.",
        "AID without a participant in the role recipient",
        "Add the recipient, or choose another event type.",
    ),
    Rule(
        "GD407",
        "conditional stance has no condition",
        "What it depends on is half of the position.",
        "conditional_support without a row in conditions",
        "Add the condition, or choose the stance that the words support.",
    ),
    Rule(
        "GD408",
        "stance of the position allows no condition",
        "Plain support, opposition and silence depend on nothing.",
        "a condition of a position with the stance oppose",
        "Refer to a position with conditional_support, conditional_oppose, open or undecided.",
    ),
    Rule(
        "GD409",
        "not_addressed without silence, or silence without not_addressed",
        "Silence that the text asserts is a position, and always coded as this pair.",
        "not_addressed with expression indicated",
        "Use stance not_addressed with expression silence, or neither.",
    ),
    Rule(
        "GD410",
        "certainty contradicts attributed_to or hedge",
        "What the article says in its own voice is certain; anything weaker has words that weaken "
        "it.",
        "certain, with attributed_to filled; possible, with hedge empty",
        "Lower certainty, empty attributed_to, or copy the weakening words into hedge.",
    ),
    Rule(
        "GD411",
        "part_of or cited_by forms a circle",
        "A chain of parts or citations must end.",
        "a topic that is part of its own part",
        "Empty the link that closes the circle.",
    ),
    Rule(
        "GD412",
        "relation has the wrong kind of object",
        "The object of a rank, an office or a description is text; other predicates need an actor.",
        "holds_rank with object_id; both objects filled",
        "Fill in object_text for holds_rank, holds_office and described_as, and object_id "
        "otherwise.",
    ),
    Rule(
        "GD413",
        "inconsistent count of a participant",
        "A member_count needs member_count_is_approximate, and an excluded party has neither.",
        "role excluded with count 2",
        "Fill in both cells, or empty both; for an excluded party empty both.",
    ),
    Rule(
        "GD414",
        "name refers to both an actor and a topic, or to neither",
        "A text that names two things needs two rows.",
        "a row with both actor_id and topic_id",
        "Split the row, or fill in one of the two.",
    ),
    Rule(
        "GD415",
        "assessment is about nothing",
        "Nobody could find it by its actor, topic or event.",
        "about_actor_id, about_topic_id and about_event_id all empty",
        "Fill in at least one of the three.",
    ),
    Rule(
        "GD416",
        "country code on an actor that is not a state, or list_is_open on one that is not a group",
        "A code on part of a state would count as the state.",
        "iso3 on a government; list_is_open on a person",
        "Empty the cell; the state of a part is found through part_of.",
    ),
    Rule(
        "GD417",
        "source of the wrong kind in source_id, cited_by or attributed_to",
        "Rows are coded from held texts, and attributed to the sources that these cite.",
        "source_id that names a report cited by the article",
        "Use the article in source_id and cited_by, and a source it cites in attributed_to.",
    ),
    Rule(
        "GD418",
        "both sides are the same actor",
        "Nobody is related to himself or takes a position towards himself.",
        "subject_id and object_id the same",
        "Correct one of the two.",
    ),
    Rule(
        "GD419",
        "actor is of the wrong kind for this field",
        "Only persons speak or have a rank, an office or a nationality; only groups have members, "
        "only states have nationals, and persons have no parts.",
        "spokesperson_id that names a state; nationality of a group; part_of that names a person",
        "Use a person for spokesperson_id and as subject of a rank, an office or a nationality; a "
        "group as object of member_of; a state as object of nationality; and no person in part_of.",
        "cells",
    ),
    Rule(
        "GD420",
        "kind, held, cited_by and speaker_id of a source contradict each other",
        "An article is coded, so its text is held; a source it passes on is cited by it; a named "
        "speaker is an actor.",
        "a cited report without cited_by",
        "Correct the cells: an article is held; a cited report, a named speaker and an unnamed "
        "source have cited_by; a reference has neither. Only a named speaker has speaker_id.",
    ),
    Rule(
        "GD421",
        "excluded actor also takes part in the event",
        "An actor kept out of talks cannot be counted among those who held them.",
        "turkey as excluded and as participant of one event",
        "Remove the row that the words do not support.",
    ),
    Rule(
        "GD422",
        "attributed_to is not cited by the row's own source",
        "An article passes on what it cites itself, not what another article cites.",
        "attributed_to a report that another article cites",
        "Correct attributed_to, source_id, or cited_by of the source in attributed_to.",
    ),
)
