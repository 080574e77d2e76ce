"""Every rule of validation, once: code, title, reason, an example that breaks it, remedy.

Codes: GD0 package, GD1 files, GD2 tables, GD3 provenance, GD4 semantics.
`gazadata rule` prints them and docs/rules.md is generated from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Rule:
    """One rule. `unit` is what it counts as looked at."""

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
        "The descriptor and the schemas can be read",
        "Nothing can be checked against a contract that cannot be read.",
        "datapackage.json with a comma missing",
        "Mend the file at the place named, as is said there, or restore it.",
        "files",
    ),
    Rule(
        "GD002",
        "The descriptor and the schemas are what the Data Package standard asks for",
        "Other tools read the package by the standard alone.",
        '"licences" instead of "licenses"; a field type that is none',
        "Compare the property named with the Data Package standard, version 2.",
        "objects",
    ),
    Rule(
        "GD003",
        "The version is a semantic version",
        "Downstream projects pin and compare versions.",
        '"version": "1.0"',
        "Write major.minor.patch, such as 1.0.0.",
        "packages",
    ),
    Rule(
        "GD004",
        "A package of a known name and version keeps its contract",
        "Whoever weakens a schema without a new version makes every check pass and no user warned.",
        '"required": true taken out of schemas/events.json, with the version left as it was',
        "Restore the schema, or give the package a new version.",
        "resources",
    ),
    Rule(
        "GD005",
        "Every file is listed once, lies inside the package and is there",
        "A table that is not listed is not checked, and a path that leads out reads other files.",
        '"path": "../other/events.csv"; data/extra.csv beside the listed tables',
        "List the file in datapackage.json, restore it, or remove it.",
        "files",
    ),
    Rule(
        "GD006",
        "Each field states its evidence policy, and its categories agree with its enum",
        "A field without a policy would be asserted without proof; two lists of terms drift apart.",
        'a field without "gazadata:evidence"; a category that is missing from "enum"',
        'State "gazadata:evidence" as required or exempt; make categories and enum the same.',
        "fields",
    ),
    Rule(
        "GD007",
        "A file has the size and the hash that the descriptor states",
        "Whoever pins a release relies on its bytes; other tools pass over hashes unknown to them.",
        '"hash" of another file, or of another kind than sha256',
        "Restore the file, or build the release again.",
        "files",
    ),
    # ------------------------------------------------------------------ files
    Rule(
        "GD101",
        "Tables are UTF-8 without a byte order mark",
        "Other encodings and marks change names and offsets silently.",
        "a file saved as Latin-1, or by a spreadsheet with a byte order mark",
        "Save the file as UTF-8 without a byte order mark.",
        "bytes",
    ),
    Rule(
        "GD102",
        "Lines end with a line feed alone, the last one too",
        "The same rows must have the same bytes on every machine.",
        "a file saved with Windows line ends",
        "Run `gazadata fmt`.",
        "bytes",
    ),
    Rule(
        "GD103",
        "Text is in Unicode normalization form C",
        "Two spellings of one letter compare as different.",
        "é written as e with a combining accent",
        "Run `gazadata fmt`.",
        "bytes",
    ),
    Rule(
        "GD104",
        "No invisible, bidirectional or control characters",
        "They hide from a reviewer and break comparisons.",
        "a zero-width space in a name",
        "Delete the character named.",
        "bytes",
    ),
    Rule(
        "GD105",
        "The header is the schema's fields, in order",
        "A column that is missing, doubled or moved puts every value in a wrong place.",
        "event_id,label,label,event_type",
        "Write the header as the schema has it; `gazadata fmt` puts columns into order.",
        "columns",
    ),
    Rule(
        "GD106",
        "A table has rows",
        "A check of no rows is no check.",
        "a table with its header alone",
        "Restore the rows, or take the resource out of the package.",
        "tables",
    ),
    Rule(
        "GD107",
        "Every line is one row with a cell for each field",
        "A line with a cell too many or too few shifts its values; a cell with a line break hides.",
        "a comma in a cell that is not quoted",
        "Quote the cell that holds a comma or a quotation mark; take out line breaks.",
    ),
    Rule(
        "GD108",
        "Tables are in canonical form: minimal quoting, rows sorted by key",
        "A diff must show what changed and nothing else.",
        '"pakistan" in quotation marks; a row appended at the end',
        "Run `gazadata fmt`.",
        severity="warning",
    ),
    Rule(
        "GD109",
        "No cell begins or ends with white space",
        "It cannot be seen and makes equal values different.",
        "`support ` in stance",
        "Take the white space out of the cell.",
        "cells",
    ),
    Rule(
        "GD110",
        "No cell begins as a spreadsheet formula does",
        "A spreadsheet would run it.",
        "=HYPERLINK(…) in a note",
        "Begin the cell with another character than = + - @; where it is a quote or what "
        "stands beside one, begin the quote a word earlier or later.",
        "cells",
    ),
    Rule(
        "GD111",
        "Words are parted by one ordinary space",
        "Nobody sees another space, and a join or a filter misses the row.",
        "a no-break space in a label",
        "Put one space there.",
        "cells",
    ),
    Rule(
        "GD112",
        "A word mixes no alphabets",
        "Letters of two alphabets can look the same, and a search or a join misses the row.",
        "`Pakistan` with a Cyrillic а in a label, or with a fullwidth ａ",
        "Type the word anew in one alphabet; the sign of a unit is µ (U+00B5), and a symbol stands "
        "apart by a hyphen.",
        "bytes",
    ),
    Rule(
        "GD113",
        "A cell of words holds a program's sign for nothing or for an error",
        "Loaders read it as text, so that a value that is missing looks like one that is there.",
        "`nan`, `None`, `<NA>` or `#NAME?` in a note",
        "Write the words that were meant, or empty the cell.",
        "cells",
    ),
    # ------------------------------------------------------------------ tables
    Rule(
        "GD201",
        "A cell has the type of its field",
        "A loader would fail on it or read something else.",
        "`yes` in a boolean field; 2025-02-30 in a date",
        "Write integers as digits, booleans as true or false, dates as YYYY-MM-DD.",
        "cells",
    ),
    Rule(
        "GD202",
        "A required cell is not empty",
        "Every user of the field relies on it.",
        "an event without a status",
        "Fill the cell, or remove the row.",
        "cells",
    ),
    Rule(
        "GD203",
        "A vocabulary field holds one of its terms",
        "A misspelt term drops out of every query.",
        "`suport` in stance",
        "Use a term of the vocabulary, in the case given there.",
        "cells",
    ),
    Rule(
        "GD204",
        "A cell matches its field's pattern",
        "Keys and codes must be well formed to be joined on.",
        "`Asim_Munir` as a key; a Cyrillic letter in a slug",
        "Write keys as lower-case words and digits with single hyphens between them, and codes as "
        "their list has them.",
        "cells",
    ),
    Rule(
        "GD205",
        "A number is not below its field's minimum",
        "Counts and offsets below it do not exist.",
        "0 in occurrences",
        "Correct the number, or leave the cell empty where the source gives none.",
        "cells",
    ),
    Rule(
        "GD206",
        "A primary key stands once",
        "Two rows of one key cannot be told apart.",
        "two rows `asim-munir` in actors",
        "Merge the rows, or give one of them a key of its own.",
    ),
    Rule(
        "GD207",
        "A foreign key points to a row",
        "A join would lose the row.",
        "`asim-munr` in holder_id",
        "Correct the key, or add the row that it should point to.",
        "cells",
    ),
    Rule(
        "GD208",
        "What a table declares unique stands once, and no coded row twice under two keys",
        "The same thing recorded twice is counted twice.",
        "one span quoted under two keys; a copy of a position under another key",
        "Keep one of the rows and point to it.",
    ),
    Rule(
        "GD209",
        "No two keys differ in hyphens alone",
        "They are one thing under two names.",
        "`asim-munir` and `asimmunir`",
        "Keep one of the keys.",
    ),
    Rule(
        "GD210",
        "A cell has the format that its field states",
        "Users follow addresses.",
        "`github` in url",
        "Write a whole address, such as https://example.org/page.",
        "cells",
    ),
    Rule(
        "GD211",
        "An identifier that is given up is gone, and is not given again",
        "Who meets it in older work looks up what became of it, in a table that is gone too.",
        "`azerbaijan` in data/retired.csv, and in actors",
        "Give the new row another key, or mend the line in data/retired.csv. A line that a release "
        "has stays as it is.",
        "rows",
    ),
    # ------------------------------------------------------------------ provenance
    Rule(
        "GD301",
        "A held text is there: UTF-8, NFC, line feeds, no hidden characters",
        "Offsets are counted in this text.",
        "raw/ without the file that text_path names",
        "Restore the file byte for byte; raw/ is never edited. Of a new text, take the character "
        "named out before anything is coded.",
        "texts",
    ),
    Rule(
        "GD302",
        "A held text has the hash and the length of its row",
        "A text that changed by one character moves every offset behind it.",
        "one comma taken out of the article",
        "Restore the file from the history. Only for a new text: run `gazadata fmt`.",
        "texts",
    ),
    Rule(
        "GD303",
        "A source is held with a path, a hash and a length, or not held and without",
        "Only a held text can prove a quote.",
        "held is false and text_path is given",
        "Fill in text_path, and run `gazadata fmt` for the rest; or empty all three.",
        "sources",
    ),
    Rule(
        "GD304",
        "Every text in raw/ is the text of a held source",
        "What a text asserts that no source names is left out unseen.",
        "raw/second.txt without a row in sources",
        "Add the source and code its text, or take the file out of raw/.",
        "texts",
    ),
    Rule(
        "GD311",
        "Passages follow one another without overlapping, numbered as they stand in the text",
        "Coverage is counted in passages.",
        "a passage that starts before the one before it ends; sequence 3 behind sequence 1",
        "Correct start, end, sequence and paragraph.",
        "passages",
    ),
    Rule(
        "GD312",
        "Everything but white space is inside a passage",
        "Words outside every passage could be left out unseen.",
        "the last sentence without a passage",
        "Add the passage, or correct the bounds of its neighbours.",
        "passages",
    ),
    Rule(
        "GD313",
        "A passage lies in a paragraph of its text, without white space or half a word at its ends",
        "Its bounds are those of the sentence; one over all hides what is left out.",
        "an end behind the end of the text; one passage over two paragraphs",
        "Correct start and end.",
        "passages",
    ),
    Rule(
        "GD321",
        "A quote is the text between its offsets, character for character",
        "This is what makes a quote proof.",
        "an offset moved by one",
        "Copy the words from the article; `gazadata fmt` fills in the offsets.",
        "quotes",
    ),
    Rule(
        "GD322",
        "A quote's prefix and suffix are its neighbours in the text",
        "They find the quote again in a copy of the text that has other offsets.",
        "prefix and suffix swapped",
        "Run `gazadata fmt`.",
        "quotes",
    ),
    Rule(
        "GD323",
        "A quote lies inside its passage, of the same source",
        "Coverage is counted through the passage.",
        "a quote of sentence 3 filed under sentence 4",
        "Empty passage_id and run `gazadata fmt`.",
        "quotes",
    ),
    Rule(
        "GD324",
        "A quote cuts no word in two and has a word",
        "Half a word can say the opposite of the whole one; a comma says nothing.",
        "`likely` out of `unlikely`, `can` out of `can’t`, `committal` out of `non-committal`",
        "Quote the whole word.",
        "quotes",
    ),
    Rule(
        "GD331",
        "Every passage has a quote",
        "A passage that nothing rests on is an assertion left out.",
        "a sentence that no evidence uses",
        "Code what the passage asserts.",
        "passages",
    ),
    Rule(
        "GD332",
        "Every quote is used",
        "A quote that nothing rests on proves nothing.",
        "a quote without evidence",
        "Point evidence to it, or remove it.",
        "quotes",
    ),
    Rule(
        "GD333",
        "Every required cell that is filled has evidence",
        "A cell without evidence is a claim of the coder's.",
        "an outcome without a row in evidence",
        "Add the evidence, or empty the cell if the article does not say it.",
        "cells",
    ),
    Rule(
        "GD334",
        "Evidence points to a filled cell that needs it",
        "Evidence for what is not there hides a change.",
        "evidence for a field that was emptied",
        "Correct resource, row_id and field, or remove the evidence.",
        "evidence",
    ),
    Rule(
        "GD335",
        "An evidence identifier is made from what the row says",
        "It stays the same for the same evidence.",
        "an identifier that names another field",
        "Run `gazadata fmt`.",
        "evidence",
    ),
    Rule(
        "GD336",
        "A row has a quote from its own source",
        "What one article says would be told as another's.",
        "source_id that names one article, where all quotes of the row are from another",
        "Correct source_id, or quote the source that it names. Others may be quoted beside it.",
    ),
    Rule(
        "GD341",
        "What is stated stands in the quote",
        "Stated means that the words are there; for a key, one of the names of what it points to, "
        "other than the name whose key it is.",
        "`strongly` as stated by “public sentiment”",
        "Choose the quote that has the words, or the basis that is true.",
        "evidence",
    ),
    Rule(
        "GD342",
        "Inferred evidence says by which rule",
        "An inference that cannot be followed cannot be checked.",
        "inferred, with an empty note, or one without a word",
        "Write into note which rule leads from the words to the value.",
        "evidence",
    ),
    Rule(
        "GD343",
        "Evidence names a quote, or for a reference the reference and what was looked up",
        "Each basis has its own kind of support.",
        "reference without reference_id; stated with a reference_id",
        "Fill in quote_id, or reference_id and note, as the basis asks.",
        "evidence",
    ),
    Rule(
        "GD344",
        "A reference is a source of kind reference, and a reference backs itself",
        "The article and what it cites are quoted, not referred to.",
        "reference_id that names the article",
        "Point to a row of sources of kind reference.",
        "evidence",
    ),
    Rule(
        "GD345",
        "A verbatim cell has evidence that states it letter for letter",
        "Verbatim means that case, spaces, dashes and apostrophes are the article's, too.",
        "a hedge that was only classified; `Reportedly` on a quote with `reportedly`",
        "Copy the words from the article as they stand, and give the quote as stated.",
        "cells",
    ),
    Rule(
        "GD346",
        "Only vocabularies, flags, counts and keys are classified",
        "Free words are stated or inferred: there is no term that they could be put into.",
        "a description that was classified",
        "Use inferred, and say in note what was resolved.",
        "evidence",
    ),
    Rule(
        "GD347",
        "Codes and identifiers have a reference",
        "Identifiers from memory are often wrong, and the article gives none.",
        "a wikidata_id classified from a name",
        "Look the code up, and give basis reference with what was looked up.",
        "cells",
    ),
    Rule(
        "GD348",
        "What was looked up is what the row of reference/ has that its note names",
        "A wrong code joins the row to another country or person, and looks as right as any; what "
        "no row has is from memory.",
        "iso3 `ISR` by “Row Türkiye of reference/countries.csv.”; a name by “Well known.”; a row "
        "of reference/countries.csv where reference_id is entity-identifiers",
        "Correct the cell, here or in reference/, or begin the note with the row and the file that "
        "have it: `Row NAME of reference/FILE.csv`. Where that is none of the actor's names, go "
        "on to say why it is this row. What no file has a column for needs a quote. The file is "
        "one that the notes on the row of reference_id in sources name.",
        "evidence",
    ),
    Rule(
        "GD351",
        "A hedge in the words is a hedge in the row",
        "What the article only reports or suggests must not become certain.",
        "certain, with no cue in hedge, on a quote that says reportedly",
        "Lower certainty or copy the cue into hedge; or choose a quote without it.",
        "evidence",
        "warning",
    ),
    # ------------------------------------------------------------------ semantics
    Rule(
        "GD401",
        "The earliest date is not after the latest",
        "A span of time runs forwards.",
        "date_earliest 2025-06-01, date_latest 2025-05-01",
        "Swap the dates.",
    ),
    Rule(
        "GD402",
        "The precision is that of the dates",
        "Users read the dates by their precision.",
        "month with a range of two weeks; unknown with a date",
        "A day has one date twice, a week at most 7 days, a month or a year its first and last "
        "day, a range any other two dates, open exactly one, unknown none.",
    ),
    Rule(
        "GD403",
        "A mode belongs to the event type",
        "PLOVER gives each type its own modes.",
        "CONSULT with mode assist",
        "Choose a mode of the type, or leave it empty.",
    ),
    Rule(
        "GD404",
        "Exactly one of event type and local type",
        "The local types are for what PLOVER does not cover.",
        "SUPPORT and rank_attained in one row",
        "Keep the PLOVER type where there is one.",
    ),
    Rule(
        "GD405",
        "A planned event is not CONSULT",
        "CONSULT is for talks that took place; PLOVER codes a future meeting as AGREE.",
        "an upcoming visit as CONSULT",
        "Use AGREE.",
    ),
    Rule(
        "GD406",
        "A type that needs a recipient has one",
        "Aid, cooperation and sanctions are towards somebody.",
        "AID without a participant in the role recipient",
        "Add the recipient, or choose another type.",
    ),
    Rule(
        "GD407",
        "A conditional stance has a condition",
        "Conditional on what is half of the position.",
        "conditional_support without a row in conditions",
        "Add the condition, or choose the stance that the words have.",
    ),
    Rule(
        "GD408",
        "A condition belongs to a position that can carry one",
        "A plain refusal or a silence depends on nothing.",
        "a condition of a position that is oppose",
        "Carriers are conditional_support, conditional_oppose and open.",
    ),
    Rule(
        "GD409",
        "not_addressed goes with silence",
        "Silence that the text asserts is a position, and is expressed by nothing else.",
        "not_addressed with expression indicated",
        "Make stance not_addressed and expression silence, or neither.",
    ),
    Rule(
        "GD410",
        "Certainty agrees with attribution and hedge",
        "What is certain, the article says in its own voice; what is not, it weakens in its words.",
        "certain, on the word of attributed_to; possible, with hedge empty",
        "Choose a weaker term or empty attributed_to; or copy the words that weaken it into hedge.",
    ),
    Rule(
        "GD411",
        "Nothing is part of itself or cited by itself",
        "A chain of parts or citations must end.",
        "a topic that is part of its own part",
        "Empty the link that closes the circle.",
    ),
    Rule(
        "GD412",
        "A relation has the object that its predicate takes",
        "Ranks, offices and descriptions are words; the others point to an actor.",
        "holds_rank with object_id; both objects filled",
        "Fill object_text for holds_rank, holds_office and described_as, object_id otherwise.",
    ),
    Rule(
        "GD413",
        "A count goes with whether it is approximate, and an excluded party has none",
        "Who was excluded took no part and is not counted.",
        "role excluded with count 2",
        "Empty both cells, or fill both.",
    ),
    Rule(
        "GD414",
        "A name names exactly one actor or topic",
        "A text that stands for two is two rows.",
        "a row with both actor_id and topic_id",
        "Split the row, or fill one of the two.",
    ),
    Rule(
        "GD415",
        "An assessment is about something",
        "It could not be found through what it is about.",
        "about_actor_id, about_topic_id and about_event_id all empty",
        "Fill at least one of the three.",
    ),
    Rule(
        "GD416",
        "Country codes are a state's, open lists a group's",
        "Codes on parts of a state would be counted as the state.",
        "iso3 on a government; list_is_open on a person",
        "Empty the cell; a part's state is found through part_of.",
    ),
    Rule(
        "GD417",
        "What reports or cites is held, what it relies on is not a reference",
        "Rows are read out of a held text; codes, not claims, come from references.",
        "source_id that names the report which the article cites",
        "source_id and cited_by are the article; attributed_to is a source that it cites.",
    ),
    Rule(
        "GD418",
        "A relation, a position or a request is between two",
        "Nobody is a member of himself or asks himself.",
        "subject_id and object_id the same",
        "Correct one of the two.",
    ),
    Rule(
        "GD419",
        "An actor is of the kind that the field which names it asks for",
        "Only a person speaks or has a rank, an office or a nationality, only a group has members, "
        "only a state has nationals, and no person has parts.",
        "spokesperson_id that names a state; nationality of a group; part_of that names a person",
        "Point spokesperson_id and the subject of a rank, an office or a nationality to a person, "
        "member_of to a group, nationality to a state, part_of to anything but a person.",
        "cells",
    ),
    Rule(
        "GD420",
        "What a source is, whether it is held and what cites it agree",
        "An article is what is coded, so its text is held; what it passes on, it cites.",
        "a cited report without cited_by",
        "Correct kind, held or cited_by: an article is held, a cited report or an unnamed source "
        "is cited by a held one, a reference is neither.",
    ),
    Rule(
        "GD421",
        "Who is excluded from an event has no other part in it",
        "Who was kept out of talks cannot be counted among those who held them.",
        "turkey as excluded and as participant of one event",
        "Remove the row that the words do not support.",
    ),
    Rule(
        "GD422",
        "What a row is attributed to is cited by the row's own source",
        "An article passes on what it cites itself, not what another one does.",
        "attributed_to a report that another article cites",
        "Correct attributed_to, source_id, or cited_by of what it is attributed to.",
    ),
)
