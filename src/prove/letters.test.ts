import assert from 'node:assert/strict'
import test from 'node:test'
import { badRecord } from './bad-record.ts'
import { Ledger } from './ledger.ts'
import { judgeLetters, type Letter } from './letters.ts'
import type { Plan } from './plan.ts'

const plan: Plan = { seed: 9, devices: 2, metrics: 3, run: 'c3' }

test('a letter for each acknowledged bad record, with its bytes, is clean', () => {
  const { ledger, letters } = honestRun()
  const verdict = judgeLetters(ledger, letters, true)
  assert.deepEqual(verdict.examples, [])
  assert.ok(verdict.clean)
  assert.equal(verdict.sent, 8)
  assert.equal(verdict.stored, 8)
})

test('one that is missing is lost, unless nobody said that it is safe', () => {
  const { ledger, letters } = honestRun()
  ledger.open(0, 0).sent(8)
  letters.splice(2, 1)
  assert.deepEqual(faultsOf(ledger, letters), { lost: 1 })
})

test('a second letter is a duplicate, unless the record was sent a second time', () => {
  const { ledger, letters } = honestRun()
  const again = { ...letterOf(0, 3), id: '100' }
  assert.deepEqual(faultsOf(ledger, [...letters, again]), { duplicate: 1 })
  resend(ledger, 0, 3)
  assert.deepEqual(faultsOf(ledger, [...letters, again]), {})
  assert.equal(judgeLetters(ledger, [...letters, again], true).repeated, 1)
  assert.deepEqual(faultsOf(ledger, [...letters, again, again]), { duplicate: 1 })
  ledger.open(0, 0).isOnce = true
  assert.deepEqual(faultsOf(ledger, [...letters, again]), { duplicate: 1 })
})

test('a letter of a record that was never sent, or was refused, or is no bad one, is a phantom', () => {
  const { ledger, letters } = honestRun()
  ledger.open(1, 0).sent(0)
  ledger.open(1, 0).refused(0)
  const good = { id: '101', topic: 'dev/prove-c3-0/m1', text: '{"v":1}' }
  const phantoms = [letterOf(0, 77), letterOf(1, 0), good]
  for (const phantom of phantoms) assert.deepEqual(faultsOf(ledger, [...letters, phantom]), { phantom: 1 })
})

test('a door that refuses by name makes no letters, and one that was refused only when it came again may be one', () => {
  const { ledger, letters } = honestRun()
  ledger.open(0, 0).sent(2)
  ledger.open(0, 0).refused(2)
  assert.deepEqual(faultsOf(ledger, letters), {})
  const page = ledger.open(1, 0)
  page.isAnswered = true
  page.sent(0)
  assert.deepEqual(faultsOf(ledger, [...letters, letterOf(1, 0)]), { phantom: 1 })
  page.refused(0)
  const { sent, acked, refused, answered } = judgeLetters(ledger, letters, true)
  assert.deepEqual({ sent, acked, refused, answered }, { sent: 8, acked: 7, refused: 1, answered: 1 })
})

test('letters of others are phantoms at a server of our own alone', () => {
  const { ledger, letters } = honestRun()
  const foreign = { id: '5', device: 'pump', topic: 'dev/pump/x', text: 'broken' }
  assert.deepEqual(faultsOf(ledger, [...letters, foreign]), { phantom: 1 })
  assert.ok(judgeLetters(ledger, [...letters, foreign], false).clean)
})

test('a letter with other bytes is corrupt', () => {
  const { ledger, letters } = honestRun()
  letters[4] = { ...letterOf(0, 4), text: `${badRecord(plan, { device: 0, epoch: 0, sequence: 4 })} ` }
  assert.deepEqual(faultsOf(ledger, letters), { corrupt: 1 })
})

function honestRun(): { ledger: Ledger; letters: Letter[] } {
  const ledger = new Ledger(plan)
  const page = ledger.open(0, 0)
  const letters: Letter[] = []
  for (let sequence = 0; sequence < 8; sequence++) {
    page.sent(sequence)
    page.acked(sequence)
    letters.push(letterOf(0, sequence))
  }
  return { ledger, letters }
}

function letterOf(device: number, sequence: number): Letter {
  return { id: String(sequence), text: badRecord(plan, { device, epoch: 0, sequence }) }
}

function resend(ledger: Ledger, device: number, sequence: number): void {
  const page = ledger.open(device, 0)
  page.sent(sequence)
  page.acked(sequence)
}

function faultsOf(ledger: Ledger, letters: readonly Letter[]): object {
  const { lost, duplicate, phantom, corrupt } = judgeLetters(ledger, letters, true)
  return Object.fromEntries(
    Object.entries({ lost, duplicate, phantom, corrupt }).filter(([, count]) => count > 0),
  )
}
