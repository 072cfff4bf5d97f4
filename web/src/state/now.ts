import { useEffect, useState } from 'react'
import { now } from '../clock.ts'

/** The time in ms, drawn anew every `everyMs`. */
export function useNow(everyMs = 1000): number {
  const [time, setTime] = useState(now)
  useEffect(() => {
    const timer = setInterval(() => setTime(now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return time
}
