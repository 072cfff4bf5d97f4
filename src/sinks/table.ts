import type { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import type { Sink } from '../core/sink.ts'
import { OpeningSink } from './opening-sink.ts'

/** A sink component: the schema of its options, and what opens it with the schema's output. */
interface SinkComponent {
  readonly schema: z.ZodType
  open(name: string, options: unknown, dataFolder: string): Promise<Sink>
}

/** Every sink that only writes: one line each. */
export const sinkTable: Readonly<Record<string, () => Promise<SinkComponent>>> = {
  file: () =>
    import('./file/file-sink.ts').then(({ fileSinkSchema, openFileSink }) => ({
      schema: fileSinkSchema,
      open: (name, options, dataFolder) => openFileSink(name, fileSinkSchema.parse(options), dataFolder),
    })),
}

/** A sink with options that configuration has checked; it opens when it is first used. */
export async function createSink(
  type: string,
  name: string,
  options: unknown,
  dataFolder: string,
): Promise<Sink> {
  const load = sinkTable[type]
  if (!load) throw new SluiceError('config-invalid', `there is no sink of type ${type}`)
  const component = await load()
  return new OpeningSink(name, () => component.open(name, options, dataFolder))
}
