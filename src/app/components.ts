import { processorTable } from '../processors/table.ts'
import { sinkTable } from '../sinks/table.ts'
import { sourceTable } from '../sources/table.ts'
import { storeTable } from '../stores/table.ts'
import type { Components } from './config/components.ts'

/** What configuration may name under `type:`. */
export const components: Components = {
  sources: sourceTable,
  stores: storeTable,
  sinks: sinkTable,
  processors: processorTable,
}
