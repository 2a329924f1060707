import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Everything lands in ../static: no source maps, no CDN, nothing inlined (the page's policy forbids inline).
export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: '../static',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8427', '/media': 'http://127.0.0.1:8427', '/atlas': 'http://127.0.0.1:8427' } },
});
