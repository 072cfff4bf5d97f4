import { file } from './file.ts'
import { examineSink } from './exam.ts'

examineSink(file)
