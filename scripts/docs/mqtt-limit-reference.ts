import { limitTable } from '../../src/sources/mqtt/limit-table.ts'

/** Every bound of the MQTT gateway as a Markdown table. */
export function mqttLimitReference(): string {
  const rows = limitTable.map(({ key, counter, current, old, advertised }) => {
    const kind = counter.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const keys = key.replaceAll(/[\w.]+/g, (name) => `\`${name}\``)
    return `| ${keys} | ${current} | ${old} | ${advertised ?? ''} | \`${kind}\` |`
  })
  return [
    '| bound | beyond it, MQTT 5 | beyond it, 3.1.1 | told in CONNACK | counted as |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}
