// Before the first paint, so that a chosen theme never flashes. The app changes it later (src/state/theme.ts).
try {
  const theme = localStorage.getItem('sluice.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage may be forbidden; the system's theme holds.
}
