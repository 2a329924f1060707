/* A song's page: links to moments, keys, media keys. The page works without it. */
"use strict";
(() => {
  const $ = (selector) => document.querySelector(selector);
  const about = JSON.parse($("#song").textContent);
  const audio = $("#audio");
  if (!audio) return;
  const clock = (seconds) => {
    const s = Math.max(0, Math.floor(seconds));
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  };
  const links = [...document.querySelectorAll("[data-t]")];
  let wanted = null; // seconds to start at, once the file's length is known
  const moveTo = (at, start) => {
    if (audio.readyState < 1) { wanted = at; audio.load(); } else audio.currentTime = Math.max(0, at);
    if (start) audio.play().catch(() => {});
    paint();
  };
  const toggle = () => (audio.paused ? audio.play().catch(() => {}) : audio.pause());
  audio.addEventListener("loadedmetadata", () => {
    if (wanted !== null) { audio.currentTime = wanted; wanted = null; }
  });

  // The gallery's player in place of the browser's own, which stays for those without scripts.
  const seek = $("#p-seek");
  let seeking = false;
  audio.controls = false;
  $("#player").hidden = false;
  const paint = () => {
    const at = wanted ?? audio.currentTime;
    if (!seeking) {
      seek.value = at;
      $("#p-time").textContent = clock(at);
    }
    seek.style.setProperty("--done", `${(100 * Number(seek.value)) / Math.max(0.1, about.duration)}%`);
    seek.setAttribute("aria-valuetext", `${clock(seek.value)} of ${clock(about.duration)}`);
    document.body.classList.toggle("playing", !audio.paused);
    $("#p-play").setAttribute("aria-label", audio.paused ? "Play" : "Pause");
    const on = audio.paused ? null : links.findLast((link) => Number(link.dataset.t) <= at + 0.25);
    for (const link of links) link.classList.toggle("on", link === on);
  };
  for (const event of ["play", "pause", "timeupdate", "seeked", "loadedmetadata"]) audio.addEventListener(event, paint);
  $("#p-play").addEventListener("click", toggle);
  seek.addEventListener("input", () => { seeking = true; $("#p-time").textContent = clock(seek.value); });
  seek.addEventListener("change", () => { seeking = false; moveTo(Number(seek.value), false); });
  $("#p-link").addEventListener("click", async (event) => {
    const link = `${location.href.split("#")[0]}#t=${Math.floor(audio.currentTime)}`;
    try { await navigator.clipboard.writeText(link); event.target.textContent = "copied"; } catch { prompt("Copy this link", link); }
    setTimeout(() => { event.target.textContent = "link"; }, 2200);
  });

  const fromAddress = () => {
    const at = Number(new URLSearchParams(location.hash.slice(1)).get("t"));
    if (at > 0) moveTo(at, false);
  };
  for (const link of links) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      history.replaceState(null, "", link.getAttribute("href"));
      moveTo(Number(link.dataset.t), true);
    });
  }
  const canvas = $("#live");
  if (canvas) {
    const show = () => {
      window.neuralbumPicture(canvas, audio, about.slug, about.live, "../").then(() => canvas.classList.add("on"), () => {});
    };
    audio.addEventListener("play", show, { once: true }); // a song's levels weigh as much as its sound: not before it plays
  }
  const video = $("#video");
  if (video) { // one of the two sounds at a time
    video.addEventListener("play", () => audio.pause());
    audio.addEventListener("play", () => video.pause());
  }
  if ("mediaSession" in navigator) navigator.mediaSession.metadata = new MediaMetadata({ title: about.title, artist: about.artist });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("audio, video, input, button, a, summary") && event.key === " ") return;
    const go = (rel) => { const a = $(`a[rel=${rel}]`); if (a) location.href = a.href; };
    const act = {
      " ": toggle,
      q: () => { audio.muted = !audio.muted; },
      e: () => { const link = links.find((l) => Number(l.dataset.t) > audio.currentTime + 0.5) || links[0]; if (link) moveTo(Number(link.dataset.t), false); },
      "shift ArrowLeft": () => moveTo(audio.currentTime - 5, false),
      "shift ArrowRight": () => moveTo(audio.currentTime + 5, false),
      ArrowLeft: () => go("prev"),
      ArrowRight: () => go("next"),
      h: () => go("prev"),
      j: () => go("next"),
    }[(event.shiftKey && event.key.startsWith("Arrow") ? "shift " : "") + event.key];
    if (!act || (event.key.startsWith("Arrow") && event.target.matches("input"))) return;
    event.preventDefault();
    act();
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();
})();
