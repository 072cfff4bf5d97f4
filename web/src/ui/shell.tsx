import { Outlet } from '@tanstack/react-router'
import { Header } from './header.tsx'

/** What every page stands in. */
export function Shell() {
  return (
    <>
      <a href="#content" className="skip-link">
        Skip to the content
      </a>
      <Header />
      <main id="content" tabIndex={-1} className="pb-16 outline-none">
        <Outlet />
      </main>
    </>
  )
}
