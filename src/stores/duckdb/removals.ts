import type { Chunk } from './chunks.ts'
import { rowGroupRows } from './engine.ts'
import { int, type Sql, toNumber } from './sql.ts'

/**
 * The engine takes 256 KiB that it cannot put aside for each, however few rows were removed: 40 MB for these, and at worst as much again
 * for the transactions before, which were short of a checkpoint.
 */
const usualRowGroups = 160

/** Counts the row groups with removed rows, and has a checkpoint made before they take too much memory. */
export class Removals {
  /** Row groups in which one transaction may remove rows. */
  readonly maxRowGroups: number
  #rowGroups = 0

  constructor(maxRowGroups = usualRowGroups) {
    this.maxRowGroups = maxRowGroups
  }

  /** After a commit that removed rows in so many row groups. */
  async noted(sql: Sql, rowGroups: number): Promise<void> {
    this.#rowGroups += rowGroups
    if (this.#rowGroups < this.maxRowGroups) return
    await sql.run('CHECKPOINT')
    this.#rowGroups = 0
  }

  /**
   * Removes the rows of a chunk that fit a condition, in transactions of its own with checkpoints between them where they are spread
   * over many row groups, and counts them off the chunk. To do it twice does nothing more. Returns how many they were.
   */
  async remove(sql: Sql, chunk: Chunk, where: string): Promise<number> {
    let removed = 0
    for (;;) {
      const [row] = await sql.rows(
        `SELECT min(rowid), count(DISTINCT rowid // ${rowGroupRows}) FROM ${chunk.table} WHERE ${where}`,
      )
      if (row?.[0] == null) return removed
      const from = Math.floor(toNumber(row[0]) / rowGroupRows) * rowGroupRows
      const to = from + this.maxRowGroups * rowGroupRows
      const count = await sql.run(
        `DELETE FROM ${chunk.table} WHERE ${where} AND rowid >= ${int(from)} AND rowid < ${int(to)}`,
      )
      removed += count
      chunk.rows -= count
      await this.noted(sql, Math.min(this.maxRowGroups, toNumber(row[1])))
    }
  }

  /** Row groups of a chunk with rows that fit a condition. */
  async countRowGroups(sql: Sql, chunk: Chunk, where: string): Promise<number> {
    const [row] = await sql.rows(
      `SELECT count(DISTINCT rowid // ${rowGroupRows}) FROM ${chunk.table} WHERE ${where}`,
    )
    return toNumber(row?.[0])
  }
}
