"""The same rules in other tools: how many violations of each rule a package has.

    python benchmarks/_peers.py polars|duckdb|pandera|reading PACKAGE

`polars` and `duckdb` are what one would write by hand for these tables: they only count, without
saying where or why. `pandera` is used plainly: one schema per table, without keys between tables.
All check types, constraints, keys, white space and formulas (GD109 to GD209). `polars` and `duckdb`
also check provenance (GD3) and semantics (GD4), which the others cannot express. They leave out
GD348, since a generated package has no reference/, and GD352, which would take as much code by hand
as it does here. `reading` checks nothing: it only reads every cell and every text once, which any
validation must do.
"""

from __future__ import annotations

import hashlib
import json
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

TYPESET = {"’": "'", "‘": "'", "“": '"', "”": '"', "‐": "-", "‑": "-", "–": "-", "—": "-",
           "\u00a0": " ", "\u202f": " "}  # fmt: skip
FORMULA_SIGNS = "=+@\t\uff1d\uff0b\uff0d\uff20-"
URI = r"^[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+[^\s]*$"
WORD = r"[\p{L}\p{N}\p{M}_]"
PREFIX = "anti|counter|ex|non|post|pre|pro|pseudo|quasi|semi|un"
CUT = "|".join(
    (
        r"W\x1fW",
        r"[0-9](?:[.,]\x1f|\x1f[.,])[0-9]",
        r"W['’]\x1fW",
        r"W\x1f['’](?:[sS]W|[A-RT-Za-rt-z0-9_])",
        rf"(?:^|[\s(])(?i:{PREFIX})(?:[-‐‑]\x1f|\x1f[-‐‑])W",
        r"(?:^|[\s(])[-−–]\x1f[0-9]",
    )
)
"""The text around a cut (U+001F) that splits a word; W is a character of a word."""
CARRIERS = ["conditional_support", "conditional_oppose", "open"]
CITED = ["cited_report", "named_speaker", "unnamed_source"]
WORDED = ["holds_rank", "holds_office", "described_as"]

Counts = dict[str, int]


