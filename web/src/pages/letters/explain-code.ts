import { type ErrorRow, errorTable } from '../../../../src/core/errors.ts'

const table: Readonly<Record<string, ErrorRow | undefined>> = errorTable

/** What is known of a code; undefined for one of a newer server. */
export function explainCode(code: string): ErrorRow | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined
}

/** Who can mend it, in words. */
export const actors: Readonly<Record<ErrorRow['actor'], string>> = {
  sender: 'who sends the data',
  caller: 'who calls the API',
  operator: 'who runs Sluice',
  sluice: 'the makers of Sluice',
}
