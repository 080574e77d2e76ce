// Read a release with the npm package `datapackage`: node read.js RELEASE.
const fs = require('fs')
const { Package } = require('datapackage')

async function read(release) {
  const tables = JSON.parse(fs.readFileSync(`${release}/manifest.json`, 'utf-8')).tables
  const package_ = await Package.load(`${release}/datapackage.json`)
  if (!package_.valid) throw new Error(`not valid: ${package_.errors}`)
  const names = package_.resources.map((resource) => resource.name)
  if (String(names) !== String(Object.keys(tables))) throw new Error(`other tables: ${names}`)
  for (const resource of package_.resources) {
    const rows = (await resource.read({ keyed: true })).length
    const { name } = resource
    if (rows !== tables[name].rows) throw new Error(`${name}: ${rows} rows of ${tables[name].rows}`)
    if (resource.schema.foreignKeys.length && !(await resource.checkRelations()))
      throw new Error(`${name}: a key points to nothing`)
  }
  console.log(`datapackage of npm read ${names.length} tables, every key resolved`)
}

read(process.argv[2]).catch((error) => {
  console.error(String(error), (error.errors || []).map(String).join('; '))
  process.exit(1)
})
