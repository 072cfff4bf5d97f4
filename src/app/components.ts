import { processorTable } from '../processors/table.ts'
import { sinkTable } from '../sinks/table.ts'
import { storeTable } from '../stores/table.ts'
import type { Components } from './config/components.ts'

/** What configuration may name under `type:`. */
export const components: Components = { stores: storeTable, sinks: sinkTable, processors: processorTable }
