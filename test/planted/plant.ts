import { registerHooks } from 'node:module'
import { bugNamed } from './bugs.ts'
import { planted } from './planting.ts'

/*
 * Plants the bug that TEST_PLANT names in whatever is loaded after this file: `NODE_OPTIONS=--import=…/plant.ts`, which threads and child
 * processes take over from their parent. The product knows nothing of it, and its files stay as they are.
 */
const bug = bugNamed(process.env['TEST_PLANT'])
const target = new URL(`../../${bug.file}`, import.meta.url).href
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (url !== target) return loaded
    const { source } = loaded
    const text = typeof source === 'string' ? source : new TextDecoder().decode(source ?? undefined)
    return { ...loaded, source: planted(text, bug) }
  },
})
