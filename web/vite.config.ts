import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type ProxyOptions } from 'vite'

/** The Sluice that the development server asks: `SLUICE_URL=http://127.0.0.1:18080 npm run dev -w web`. */
const target = process.env['SLUICE_URL'] ?? 'http://127.0.0.1:8080'

/** Sluice answers only to its own name and to pages of its own origin, so the proxy speaks as one. */
const proxy: ProxyOptions = { target, changeOrigin: true, headers: { origin: target } }

export default defineConfig({
  root: import.meta.dirname,
  base: '/app/',
  plugins: [react(), tailwindcss()],
  build: {
    target: 'es2023',
    // Everything small stays a file of its own: a content security policy may forbid `data:`.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': proxy,
      '/status': proxy,
      '/health': proxy,
      '/ws': { ...proxy, ws: true },
    },
  },
})
