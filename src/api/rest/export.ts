import { z } from 'zod'
import { maxMicros } from '../../core/limits.ts'
import { SluiceError } from '../../core/errors.ts'
import { AnswerGate } from './answer-gate.ts'
import { callerSignal, stallMs } from './answer-stream.ts'
import * as given from './parameters.ts'
import { answering, reading, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownError } from './shown-answers.ts'

/** Exports at once: each keeps the store's engine busy, and a file on the disk until it is fetched. */
const maxExports = 2
const contentTypes = {
  csv: 'text/csv; charset=utf-8; header=present',
  parquet: 'application/vnd.apache.parquet',
}

/** `GET /api/v1/export`: a range as a file. It is made whole in the data folder, sent, and removed. */
export function addExport(server: RestServer, parts: RouteParts): void {
  const { clock, store, temporary } = parts
  const gate = new AnswerGate(maxExports)
  const querystring = z
    .strictObject({
      device: given.name('device').optional().describe('All devices unless given.'),
      metric: given.name('metric').optional(),
      from: given
        .time(clock, 'Begin, inclusive; everything before the end unless given.')
        .default(-maxMicros),
      to: given.time(clock, 'End, exclusive; everything unless given.').default(maxMicros),
      format: z.enum(['csv', 'parquet'], { error: 'expected csv or parquet' }).default('csv'),
    })
    .superRefine(given.beginsBeforeEnd)
  const file = z.string().meta({ format: 'binary' })
  const schema = answering(
    { querystring, tags: ['readings'], summary: 'A range of readings as a CSV or Parquet file' },
    {
      200: {
        description: 'The file',
        content: { 'text/csv': { schema: file }, 'application/vnd.apache.parquet': { schema: file } },
      },
      400: shownError,
      503: shownError,
    },
  )
  server.get('/api/v1/export', { schema, config: reading }, async (request, reply) => {
    const { device, metric, from, to, format } = request.query
    gate.enter()
    const made = temporary.file(format)
    try {
      const full = watchDisk(parts)
      try {
        const signal = AbortSignal.any([callerSignal(reply), full.signal])
        await store.export({ device, metric, from, to }, format, made.path, signal)
      } catch (error) {
        throw full.signal.aborted ? full.signal.reason : error
      } finally {
        full.stop()
      }
      const { bytes, stream } = made.take()
      stream.once('close', () => gate.leave())
      // From here on only the reader can be slow.
      reply.raw.setTimeout(stallMs, () => reply.raw.destroy())
      return reply
        .header('content-type', contentTypes[format])
        .header('content-length', bytes)
        .header('content-disposition', `attachment; ${fileName(device, metric, format)}`)
        .send(stream)
    } catch (error) {
      gate.leave()
      made.remove()
      throw error
    }
  })
}

const watchMs = 200

/** Aborts when an export would take disk space that the log needs. */
function watchDisk({ temporary, minFreeBytes }: RouteParts): { signal: AbortSignal; stop: () => void } {
  const full = new AbortController()
  const look = () => {
    if (temporary.free() < minFreeBytes)
      full.abort(new SluiceError('disk-full', 'the disk has no room for this export: ask for less'))
  }
  look()
  const timer = setInterval(look, watchMs)
  return { signal: full.signal, stop: () => clearInterval(timer) }
}

/** RFC 6266: a plain name for old readers, the whole one for the others. */
function fileName(device: string | undefined, metric: string | undefined, extension: string): string {
  const whole = `${[device ?? 'readings', ...(metric === undefined ? [] : [metric])].join('-')}.${extension}`
  const plain = whole.replace(/[^A-Za-z0-9._-]/g, '_')
  const encoded = encodeURIComponent(whole).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
  return `filename="${plain}"; filename*=UTF-8''${encoded}`
}
