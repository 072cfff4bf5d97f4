import type { MqttClient } from 'mqtt'

export interface Message {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: number
  readonly retain: boolean
}

/** What a client of the mqtt package was sent. */
export class MqttInbox {
  readonly messages: Message[] = []
  #wake: () => void = () => {}

  constructor(client: MqttClient) {
    client.on('message', (topic, payload, { qos, retain }) => {
      this.messages.push({ topic, payload, qos, retain })
      this.#wake()
    })
  }

  /** The first so many of those that fit, once they are there. */
  async got(count: number, fits: (message: Message) => boolean = () => true): Promise<readonly Message[]> {
    for (;;) {
      const found = this.messages.filter(fits)
      if (found.length >= count) return found.slice(0, count)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
