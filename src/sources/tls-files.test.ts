import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { Authority } from '../../test/support/certificates.ts'
import { readTlsFiles, type TlsFiles } from './tls-files.ts'

test('files that are what they should be are read as they are', (t) => {
  const authority = new Authority(t)
  const pair = authority.issue('client')
  const text = (file: string) => readFileSync(file, 'utf8')
  assert.deepEqual(readTlsFiles({ caFile: authority.caFile, ...pair }), {
    ca: text(authority.caFile),
    cert: text(pair.certFile),
    key: text(pair.keyFile),
  })
  assert.deepEqual(readTlsFiles({}), {})
})

test('a file that is something else stops the source, and is named', (t) => {
  const authority = new Authority(t)
  const { certFile, keyFile } = authority.issue('client')
  const file = (name: string, text: string) => {
    const file = path.join(authority.folder, name)
    writeFileSync(file, text)
    return file
  }
  const empty = file('empty.pem', '')
  const broken = file('broken.pem', readFileSync(certFile, 'utf8').replace(/[A-Z]/g, 'A'))
  const faults: [TlsFiles, RegExp][] = [
    // Node.js would trust every public authority.
    [{ caFile: empty }, /^caFile cannot be used: .*empty\.pem: there is no certificate in it$/],
    [{ caFile: keyFile }, /^caFile cannot be used: .*no certificate/],
    [{ caFile: broken }, /^caFile cannot be used: .*broken\.pem/],
    [{ certFile: empty, keyFile }, /^certFile cannot be used: .*no certificate/],
    [{ certFile, keyFile: empty }, /^keyFile cannot be used: .*empty\.pem/],
    [{ certFile: keyFile, keyFile: certFile }, /^certFile cannot be used/],
    [
      { certFile, keyFile: authority.issue('other').keyFile },
      /^certFile and keyFile cannot be used: .* and /,
    ],
    [{ caFile: '/no/such.pem' }, /^caFile cannot be used: \/no\/such\.pem: ENOENT/],
  ]
  for (const [files, message] of faults)
    assert.throws(() => readTlsFiles(files), { name: 'SourceFailure', kind: 'stop', message })
})
