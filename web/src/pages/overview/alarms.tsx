import type { Alarm } from '../../api/status.ts'

/** What needs somebody, as the server says it. Nothing is shown while there is nothing. */
export function Alarms({ alarms }: { readonly alarms: readonly Alarm[] }) {
  if (alarms.length === 0) return null
  return (
    <section
      aria-label="Alarms"
      role="alert"
      className="mb-8 rounded-lg border border-bad/50 bg-bad-soft px-4 py-3"
    >
      <ul className="space-y-1.5">
        {alarms.map((alarm) => (
          <li key={`${alarm.code} ${alarm.message}`} className="text-sm">
            <span className="mr-2 font-semibold text-bad">{alarm.code}</span>
            {alarm.message}
          </li>
        ))}
      </ul>
    </section>
  )
}
