/* The wall: filters, links that can be shared, a player with keys, the live picture.
 *
 * The songs stand in the page as JSON (script#album). Cards are made when they
 * come into view, a screenful at a time; a filter only puts other cards there. What a
 * person typed is only ever set as textContent.
 *
 * The address after # holds the selection, the song and the moment:
 *   #style=doom&bpm=120-160&temp=0.99&mark=breakdown&q=mock&sort=shuffle&seed=7&song=mock-melancholy&t=72
 */
"use strict";
(() => {
  const $ = (selector) => document.querySelector(selector);
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const album = JSON.parse($("#album").textContent);
  // Cards per helping: a screenful. The next one follows while the first is looked at.
  const helpingSize = () => Math.max(8, Math.ceil(innerWidth / (innerWidth > 720 ? 300 : 200)) * (Math.ceil(innerHeight / 225) + 1));
  const OCTAVES = [0.25, 0.5, 1, 2, 4];

  // ---- songs -------------------------------------------------------------

  const file = (row, kind) => {
    if (row.x && row.x[kind]) return row.x[kind];
    return album.sets[row.f].includes(kind) ? album.kinds[kind].replace("{}", row.s) : null;
  };
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const songs = album.songs.map((row, index) => {
    const style = row.y === undefined ? null : album.styles[row.y];
    const marks = (row.m || []).map(([at, i]) => ({ at, text: album.marks[i] }));
    const tags = (row.g || []).map((i) => album.marks[i]);
    const heard = new Set([...tags, ...marks.map((m) => m.text)]);
    return {
      index, row, style, marks, tags, heard,
      slug: row.s, title: row.t, number: row.n, duration: row.d,
      bpm: row.b === undefined ? null : row.b,
      family: row.o || [],
      temp: row.k, tempLabel: row.k === null ? "unknown" : row.k.toFixed(2),
      words: fold([row.t, style || "", ...heard].join(" ")),
    };
  });
  const bySlug = new Map(songs.map((song) => [song.slug, song]));
  const clock = (seconds) => {
    const s = Math.max(0, Math.floor(seconds));
    const two = (n) => String(n).padStart(2, "0");
    return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
  };
  const hueOf = (slug) => {
    let h = 2166136261;
    for (const c of slug) h = Math.imul(h ^ c.codePointAt(0), 16777619);
    return (h >>> 0) % 360;
  };
  const facts = (song) => {
    const parts = [];
    if (song.bpm) {
      const other = song.row.p ? null : song.family.find((b) => Math.abs(Math.log2(b / song.bpm)) > 0.4);
      parts.push(`${Math.round(song.bpm)} bpm${other ? ` or ${Math.round(other)}` : ""}`); // nobody tapped: both are heard
    }
    else if (song.bpm === 0) parts.push("no pulse");
    if (song.style) parts.push(song.style);
    parts.push(clock(song.duration));
    return parts.join(" · ");
  };

  // ---- the selection -------------------------------------------------------

  const empty = () => ({ q: "", style: new Set(), mark: new Set(), temp: new Set(), lo: null, hi: null, octaves: true, pulseless: false, sort: "album", seed: 1 });
  let chosen = empty();
  let shown = songs;

  const inBand = (bpm) => (chosen.lo === null || bpm >= chosen.lo) && (chosen.hi === null || bpm <= chosen.hi);
  const tempoFits = (song) => {
    if (chosen.pulseless) return song.bpm === 0;
    if (chosen.lo === null && chosen.hi === null) return true;
    if (!song.bpm) return false;
    if (inBand(song.bpm)) return true;
    if (!chosen.octaves) return false;
    return song.family.length ? song.family.some(inBand) : OCTAVES.some((f) => f >= 0.5 && f <= 2 && inBand(song.bpm * f));
  };
  const fits = (song, words) =>
    (!chosen.style.size || chosen.style.has(song.style)) &&
    (!chosen.temp.size || chosen.temp.has(song.tempLabel)) &&
    (!chosen.mark.size || [...chosen.mark].some((m) => song.heard.has(m))) &&
    tempoFits(song) &&
    words.every((w) => song.words.includes(w));

  const random = (seed) => () => { // mulberry32: the same link shuffles the same way everywhere
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const sorts = {
    album: null,
    title: (a, b) => a.title.localeCompare(b.title),
    slow: (a, b) => (a.bpm || 1e9) - (b.bpm || 1e9),
    fast: (a, b) => (b.bpm || 0) - (a.bpm || 0),
    cold: (a, b) => a.temp - b.temp,
    hot: (a, b) => b.temp - a.temp,
    long: (a, b) => b.duration - a.duration,
  };
  const select = () => {
    const words = fold(chosen.q).split(/\s+/).filter(Boolean);
    shown = songs.filter((song) => fits(song, words));
    if (chosen.sort === "shuffle") {
      const rank = new Map();
      const roll = random(chosen.seed);
      for (const song of songs) rank.set(song, roll());
      shown.sort((a, b) => rank.get(a) - rank.get(b));
    } else if (sorts[chosen.sort]) shown.sort((a, b) => sorts[chosen.sort](a, b) || a.index - b.index);
  };

  // ---- cards ---------------------------------------------------------------

  const grid = $("#grid");
  const more = $("#more");
  const cards = new Map();
  let helping = 0;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const finger = matchMedia("(hover: none)");

  const card = (song) => {
    const known = cards.get(song.slug);
    if (known) return known;
    const li = make("li", "card");
    li.dataset.slug = song.slug;
    li.style.setProperty("--hue", hueOf(song.slug));
    const button = make("button", "poster");
    button.type = "button";
    button.setAttribute("aria-label", `Play ${song.title}`);
    const poster = file(song.row, "poster");
    if (poster) {
      const img = make("img");
      img.loading = "lazy";
      img.decoding = "async";
      img.width = 640;
      img.height = 360;
      img.alt = "";
      img.src = poster;
      button.append(img);
    } else li.classList.add("blank");
    const label = make("div", "label");
    const name = make("a", "name");
    name.href = `songs/${song.slug}.html`;
    name.append(make("bdi", "", song.title));
    label.append(name, make("p", "facts", facts(song)));
    if (song.marks.length || song.tags.length) {
      const mark = song.marks[0];
      const heard = make(mark ? "button" : "p", "heard");
      if (mark) {
        heard.type = "button";
        heard.dataset.t = mark.at;
        heard.append(make("span", "", clock(mark.at)), " ");
      }
      heard.append(make("bdi", "", mark ? mark.text : song.tags[0]));
      label.append(heard);
    }
    li.append(button, make("span", "number", String(song.number)), label);
    cards.set(song.slug, li);
    return li;
  };

  const serve = (fresh) => {
    if (fresh) helping = 0;
    const next = shown.slice(helping, helping + helpingSize()).map(card);
    if (fresh) grid.replaceChildren(...next);
    else grid.append(...next);
    helping += next.length;
    more.hidden = helping >= shown.length;
    paintPlaying();
  };
  more.addEventListener("click", () => {
    const first = helping;
    serve(false);
    const li = grid.children[first];
    if (li && document.activeElement === more) li.querySelector("button").focus();
  });
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((e) => e.isIntersecting) || more.hidden) return;
    serve(false);
    watcher.unobserve(more); // asked again: it may still be in view, and would stay silent
    watcher.observe(more);
  }, { rootMargin: "900px" });
  watcher.observe(more);

  const songOf = (element) => {
    const li = element.closest && element.closest(".card");
    return li ? bySlug.get(li.dataset.slug) : null;
  };
  grid.addEventListener("click", (event) => {
    const song = songOf(event.target);
    if (!song) return;
    const heard = event.target.closest(".heard");
    if (heard && heard.dataset.t !== undefined) play(song, Number(heard.dataset.t));
    else if (event.target.closest(".poster")) song === current ? toggle() : play(song, 0);
  });

  // A clip where the pointer or the focus is, nowhere else; none for those who asked for stillness.
  let clip = null;
  let clipTimer = 0;
  const dropClip = () => {
    clearTimeout(clipTimer);
    if (clip) { clip.removeAttribute("src"); clip.load(); clip.remove(); clip = null; }
  };
  const showClip = (song, li) => {
    dropClip();
    const source = file(song.row, "hover");
    if (!source || still.matches) return;
    clipTimer = setTimeout(() => {
      clip = make("video", "clip");
      clip.muted = clip.loop = clip.playsInline = true;
      clip.tabIndex = -1;
      clip.setAttribute("aria-hidden", "true");
      clip.src = source;
      li.querySelector(".poster").append(clip);
      clip.play().catch(() => {});
    }, 90);
  };
  grid.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const li = event.target.closest(".card");
    if (li && !li.contains(event.relatedTarget)) showClip(songOf(li), li);
  });
  grid.addEventListener("pointerout", (event) => {
    const li = event.target.closest(".card");
    if (li && !li.contains(event.relatedTarget)) dropClip();
  });
  grid.addEventListener("focusin", (event) => {
    if (event.target.matches(".poster:focus-visible")) showClip(songOf(event.target), event.target.closest(".card"));
  });
  grid.addEventListener("focusout", dropClip);

  // ---- the filter's face -----------------------------------------------------

  const count = (values) => {
    const n = new Map();
    for (const v of values) if (v !== null && v !== undefined) n.set(v, (n.get(v) || 0) + 1);
    return n;
  };
  const chips = (box, names, counts, set, atMost) => {
    const all = names.map((name) => {
      const chip = make("button", "chip");
      chip.type = "button";
      chip.setAttribute("aria-pressed", "false");
      chip.append(make("bdi", "", name), " ", make("small", "", String(counts.get(name))));
      chip.addEventListener("click", () => {
        const on = chosen[set];
        on.has(name) ? on.delete(name) : on.add(name);
        refresh();
      });
      chip.dataset.name = name;
      return chip;
    });
    box.append(...all.slice(0, atMost));
    if (all.length > atMost) {
      const rest = make("button", "chip rest", `and ${all.length - atMost} more`);
      rest.type = "button";
      rest.addEventListener("click", () => { rest.replaceWith(...all.slice(atMost)); all[atMost].focus(); });
      box.append(rest);
    }
    box.closest("fieldset").hidden = all.length === 0 || (set !== "mark" && all.length < 2);
    return all;
  };
  const faces = {
    style: chips($("#styles"), album.styles, count(songs.map((s) => s.style)), "style", 24),
    mark: chips($("#marks"), album.marks, count(songs.flatMap((s) => [...s.heard])), "mark", 24),
    temp: chips($("#temps"), [...new Set(songs.map((s) => s.tempLabel))].sort(), count(songs.map((s) => s.tempLabel)), "temp", 40),
  };

  // The tempo spectrum: how many songs have a pulse there, on a logarithmic axis, 12 bars an octave.
  const LOW = 30, HIGH = 480, BARS = 48;
  const barOf = (bpm) => Math.floor((Math.log2(bpm / LOW) / Math.log2(HIGH / LOW)) * BARS);
  const bpmOf = (bar) => LOW * Math.pow(HIGH / LOW, bar / BARS);
  const bars = [];
  {
    const box = $("#spectrum");
    const own = new Array(BARS).fill(0), too = new Array(BARS).fill(0);
    for (const song of songs) {
      if (!song.bpm) continue;
      const at = barOf(song.bpm);
      if (at >= 0 && at < BARS) own[at]++;
      for (const b of song.family.length ? song.family : [song.bpm / 2, song.bpm * 2]) {
        const i = barOf(b);
        if (i !== at && i >= 0 && i < BARS) too[i]++;
      }
    }
    const top = Math.max(1, ...own.map((n, i) => n + too[i]));
    own.forEach((n, i) => {
      const bar = make("i");
      bar.style.setProperty("--own", `${(100 * n) / top}%`);
      bar.style.setProperty("--too", `${(100 * (n + too[i])) / top}%`);
      bars.push(bar);
      box.append(bar);
    });
    for (const bpm of [40, 60, 90, 120, 180, 240, 360]) {
      const tick = make("b", "", String(bpm));
      tick.style.left = `${(100 * Math.log2(bpm / LOW)) / Math.log2(HIGH / LOW)}%`;
      box.append(tick);
    }
    $("#tempo-filter").hidden = !songs.some((s) => s.bpm !== null);
    let from = null;
    const at = (event) => {
      const r = box.getBoundingClientRect();
      return Math.max(0, Math.min(BARS - 1, Math.floor(((event.clientX - r.left) / r.width) * BARS)));
    };
    const drag = (event) => {
      if (from === null) return;
      const to = at(event);
      chosen.lo = Math.round(bpmOf(Math.min(from, to)));
      chosen.hi = Math.round(bpmOf(Math.max(from, to) + 1));
      chosen.pulseless = false;
      refresh();
    };
    box.addEventListener("pointerdown", (event) => {
      from = at(event);
      box.setPointerCapture(event.pointerId);
      drag(event);
    });
    box.addEventListener("pointermove", drag);
    box.addEventListener("pointerup", () => { from = null; });
    box.addEventListener("pointercancel", () => { from = null; });
    box.addEventListener("dblclick", () => { chosen.lo = chosen.hi = null; refresh(); });
  }

  const toggleFilters = (open) => {
    const panel = $("#filters");
    panel.hidden = open === undefined ? !panel.hidden : !open;
    $("#toggle").setAttribute("aria-expanded", String(!panel.hidden));
  };
  $("#toggle").addEventListener("click", () => toggleFilters());
  $("#q").addEventListener("input", (event) => { chosen.q = event.target.value; refresh(); });
  $("#sort").addEventListener("change", (event) => {
    chosen.sort = event.target.value;
    if (chosen.sort === "shuffle") chosen.seed = 1 + Math.floor(Math.random() * 99999);
    refresh();
  });
  const number = (input) => {
    const value = Number(input.value);
    return input.value === "" || !Number.isFinite(value) || value <= 0 ? null : value;
  };
  for (const id of ["lo", "hi"]) $(`#${id}`).addEventListener("input", (event) => { chosen[id] = number(event.target); chosen.pulseless = false; refresh(event.target); });
  $("#octaves").addEventListener("change", (event) => { chosen.octaves = event.target.checked; refresh(); });
  $("#pulseless").addEventListener("change", (event) => { chosen.pulseless = event.target.checked; refresh(); });
  $("#pulseless").closest("label").hidden = !songs.some((s) => s.bpm === 0);
  const clear = () => { const { sort, seed } = chosen; chosen = { ...empty(), sort, seed }; refresh(); };
  $("#clear").addEventListener("click", clear);
  $("#none-clear").addEventListener("click", clear);
  const shuffle = () => { chosen.sort = "shuffle"; chosen.seed = 1 + Math.floor(Math.random() * 99999); refresh(); };

  const paintFilters = (typing) => {
    for (const [set, all] of Object.entries(faces)) for (const chip of all) chip.setAttribute("aria-pressed", String(chosen[set].has(chip.dataset.name)));
    bars.forEach((bar, i) => {
      const middle = bpmOf(i + 0.5);
      bar.className = (chosen.lo !== null || chosen.hi !== null) && !chosen.pulseless ? (inBand(middle) ? "in" : chosen.octaves && (inBand(middle / 2) || inBand(middle * 2)) ? "near" : "out") : "";
    });
    for (const id of ["lo", "hi"]) if ($(`#${id}`) !== typing) $(`#${id}`).value = chosen[id] === null ? "" : chosen[id];
    if ($("#q").value !== chosen.q) $("#q").value = chosen.q;
    $("#octaves").checked = chosen.octaves;
    $("#pulseless").checked = chosen.pulseless;
    $("#sort").value = chosen.sort;
    const n = chosen.style.size + chosen.mark.size + chosen.temp.size + (chosen.lo !== null || chosen.hi !== null ? 1 : 0) + (chosen.pulseless ? 1 : 0);
    $("#active").textContent = n ? ` ${n}` : "";
    $("#found").textContent = shown.length === songs.length ? `${songs.length} ${songs.length === 1 ? "song" : "songs"}` : `${shown.length} of ${songs.length}`;
    $("#none").hidden = shown.length > 0;
  };
  const refresh = (typing) => {
    dropClip();
    select();
    serve(true);
    paintFilters(typing);
    writeAddress();
  };

  // ---- the address -----------------------------------------------------------

  let writing = 0;
  const address = (withMoment) => {
    const words = new URLSearchParams();
    if (chosen.q) words.set("q", chosen.q);
    for (const set of ["style", "mark", "temp"]) for (const name of chosen[set]) words.append(set, name);
    if (chosen.lo !== null || chosen.hi !== null) words.set("bpm", `${chosen.lo ?? ""}-${chosen.hi ?? ""}`);
    if (!chosen.octaves) words.set("octaves", "0");
    if (chosen.pulseless) words.set("pulse", "0");
    if (chosen.sort !== "album") words.set("sort", chosen.sort);
    if (chosen.sort === "shuffle") words.set("seed", chosen.seed);
    if (withMoment && current) {
      words.set("song", current.slug);
      if (audio.currentTime >= 1) words.set("t", String(Math.floor(audio.currentTime)));
    }
    return words.toString();
  };
  const writeAddress = () => {
    clearTimeout(writing);
    writing = setTimeout(() => { // browsers limit how often history may change
      const words = address(true);
      history.replaceState(null, "", words ? `#${words}` : location.pathname + location.search);
    }, 120);
  };
  const readAddress = () => {
    const words = new URLSearchParams(location.hash.slice(1));
    chosen = empty();
    chosen.q = words.get("q") || "";
    for (const set of ["style", "mark", "temp"]) chosen[set] = new Set(words.getAll(set));
    const band = /^(\d*\.?\d*)-(\d*\.?\d*)$/.exec(words.get("bpm") || "");
    if (band) { chosen.lo = Number(band[1]) || null; chosen.hi = Number(band[2]) || null; }
    chosen.octaves = words.get("octaves") !== "0";
    chosen.pulseless = words.get("pulse") === "0";
    const sort = words.get("sort");
    if (sort === "shuffle" || (sort && Object.hasOwn(sorts, sort))) chosen.sort = sort;
    chosen.seed = Number.parseInt(words.get("seed"), 10) || 1;
    select();
    serve(true);
    paintFilters();
    if (chosen.style.size + chosen.mark.size + chosen.temp.size || band || chosen.pulseless) toggleFilters(true);
    const song = bySlug.get(words.get("song"));
    if (song) cue(song, Number(words.get("t")) || 0);
  };
  addEventListener("hashchange", readAddress);

  const copy = async (text, said) => {
    try { await navigator.clipboard.writeText(text); say(said); } catch { prompt("Copy this link", text); }
  };
  const link = (words) => location.href.split("#")[0] + (words ? `#${words}` : "");
  $("#share").addEventListener("click", () => copy(link(address(false)), "Link copied"));
  $("#p-link").addEventListener("click", () => copy(link(address(true)), "Link to this moment copied"));
  $("#playlist").addEventListener("click", () => {
    const lines = ["#EXTM3U", `#PLAYLIST:${album.title}`];
    for (const song of shown) {
      const source = file(song.row, "opus") || file(song.row, "mp3") || file(song.row, "m4a") || file(song.row, "flac");
      if (source) lines.push(`#EXTINF:${Math.round(song.duration)},${album.artist} - ${song.title}`, new URL(source, location.href).href);
    }
    const url = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "audio/x-mpegurl" }));
    const a = make("a");
    a.href = url;
    a.download = "selection.m3u8";
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
  let toastTimer = 0;
  const say = (text) => {
    const toast = $("#toast");
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { toast.hidden = true; }, 2200);
  };

  // ---- the player --------------------------------------------------------------

  const audio = $("#audio");
  const seek = $("#p-seek");
  let current = null;
  let wanted = null; // seconds to start at, once the file's length is known
  let seeking = false;
  const MIME = { opus: "audio/ogg; codecs=opus", mp3: "audio/mpeg", m4a: "audio/mp4", flac: "audio/flac" };
  const source = (song) => Object.keys(MIME).map((kind) => [kind, file(song.row, kind)]).find(([kind, path]) => path && audio.canPlayType(MIME[kind]));

  const cue = (song, at) => {
    const found = source(song);
    current = song;
    wanted = at > 0 ? at : null;
    if (found) { audio.src = found[1]; audio.preload = "metadata"; }
    paintSong();
  };
  const play = (song, at) => {
    if (song !== current) cue(song, at);
    else moveTo(at);
    audio.play().catch(() => say("This browser cannot play that file"));
    writeAddress();
  };
  const toggle = () => {
    if (!current) { if (shown.length) play(shown[0], 0); }
    else if (audio.paused) audio.play().catch(() => {});
    else audio.pause();
  };
  const step = (by) => {
    if (!shown.length) return;
    const at = current ? shown.indexOf(current) : -1;
    play(shown[at < 0 ? 0 : (at + by + shown.length) % shown.length], 0);
  };
  const moveTo = async (at) => {
    if (!(audio.readyState >= 1)) { wanted = at; return; }
    const end = audio.seekable.length ? audio.seekable.end(audio.seekable.length - 1) : 0;
    if (at > end + 0.5 && location.protocol.startsWith("http") && !audio.src.startsWith("blob:")) {
      // A server that cannot send parts of files: fetch the song whole, then move.
      const song = current, playing = !audio.paused;
      const blob = await (await fetch(audio.src)).blob();
      if (song !== current) return;
      wanted = at;
      audio.src = URL.createObjectURL(blob);
      if (playing) audio.play().catch(() => {});
      return;
    }
    audio.currentTime = Math.max(0, Math.min(at, (audio.duration || current.duration) - 0.05));
    writeAddress();
  };
  audio.addEventListener("loadedmetadata", () => {
    if (wanted !== null) { const at = wanted; wanted = null; moveTo(at); }
    paintTime();
  });
  audio.addEventListener("ended", () => { if (shown.indexOf(current) !== shown.length - 1) step(1); else paintPlaying(); });
  for (const event of ["play", "pause", "error"]) audio.addEventListener(event, () => paintPlaying());
  audio.addEventListener("timeupdate", () => { if (!seeking) paintTime(); });
  audio.addEventListener("pause", writeAddress);
  seek.addEventListener("input", () => { seeking = true; $("#p-time").textContent = clock(seek.value); });
  seek.addEventListener("change", () => { seeking = false; moveTo(Number(seek.value)); });

  const markAt = (at) => {
    let found = null;
    for (const mark of current ? current.marks : []) if (mark.at <= at + 0.25) found = mark;
    return found;
  };
  const markButton = (mark) => {
    const li = make("li");
    const button = make("button", "markline");
    button.type = "button";
    button.append(make("span", "", clock(mark.at)), " ", make("bdi", "", mark.text));
    button.addEventListener("click", () => { moveTo(mark.at); if (audio.paused) audio.play().catch(() => {}); });
    li.append(button);
    return li;
  };
  const paintSong = () => {
    const song = current;
    document.body.classList.add("has-player");
    $("#player").hidden = false;
    $("#player").style.setProperty("--hue", hueOf(song.slug));
    const title = $("#p-title");
    title.replaceChildren(make("bdi", "", song.title));
    title.href = `songs/${song.slug}.html`;
    const poster = file(song.row, "poster");
    $("#p-img").hidden = !poster;
    if (poster) $("#p-img").src = poster;
    seek.max = song.duration;
    $("#p-length").textContent = clock(song.duration);
    $("#p-marks").replaceChildren(...song.marks.map((mark) => {
      const tick = make("i");
      tick.style.left = `${(100 * mark.at) / song.duration}%`;
      tick.title = mark.text;
      return tick;
    }));
    $("#s-title").replaceChildren(make("bdi", "", song.title));
    $("#s-facts").textContent = `${facts(song)} · temperature ${song.tempLabel}`;
    $("#s-marks").replaceChildren(...song.marks.map(markButton));
    document.title = `${song.title} — ${album.artist}`;
    if ("mediaSession" in navigator) {
      navigator.mediaSession.metadata = new MediaMetadata({ title: song.title, artist: album.artist, album: album.title, artwork: poster && location.protocol !== "file:" ? [{ src: new URL(poster, location.href).href }] : [] });
    }
    paintTime();
    paintPlaying();
    picture(song);
  };
  const paintTime = () => {
    if (!current) return;
    const at = wanted ?? audio.currentTime;
    seek.value = at;
    seek.style.setProperty("--done", `${(100 * at) / Math.max(0.1, current.duration)}%`);
    seek.setAttribute("aria-valuetext", `${clock(at)} of ${clock(current.duration)}`);
    $("#p-time").textContent = clock(at);
    const mark = markAt(at);
    if ($("#p-mark").textContent !== (mark ? mark.text : "")) $("#p-mark").textContent = mark ? mark.text : "";
  };
  const paintPlaying = () => {
    const playing = current && !audio.paused;
    document.body.classList.toggle("playing", Boolean(playing));
    $("#p-play").setAttribute("aria-label", playing ? "Pause" : "Play");
    for (const li of grid.querySelectorAll(".card.on")) li.classList.remove("on");
    if (current && cards.has(current.slug)) cards.get(current.slug).classList.add("on");
  };
  $("#p-play").addEventListener("click", toggle);
  $("#p-prev").addEventListener("click", () => (audio.currentTime > 4 ? moveTo(0) : step(-1)));
  $("#p-next").addEventListener("click", () => step(1));
  $("#play-all").addEventListener("click", () => { if (shown.length) play(shown[0], 0); });
  $("#shuffle-all").addEventListener("click", () => { shuffle(); if (shown.length) play(shown[0], 0); });
  if ("mediaSession" in navigator) {
    const on = (name, act) => { try { navigator.mediaSession.setActionHandler(name, act); } catch { /* not known here */ } };
    on("play", toggle);
    on("pause", toggle);
    on("previoustrack", () => step(-1));
    on("nexttrack", () => step(1));
    on("seekto", (d) => moveTo(d.seekTime));
  }

  // ---- the picture -------------------------------------------------------------

  const stage = $("#stage");
  const canvas = $("#s-canvas"), clipOf = $("#s-still"), imageOf = $("#s-img");
  let player = null; // of live.js
  let pictured = null;
  const dropPicture = () => {
    if (player) player.detach();
    player = pictured = null;
    clipOf.pause();
  };
  const instead = (song) => { // no levels: the clip, else the poster
    const clipPath = still.matches ? null : file(song.row, "hover");
    const poster = file(song.row, "poster");
    canvas.hidden = true;
    clipOf.hidden = !clipPath;
    imageOf.hidden = Boolean(clipPath) || !poster;
    if (clipPath) { clipOf.src = clipPath; clipOf.play().catch(() => {}); } else if (poster) imageOf.src = poster;
    imageOf.alt = `“${song.title}” drawn from its own sound.`;
    clipOf.setAttribute("aria-label", `The whole of “${song.title}” in five seconds, drawn from its own sound.`);
  };
  const fitCanvas = () => {
    const sharp = Math.min(devicePixelRatio || 1, 1.5);
    canvas.width = Math.max(320, Math.round(canvas.clientWidth * sharp));
    canvas.height = Math.max(180, Math.round(canvas.clientHeight * sharp));
    if (player) player.redraw();
  };
  addEventListener("resize", () => { if (stage.open && !canvas.hidden) fitCanvas(); });
  const picture = async (song) => {
    if (!stage.open || pictured === song) return;
    dropPicture();
    pictured = song;
    const live = file(song.row, "live");
    if (!live) { instead(song); return; }
    canvas.hidden = false;
    clipOf.hidden = imageOf.hidden = true;
    fitCanvas();
    try {
      const made = await window.neuralbumPicture(canvas, audio, song.slug, live, "");
      if (pictured === song && !player) player = made;
      else made.detach();
    } catch {
      if (pictured === song) instead(song);
    }
  };
  stage.addEventListener("close", dropPicture);
  const showPicture = () => {
    if (!current && shown.length) cue(shown[0], 0);
    if (!current) return;
    stage.showModal();
    picture(current);
  };
  $("#p-art").addEventListener("click", showPicture);
  $("#s-close").addEventListener("click", () => stage.close());
  stage.addEventListener("click", (event) => { if (event.target === stage) stage.close(); });

  // ---- keys -------------------------------------------------------------------------

  const help = $("#help");
  $("#help-open").addEventListener("click", () => help.showModal());
  $("#help-close").addEventListener("click", () => help.close());
  help.addEventListener("click", (event) => { if (event.target === help) help.close(); });
  const nextMark = () => {
    if (!current || !current.marks.length) return;
    const mark = current.marks.find((m) => m.at > audio.currentTime + 0.5) || current.marks[0];
    moveTo(mark.at);
  };
  const keys = {
    // None of these does something else on the page of `neuralbum curate`.
    " ": toggle, h: () => step(-1), j: () => step(1), ArrowLeft: () => step(-1), ArrowRight: () => step(1),
    "shift ArrowLeft": () => current && moveTo(Math.max(0, audio.currentTime - 5)),
    "shift ArrowRight": () => current && moveTo(audio.currentTime + 5),
    e: nextMark, s: shuffle, l: () => $("#q").focus(), f: () => toggleFilters(),
    i: () => (stage.open ? stage.close() : showPicture()),
    q: () => { audio.muted = !audio.muted; say(audio.muted ? "Muted" : "Sound on"); },
    "?": () => help.showModal(),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    const at = event.target;
    if (at.matches("input:not([type=checkbox]):not([type=range]), textarea, select")) {
      if (event.key === "Escape") at.blur();
      return;
    }
    if (event.key === " " && at.matches("button, a, summary, input")) return; // space presses what has the focus
    if (event.key.startsWith("Arrow") && at.matches("input")) return;
    const act = keys[(event.shiftKey && event.key.startsWith("Arrow") ? "shift " : "") + event.key] || keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });

  readAddress();
  if (finger.matches) document.body.classList.add("finger");
})();
