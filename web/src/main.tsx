import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiFault, isPassing } from './api/request.ts'
import { router } from './router.tsx'
import { live } from './state/live.ts'
import './styles.css'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // The server is near, or it is not there: `navigator.onLine` says nothing about it.
      networkMode: 'always',
      // A refusal stays one; a server that is busy, or whose store is opening, or that is away, may answer soon.
      retry: (failures, error) => isPassing(error) && failures < (error instanceof ApiFault ? 5 : 2),
      retryDelay: (failures) => 700 + 500 * failures,
      refetchOnWindowFocus: false,
    },
  },
})

// What failed, or changed, while the server was away is read again when it is back.
let wasLive = true
live.watch(() => {
  const isLive = live.state.kind === 'live'
  if (isLive && !wasLive) queries.invalidateQueries().catch(console.error)
  if (isLive || live.state.kind === 'waiting') wasLive = isLive
})
live.open()
// A machine that wakes up, or a network that comes back, need not wait for the timer.
addEventListener('online', () => live.retry())
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) live.retry()
})

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no root')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