class Tables:
    """The descriptor and the schemas, parsed from JSON."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.descriptor = json.loads((root / "datapackage.json").read_bytes())
        self.paths = {r["name"]: root / r["path"] for r in self.descriptor["resources"]}
        self.schemas: dict[str, Any] = {
            r["name"]: json.loads((root / r["schema"]).read_bytes())
            for r in self.descriptor["resources"]
        }
        self.fields: dict[str, list[Any]] = {n: s["fields"] for n, s in self.schemas.items()}
        self.names = {n: [f["name"] for f in fields] for n, fields in self.fields.items()}
        self.keys = {n: s["primaryKey"][0] for n, s in self.schemas.items()}
        self.foreign = {
            n: [
                (k["fields"][0], k["reference"].get("resource") or n, k["reference"]["fields"][0])
                for k in s.get("foreignKeys", [])
            ]
            for n, s in self.schemas.items()
        }
        self.unique: dict[str, Any] = {
            # Without unique keys in the schema, rows must differ in more than their keys.
            n: s.get("uniqueKeys") or [[f for f in self.names[n] if f != self.keys[n]]]
            for n, s in self.schemas.items()
        }
        self.alone = {
            n: [
                f["name"]
                for f in s["fields"]
                if f.get("constraints", {}).get("unique") and f["name"] != self.keys[n]
            ]
            for n, s in self.schemas.items()
        }
        self.cues = "|".join(self.descriptor["gazadata:hedgeCues"])

    def proven(self, name: str) -> list[str]:
        """The fields of a table that need evidence."""
        return [f["name"] for f in self.fields[name] if f["gazadata:evidence"] == "required"]

    def marked(self, name: str, mark: str) -> list[str]:
        """The fields of a table that have this mark in the schema."""
        return [f["name"] for f in self.fields[name] if f.get(f"gazadata:{mark}")]

    def terms(self, name: str) -> list[str]:
        """The fields of a table that can be classified."""
        keys = [field for field, _, _ in self.foreign[name]]
        return [
            f["name"]
            for f in self.fields[name]
            if "enum" in f.get("constraints", {})
            or f["type"] in ("boolean", "integer")
            or f["name"] in keys
        ]


def by_polars(root: Path) -> Counts:
    """Polars, by hand: read the tables once, then run lazy, streamed queries."""
    import polars as pl
    from polars import col

    t = Tables(root)
    csv = {
        name: pl.read_csv(
            path, schema=dict.fromkeys(t.names[name], pl.String), null_values=[""]
        ).lazy()
        for name, path in t.paths.items()
    }
    found: Counter[str] = Counter()

    def count(frame: pl.LazyFrame, **rules: pl.Expr) -> None:
        """Count the rows that break each rule, in one pass; `GD203_2` counts as GD203."""
        sums = frame.select(rule.sum().alias(code) for code, rule in rules.items())
        for code, n in sums.collect(engine="streaming").to_dicts()[0].items():
            found[code.split("_")[0]] += n or 0

    def fold(words: pl.Expr) -> pl.Expr:
        words = words.str.replace_many(list(TYPESET), list(TYPESET.values())).str.to_lowercase()
        return words.str.replace_all(r"\s+", " ").str.strip_chars()

    # Tables.
    typed: dict[str, pl.LazyFrame] = {}
    for name, frame in csv.items():
        rules: dict[str, pl.Expr] = {}
        casts = {}
        for n, f in enumerate(t.fields[name]):
            cell, limits = col(f["name"]), f.get("constraints", {})
            if f["type"] == "integer":
                cast = pl.when(cell.str.contains(r"^(0|-?[1-9][0-9]*)$")).then(cell)
                casts[f["name"]] = cast.cast(pl.Int64, strict=False)
            elif f["type"] == "date":
                cast = pl.when(cell.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")).then(cell)
                casts[f["name"]] = cast.str.to_date("%Y-%m-%d", strict=False)
            elif f["type"] == "boolean":
                casts[f["name"]] = cell.replace_strict(
                    {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
                )
            elif not (name == "quotes" and f["name"] in ("prefix", "suffix")):
                rules[f"GD109_{n}"] = cell.str.strip_chars() != cell
                rules[f"GD110_{n}"] = cell.str.contains(r"^[=+\-@\t]")
            if f.get("format") == "uri":
                rules[f"GD210_{n}"] = ~cell.str.contains(URI)
            if f["name"] in casts:
                rules[f"GD201_{n}"] = cell.is_not_null() & casts[f["name"]].is_null()
            if limits.get("required"):
                rules[f"GD202_{n}"] = cell.is_null()
            if "enum" in limits:
                rules[f"GD203_{n}"] = ~cell.is_in(limits["enum"])
            if "pattern" in limits:
                rules[f"GD204_{n}"] = ~cell.str.contains(limits["pattern"])
            if "minimum" in limits:
                rules[f"GD205_{n}"] = casts[f["name"]] < limits["minimum"]
        count(frame, **rules)
        typed[name] = frame.with_columns(**casts)
        key = col(t.keys[name])
        sizes = {"GD206": pl.len() - key.n_unique()}
        for n, fields in enumerate(t.unique[name]):
            # A row repeated under the same key is already counted as a duplicate key.
            sizes[f"GD208_{n}"] = (
                pl.struct([key, *fields]).n_unique() - pl.struct(fields).n_unique()
            )
        for field in t.alone[name]:
            filled = col(field).is_not_null()
            sizes[f"GD208_{field}"] = (
                pl.struct(key, field).filter(filled).n_unique() - col(field).drop_nulls().n_unique()
            )
        if name not in ("evidence", "passages"):
            sizes["GD209"] = key.n_unique() - key.str.replace_all("-", "", literal=True).n_unique()
        count(frame, **sizes)
        for field, target, target_key in t.foreign[name]:
            keys = csv[target].select(col(target_key).alias(field))
            lost = frame.select(field).drop_nulls().join(keys, on=field, how="anti")
            found["GD207"] += lost.select(pl.len()).collect(engine="streaming").item()

    # Texts.
    ids, words, sources = [], [], csv["sources"].collect()
    for row in sources.to_dicts():
        of_text = [row["text_path"], row["text_sha256"], row["text_length"]]
        if row["held"] != "true":
            found["GD303"] += any(of_text)
            continue
        found["GD303"] += not all(of_text)
        raw = (root / row["text_path"]).read_bytes()
        text = raw.decode("utf-8")
        found["GD301"] += "\r" in text or not unicodedata.is_normalized("NFC", text)
        found["GD302"] += hashlib.sha256(raw).hexdigest() != row["text_sha256"]
        found["GD302"] += str(len(text)) != row["text_length"]
        ids.append(row["source_id"])
        words.append(text)
    texts = pl.LazyFrame({"source_id": ids, "text": words})
    del ids, words
    found["GD304"] += len(
        {f"raw/{p.name}" for p in (root / "raw").iterdir()} - {*sources["text_path"]}
    )

    # Passages and quotes against the texts.
    start, end, text = col("char_start"), col("char_end"), col("text")
    same = col("source_id") == col("source_id").shift(1)
    ordered = (
        typed["passages"]
        .sort("source_id", "sequence")
        .with_columns(
            before=pl.when(same).then(end.shift(1)).otherwise(0),
            follows=pl.when(same).then(col("sequence").shift(1) + 1).otherwise(1),
            last=(col("source_id") != col("source_id").shift(-1)).fill_null(True),
        )
        .join(texts, on="source_id", how="left", maintain_order="left")
        .with_columns(
            gap=text.str.slice(col("before"), (start - col("before")).clip(0)),
        )
        .with_columns(
            counted=1
            + ((col("before") > 0) & col("gap").str.contains("\n")).cum_sum().over("source_id")
        )
    )
    edges = pl.concat_str(text.str.slice(start, 1), text.str.slice(end - 1, 1))
    within = (start >= 0) & (end > start) & (end <= text.str.len_chars())
    count(
        ordered,
        GD311_1=start < col("before"),
        GD311_2=col("sequence") > col("follows"),
        GD311_3=col("paragraph") != col("counted"),
        GD313=~within
        | edges.str.contains(r"\s")
        | text.str.slice(start, end - start).str.contains("\n", literal=True),
        GD312_1=col("gap").str.contains(r"\S"),
        GD312_2=col("last") & text.str.slice(end).str.contains(r"\S"),
    )
    held = csv["sources"].filter(col("held") == "true")
    found["GD312"] += (
        held.join(csv["passages"], on="source_id", how="anti")
        .select(pl.len()).collect(engine="streaming").item()
    )  # fmt: skip
    places = typed["passages"].select(
        "passage_id", p="source_id", p_start="char_start", p_end="char_end"
    )
    right = (start >= 0) & (end > start) & (text.str.slice(start, end - start) == col("exact"))
    before = text.str.slice((start - 32).clip(0), pl.min_horizontal(start.clip(0), 32))

    def cut(at: pl.Expr) -> pl.Expr:
        before, behind = text.str.slice((at - 9).clip(0), at.clip(0, 9)), text.str.slice(at, 3)
        return pl.concat_str(before, pl.lit("\x1f"), behind).str.contains(CUT.replace("W", r"\w"))

    count(
        typed["quotes"]
        .join(places, on="passage_id", how="left")
        .join(texts, on="source_id", how="left"),
        GD323=(col("source_id") != col("p")) | (start < col("p_start")) | (end > col("p_end")),
        GD321=~right.fill_null(False),
        GD322_1=right
        & (
            before.str.extract(r"([^\n]*)$").str.strip_chars_start(FORMULA_SIGNS)
            != col("prefix").fill_null("")
        ),
        GD322_2=right
        & (text.str.slice(end, 32).str.extract(r"^([^\n]*)") != col("suffix").fill_null("")),
        GD324=right & (cut(start) | cut(end) | ~col("exact").str.contains(r"\w")),
    )

    # Evidence.
    used = csv["quotes"].join(csv["evidence"].select("quote_id"), on="quote_id", how="semi")
    for code, all_of, some in (
        ("GD332", csv["quotes"], used.select("quote_id")),
        ("GD331", csv["passages"], used.select("passage_id")),
    ):
        lost = all_of.join(some, on=some.collect_schema().names()[0], how="anti")
        found[code] += lost.select(pl.len()).collect(engine="streaming").item()
    quotes = (
        csv["quotes"]
        .select("quote_id", "exact", quoted="source_id", words=fold(col("exact")))
        .collect()
        .lazy()
    )
    cue = rf"\b(?:{t.cues})\b"
    kinds = csv["sources"].select(reference_id="source_id", reference_kind="kind")
    forms = pl.concat(
        frame.select(
            "used_by", target=pl.lit(target), value=value, form=fold(col(form))
        ).drop_nulls(["value", "form"])
        for target, frame, value, form in (
            ("actors", csv["names"].with_columns(used_by="source_id"), "actor_id", "text"),
            ("topics", csv["names"].with_columns(used_by="source_id"), "topic_id", "text"),
            ("sources", csv["sources"].with_columns(used_by=None), "source_id", "title"),
            ("sources", csv["sources"].with_columns(used_by=None), "source_id", "publisher"),
        )
    )
    named = ("actors", "topics", "sources")
    policy = pl.LazyFrame(
        [
            (
                name,
                field,
                next((k for f, k, _ in t.foreign[name] if f == field and k in named), None),
                field in t.marked(name, "verbatim"),
                field in t.marked(name, "reference"),
                field in t.terms(name),
            )
            for name in t.names
            for field in t.proven(name)
        ],
        schema={
            "resource": pl.String,
            "field": pl.String,
            "target": pl.String,
            "verbatim": pl.Boolean,
            "looked": pl.Boolean,
            "term": pl.Boolean,
        },
        orient="row",
    )
    for name in csv["evidence"].select(col("resource").unique()).collect()["resource"]:
        key, proven = t.keys[name], t.proven(name)
        fields = policy.filter(col("resource") == name).drop("resource")
        rows = csv["evidence"].filter(col("resource") == name)
        cells = (
            csv[name]
            .select(col(key).alias("row_id"), *proven)
            .unpivot(index="row_id", on=proven, variable_name="field", value_name="value")
            .drop_nulls("value")
        )
        proof = rows.group_by("row_id", "field").agg(
            stated=(col("basis") == "stated").any(), looked_up=(col("basis") == "reference").any()
        )
        count(
            cells.join(proof, on=["row_id", "field"], how="left").join(fields, on="field"),
            GD333=col("stated").is_null(),
            GD345=~col("stated") & col("verbatim"),
            GD347=~col("looked_up") & col("looked"),
        )
        sure = csv[name].select(
            col(key).alias("row_id"),
            sure=(col("certainty") == "certain")
            & ~fold(col("hedge")).str.contains(cue).fill_null(False)
            if "certainty" in t.names[name]
            else pl.lit(False),
            own=col("kind") == "reference" if name == "sources" else pl.lit(False),
        )
        by_reference = col("basis") == "reference"
        has_quote, has_reference = col("quote_id").is_not_null(), col("reference_id").is_not_null()
        noted = col("note").str.contains(r"\p{L}").fill_null(False)
        stands = col("words").str.contains(fold(col("value")), literal=True).fill_null(False)
        made_id = pl.concat_str(
            "resource", "row_id", col("field").str.replace_all("_", "-", literal=True),
            pl.coalesce("quote_id", "reference_id", pl.lit("")), separator=".",
        )  # fmt: skip
        items = (
            rows.join(cells, on=["row_id", "field"], how="left")
            .join(fields, on="field", how="left")
            .join(quotes, on="quote_id", how="left")
            .join(kinds, on="reference_id", how="left")
            .join(sure.unique("row_id"), on="row_id", how="left")
        )
        stated = (col("basis") == "stated") & col("value").is_not_null() & has_quote
        count(
            items,
            GD334=col("value").is_null(),
            GD335=col("evidence_id") != made_id,
            GD341=stated & col("target").is_null() & ~stands,
            GD345=stated
            & col("verbatim")
            & stands
            & ~col("exact").str.contains(col("value"), literal=True),
            GD342=(col("basis") == "inferred") & ~noted,
            GD343=pl.when(by_reference)
            .then(has_quote | ~has_reference | ~noted)
            .otherwise(~has_quote | has_reference),
            GD344_1=by_reference
            & has_reference
            & (
                (col("reference_kind") != "reference")
                | ((col("reference_id") != col("row_id")) & col("own"))
            ),
            GD344_2=col("own") & ~by_reference,
            GD346=(col("basis") == "classified") & ~col("term"),
            GD351=col("sure") & col("words").str.contains(cue),
        )
        of_key = (
            rows.filter((col("basis") == "stated") & has_quote)
            .join(fields.filter(col("target").is_not_null()), on="field")
            .join(cells, on=["row_id", "field"])
            .join(quotes, on="quote_id")
        )
        used = forms.filter(col("used_by").is_not_null())
        fits = pl.concat(
            [
                of_key.join(
                    used,
                    left_on=["target", "value", "quoted"],
                    right_on=["target", "value", "used_by"],
                ),
                of_key.join(forms.filter(col("used_by").is_null()), on=["target", "value"]).drop(
                    "used_by"
                ),
            ]
        ).filter(col("words").str.contains(col("form"), literal=True))
        lost = of_key.join(fits, on="evidence_id", how="anti").select(pl.len())
        found["GD341"] += lost.collect(engine="streaming").item()

    # Semantics.
    for name, frame in typed.items():
        rules = {}
        stem = "published" if name == "sources" else "date"
        if f"{stem}_earliest" in t.names[name]:
            first, last = col(f"{stem}_earliest"), col(f"{stem}_latest")
            precision = col(f"{stem}_precision")
            both, days = first.is_not_null() & last.is_not_null(), (last - first).dt.total_days()
            month = (first.dt.day() == 1) & (last == first.dt.month_end())
            year = (first.dt.ordinal_day() == 1) & (
                last == first.dt.offset_by("1y").dt.offset_by("-1d")
            )
            agrees = (
                pl.when(precision == "day").then(both & (days == 0))
                .when(precision == "week").then(both & (days > 0) & (days < 7))
                .when(precision == "month").then(both & month)
                .when(precision == "year").then(both & year)
                .when(precision == "range").then(both & (days > 0) & ~month & ~year)
                .when(precision == "open").then(first.is_null() != last.is_null())
                .when(precision == "unknown").then(first.is_null() & last.is_null())
            )  # fmt: skip
            rules["GD401"] = last < first
            rules["GD402_1"] = (
                precision.is_not_null()
                & ~agrees.fill_null(False)
                & ~(last < first).fill_null(False)
            )
            rules["GD402_2"] = precision.is_null() & (first.is_not_null() | last.is_not_null())
        if "certainty" in t.names[name]:
            rules["GD410"] = (
                pl.when(col("certainty") != "certain")
                .then(col("hedge").is_null())
                .otherwise(col("attributed_to").is_not_null() & col("certainty").is_not_null())
            )
        if name == "events":
            field = next(f for f in t.fields[name] if f["name"] == "event_mode")
            modes = [[k, m] for k, terms in field["gazadata:modes"].items() for m in terms]
            known = [f"{k} {m}" for k, m in modes]
            pair = pl.concat_str("event_type", pl.lit(" "), "event_mode")
            rules["GD403"] = col("event_mode").is_not_null() & ~pair.is_in(known).fill_null(False)
            rules["GD404"] = col("event_type").is_null() == col("local_type").is_null()
            rules["GD405"] = (col("status") == "planned") & (col("event_type") == "CONSULT")
        elif name == "participants":
            excluded = col("role") == "excluded"
            rules["GD413_1"] = excluded & col("member_count").is_not_null()
            rules["GD413_2"] = (
                col("member_count").is_null() != col("member_count_is_approximate").is_null()
            )
        elif name == "positions":
            silent = col("stance") == "not_addressed"
            rules["GD409"] = silent != (col("expression") == "silence").fill_null(False)
            rules["GD418"] = col("addressed_to_id") == col("holder_id")
        elif name == "relations":
            worded, words_ = col("predicate").is_in(WORDED), col("object_text").is_not_null()
            rules["GD412"] = (words_ == col("object_id").is_not_null()) | (worded != words_)
            rules["GD418"] = col("object_id") == col("subject_id")
        elif name == "names":
            rules["GD414"] = col("actor_id").is_null() == col("topic_id").is_null()
        elif name == "assessments":
            about = [f for f in t.names[name] if f.startswith("about_")]
            rules["GD415"] = pl.all_horizontal(col(f).is_null() for f in about)
        elif name == "actors":
            for code in ("iso3", "cow", "gleditsch_ward"):
                rules[f"GD416_{code}"] = col(code).is_not_null() & (col("kind") != "state")
            rules["GD416"] = col("list_is_open").is_not_null() & (col("kind") != "group")
        elif name == "sources":
            article, cited = col("kind") == "article", col("kind").is_in(CITED)
            rules["GD420"] = (
                (article != col("held"))
                | (cited == col("cited_by").is_null())
                | ((col("kind") == "named_speaker") == col("speaker_id").is_null())
            )
        if rules:
            count(frame, **rules)
    event_type = next(f for f in t.fields["events"] if f["name"] == "event_type")
    received = csv["participants"].filter(col("role") == "recipient").select("event_id")
    needing = csv["events"].filter(
        col("event_type").is_in(event_type["gazadata:recipientRequired"])
    )
    carried = csv["conditions"].select("position_id")
    conditional = csv["positions"].filter(col("stance").str.starts_with("conditional_"))
    bearing = csv["positions"].filter(~col("stance").is_in(CARRIERS)).select("position_id")
    kind = csv["actors"].select("actor_id", actor_kind="kind")
    wrong_rows = [
        ("GD406", needing.join(received, on="event_id", how="anti")),
        ("GD407", conditional.join(carried, on="position_id", how="anti")),
        ("GD408", csv["conditions"].join(bearing, on="position_id", how="semi")),
        (
            "GD419",
            csv["positions"]
            .join(kind, left_on="spokesperson_id", right_on="actor_id")
            .filter(col("actor_kind") != "person"),
        ),
        (
            "GD419",
            csv["relations"]
            .join(kind, left_on="object_id", right_on="actor_id")
            .filter(
                ((col("predicate") == "member_of") & (col("actor_kind") != "group"))
                | ((col("predicate") == "nationality") & (col("actor_kind") != "state"))
            ),
        ),
        (
            "GD419",
            csv["relations"]
            .join(kind, left_on="subject_id", right_on="actor_id")
            .filter(
                col("predicate").is_in(["holds_rank", "holds_office", "nationality"])
                & (col("actor_kind") != "person")
            ),
        ),
        (
            "GD419",
            csv["actors"]
            .join(kind, left_on="part_of", right_on="actor_id")
            .filter(col("actor_kind") == "person"),
        ),
        (
            "GD421",
            csv["participants"]
            .filter(col("role") == "excluded")
            .join(
                csv["participants"].filter(col("role") != "excluded"),
                on=["event_id", "actor_id"],
                how="semi",
            ),
        ),
    ]
    loose = csv["sources"].filter(col("held") != "true").select("source_id")
    foreign = csv["sources"].filter(~col("kind").is_in(CITED))
    for name, names in t.names.items():
        if "attributed_to" in names:
            wrong_rows.append(("GD417", csv[name].join(loose, on="source_id", how="semi")))
            wrong = foreign.select(attributed_to="source_id")
            wrong_rows.append(("GD417", csv[name].join(wrong, on="attributed_to", how="semi")))
            reports = csv["sources"].filter(col("kind").is_in(CITED))
            by = reports.select(attributed_to="source_id", by="cited_by")
            astray = csv[name].join(by, on="attributed_to").filter(col("by") != col("source_id"))
            wrong_rows.append(("GD422", astray))
            proof = csv["evidence"].filter(col("resource") == name).select("row_id", "quote_id")
            from_ = proof.join(csv["quotes"], on="quote_id").select("row_id", "source_id")
            proved = csv[name].join(proof, left_on=t.keys[name], right_on="row_id", how="semi")
            lost = proved.join(
                from_,
                left_on=[t.keys[name], "source_id"],
                right_on=["row_id", "source_id"],
                how="anti",
            )
            wrong_rows.append(("GD336", lost))
    for code, frame in wrong_rows:
        found[code] += frame.select(pl.len()).collect(engine="streaming").item()
    for name, field in (("actors", "part_of"), ("topics", "part_of"), ("sources", "cited_by")):
        pairs = csv[name].select(t.keys[name], field).drop_nulls().collect()
        found["GD411"] += _circles(dict(pairs.iter_rows()))
    return {code: n for code, n in sorted(found.items()) if n}


def _circles(parents: dict[str, str]) -> int:
    """How many keys are on a cycle of links."""
    left = dict(parents)
    # Chains that end are on no cycle; keys that are left are on one or lead to one.
    ends = [key for key, parent in left.items() if parent not in left]
    children: dict[str, list[str]] = {}
    for key, parent in left.items():
        children.setdefault(parent, []).append(key)
    while ends:
        key = ends.pop()
        left.pop(key, None)
        ends += children.get(key, [])
    pointed = set(left.values())
    while loose := left.keys() - pointed:
        for key in loose:
            del left[key]
        pointed = set(left.values())
    return len(left)


def by_duckdb(root: Path) -> Counts:
    """DuckDB, by hand: read the tables once into an in-memory database, then run SQL."""
    import duckdb

    t = Tables(root)
    db = duckdb.connect()
    found: Counter[str] = Counter()

    def q(name: str) -> str:
        return f'"{name}"'

    def text(value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def any_of(values: list[str]) -> str:
        return "(" + ", ".join(map(text, values or [""])) + ")"

    def count(source: str, **rules: str) -> None:
        sums = ", ".join(f"count(*) filter ({rule})" for rule in rules.values())
        row = db.execute(f"select {sums} from {source}").fetchone()
        for code, n in zip(rules, row or (), strict=True):
            found[code.split("_")[0]] += n

    def lost(code: str, query: str) -> None:
        row = db.execute(f"select count(*) from {query}").fetchone()
        found[code] += row[0] if row else 0

    old, new = "".join(TYPESET), "".join(TYPESET.values())

    def fold(words: str) -> str:
        lower = f"lower(translate({words}, {text(old)}, {text(new)}))"
        return rf"trim(regexp_replace({lower}, '\s+', ' ', 'g'))"

    for name, path in t.paths.items():
        columns = ", ".join(f"{text(n)}: 'VARCHAR'" for n in t.names[name])
        db.execute(
            f"create table {name} as select * from read_csv({text(str(path))}, header=true, "
            f"delim=',', quote='\"', escape='\"', nullstr='', strict_mode=true, auto_detect=false, "
            f"columns={{{columns}}})"
        )
    typed: dict[str, str] = {}
    for name in t.paths:
        rules: dict[str, str] = {}
        casts: dict[str, str] = {}
        for n, f in enumerate(t.fields[name]):
            cell, limits = q(f["name"]), f.get("constraints", {})
            if f["type"] == "integer":
                casts[f["name"]] = (
                    f"case when regexp_matches({cell}, '^(0|-?[1-9][0-9]*)$') "
                    f"then try_cast({cell} as bigint) end"
                )
            elif f["type"] == "date":
                casts[f["name"]] = (
                    f"case when regexp_matches({cell}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$') "
                    f"then try_cast({cell} as date) end"
                )
            elif f["type"] == "boolean":
                casts[f["name"]] = f"case {cell} when 'true' then true when 'false' then false end"
            elif not (name == "quotes" and f["name"] in ("prefix", "suffix")):
                rules[f"GD109_{n}"] = rf"regexp_matches({cell}, '^\s|\s$')"
                rules[f"GD110_{n}"] = rf"regexp_matches({cell}, '^[=+\-@\t]')"
            if f.get("format") == "uri":
                rules[f"GD210_{n}"] = f"not regexp_matches({cell}, '{URI}')"
            if f["name"] in casts:
                rules[f"GD201_{n}"] = f"{cell} is not null and ({casts[f['name']]}) is null"
            if limits.get("required"):
                rules[f"GD202_{n}"] = f"{cell} is null"
            if "enum" in limits:
                rules[f"GD203_{n}"] = f"{cell} not in {any_of(limits['enum'])}"
            if "pattern" in limits:
                rules[f"GD204_{n}"] = f"not regexp_matches({cell}, {text(limits['pattern'])})"
            if "minimum" in limits:
                rules[f"GD205_{n}"] = f"({casts[f['name']]}) < {limits['minimum']}"
        count(name, **rules)
        cells = ", ".join(f"{casts.get(n, q(n))} as {q(n)}" for n in t.names[name])
        typed[name] = f"(select {cells} from {name})"
        key = q(t.keys[name])
        lost("GD206", f"(select {key} from {name} except all select distinct {key} from {name})")
        for fields in [*t.unique[name], *([field] for field in t.alone[name])]:
            group = ", ".join(map(q, fields))
            filled = f"where {group} is not null " if len(fields) == 1 else ""
            row = db.execute(
                f"select coalesce(sum(n - 1), 0) from "
                f"(select count(distinct {key}) n from {name} {filled}group by {group} having n > 1)"
            ).fetchone()
            found["GD208"] += row[0] if row else 0
        if name not in ("evidence", "passages"):
            lost(
                "GD209",
                f"(select distinct {key} from {name} qualify row_number() over "
                f"(partition by replace({key}, '-', '')) > 1 "
                f"and {key} <> first({key}) over (partition by replace({key}, '-', '')))",
            )
        for field, target, target_key in t.foreign[name]:
            lost("GD207", f"{name} anti join (select {q(target_key)} as {q(field)} from {target}) "
                          f"using ({q(field)}) where {q(field)} is not null")  # fmt: skip
    db.execute(
        "create table texts as select source_id, content as text, text_sha256, text_length "
        f"from read_text({text(str(root / 'raw' / '*'))}) r join "
        "(select * from sources where held = 'true') s "
        "on parse_filename(r.filename) = parse_filename(s.text_path)"
    )
    lost(
        "GD304",
        f"(select parse_filename(file) as name from glob({text(str(root / 'raw' / '*'))}))"
        " anti join (select parse_filename(text_path) as name from sources) using (name)",
    )
    filled = "((text_path is not null)::int + (text_sha256 is not null)::int + " \
             "(text_length is not null)::int)"  # fmt: skip
    count("sources", GD303=f"{filled} <> case when held = 'true' then 3 else 0 end")
    count(
        "texts",
        GD301="contains(text, chr(13)) or nfc_normalize(text) <> text",
        GD302_1="sha256(text) <> text_sha256",
        GD302_2="length(text)::varchar <> text_length",
    )
    gap = "substr(text, before + 1, greatest(char_start - before, 0))"
    count(
        f"(select *, {gap} as gap, 1 + count(*) filter (before > 0 and contains({gap}, chr(10))) "
        f"over (partition by source_id order by sequence) as counted from "
        f"(select *, coalesce(lag(char_end) over w, 0) as before, "
        f"coalesce(lag(sequence) over w + 1, 1) as follows, "
        f"lead(char_end) over w is null as last from {typed['passages']} "
        f"window w as (partition by source_id order by sequence)) join texts using (source_id))",
        GD311_1="char_start < before",
        GD311_2="sequence > follows",
        GD311_3="paragraph <> counted",
        GD313="coalesce(not (char_start >= 0 and char_end > char_start and char_end <= length(text)), true) or "
        r"""regexp_matches(text[char_start + 1] || text[char_end], '\s') or contains(substr(text, char_start + 1, char_end - char_start), chr(10))""",
        GD312_1=r"regexp_matches(gap, '\S')",
        GD312_2=r"""last and regexp_matches(substr(text, char_end + 1), '\S')""",
    )
    lost(
        "GD312", "(select * from sources where held = 'true') anti join passages using (source_id)"
    )

    def cut(at: str) -> str:
        return (
            f"regexp_matches(substr(text, greatest({at} - 9, 0) + 1, least({at}, 9)) || chr(31) || "
            f"substr(text, {at} + 1, 3), '{CUT.replace('W', WORD).replace(chr(39), chr(39) * 2)}')"
        )

    right = "char_start >= 0 and char_end > char_start and substr(text, char_start + 1, char_end - char_start) = exact"
    before = "substr(text, greatest(char_start - 32, 0) + 1, least(char_start, 32))"
    places = f"(select passage_id, source_id as p, char_start as p_start, char_end as p_end from {typed['passages']})"
    count(
        f"{typed['quotes']} left join {places} using (passage_id) left join texts using (source_id)",
        GD323="source_id <> p or char_start < p_start or char_end > p_end",
        GD321=f"not coalesce({right}, false)",
        GD322_1=rf"""{right} and ltrim(regexp_extract({before}, '[^\n]*$'), '{FORMULA_SIGNS}')
            <> coalesce(prefix, '')""",
        GD322_2=rf"""{right} and regexp_extract(substr(text, char_end + 1, 32), '^[^\n]*')
        <> coalesce(suffix, '')""",
        GD324=rf"""{right} and ({cut("char_start")} or {cut("char_end")}
        or not regexp_matches(exact, '{WORD}'))""",
    )
    lost("GD332", "quotes anti join evidence using (quote_id)")
    lost("GD331", "passages anti join (select passage_id from quotes semi join evidence "
                  "using (quote_id)) using (passage_id)")  # fmt: skip
    db.execute(
        f"create table folded as select quote_id, exact, source_id as quoted, "
        f"{fold('exact')} as words from quotes"
    )
    db.execute(
        f"create table forms as "
        f"select 'actors' as target, actor_id as value, source_id as used_by, "
        f"{fold('text')} as form from names "
        f"union all select 'topics', topic_id, source_id, {fold('text')} from names "
        f"union all select 'sources', source_id, null, {fold('title')} from sources "
        f"union all select 'sources', source_id, null, {fold('publisher')} from sources"
    )
    known = db.execute("select distinct resource from evidence").fetchall()
    for (name,) in known:
        key, proven = t.keys[name], t.proven(name)
        fields = ", ".join(map(q, proven))
        cells = (
            f"(unpivot (select {q(key)} as row_id, {fields} from {name}) on {fields} "
            f"into name field value value)"
        )
        rows = f"(from evidence where resource = {text(name)})"
        count(
            f"{cells} left join (select row_id, field, bool_or(basis = 'stated') as stated, "
            f"bool_or(basis = 'reference') as looked_up from {rows} group by all) "
            f"using (row_id, field)",
            GD333="stated is null",
            GD345=f"not stated and field in {any_of(t.marked(name, 'verbatim'))}",
            GD347=f"not looked_up and field in {any_of(t.marked(name, 'reference'))}",
        )
        cued = rf"coalesce(regexp_matches({fold('hedge')}, '\b({t.cues})\b'), false)"
        sure = f"certainty = 'certain' and not {cued}" if "certainty" in t.names[name] else "false"
        own = "kind = 'reference'" if name == "sources" else "false"
        keys = {f: target for f, target, _ in t.foreign[name]
                if f in proven and target in ("actors", "topics", "sources")}  # fmt: skip
        target = " ".join(f"when {text(f)} then {text(k)}" for f, k in keys.items())
        target = f"case field {target} end" if keys else "null"
        items = (
            f"{rows} e left join {cells} using (row_id, field) left join folded using (quote_id) "
            f"left join (select source_id as reference_id, kind as reference_kind from sources) "
            f"using (reference_id) left join (select distinct on ({q(key)}) {q(key)} as row_id, "
            f"{sure} as sure, {own} as own from {name}) using (row_id)"
        )
        stated = "basis = 'stated' and value is not null and quote_id is not null"
        support = "coalesce(quote_id, reference_id, '')"
        noted = r"coalesce(regexp_matches(note, '\p{L}'), false)"
        stands = f"contains(words, {fold('value')})"
        count(
            items,
            GD334="value is null",
            GD335="evidence_id <> concat_ws('.', resource, row_id, replace(field, '_', '-'), "
            f"{support})",
            GD341=f"{stated} and {target} is null and not {stands}",
            GD345=f"{stated} and field in {any_of(t.marked(name, 'verbatim'))} and {stands} "
            "and not contains(exact, value)",
            GD342=f"basis = 'inferred' and not {noted}",
            GD343="case when basis = 'reference' then quote_id is not null or reference_id is null "
            f"or not {noted} else quote_id is null or reference_id is not null end",
            GD344_1="basis = 'reference' and reference_id is not null and (reference_kind <> "
            "'reference' or own and reference_id <> row_id)",
            GD344_2="own and basis <> 'reference'",
            GD346=f"basis = 'classified' and field in {any_of(proven)} "
            f"and field not in {any_of(t.terms(name))}",
            GD351=rf"sure and regexp_matches(words, '\b({t.cues})\b')",
        )
        if keys:
            lost(
                "GD341",
                f"(select evidence_id, {target} as target, value, quoted, words from {items} "
                f"where {stated} and {target} is not null) s where not exists (select 1 from forms f "
                f"where f.target = s.target and f.value = s.value "
                f"and coalesce(f.used_by, s.quoted) = s.quoted and contains(s.words, f.form))",
            )
    for name in t.paths:
        rules = {}
        stem = "published" if name == "sources" else "date"
        if f"{stem}_earliest" in t.names[name]:
            first, last = f"{stem}_earliest", f"{stem}_latest"
            both = f"{first} is not null and {last} is not null"
            month = f"(day({first}) = 1 and {last} = last_day({first}))"
            year = (
                f"({first} = date_trunc('year', {first}) "
                f"and {last} = {first} + interval 1 year - interval 1 day)"
            )
            fits = (
                f"case {stem}_precision when 'day' then {both} and {first} = {last} "
                f"when 'week' then {both} and {last} - {first} between 1 and 6 "
                f"when 'month' then {both} and {month} when 'year' then {both} and {year} "
                f"when 'range' then {both} and {last} > {first} and not {month} and not {year} "
                f"when 'open' then ({first} is null) <> ({last} is null) "
                f"when 'unknown' then {first} is null and {last} is null end"
            )
            rules["GD401"] = f"{last} < {first}"
            rules["GD402_1"] = (
                f"{stem}_precision is not null and not coalesce({fits}, false) "
                f"and not coalesce({last} < {first}, false)"
            )
            rules["GD402_2"] = (
                f"{stem}_precision is null and ({first} is not null or {last} is not null)"
            )
        if "certainty" in t.names[name]:
            rules["GD410"] = (
                "certainty <> 'certain' and hedge is null "
                "or certainty = 'certain' and attributed_to is not null"
            )
        if name == "events":
            field = next(f for f in t.fields[name] if f["name"] == "event_mode")
            known_ = [f"{k} {m}" for k, terms in field["gazadata:modes"].items() for m in terms]
            rules["GD403"] = (
                "event_mode is not null and not coalesce("
                f"event_type || ' ' || event_mode in {any_of(known_)}, false)"
            )
            rules["GD404"] = "(event_type is null) = (local_type is null)"
            rules["GD405"] = "status = 'planned' and event_type = 'CONSULT'"
        elif name == "participants":
            rules["GD413_1"] = "role = 'excluded' and member_count is not null"
            rules["GD413_2"] = "(member_count is null) <> (member_count_is_approximate is null)"
        elif name == "positions":
            rules["GD409"] = "(stance = 'not_addressed') <> coalesce(expression = 'silence', false)"
            rules["GD418"] = "addressed_to_id = holder_id"
        elif name == "relations":
            worded = f"(predicate in {any_of(WORDED)})"
            words = "(object_text is not null)"
            rules["GD412"] = f"{words} = (object_id is not null) or {worded} <> {words}"
            rules["GD418"] = "object_id = subject_id"
        elif name == "names":
            rules["GD414"] = "(actor_id is null) = (topic_id is null)"
        elif name == "assessments":
            about = [f for f in t.names[name] if f.startswith("about_")]
            rules["GD415"] = f"coalesce({', '.join(about)}) is null"
        elif name == "actors":
            for code in ("iso3", "cow", "gleditsch_ward"):
                rules[f"GD416_{code}"] = f"{code} is not null and kind <> 'state'"
            rules["GD416"] = "list_is_open is not null and kind <> 'group'"
        elif name == "sources":
            rules["GD420"] = (
                f"(kind = 'article') <> held or (kind in {any_of(CITED)}) = (cited_by is null) "
                "or (kind = 'named_speaker') = (speaker_id is null)"
            )
        if rules:
            count(typed[name], **rules)
    event_type = next(f for f in t.fields["events"] if f["name"] == "event_type")
    needing = any_of(event_type["gazadata:recipientRequired"])
    lost("GD406", f"(from events where event_type in {needing}) anti join "
                  "(from participants where role = 'recipient') using (event_id)")  # fmt: skip
    lost("GD407", "(from positions where starts_with(stance, 'conditional_')) "
                  "anti join conditions using (position_id)")  # fmt: skip
    lost("GD408", f"conditions semi join (from positions where stance not in {any_of(CARRIERS)}) "
                  "using (position_id)")  # fmt: skip
    lost("GD419", "positions join actors on spokesperson_id = actor_id where kind <> 'person'")
    lost("GD419", "relations join actors on object_id = actor_id "
                  "where (predicate = 'member_of' and kind <> 'group') "
                  "or (predicate = 'nationality' and kind <> 'state')")  # fmt: skip
    lost("GD419", "relations join actors on subject_id = actor_id where kind <> 'person' "
                  "and predicate in ('holds_rank', 'holds_office', 'nationality')")  # fmt: skip
    lost("GD419", "actors a join actors b on a.part_of = b.actor_id where b.kind = 'person'")
    lost(
        "GD421",
        "(from participants where role = 'excluded') semi join "
        "(from participants where role <> 'excluded') using (event_id, actor_id)",
    )
    for name, names in t.names.items():
        if "attributed_to" in names:
            lost("GD417", f"{name} semi join (from sources where held <> 'true') using (source_id)")
            lost(
                "GD417",
                f"{name} semi join (select source_id as attributed_to from sources where "
                f"kind not in {any_of(CITED)}) using (attributed_to)",
            )
            lost(
                "GD422",
                f"{name} r join sources s on r.attributed_to = s.source_id "
                f"where s.kind in {any_of(CITED)} "
                "and s.cited_by <> r.source_id",
            )
            proof = f"(select row_id as {t.keys[name]}, quote_id from evidence where "
            proof += f"resource = {text(name)})"
            lost(
                "GD336",
                f"(from {name} semi join {proof} using ({t.keys[name]})) anti join (select "
                f"{t.keys[name]}, source_id from {proof} join quotes using (quote_id)) "
                f"using ({t.keys[name]}, source_id)",
            )
    for name, field in (("actors", "part_of"), ("topics", "part_of"), ("sources", "cited_by")):
        pairs = db.execute(
            f"select {t.keys[name]}, {field} from {name} where {field} is not null"
        ).fetchall()
        found["GD411"] += _circles(dict(pairs))
    return {code: n for code, n in sorted(found.items()) if n}


def by_pandera(root: Path) -> Counts:
    """Pandera, used plainly: read each table whole and validate it lazily against a schema."""
    import pandera.errors
    import pandera.polars as pa
    import polars as pl

    t = Tables(root)
    found: Counter[str] = Counter()
    kinds = {"integer": pl.Int64, "date": pl.Date, "boolean": pl.Boolean}
    for name, path in t.paths.items():
        frame = pl.read_csv(path, schema=dict.fromkeys(t.names[name], pl.String), null_values=[""])
        columns = {}
        for f in t.fields[name]:
            limits = f.get("constraints", {})
            checks = []
            if "enum" in limits:
                checks.append(pa.Check.isin(limits["enum"]))
            if "pattern" in limits:
                checks.append(pa.Check.str_matches(limits["pattern"]))
            if "minimum" in limits:
                checks.append(pa.Check.ge(limits["minimum"]))
            kind = kinds.get(f["type"], pl.String)
            columns[f["name"]] = pa.Column(
                kind,
                checks,
                nullable=not limits.get("required"),
                # pandera counts two nulls as a duplicate value.
                unique=limits.get("unique", False) and limits.get("required", False),
            )
            if kind is not pl.String:
                text = frame[f["name"]]
                if kind is pl.Int64:
                    value = text.cast(pl.Int64, strict=False)
                elif kind is pl.Date:
                    value = text.str.to_date("%Y-%m-%d", strict=False)
                else:
                    value = text.replace_strict(
                        {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
                    )
                found["GD201"] += value.null_count() - text.null_count()
                frame = frame.with_columns(value)
        try:
            pa.DataFrameSchema(columns, strict=True, ordered=True).validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as errors:
            codes = {"not_null": "GD202", "isin": "GD203", "str_matches": "GD204",
                     "greater": "GD205", "field_uniqueness": "GD206"}  # fmt: skip
            for check in errors.failure_cases["check"]:
                code = next((c for k, c in codes.items() if check.startswith(k)), check)
                found[code] += 1
    return dict(found)


def by_reading(root: Path) -> Counts:
    """Read and hash every cell and every text once, without checking anything."""
    import polars as pl

    for path in Tables(root).paths.values():
        frame = pl.scan_csv(path, infer_schema=False)
        frame.select(pl.all().hash().sum()).collect(engine="streaming")
    for text in (root / "raw").iterdir():
        hashlib.sha256(text.read_bytes()).hexdigest()
    return {}


if __name__ == "__main__":
    run = {
        "polars": by_polars,
        "duckdb": by_duckdb,
        "pandera": by_pandera,
        "reading": by_reading,
    }[sys.argv[1]]
    print(json.dumps(run(Path(sys.argv[2]))))
