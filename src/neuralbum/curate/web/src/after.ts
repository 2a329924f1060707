/**
 * Work that may wait until what a key did is on the screen.
 *
 * A decision must show and sound in the next frame; fetching what comes next,
 * sending and filing what was said can wait the few milliseconds until then.
 */

const LONGEST_WAIT_MS = 1000; // a page that is hidden meanwhile draws no frame

/** Call `work` once the next frame is painted. */
export function afterPaint(work: () => void): void {
  if (document.visibilityState === 'hidden') return void setTimeout(work);
  let done = false;
  const once = (): void => {
    if (done) return;
    done = true;
    work();
  };
  setTimeout(once, LONGEST_WAIT_MS);
  requestAnimationFrame(() => {
    const channel = new MessageChannel(); // its message comes after this frame's paint
    channel.port1.onmessage = once;
    channel.port2.postMessage(0);
  });
}

export const painted = (): Promise<void> => new Promise(afterPaint);
