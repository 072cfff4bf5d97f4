import type { SinkBooks } from '../core/sink.ts'
import { judge, type Verdict } from './judge.ts'
import type { Ledger } from './ledger.ts'
import type { Asked } from './server-status.ts'
import { countDuckdb, readDuckdbBooks, readingsInDuckdb } from './stored/duckdb.ts'
import { readingsInFiles } from './stored/file.ts'
import { readingsAt } from './stored/rest.ts'

/** A sink whose rows can be read behind the server's back, once it has ended. */
export interface ReadableSink {
  readonly name: string
  readonly type: 'duckdb' | 'file'
  /** Its file. */
  readonly file: string
}

export interface SinkFinding {
  readonly verdict: Verdict
  /** Rows by the sink's own count. */
  readonly rows: number
  /** As they stand in the sink itself, where they do. */
  readonly books?: SinkBooks
}

/** Judges a sink by what stands in its own file. The server has ended. */
export async function judgeSink(ledger: Ledger, { type, file }: ReadableSink): Promise<SinkFinding> {
  if (type === 'file') {
    const verdict = await judge(ledger, readingsInFiles(file), { keepsRepeats: true })
    return { verdict, rows: verdict.rows }
  }
  const verdict = await judge(ledger, readingsInDuckdb(file))
  return { verdict, rows: await countDuckdb(file), books: await readDuckdbBooks(file) }
}

/** Judges the store that a running server answers from, by what it answers. */
export function judgeAnswers(ledger: Ledger, server: Asked): Promise<Verdict> {
  return judge(ledger, readingsAt(server, ledger.plan))
}
