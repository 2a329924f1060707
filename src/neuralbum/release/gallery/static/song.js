/* A song's page: links to moments, keys, media keys. The page works without it. */
"use strict";
(() => {
  const about = JSON.parse(document.getElementById("song").textContent);
  const audio = document.getElementById("audio");
  if (!audio) return;
  let wanted = null;
  const moveTo = (at, start) => {
    if (audio.readyState < 1) { wanted = at; audio.load(); } else audio.currentTime = Math.max(0, at);
    if (start) audio.play().catch(() => {});
  };
  audio.addEventListener("loadedmetadata", () => {
    if (wanted !== null) { audio.currentTime = wanted; wanted = null; }
  });
  const fromAddress = () => {
    const at = Number(new URLSearchParams(location.hash.slice(1)).get("t"));
    if (at > 0) moveTo(at, false);
  };
  for (const link of document.querySelectorAll("[data-t]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      history.replaceState(null, "", link.getAttribute("href"));
      moveTo(Number(link.dataset.t), true);
    });
  }
  const canvas = document.getElementById("live");
  if (canvas) {
    const show = () => {
      window.neuralbumPicture(canvas, audio, about.slug, about.live, "../").then(() => canvas.classList.add("on"), () => {});
    };
    audio.addEventListener("play", show, { once: true }); // a song's levels weigh as much as its sound: not before it plays
  }
  const video = document.getElementById("video");
  if (video) { // one of the two sounds at a time
    video.addEventListener("play", () => audio.pause());
    audio.addEventListener("play", () => video.pause());
  }
  audio.addEventListener("timeupdate", () => {
    let on = null;
    for (const link of document.querySelectorAll("[data-t]")) {
      link.classList.remove("on");
      if (Number(link.dataset.t) <= audio.currentTime + 0.25) on = link;
    }
    if (on && !audio.paused) on.classList.add("on");
  });
  if ("mediaSession" in navigator) navigator.mediaSession.metadata = new MediaMetadata({ title: about.title, artist: about.artist });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("audio, video, input, button, a") && event.key === " ") return;
    const go = (rel) => { const a = document.querySelector(`a[rel=${rel}]`); if (a) location.href = a.href; };
    const act = {
      " ": () => (audio.paused ? audio.play().catch(() => {}) : audio.pause()),
      ArrowLeft: () => moveTo(audio.currentTime - 5, false),
      ArrowRight: () => moveTo(audio.currentTime + 5, false),
      j: () => go("next"),
      k: () => go("prev"),
    }[event.key];
    if (!act || (event.key.startsWith("Arrow") && event.target === audio)) return;
    event.preventDefault();
    act();
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();
})();
