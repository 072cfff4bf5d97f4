import type { ReactNode } from 'react'

/** Line icons on a 20 px grid; they stand beside a text or in a labelled button, so they are hidden from readers. */
function Icon({ children, size = 18 }: { readonly children: ReactNode; readonly size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {children}
    </svg>
  )
}

/** A gate, raised, and the water that passes under it. */
export function Mark() {
  return (
    <svg aria-hidden="true" width="26" height="26" viewBox="0 0 26 26" fill="none">
      <path d="M5 3v20M21 3v20" stroke="currentColor" strokeWidth="2.4" strokeLinecap="round" />
      <path d="M8.4 3.4h9.2v8.8H8.4z" fill="currentColor" />
      <path
        d="M5 18.6c2.7-2.1 5.3 2.1 8 0s5.3 2.1 8 0"
        stroke="var(--crest)"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
    </svg>
  )
}

export const SearchIcon = () => (
  <Icon>
    <circle cx="8.8" cy="8.8" r="5" />
    <path d="m12.6 12.6 4 4" />
  </Icon>
)
export const SunIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.2" />
    <path d="M10 2.6v1.6M10 15.8v1.6M2.6 10h1.6M15.8 10h1.6M4.8 4.8l1.1 1.1M14.1 14.1l1.1 1.1M4.8 15.2l1.1-1.1M14.1 5.9l1.1-1.1" />
  </Icon>
)
export const MoonIcon = () => (
  <Icon>
    <path d="M16 11.8A6.6 6.6 0 0 1 8.2 4a6.4 6.4 0 1 0 7.8 7.8Z" />
  </Icon>
)
export const ScreenIcon = () => (
  <Icon>
    <rect x="3" y="4" width="14" height="9.5" rx="1.4" />
    <path d="M7.5 16.6h5" />
  </Icon>
)
export const CopyIcon = () => (
  <Icon size={16}>
    <rect x="7" y="7" width="9.5" height="9.5" rx="1.6" />
    <path d="M13 4.6A1.6 1.6 0 0 0 11.5 3.5h-6.4A1.6 1.6 0 0 0 3.5 5.1v6.4A1.6 1.6 0 0 0 4.6 13" />
  </Icon>
)
export const CheckIcon = () => (
  <Icon size={16}>
    <path d="m4 10.6 4 4 8-9" />
  </Icon>
)
export const DownIcon = () => (
  <Icon size={14}>
    <path d="m5 7.5 5 5 5-5" />
  </Icon>
)
export const LeftIcon = () => (
  <Icon>
    <path d="m12 5-5 5 5 5" />
  </Icon>
)
export const RightIcon = () => (
  <Icon>
    <path d="m8 5 5 5-5 5" />
  </Icon>
)
export const ZoomOutIcon = () => (
  <Icon>
    <circle cx="8.8" cy="8.8" r="5" />
    <path d="m12.6 12.6 4 4M6.6 8.8H11" />
  </Icon>
)
export const CloseIcon = () => (
  <Icon>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
)
export const ExportIcon = () => (
  <Icon>
    <path d="M10 3.5v9M6.5 9.2 10 12.7l3.5-3.5M3.8 16.4h12.4" />
  </Icon>
)
