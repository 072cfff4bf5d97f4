import { realImmediate } from './simulated-globals.ts'

/** Event after event until one says that it was the last. After each, everything that it has set going runs until it waits for another. */
export function drive(next: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = 0
    let isDone = false
    const turn = () => {
      left--
      if (isDone) return
      try {
        isDone = next()
        if (isDone) resolve()
      } catch (error) {
        isDone = true
        reject(asError(error))
      }
      if (left === 0 && !isDone) fill()
    }
    const fill = () => {
      left = 64
      for (let i = 0; i < left; i++) realImmediate(turn)
    }
    fill()
  })
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('something was thrown that is no error', { cause: error })
}
