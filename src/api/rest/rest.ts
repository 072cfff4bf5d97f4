import type { FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { AnswerGate } from './answer-gate.ts'
import { addDeadLetters } from './dead-letters.ts'
import { addDiscards } from './discards.ts'
import { addDocuments } from './documents.ts'
import { addEdits } from './edits.ts'
import { addExport } from './export.ts'
import { addHistory } from './history.ts'
import { addLists } from './lists.ts'
import { addLetterExport } from './letter-export.ts'
import { addLetterReplays } from './letter-replays.ts'
import { LetterTurn } from './letter-turn.ts'
import { addReadings } from './readings.ts'
import type { RestParts } from './rest-parts.ts'

/** Answers under way at once: a piece of rows in memory for each. */
const maxAnswers = 64

/** The routes that read the store, and those that edit it. */
export function addRest(server: FastifyInstance, parts: RestParts): void {
  server.register((scope, _options, done) => {
    scope.setValidatorCompiler(validatorCompiler)
    scope.setSerializerCompiler(serializerCompiler)
    const rest = scope.withTypeProvider<ZodTypeProvider>()
    const shared = { ...parts, answers: new AnswerGate(maxAnswers), turn: new LetterTurn(parts) }
    for (const add of [
      addLists,
      addReadings,
      addEdits,
      addExport,
      addDocuments,
      addDeadLetters,
      addDiscards,
      addLetterReplays,
      addLetterExport,
      addHistory,
    ])
      add(rest, shared)
    done()
  })
}
