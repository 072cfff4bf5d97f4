import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type ProxyOptions } from 'vite'

/** The Sluice that the development server asks: `DEV_SLUICE_URL=http://127.0.0.1:18080 npm run dev -w web`. */
const target = process.env['DEV_SLUICE_URL'] ?? 'http://127.0.0.1:8080'

/**
 * Host and Origin go through as they came: Sluice takes a loopback name and a page of that origin, which is what this server's own pages
 * bring, and refuses foreign ones. (A bare string here would stand for `changeOrigin`.)
 */
const proxy: ProxyOptions = { target }

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
    cors: false,
    proxy: {
      '/api': proxy,
      '/status': proxy,
      '/health': proxy,
      '/ws': { ...proxy, ws: true },
    },
  },
})
