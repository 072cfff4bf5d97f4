import { hexLines } from '../../format/bytes-view.ts'
import { formatCounted } from '../../format/number.ts'

/** Beyond this a browser slows down, and nobody reads on. */
const maxHexBytes = 16_384

export function HexView({ bytes }: { readonly bytes: Uint8Array }) {
  return (
    <div
      // A region that scrolls is reached by keyboard.
      tabIndex={0}
      className="max-h-[28rem] overflow-auto rounded-md border border-line bg-sunken p-3.5 font-mono text-[0.76rem] leading-relaxed sm:text-[0.84rem]"
    >
      <pre className="font-mono">
        {hexLines(bytes.subarray(0, maxHexBytes), 8).map(({ offset, hex, text }) => (
          <span key={offset} className="block">
            <span className="text-ink-3">{offset}</span> {hex.padEnd(23)}{' '}
            <span className="text-ink-2">{text}</span>
          </span>
        ))}
      </pre>
      {bytes.length > maxHexBytes && (
        <p className="mt-2 font-sans">{formatCounted(bytes.length - maxHexBytes, 'further byte')}</p>
      )}
    </div>
  )
}
