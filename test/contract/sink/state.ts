import path from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { StateFile } from '../../../src/sinks/state/state-file.ts'
import { asDocuments, ofDocument } from './as-documents.ts'
import type { KeptRow, SinkPlace, SinkUnderTest } from './subject.ts'

/** The file of keyed state: a row is a key (its series and time) and its value. */
export const state: SinkUnderTest = {
  name: 'state file',
  has: { isTransactional: true, keeps: 'last', numbers: false, logs: 'last', edits: false },
  batch: asDocuments('state'),
  place: async (t, folder) => placeIn(t, folder),
  wire: {
    methods: [
      [DatabaseSync.prototype, 'exec', 'sync'],
      [StatementSync.prototype, 'run', 'sync'],
      [StatementSync.prototype, 'get', 'sync'],
    ],
    // SQLITE_IOERR
    failure: () => Object.assign(new Error('disk I/O error'), { errcode: 10 }),
  },
  // Keys and values are bytes to it, whatever they are.
  poison: [],
}

function placeIn(t: Pick<TestContext, 'after'>, folder: string): SinkPlace {
  const name = path.join(folder, 'state.db')
  const look = <T>(work: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(name)
    try {
      return work(database)
    } finally {
      database.close()
    }
  }
  const rename = (from: string, to: string) =>
    look((database) => database.exec(`ALTER TABLE ${from} RENAME TO ${to}`))
  const glance = () =>
    look((database) => {
      const [count] = [
        database.prepare('SELECT count(*) AS n, (SELECT next FROM position) AS next FROM state').get(),
      ]
      return { rows: Number(count?.['n']), next: BigInt(Number(count?.['next'] ?? 0)) }
    })
  return {
    folder,
    async open() {
      const file = new StateFile('state', name)
      t.after(() => file.close())
      return { sink: file.sink('state'), close: async () => file.close() }
    },
    rows: async () =>
      look((database) =>
        database
          .prepare('SELECT key, value FROM state')
          .all()
          .map(({ key, value }) => keptRow(key, value)),
      ),
    glance: async () => glance(),
    glanceNow: glance,
    async breakSchema() {
      rename('state', 'gone')
      return async () => rename('gone', 'state')
    },
  }
}

/** Both columns are BLOBs. */
function keptRow(key: unknown, value: unknown): KeptRow {
  const text = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString('utf8')
  return ofDocument(text(key), text(value), undefined)
}
