import { Command } from '../../ui/command.tsx'

/** What a newcomer types next: nothing has arrived yet. */
export function FirstSteps({ mqttAddress }: { readonly mqttAddress: string }) {
  const mqtt = { host: location.hostname, port: portOf(mqttAddress) ?? '1883' }
  return (
    <section aria-labelledby="first" className="min-w-0 max-w-3xl">
      <h2 id="first" className="text-xl font-semibold">
        Nothing has arrived yet
      </h2>
      <p className="mt-1 mb-5 text-ink-2">
        Sluice is ready. Send it a first reading; it appears here by itself, within a second.
      </p>
      <div className="space-y-5">
        <Command
          label="Over MQTT"
          line={`mosquitto_pub -h ${mqtt.host} -p ${mqtt.port} -q 1 -t dev/test-device/temperature -m '{"value": 25.5}'`}
        />
        <Command
          label="Over HTTP"
          line={`curl -H 'content-type: application/json' -d '{"device": "test-device", "temperature": 25.5}' ${location.origin}/api/v1/readings`}
        />
        <Command label="Or a small fleet that moves" line="npm run sluice -- simulate" />
      </div>
    </section>
  )
}

/** Of the address only the port is taken: by the page's own host name this machine has just reached the server. */
function portOf(address: string): string | undefined {
  return /:(\d+)$/.exec(address)?.[1]
}
