import { type ErrorCode, SluiceError } from '../core/errors.ts'

/** Why one record is not taken. It never leaves the format: it becomes a `RecordRefusal`. */
export class RecordFault extends SluiceError {
  readonly field: string | undefined

  constructor(code: ErrorCode, field: string | undefined, message: string) {
    const named = field === undefined ? undefined : shortened(field)
    super(code, named === undefined ? message : `${named}: ${message}`)
    this.field = named
  }
}

/** A path of names can be as long as the payload. */
const maxField = 200

function shortened(field: string): string {
  return field.length > maxField ? `${field.slice(0, maxField).toWellFormed()}…` : field
}
