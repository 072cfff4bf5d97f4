/** Runs a reference as a bench of its own, in the same run as the product: the product's figure counts as a ratio to it. */
import { makeBenchFolder, removeBenchFolder } from '../load/bench-folder.ts'
import { type BenchOptions, type BenchResult, measure } from '../load/measure.ts'
import { startReference } from '../load/reference-subject.ts'

export async function runReference(
  name: 'mqtt-to-log' | 'mqtt-to-store',
  options: BenchOptions = {},
): Promise<BenchResult> {
  const data = makeBenchFolder(`reference-${name}`, options.data)
  const result = await measure(`reference/${name}`, await startReference(name, data), options)
  removeBenchFolder(data)
  return result
}
