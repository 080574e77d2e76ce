"""Find a data package, and read its tables."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gazadata.contract import DESCRIPTOR, Contract, inside
from gazadata.contract.strict_json import read_json
from gazadata.errors import ReadError
from gazadata.sniff import absent

if TYPE_CHECKING:
    import pyarrow as pa

RETIRED = "retired.csv"


def bundled() -> Path:
    """The folder of the bundled data package.

    An installed wheel has it next to the modules; a development install uses the repository.

    Raises:
        ReadError: neither exists, as when the modules were copied into another project.
    """
    here = Path(__file__).absolute().parent
    shipped, repository = here / "_package", here.parents[1]
    if shipped.is_dir():
        return shipped
    if here == repository / "src" / "gazadata" and _is_own(repository / DESCRIPTOR):
        return repository
    raise ReadError(
        f"the data of gazadata is not in {shipped}: the modules were copied, or run from an "
        "archive; install the wheel, or name the folder of a package"
    )


def _is_own(descriptor: Path) -> bool:
    """Whether a descriptor is gazadata's own."""
    try:
        return bool(json.loads(descriptor.read_bytes())["name"] == "gazadata")
    except (OSError, ValueError, LookupError, TypeError):
        return False


def bundled_version() -> str:
    """The version of gazadata, which is that of its bundled data.

    Raises:
        ReadError: the data is not there.
        ContractError: its descriptor cannot be read.
    """
    return str(read_json(bundled() / DESCRIPTOR).get("version", ""))


def check_path(path: Path) -> None:
    """Refuse a path that the libraries for reading and writing tables cannot handle.

    Raises:
        ReadError: its name is not UTF-8, as file names are on most systems.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise ReadError(
            f"{str(path)!a}: its name is not UTF-8; rename it, or use another path"
        ) from None


@dataclass(frozen=True)
class Package:
    """A folder with a datapackage.json, and its contract.

    `root` is absolute, so that it stays valid if the current folder changes.
    """

    root: Path
    contract: Contract

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.absolute())

    @classmethod
    def open(cls, path: str | Path | None = None) -> Package:
        """Open the package at `path` (a folder or its datapackage.json; None: the bundled one).

        Raises:
            ReadError: there is no package.
            ContractError: its descriptor or a schema cannot be read.
        """
        root = cls.locate(path)
        return cls(root, Contract.read(root))

    @staticmethod
    def locate(path: str | Path | None = None) -> Path:
        """Find the folder of the package at `path` (as in `open`) without reading it.

        Raises:
            ReadError: there is no package, or its name is not UTF-8.
        """
        root = bundled() if path is None else Path(path)
        if root.name == DESCRIPTOR:
            root = root.parent
        check_path(root)
        if not (root / DESCRIPTOR).is_file():
            raise ReadError(
                f"no data package at {root}: expected a folder that holds a datapackage.json"
                + (", and this is a file; unpack it if it is an archive" if root.is_file() else "")
                + (f"; found {other}" if (other := absent(root / DESCRIPTOR)) else "")
            )
        return root.absolute()

    def path(self, name: str) -> Path:
        """The file of the resource `name`.

        Raises:
            UnknownName: the resource does not exist.
            ContractError: its path is outside the package.
        """
        return inside(self.root, self.contract[name].path)

    def retired_file(self) -> Path | None:
        """The file of retired identifiers: in data/, or next to the descriptor of a release.

        It may be anything with that name; `retired.refused` checks that it can be read.
        """
        places = (self.root / "data" / RETIRED, self.root / RETIRED)
        return next((path for path in places if os.path.lexists(path)), None)

    def table(self, name: str) -> pa.Table:
        """Read one table with the contract's types; nothing is validated.

        Returns:
            A pyarrow Table: one column per field (string, int64, bool or date32), null where the
            cell is empty.

        Raises:
            UnknownName: the resource does not exist.
            ReadError: the file is missing or does not match the contract.
        """
        from gazadata.tables.arrow import read_table

        return read_table(self.path(name), self.contract[name])
