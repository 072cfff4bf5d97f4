import { type ErrorCode, SluiceError } from '../../core/errors.ts'

/** Why one record is not taken. It never leaves the format: it becomes a `RecordRefusal`. */
export class RecordFault extends SluiceError {
  readonly field: string | undefined

  constructor(code: ErrorCode, field: string | undefined, message: string) {
    super(code, field === undefined ? message : `${field}: ${message}`)
    this.field = field
  }
}
