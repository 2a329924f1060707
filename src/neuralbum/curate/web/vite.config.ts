import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

/** The page's own chunks are fetched and compiled while the first, tiny one asks the server for the takes. */
const preloadAll: Plugin = {
  name: 'preload-all',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle }) =>
      Object.values(bundle ?? {})
        .filter((part) => part.type === 'chunk' && part.isDynamicEntry)
        .map((part) => ({ tag: 'link', attrs: { rel: 'modulepreload', crossorigin: true, href: `/${part.fileName}` }, injectTo: 'head' as const })),
  },
};

// Everything lands in ../static: no source maps, no CDN, nothing inlined (the page's policy forbids inline).
export default defineConfig({
  plugins: [svelte(), preloadAll],
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
