import { duckdb } from './duckdb.ts'
import { examineSink } from './exam.ts'

examineSink(duckdb)
