// hot: bench/decode
import type { Route } from '../../core/format.ts'
import type { Intake, ValueKind } from '../../core/intake.ts'
import type { SeriesId } from '../../core/series.ts'
import { RecordFault } from '../record-fault.ts'
import { equalBytes, type RouteSeries, seriesOfRoute } from '../route-series.ts'
import { fieldAt, type NamedFields } from './reading-fields.ts'
import { recordText } from './record-text.ts'

const encoder = new TextEncoder()

/**
 * Finds the series of a value by the bytes that name it. The key in the route's cache is `device 00 metric`, each empty where the route
 * gives it: neither may hold U+0000, so no other names make it, and no JSON form has one like it.
 */
export class SeriesFinder {
  readonly #nameBytes: number
  readonly #names: { readonly device: string; readonly metric: string }
  readonly #key: Uint8Array

  /** `names` are those of the message's fields, for the reason of a refusal. */
  constructor(nameBytes: number, names: { readonly device: string; readonly metric: string }) {
    this.#nameBytes = nameBytes
    this.#names = names
    this.#key = new Uint8Array(2 * nameBytes + 1)
  }

  /** @throws RecordFault where a name is missing or is none; what `Intake.series` throws. */
  find(
    bytes: Uint8Array,
    fields: NamedFields,
    kind: ValueKind,
    place: number,
    route: Route,
    intake: Intake,
  ): SeriesId {
    const { deviceFrom, deviceTo, metricFrom, metricTo, unitFrom, unitTo } = fields
    const known = seriesOfRoute(route)
    if (deviceTo - deviceFrom > this.#nameBytes || metricTo - metricFrom > this.#nameBytes)
      return this.#learn(bytes, fields, kind, place, route, intake, known, 0)
    const key = this.#key
    let size = 0
    for (let i = deviceFrom; i < deviceTo; i++) key[size++] = bytes[i] as number
    key[size++] = 0
    for (let i = metricFrom; i < metricTo; i++) key[size++] = bytes[i] as number
    const entry = known.find(key, 0, size)
    if (entry >= 0 && known.takes(entry, kind)) {
      if (unitFrom === unitTo) return known.seriesOf(entry)
      const unit = known.unitOf(entry)
      if (unit !== undefined && equalBytes(unit, bytes, unitFrom, unitTo)) return known.seriesOf(entry)
    }
    return this.#learn(bytes, fields, kind, place, route, intake, known, size)
  }

  #learn(
    bytes: Uint8Array,
    fields: NamedFields,
    kind: ValueKind,
    place: number,
    route: Route,
    intake: Intake,
    known: RouteSeries,
    keySize: number,
  ): SeriesId {
    const names = this.#names
    const text = (from: number, to: number, field: string) =>
      from === to ? undefined : recordText(bytes, from, to, field, this.#nameBytes, 'invalid-name')
    const device = text(fields.deviceFrom, fields.deviceTo, names.device) ?? route.device
    const metric = text(fields.metricFrom, fields.metricTo, fieldAt(place, names.metric)) ?? route.metric
    const unit = text(fields.unitFrom, fields.unitTo, fieldAt(place, 'unit'))
    if (device === undefined) throw missing(names.device, route)
    if (metric === undefined) throw missing(names.metric, route)
    const series = intake.series(device, metric, kind, unit)
    known.put(this.#key, 0, keySize, series, kind, unit === undefined ? undefined : encoder.encode(unit))
    return series
  }
}

function missing(field: string, route: Route): RecordFault {
  const place = route.topic === '' ? 'the query' : 'the topic'
  return new RecordFault('missing-field', field, `neither the reading nor ${place} names one`)
}
