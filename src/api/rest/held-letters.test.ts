import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGate } from '../../../test/support/gate.ts'
import { SluiceError } from '../../core/errors.ts'
import { DeviceLetters } from '../../intake/device-letters.ts'
import { heldLetters } from './held-letters.ts'

test('a count that comes to nothing ends too: letters are not noted for it for ever', async () => {
  const letters = new DeviceLetters(1e9)
  const fails = () => Promise.reject(new SluiceError('disk-full', 'the disk is full'))
  const { intake } = await openGate()
  const durable = () => intake.durable()
  const documentBytes = () => Promise.resolve({ total: 1, devices: [] })
  const passed = () => Promise.resolve()
  const works = { durable, passed, documentBytes }
  for (const [how, parts] of [
    ['it is counted', works],
    ['the log refuses', { ...works, durable: fails }],
    ['the caller leaves', { ...works, passed: fails }],
    ['the store fails', { ...works, documentBytes: fails }],
  ] as const) {
    let underway = 0
    const recount = () => {
      const counting = letters.recount()
      underway++
      return {
        ...counting,
        end() {
          counting.end()
          underway--
        },
      }
    }
    const place = {
      intake: { recount, durable: parts.durable },
      passed: parts.passed,
      store: { documentBytes: parts.documentBytes },
    }
    await heldLetters(place, new AbortController().signal).catch(() => undefined)
    assert.equal(underway, 0, how)
  }
})
