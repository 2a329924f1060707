/* Bring a song's levels and the script that draws them, both as scripts: a page opened from a file may not fetch. */
"use strict";
window.neuralbumPicture = (() => {
  const waiting = new Map();
  window.neuralbumLive = (slug, packed) => {
    const done = waiting.get(slug);
    waiting.delete(slug);
    if (done) done(packed);
  };
  const load = (source) => new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = () => { script.remove(); done(); };
    script.onerror = () => { script.remove(); fail(new Error(`${source} did not load`)); };
    document.head.append(script);
  });
  const unpack = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
  };
  /* -> a player of live.js, drawing on the canvas in time with the audio; it has detach(). */
  return async (canvas, audio, slug, path, base) => {
    if (!window.NeuralbumLive) await load(`${base}assets/live.js`);
    let packed = null;
    waiting.set(slug, (text) => { packed = text; });
    await load(base + path);
    if (packed === null) throw new Error(`${path} holds no picture of ${slug}`);
    return window.NeuralbumLive.attach(canvas, audio, await unpack(packed));
  };
})();
