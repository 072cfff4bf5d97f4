import { state } from './state.ts'
import { examineSink } from './exam.ts'

examineSink(state)
