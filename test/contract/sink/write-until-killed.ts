import { writeSync } from 'node:fs'
import { duckdb, duckdbDocuments } from './duckdb.ts'
import { Examined } from './examined.ts'
import { file } from './file.ts'
import { state } from './state.ts'

/*
 * The process that the exam kills: writes the rows of the exam into a sink, from where it stands. `<` goes out before a write and `>` after it.
 */
const [name, folder = ''] = process.argv.slice(2)
const subject = [duckdb, duckdbDocuments, file, state].find((each) => each.name === name)
if (subject === undefined) throw new Error(`there is no sink ${name}`)
const examined = await Examined.in({ after: () => {} }, subject, folder)
const { length } = examined.fresh(Number(await examined.next()))
examined.log.next = BigInt(length)
for (let i = 0; ; i++) {
  const rows = examined.fresh(50 + ((i * 37) % 200))
  writeSync(1, '<')
  await examined.put(rows)
  writeSync(1, '>')
}
