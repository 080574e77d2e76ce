"""The one form in which tables are read and written here, as a descriptor would state it."""

from __future__ import annotations

from typing import Any

READ: dict[str, dict[str, Any]] = {
    "resource": {"encoding": "utf-8", "scheme": "file", "type": "table"},
    "CSV file": {"format": "csv", "mediatype": "text/csv"},
    "Parquet file": {"format": "parquet", "mediatype": "application/vnd.apache.parquet"},
    "dialect": {
        "delimiter": ",",
        "lineTerminator": "\n",
        "quoteChar": '"',
        "doubleQuote": True,
        "header": True,
    },
    "schema": {"missingValues": [""]},
    "field": {"trueValues": ["true"], "falseValues": ["false"]},
}
"""What is read, by property, and nothing else: a value under another one would be read wrongly."""

UNREAD = ("missingValues", "decimalChar", "groupChar", "bareNumber")
"""Properties of a field that other readers go by, and those here do not."""
