/** The payload forms that the generator speaks (docs/protocols.md): a name each, and how a message is written. */
export const formNames = ['f5', 'f6', 'f1', 'generic3', 'f3'] as const
export type FormName = (typeof formNames)[number]

/** What changes when a buffer of messages is sent again: the whole seconds of its times, and the head of its values. */
export type TimeStem = 'seconds' | 'rfc3339'
export const stemWidth: Readonly<Record<TimeStem, number>> = { seconds: 10, rfc3339: 19 }
export const valueStemWidth = 5

export interface Form {
  readonly stem: TimeStem
  /** True where a form's clock is too coarse for two messages of one series in one second. */
  readonly oncePerSecond: boolean
  topic(connection: number, topic: number): string
  /** Writes the payload of message `slot` of a buffer; `elements` is for arrays. */
  write(sheet: Sheet, name: MessageName): void
}

export interface MessageName {
  readonly connection: number
  readonly topic: number
  /** Place in the buffer. */
  readonly slot: number
  readonly elements: number
}

const device = (name: { connection: number; topic: number }): string =>
  `load-${pad(name.connection, 3)}-${pad(name.topic, 3)}`

export const forms: Readonly<Record<FormName, Form>> = {
  f5: {
    stem: 'seconds',
    oncePerSecond: false,
    topic: (connection, topic) => `dev/load-${pad(connection, 3)}/tag-${pad(topic, 3)}`,
    write: (sheet, { slot }) =>
      sheet.text('{"v":').value(slot).text(',"q":"good","ts":').time(pad(slot, 3)).text('}'),
  },
  f6: {
    stem: 'rfc3339',
    oncePerSecond: false,
    topic: (connection, topic) => `uns/site-1/load-${pad(connection, 3)}/tag-${pad(topic, 3)}`,
    write: (sheet, { slot }) =>
      sheet
        .text('{"value":')
        .value(slot)
        .text(',"quality":192,"unit":"bar","timestamp":"')
        .time(`.${pad(slot, 3)}Z`)
        .text('"}'),
  },
  f1: {
    stem: 'seconds',
    oncePerSecond: true,
    topic: () => 'devices/telemetry',
    write: (sheet, name) =>
      sheet
        .text(`{"id":"${device(name)}","latitude":55.`)
        .value(name.slot, '')
        .text(',"longitude":37.')
        .value(name.slot, '')
        .text(',"altitude":')
        .value(name.slot)
        .text(',"battery":88.')
        .value(name.slot, '')
        .text(',"timestamp":')
        .time('')
        .text('}'),
  },
  generic3: {
    stem: 'seconds',
    oncePerSecond: false,
    topic: (connection, topic) => `devices/${device({ connection, topic })}/telemetry`,
    write: (sheet, { slot }) =>
      sheet
        .text('{"temperature":')
        .value(slot)
        .text(',"humidity":')
        .value(slot)
        .text(',"pressure":')
        .value(slot)
        .text(',"timestamp":')
        .time(pad(slot, 3))
        .text('}'),
  },
  f3: {
    stem: 'rfc3339',
    oncePerSecond: false,
    topic: (connection, topic) => `sensor.${device({ connection, topic })}.measurements`,
    write(sheet, name) {
      sheet.text('[')
      for (let element = 0; element < name.elements; element++) {
        const micros = name.slot * name.elements + element
        sheet
          .text(`${element === 0 ? '' : ','}{"SerialNumber":"${device(name)}","Timestamp":"`)
          .time(`.${pad(micros, 6)}000Z`)
          .text('","Value":')
          .value(micros % 1000)
          .text('}')
      }
      sheet.text(']')
    },
  },
}

/** A payload being written, with the places of what will be patched later. */
export class Sheet {
  readonly times: number[] = []
  readonly values: number[] = []
  #text = ''
  readonly #stem: TimeStem

  constructor(stem: TimeStem) {
    this.#stem = stem
  }

  /** ASCII only, so that a place in the text is a place in the bytes. */
  text(text: string): this {
    this.#text += text
    return this
  }

  /** The stem of the time, then `rest`, which stays. */
  time(rest: string): this {
    this.times.push(this.#text.length)
    return this.text('0'.repeat(stemWidth[this.#stem]) + rest)
  }

  /** Five digits that change, then a point and three that stay and are unlike for every slot below 1,000. */
  value(slot: number, point = '.'): this {
    this.values.push(this.#text.length)
    return this.text('0'.repeat(valueStemWidth) + point + valueTail(slot))
  }

  toString(): string {
    return this.#text
  }
}

/** The digits behind the point of the message in that place of its buffer. */
export function valueTail(slot: number): string {
  return pad((slot * 617) % 1000, 3)
}

export function pad(number: number, width: number): string {
  return String(number).padStart(width, '0')
}
