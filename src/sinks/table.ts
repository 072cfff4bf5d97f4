import type { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import type { Sink } from '../core/sink.ts'
import { OpeningSink } from './opening-sink.ts'

/** A sink component: the schema of its options, and what opens it with the schema's output. */
interface SinkComponent {
  readonly schema: z.ZodType
  open(name: string, options: unknown, dataFolder: string): Promise<Sink>
  /** The options of a sink that takes the replay of that name alone, beside the live one; absent where there is no such thing. */
  replay?(options: unknown, replay: string): { readonly options: unknown; readonly note: string }
}

/** Every sink that only writes: one line each. */
export const sinkTable: Readonly<Record<string, () => Promise<SinkComponent>>> = {
  file: () =>
    import('./file/file-sink.ts').then(({ fileSinkSchema, openFileSink }) => ({
      schema: fileSinkSchema,
      open: (name, options, dataFolder) => openFileSink(name, fileSinkSchema.parse(options), dataFolder),
      replay(options, replay) {
        const given = fileSinkSchema.parse(options)
        const path = `${given.path}.replay-${replay.replace('@', '-')}`
        const note = `a file cannot be asked what it holds: the rows go to ${path}, some that the sink has written before among them`
        return { options: { ...given, path }, note }
      },
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

/** What opens sinks for the replays of a sink, by the replay's name; undefined where its type takes none. */
export async function replaySinks(
  type: string,
  name: string,
  options: unknown,
  dataFolder: string,
): Promise<((replay: string) => { readonly sink: Sink; readonly note: string }) | undefined> {
  const component = await sinkTable[type]?.()
  const { replay: replayOptions } = component ?? {}
  if (component === undefined || replayOptions === undefined) return undefined
  return (replay) => {
    const { options: own, note } = replayOptions(options, replay)
    return { sink: new OpeningSink(name, () => component.open(name, own, dataFolder)), note }
  }
}
