#!/usr/bin/env -S node --max-semi-space-size=8
// What lives for a moment only fits into two times 8 MB: up to two times 32, which is the default, it is slower, not faster, and takes 50 MB more.
import { keepCompiledCode } from '../lib/compile-cache.ts'

// Before anything else is loaded: the first acknowledgement comes sooner.
keepCompiledCode()
await import('./program.ts')
