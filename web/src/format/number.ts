/** Numbers as people read them. The sign is a true minus, thousands are set apart by a thin space that does not break. */
const minus = '\u2212'
const thin = '\u202f'

/** A whole count in full: `1 204 331`. */
export function formatCount(count: number): string {
  return signed(Math.round(count), (size) => grouped(size.toFixed(0)))
}

/** A measured value to five significant digits, whole numbers in full, powers of ten where the figure would not fit. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return 'no number'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e12)) return scientific(value)
  if (Number.isInteger(value)) return formatCount(value)
  const whole = size < 1 ? 1 : Math.floor(Math.log10(size)) + 1
  const decimals = size < 1 ? Math.min(8, 4 - Math.floor(Math.log10(size))) : Math.max(0, 5 - whole)
  return signed(value, (s) => {
    const [before = '', after = ''] = s.toFixed(decimals).split('.')
    const rest = after.replace(/0+$/, '')
    return rest === '' ? grouped(before) : `${grouped(before)}.${rest}`
  })
}

/** Every digit that the value has, for tables where nothing may be rounded. */
export function formatExact(value: number): string {
  return String(value).replace('-', minus)
}

/** Rows or messages in a second: `0`, `0.4`, `12.5`, `1 204`. */
export function formatRate(perSecond: number): string {
  if (perSecond < 0.05) return '0'
  return perSecond < 100 ? trimmed(perSecond.toFixed(1)) : formatCount(perSecond)
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** Bytes in powers of a thousand, as disks count them. */
export function formatBytes(bytes: number): string {
  let size = bytes
  let unit = 0
  while (size >= 999.5 && unit < byteUnits.length - 1) {
    size /= 1000
    unit++
  }
  return `${size < 10 && unit > 0 ? trimmed(size.toFixed(1)) : size.toFixed(0)}${thin}${byteUnits[unit]}`
}

/** `1 device`, `2 devices`. */
export function formatCounted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

function scientific(value: number): string {
  const [mantissa = '', exponent = ''] = value.toExponential(3).split('e')
  return `${trimmed(mantissa).replace('-', minus)}${thin}×${thin}10${superscript(Number(exponent))}`
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹'

function superscript(exponent: number): string {
  const digits = String(Math.abs(exponent)).replace(/\d/g, (digit) => superscripts[Number(digit)] ?? '')
  return exponent < 0 ? `⁻${digits}` : digits
}

function signed(value: number, format: (size: number) => string): string {
  const text = format(Math.abs(value))
  return value < 0 && /[1-9]/.test(text) ? minus + text : text
}

function grouped(digits: string): string {
  // Four digits stand alone well; a gap in 2024 reads as two numbers.
  return digits.length < 5 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, thin)
}

function trimmed(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
