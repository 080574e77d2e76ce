// Write a release's CSV and JSON with another Python, run as WebAssembly, and compare the bytes:
// node write.js VERSION REPOSITORY RELEASE. It has the standard library alone, which is enough.
const { resolve } = require('path')

const WRITE = `
import csv, json, shutil, sys
sys.path.insert(0, "/repository/src")
from pathlib import Path
from gazadata.contract import Contract
from gazadata.curate.fmt import format_package
from gazadata.curate.write import write
from gazadata.package import Package
from gazadata.release.croissant import croissant
from gazadata.release.files import json_bytes
from gazadata.release.manifest import File

release, copy = Path("/release"), Path("/copy")
for part in ("data", "schemas", "raw"):
    shutil.copytree(Path("/repository") / part, copy / part)
shutil.copy("/repository/datapackage.json", copy)
for table in (copy / "data").iterdir():
    header, *rows = csv.reader(table.read_bytes().decode("utf-8").split("\\n")[:-1])
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([header, *reversed(rows)])
made = format_package(Package.open(copy))
write(made.files, made.read)
tables = sorted((copy / "data").iterdir())
lies = {t: release / ("" if t.name == "retired.csv" else "csv") / t.name for t in tables}
other = [t.name for t in tables if t.read_bytes() != lies[t].read_bytes()]
for name in ("datapackage.json", "manifest.json"):
    content = (release / name).read_bytes()
    if json_bytes(json.loads(content)) != content:
        other.append(name)
paths = [p.relative_to(release).as_posix() for p in release.rglob("*") if p.is_file()]
files = {path: File.of(release, path) for path in paths}
described = json_bytes(croissant(Contract.read(release), files))
if described != (release / "croissant.json").read_bytes():
    other.append("croissant.json")
if other or not tables:
    raise SystemExit(f"other bytes than the release's: {', '.join(other)}")
f"Python {sys.version.split()[0]} wrote the same {len(tables)} CSV and 3 JSON files"
`

async function write(version, repository, release) {
  const python = await require(`python-${version}`).loadPyodide()
  for (const [name, folder] of [['/repository', repository], ['/release', release]]) {
    python.FS.mkdir(name)
    python.mountNodeFS(name, resolve(folder))
  }
  const said = python.runPython(WRITE)
  if (!said.startsWith(`Python ${version}.`)) throw new Error(`${said}: not ${version}`)
  console.log(said)
}

write(...process.argv.slice(2)).catch((error) => {
  console.error(String(error))
  process.exit(1)
})
