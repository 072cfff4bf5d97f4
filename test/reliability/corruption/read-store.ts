import { crc32 } from 'node:zlib'
import { rowsOf } from '../../support/duckdb-store.ts'
import { openStoreFile, storeDevice } from './store-file.ts'

/*
 * Opens the file of a store as Sluice does in the store's own process, and prints what it holds. Whatever the engine does about a damaged file,
 * up to ending its process, it does here.
 */
const [file = '', id = ''] = process.argv.slice(2)
const store = await openStoreFile(file)
console.log(await holdingOf())
await store.close()

async function holdingOf(): Promise<string> {
  const state = await store.state(id, 0)
  const rows = await rowsOf(store, storeDevice)
  const text = JSON.stringify(rows.map(({ seq, ...row }) => ({ ...row, seq: String(seq) })))
  return `${state?.position.next ?? 'nothing'}: ${rows.length} rows, ${crc32(text)}`
}
