import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { errorTable } from '../../../../src/core/errors.ts'
import { useTitle } from '../../ui/title.ts'
import { actors } from './explain-code.ts'

/** Every code that Sluice answers with, from the table that the server itself answers by. */
export function CodesPage() {
  useTitle('Codes')
  useEffect(() => {
    // The page is read after its address: the browser has looked for the place already.
    document.getElementById(location.hash.slice(1))?.scrollIntoView()
  }, [])
  return (
    <div className="page pt-6">
      <nav aria-label="Place" className="text-sm">
        <Link to="/dead-letters" className="text-link">
          Dead letters
        </Link>
      </nav>
      <h1 className="mt-1 text-[1.7rem] leading-tight font-bold tracking-[-0.015em]">Codes</h1>
      <p className="mt-1 mb-5 max-w-[42rem] text-ink-2">
        What each code means, who can mend it, and how every door says it.
      </p>
      <table className="data w-full">
        <thead>
          <tr>
            <th scope="col">Code</th>
            <th scope="col">What to do</th>
            <th scope="col" className="max-md:hidden">
              Who can mend it
            </th>
            <th scope="col" className="text-right! max-sm:hidden">
              HTTP
            </th>
            <th scope="col" className="text-right! max-sm:hidden">
              MQTT 5
            </th>
            <th scope="col" className="text-right! max-sm:hidden">
              gRPC
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(errorTable).map(([code, row]) => (
            <tr key={code} id={code} className="target:bg-accent-soft">
              <th scope="row" className="border-line! font-semibold! text-ink!">
                {code}
              </th>
              <td className="text-[0.95rem] wrap-anywhere">
                {row.hint}
                {row.retry && <span className="text-ink-3"> Trying again can help.</span>}
              </td>
              <td className="text-sm text-ink-2 max-md:hidden">{actors[row.actor]}</td>
              <td className="text-right text-sm max-sm:hidden">{row.http}</td>
              <td className="text-right text-sm max-sm:hidden">0x{row.mqtt.toString(16)}</td>
              <td className="text-right text-sm max-sm:hidden">{row.grpc}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
