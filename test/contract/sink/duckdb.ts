import { readdirSync } from 'node:fs'
import path from 'node:path'
import type { TestContext } from 'node:test'
import {
  DuckDBAppender,
  DuckDBBlobValue,
  DuckDBConnection,
  DuckDBInstance,
  DuckDBPreparedStatement,
  type DuckDBValue,
} from '@duckdb/node-api'
import { systemClock } from '../../../src/lib/clock.ts'
import { createDuckdbStore } from '../../../src/stores/duckdb/component.ts'
import { asDocuments, ofDocument } from './as-documents.ts'
import { poisonDocuments, poisonReadings } from './poison.ts'
import type { KeptRow, SinkPlace, SinkUnderTest } from './subject.ts'

/** The embedded store, its stream of readings. */
export const duckdb: SinkUnderTest = {
  name: 'DuckDB',
  has: { isTransactional: true, keeps: 'highest', numbers: true, logs: 'all', edits: true },
  batch: (log, rows) => log.readings(rows),
  place: async (t, folder) => placeIn(t, folder, readings),
  wire: {
    methods: [
      [DuckDBConnection.prototype, 'run', 'async'],
      [DuckDBConnection.prototype, 'prepare', 'async'],
      [DuckDBConnection.prototype, 'createAppender', 'async'],
      [DuckDBPreparedStatement.prototype, 'run', 'async'],
      [DuckDBAppender.prototype, 'appendDataChunk', 'sync'],
      [DuckDBAppender.prototype, 'closeSync', 'sync'],
    ],
    failure: () => new Error('IO Error: the call was cut off'),
    lost: (owner, [sql]) =>
      owner instanceof DuckDBConnection && sql === 'COMMIT' ? owner.run('ROLLBACK') : undefined,
  },
  poison: poisonReadings,
}

/** Its documents, which are posts here: two of one key and time stay two. */
export const duckdbDocuments: SinkUnderTest = {
  ...duckdb,
  name: 'DuckDB documents',
  has: { ...duckdb.has, keeps: 'all', edits: false },
  batch: asDocuments('posts'),
  place: async (t, folder) => placeIn(t, folder, posts),
  poison: poisonDocuments,
}

interface Stream {
  readonly name: string
  tables(connection: DuckDBConnection): Promise<string[]>
  rows(connection: DuckDBConnection): Promise<KeptRow[]>
}

const readings: Stream = { name: 'readings', tables: chunkTables, rows: keptRows }
const posts: Stream = { name: 'posts', tables: documentTables, rows: keptDocuments }

function placeIn(t: Pick<TestContext, 'after'>, folder: string, stream: Stream): SinkPlace {
  const file = path.join(folder, 'store.duckdb')
  let engine: DuckDBInstance | undefined
  return {
    folder,
    async open() {
      const create = DuckDBInstance.create
      // Its own engine is the only one that may open the file: a second connection is one of that engine.
      DuckDBInstance.create = async (...args) => {
        engine = await create.apply(DuckDBInstance, args)
        return engine
      }
      try {
        const store = await createDuckdbStore({ file, clock: systemClock, memoryLimitMb: 128, threads: 1 })
        t.after(() => store.close())
        return {
          sink: store.sink(stream.name),
          replay: (name) => store.replaySink(name, stream.name),
          close: () => store.close(),
        }
      } finally {
        DuckDBInstance.create = create
      }
    },
    rows: () => withEngine(file, stream.rows),
    async glance() {
      const connection = await (engine as DuckDBInstance).connect() // as: it is open
      try {
        await connection.run('USE sluice; BEGIN')
        const [[next = 0n] = []] = await all(connection, 'SELECT next FROM positions')
        let rows = 0
        for (const table of await stream.tables(connection))
          rows += Number((await all(connection, `SELECT count(*) FROM ${table}`))[0]?.[0])
        return { rows, next: next as bigint } // as: the column is BIGINT
      } finally {
        connection.closeSync()
      }
    },
    breakSchema: () => {
      const rename = (from: string, to: string) =>
        withEngine(file, async (connection) => {
          await connection.run(`ALTER TABLE positions RENAME COLUMN ${from} TO ${to}`)
        })
      return rename('dead_lettered', 'gone').then(() => () => rename('gone', 'dead_lettered'))
    },
  }
}

async function withEngine<T>(file: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  if (!readdirSync(path.dirname(file)).includes(path.basename(file))) throw new Error(`there is no ${file}`)
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  try {
    return await work(connection)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function keptRows(connection: DuckDBConnection): Promise<KeptRow[]> {
  const kept: KeptRow[] = []
  for (const table of await chunkTables(connection)) {
    const columns = await all(
      connection,
      `SELECT column_name FROM duckdb_columns() WHERE table_name = '${table}'`,
    )
    const texts = columns.some(([name]) => name === 'text') ? 'encode(t.text), encode(t.extra)' : 'NULL, NULL'
    const rows = await all(
      connection,
      `SELECT encode(s.device), encode(s.metric), t.time, t.value, t.quality, t.seq, ${texts} FROM ${table} t JOIN series s ON s.id = t.series`,
    )
    for (const [device, metric, time, value, quality, seq, text, extra] of rows) {
      kept.push({
        device: textOf(device) ?? '',
        metric: textOf(metric) ?? '',
        time: Number(time),
        value: textOf(text) ?? Number(value) + 0,
        quality: Number(quality),
        extra: textOf(extra) ?? '',
        number: Number(seq),
      })
    }
  }
  return kept
}

/** Texts are asked for as bytes: the engine's own binding takes a byte order mark away. */
function textOf(cell: DuckDBValue | undefined): string | undefined {
  return cell instanceof DuckDBBlobValue ? Buffer.from(cell.bytes).toString('utf8') : undefined
}

async function keptDocuments(connection: DuckDBConnection): Promise<KeptRow[]> {
  const kept: KeptRow[] = []
  for (const table of await documentTables(connection)) {
    const rows = await all(connection, `SELECT encode(key), encode(body), seq FROM ${table}`)
    for (const [key, body, seq] of rows)
      kept.push(ofDocument(textOf(key) ?? '', textOf(body) ?? '', Number(seq)))
  }
  return kept
}

async function documentTables(connection: DuckDBConnection): Promise<string[]> {
  return (await all(connection, 'SELECT id FROM streams')).map(([id]) => `d${Number(id)}`)
}

async function chunkTables(connection: DuckDBConnection): Promise<string[]> {
  return (await all(connection, 'SELECT id FROM chunks')).map(([id]) => `r${Number(id)}`)
}

async function all(connection: DuckDBConnection, sql: string): Promise<DuckDBValue[][]> {
  return (await connection.runAndReadAll(sql)).getRows()
}
