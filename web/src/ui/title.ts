import { useEffect } from 'react'

/** The name of the page, in the window's title and the browser's history. */
export function useTitle(name: string): void {
  useEffect(() => {
    document.title = `${name} · Sluice`
  }, [name])
}
