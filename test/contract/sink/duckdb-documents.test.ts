import { duckdbDocuments } from './duckdb.ts'
import { examineSink } from './exam.ts'

examineSink(duckdbDocuments)
