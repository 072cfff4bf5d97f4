import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { fromSegment, toSegment } from './pages/device/device-segment.ts'
import { type DeviceSearch, readDeviceSearch } from './pages/device/range.ts'
import { type LetterSearch, readLetterSearch } from './pages/letters/letter-search.ts'
import { OverviewPage } from './pages/overview/overview-page.tsx'
import { type OverviewSearch, readOverviewSearch } from './pages/overview/overview-search.ts'
import { NotFound, PageFault } from './ui/not-found.tsx'
import { Shell } from './ui/shell.tsx'

const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: PageFault,
})

const overview = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  validateSearch: (search): OverviewSearch => readOverviewSearch(search),
  component: OverviewPage,
})

const device = createRoute({
  getParentRoute: () => rootRoute,
  path: '/devices/$device',
  params: {
    parse: ({ device }) => ({ device: fromSegment(device) }),
    stringify: ({ device }) => ({ device: toSegment(device) }),
  },
  validateSearch: (search): DeviceSearch => readDeviceSearch(search),
  component: lazyRouteComponent(() => import('./pages/device/device-page.tsx'), 'DevicePage'),
})

const letters = createRoute({
  getParentRoute: () => rootRoute,
  path: '/dead-letters',
  validateSearch: (search): LetterSearch => readLetterSearch(search),
  component: lazyRouteComponent(() => import('./pages/letters/letters-page.tsx'), 'LettersPage'),
})

const codes = createRoute({
  getParentRoute: () => rootRoute,
  path: '/codes',
  component: lazyRouteComponent(() => import('./pages/letters/codes-page.tsx'), 'CodesPage'),
})

export const router = createRouter({
  routeTree: rootRoute.addChildren([overview, device, letters, codes]),
  basepath: '/app',
  scrollRestoration: true,
  defaultPreload: 'intent',
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
