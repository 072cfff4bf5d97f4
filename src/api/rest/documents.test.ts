import assert from 'node:assert/strict'
import test from 'node:test'
import { openRestDoor } from '../../../test/support/rest-door.ts'
import { begin, names, type Refused } from '../../../test/support/rest-rows.ts'

test('dead letters are found by device, source and code, page by page, whatever their bytes', async (t) => {
  const door = await openRestDoor(t)
  const letter = (i: number) => ({
    code: i % 3 === 0 ? 'invalid-time' : 'undecodable',
    reason: `reason ${i}`,
    source: i % 2 === 0 ? 'mqtt' : 'main',
    device: names[i % names.length],
    topic: 'dev/x',
    principal: 'local',
    bytes: (i % 5 === 0 ? Buffer.from([0xff, 0xfe, i]) : Buffer.from(`{"v":${i}} ✓`)).toString('base64'),
  })
  const rows = Array.from({ length: 120 }, (_, i) => ({
    key: i % 2 === 0 ? '' : `main/x/${i}`,
    time: begin + i,
    body: JSON.stringify(letter(i)),
  }))
  await door.store
    .sink('dead-letters')
    .write(door.log.write(door.log.documents('dead-letters', rows)), new AbortController().signal)
  interface Letters {
    readonly letters: readonly (ReturnType<typeof letter> & { id: string; time: number; text?: string })[]
    readonly next?: string
  }
  const read = async (query: string): Promise<Letters> =>
    (await door.get(`/api/v1/dead-letters?${query}`)).body as Letters
  const all = await read('')
  assert.equal(all.letters.length, 120)
  assert.deepEqual(
    all.letters.map(({ id, time, text, ...rest }) => rest),
    rows.map((_, i) => letter(i)).toReversed(),
  )
  assert.deepEqual(all.letters[1], {
    ...letter(118),
    id: '118',
    time: (begin + 118) / 1000,
    text: '{"v":118} ✓',
  })
  assert.equal(all.letters.find(({ reason }) => reason === 'reason 5')?.text, undefined)

  for (const [name, i] of names.map((name, i) => [name, i] as const)) {
    const found: string[] = []
    let cursor = ''
    do {
      const part = await read(`device=${encodeURIComponent(name)}&limit=3${cursor}`)
      found.push(...part.letters.map(({ id }) => id))
      cursor = part.next === undefined ? '' : `&cursor=${part.next}`
    } while (cursor !== '')
    const expected = rows
      .map((_, row) => row)
      .filter((row) => row % names.length === i)
      .map(String)
      .toReversed()
    assert.deepEqual(found, expected, name)
  }
  assert.equal((await read('source=main')).letters.length, 60)
  assert.equal((await read('code=invalid-time&source=mqtt')).letters.length, 20)
  assert.equal((await read(`from=${(begin + 100) / 1000}`)).letters.length, 20)

  // Without their bytes, and each with them.
  const brief = await read('bytes=omit&limit=2')
  assert.deepEqual(
    brief.letters,
    all.letters.slice(0, 2).map(({ bytes: _, text, ...rest }) => rest),
  )
  for (const letter of [all.letters[0], all.letters[1], all.letters[119]])
    assert.deepEqual((await door.get(`/api/v1/dead-letters/${letter?.id}`)).body, letter)
  for (const id of ['120', '-1']) {
    const { status, body } = await door.get(`/api/v1/dead-letters/${id}`)
    assert.deepEqual([status, (body as Refused).error.code], [404, 'not-found'])
  }
})

test('documents come back newest first, as JSON where they are', async (t) => {
  const door = await openRestDoor(t)
  const bodies = [
    '{"text":"Hello World"}',
    'no json',
    '[1,2]',
    '"\\ud83d\\ude00"',
    JSON.stringify({ large: 'x'.repeat(300_000) }),
  ]
  const rows = Array.from({ length: 50 }, (_, i) => ({
    key: `k${i % 2}`,
    time: begin + i,
    body: bodies[i % bodies.length] as string,
  }))
  await door.store
    .sink('posts')
    .write(door.log.write(door.log.documents('posts', rows)), new AbortController().signal)
  interface Answer {
    readonly documents: readonly { key: string; time: number; body: unknown }[]
    readonly next?: string
  }
  const read = async (query: string): Promise<Answer> =>
    (await door.get(`/api/v1/documents/posts?${query}`)).body as Answer
  const expected = rows.toReversed().map(({ key, time, body }) => ({
    key,
    time: time / 1000,
    body: body === 'no json' ? body : (JSON.parse(body) as unknown),
  }))
  assert.deepEqual((await read('')).documents, expected)
  const first = await read('limit=20')
  const second = await read(`limit=100&cursor=${first.next}`)
  assert.deepEqual([...first.documents, ...second.documents], expected)
  assert.equal(second.next, undefined)
  assert.equal((await read('match=hello%20world')).documents.length, 10)
  assert.equal((await read('key=k1')).documents.length, 25)
  assert.deepEqual(await read('key=none'), { documents: [] })
})
