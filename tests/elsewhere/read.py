"""Read a release with the PyPI package `datapackage`: python read.py RELEASE."""

import json
import sys
from pathlib import Path

import datapackage

release = Path(sys.argv[1])
tables = json.loads((release / "manifest.json").read_bytes())["tables"]
package = datapackage.Package(str(release / "datapackage.json"))
if not package.valid:
    sys.exit(f"not valid: {package.errors}")
if [resource.name for resource in package.resources] != list(tables):
    sys.exit(f"other tables than {', '.join(tables)}")
for resource in package.resources:
    rows = len(resource.read(keyed=True))
    if rows != tables[resource.name]["rows"]:
        sys.exit(f"{resource.name}: {rows} rows read of {tables[resource.name]['rows']}")
    # Each raises if anything is wrong: changed bytes, a wrong hash, a key without its row.
    resource.check_integrity()
    if resource.schema.foreign_keys:
        resource.check_relations()
print(f"datapackage of PyPI read {len(tables)} tables, every key resolved")
