"""Read a file with the contract's types, or report why not."""

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gazadata.contract import Contract
from gazadata.errors import ReadError
from gazadata.tables.arrow import arrow_schema, read_table

REPO = Path(__file__).parents[1]
CONTRACT = Contract.read(REPO)
CONDITIONS = CONTRACT["conditions"]
HEADER = ",".join(CONDITIONS.field_names).encode()
ROW = b"a,b,red_line,d,e,true"

each_resource = pytest.mark.parametrize("name", CONTRACT.resources)


def whole(path: Path) -> pa.Table:
    return read_table(path, CONDITIONS)


@each_resource
def test_parquet_is_read_with_the_contracts_types(name: str, tmp_path: Path) -> None:
    """Other writers store text as large_string or as a dictionary; reading restores our types."""
    resource = CONTRACT[name]
    table = read_table(REPO / "data" / f"{name}.csv", resource)
    odd = pa.table(
        {
            column: table[column].cast(pa.large_string())
            if pa.types.is_string(table.schema.field(column).type)
            else table[column]
            for column in table.column_names
        }
    )
    path = tmp_path / "odd.parquet"
    pq.write_table(odd, path)
    again = read_table(path, resource)
    assert again.schema.equals(arrow_schema(resource), check_metadata=True)
    assert again.to_pylist() == table.to_pylist()


def test_cells_with_line_feeds_in_a_file_of_many_blocks(tmp_path: Path) -> None:
    """A table with multi-line cells, read in blocks of a megabyte, used to be rejected."""
    path = tmp_path / "big.csv"
    texts = [f"line {n},\nand “another”, {'x' * (n % 60)}" for n in range(40_000)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CONDITIONS.field_names)
        writer.writerows(
            [f"k{n}", "b", "red_line", "", text, "true"] for n, text in enumerate(texts)
        )
    assert path.stat().st_size > 2_000_000
    assert whole(path)["text"].to_pylist() == texts


MISTAKES: dict[str, tuple[bytes, str]] = {
    "nothing at all": (b"", "Empty"),
    "a row that is too short": (HEADER + b"\na,b,c\n", "Expected 6 columns, got 3"),
    "a row that is too long": (HEADER + b"\n" + ROW + b",x\n", "Expected 6 columns, got 7"),
    "a quote that is not closed": (HEADER + b'\na,b,c,d,"e,true\n', "columns"),
    "another type": (HEADER + b"\na,b,red_line,d,e,maybe\n", "invalid value 'maybe'"),
    "bytes that are not UTF-8": (HEADER + b"\na,b,red_line,d,\xff,true\n", "UTF8"),
}


@pytest.mark.parametrize(("content", "reason"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_file_that_is_not_the_table(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "conditions.csv"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=reason) as caught:
        whole(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (HEADER.replace(b"kind", b"sort"), "position_id, sort, topic_id"),
        (HEADER.replace(b"topic_id", b"kind"), "position_id, kind, kind, text"),
        (HEADER.replace(b"kind,topic_id", b"topic_id,kind"), "position_id, topic_id, kind"),
        (HEADER.replace(b"kind", b" kind"), "position_id,  kind"),
        (HEADER.replace(b"kind", b"Kind"), "position_id, Kind"),
    ],
    ids=["another", "double", "another order", "a space", "a capital"],
)
def test_columns_that_are_not_the_contracts(tmp_path: Path, header: bytes, shown: str) -> None:
    path = tmp_path / "conditions.csv"
    path.write_bytes(header + b"\n" + ROW + b"\n")
    with pytest.raises(ReadError) as caught:
        whole(path)
    assert shown in str(caught.value)
    assert f"expected {', '.join(CONDITIONS.field_names)}" in str(caught.value)


@pytest.mark.parametrize("dropped", range(len(CONDITIONS.field_names)))
def test_a_missing_column(tmp_path: Path, dropped: int) -> None:
    path = tmp_path / "conditions.csv"
    names = [name for at, name in enumerate(CONDITIONS.field_names) if at != dropped]
    path.write_text(",".join(names) + "\n", "utf-8")
    with pytest.raises(ReadError, match="the columns are"):
        whole(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".csv.gz"])
def test_no_file_a_folder_or_another_format(tmp_path: Path, suffix: str) -> None:
    """A folder, and bytes that cannot be decompressed, used to raise Arrow's OSError."""
    path = tmp_path / f"conditions{suffix}"
    with pytest.raises(ReadError, match="no such file, though the descriptor lists it"):
        whole(path)
    path.write_bytes(b"something else")
    with pytest.raises(ReadError):
        whole(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ReadError):
        whole(path)


def test_parquet_of_another_type(tmp_path: Path) -> None:
    path = tmp_path / "conditions.parquet"
    table = read_table(REPO / "data/conditions.csv", CONDITIONS)
    at = table.column_names.index("scope_is_ambiguous")
    pq.write_table(table.set_column(at, "scope_is_ambiguous", pa.array([["x"]] * len(table))), path)
    with pytest.raises(ReadError, match=r"conditions\.parquet"):
        whole(path)
