// The listening page: plays each new checkpoint's clips by itself, newest first, and says what a person says of them.
const $ = (id) => document.getElementById(id);
const audio = $("audio");
const LOOK_EVERY_MS = 1500;
const AGAIN_MS = 1000;
const WORDS = { keep: "kept", better: "better than the one before", worse: "worse than the one before" };

let state = { clips: [], checkpoints: [], runs: [], keys: [] };
let current = null; // the clip that plays, or played last
let before = null; // the clip that played before it
const played = new Set(); // clips that need not play by themselves any more
const said = []; // what was said here, to be taken back
let looked = false;
let wanted = false; // a person has pressed play, or the browser lets sound begin by itself
let test = null;

async function ask(path, body) {
  const more = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, more);
  const words = await answer.json();
  if (!answer.ok) throw new Error(words.error ?? `error ${answer.status}`);
  return words;
}

// A number for the event that the server has not heard: the same one is sent again when the network fails.
const newId = () => `listen-${Date.now().toString(36)}-${crypto.getRandomValues(new Uint32Array(2)).join("")}`;

async function send(path, body) {
  for (;;) {
    try {
      return await ask(path, body);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the server said no; TypeError: it was not reached
      $("status").textContent = "the server is not there; what you said is sent when it is back";
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
}

// ---- what plays ------------------------------------------------------------

function nextClip() {
  return state.clips.find((clip) => !played.has(clip.id));
}

async function play(clip) {
  if (current && current.id !== clip.id) before = current;
  current = clip;
  played.add(clip.id);
  audio.src = `/clips/${clip.id}.opus`;
  show();
  try {
    await audio.play();
    wanted = true;
  } catch (error) {
    if (error.name === "NotAllowedError") $("about").textContent = "Press Play: this browser wants to be asked before there is sound.";
  }
}

function playByItself() {
  const busy = !audio.paused && !audio.ended;
  const waiting = current && !wanted; // nobody has pressed play yet
  const inTest = test && test.ready;
  const clip = nextClip();
  if (clip && !busy && !waiting && !inTest) play(clip);
}

function toggle() {
  if (!current) return;
  if (audio.paused) audio.play().then(() => { wanted = true; });
  else audio.pause();
}

function advance() {
  const clip = nextClip();
  if (clip) return play(clip);
  const at = state.clips.findIndex((one) => one.id === current?.id);
  if (state.clips.length) play(state.clips[(at + 1) % state.clips.length]);
}

// ---- what is said ----------------------------------------------------------

async function say(value) {
  if (!current || (value !== "keep" && !before)) return;
  const body = { client_id: newId(), clip: current.id, value, than: before?.id };
  const clip = current;
  said.push({ id: body.client_id, clip: clip.id, was: clip.said });
  clip.said = value;
  show();
  try {
    await send("/api/say", body);
  } catch (error) {
    $("status").textContent = error.message;
  }
  look();
}

async function undo() {
  const last = said.pop();
  if (!last) return;
  const clip = state.clips.find((one) => one.id === last.clip);
  if (clip) clip.said = last.was;
  show();
  try {
    await send("/api/say", { client_id: newId(), undoes: last.id });
  } catch (error) {
    $("status").textContent = error.message;
  }
  look();
}

// ---- what is shown ---------------------------------------------------------

const line = (clip) => `${clip.label}, step ${clip.step}, clip ${clip.number + 1}`;
const detail = (clip) => `${clip.seconds.toFixed(1)} s${clip.bits == null ? "" : ` · ${clip.bits.toFixed(0)} bits a second on the valid songs`}`;

function show() {
  if (current) {
    current = state.clips.find((clip) => clip.id === current.id) ?? current;
    $("title").textContent = line(current);
    $("about").textContent = detail(current);
    $("picture").hidden = false;
    const picture = `/clips/${current.id}.webp`;
    if (!$("picture").src.endsWith(picture)) $("picture").src = picture;
    $("than").textContent = before ? `Better and worse compare with ${line(before)}.` : "Better and worse compare with the clip that played before; this is the first.";
  }
  for (const button of document.querySelectorAll("[data-say]")) {
    button.disabled = !current || (button.dataset.say !== "keep" && !before);
    button.setAttribute("aria-pressed", String(current?.said === button.dataset.say));
  }
  $("play").disabled = $("next").disabled = !state.clips.length;
  $("undo").disabled = !said.length;
  showClips();
}

function showClips() {
  const list = $("clips");
  const names = state.clips.map((clip) => clip.id);
  if (list.dataset.names !== names.join()) {
    list.dataset.names = names.join();
    list.replaceChildren(...state.clips.map(cardOf));
  }
  for (const [i, clip] of state.clips.entries()) {
    const button = list.children[i].firstChild;
    button.setAttribute("aria-current", String(clip.id === current?.id));
    button.lastChild.textContent = [detail(clip), WORDS[clip.said]].filter(Boolean).join(" · ");
  }
}

function cardOf(clip) {
  const button = document.createElement("button");
  const picture = document.createElement("img");
  const name = document.createElement("span");
  const about = document.createElement("span");
  button.dataset.clip = clip.id;
  picture.src = `/clips/${clip.id}.webp`;
  picture.alt = "";
  picture.loading = "lazy";
  name.textContent = line(clip);
  about.className = "dim";
  button.append(picture, name, about);
  button.addEventListener("click", () => play(state.clips.find((one) => one.id === clip.id) ?? clip));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function showStatus() {
  const training = state.runs.filter((run) => run.state === "running").map((run) => `${run.label} is trained: step ${run.steps_done}`);
  const words = [...training, state.making && `making ${state.making}`, state.error].filter(Boolean);
  $("status").textContent = words.join(" · ") || "nothing is trained now";
}

function showChoices() {
  for (const [i, id] of ["a", "b"].entries()) {
    const select = $(id);
    if (select.dataset.names === state.checkpoints.join()) continue;
    const chosen = select.value;
    select.dataset.names = state.checkpoints.join();
    select.replaceChildren(...state.checkpoints.map((name) => new Option(name)));
    select.value = state.checkpoints.includes(chosen) ? chosen : state.checkpoints[Math.min(i, state.checkpoints.length - 1)] ?? "";
  }
}

function showKeys() {
  if ($("keys").children.length) return;
  for (const [key, words] of state.keys) {
    const term = document.createElement("dt");
    const kbd = document.createElement("kbd");
    kbd.textContent = { ArrowLeft: "←", ArrowRight: "→" }[key] ?? (key.length === 1 ? key.toUpperCase() : key);
    term.append(kbd);
    const meaning = document.createElement("dd");
    meaning.textContent = words;
    $("keys").append(term, meaning);
  }
}

// ---- blind comparisons -----------------------------------------------------

function showTest(found) {
  const changed = found.sounds?.join() !== test?.sounds?.join();
  test = found;
  $("trial").hidden = !found.ready;
  if (found.result) {
    const { a, b, chose_a, chose_b, sentence } = found.result;
    $("trial-status").textContent = `${a}: chosen ${chose_a} times, ${b}: ${chose_b} times; ${sentence}.`;
  } else if (found.ready) {
    $("trial-status").textContent = `Trial ${found.answered + 1} of ${found.n}. Hear both as often as you like; there is no draw.`;
    if (changed) {
      audio.pause();
      [$("first").src, $("second").src] = found.sounds;
    }
  } else if (found.test_id) {
    $("trial-status").textContent = "The clips of this comparison are being made; nobody has heard them before.";
  }
}

async function begin(event) {
  event.preventDefault();
  try {
    showTest(await ask("/api/blind", { a: $("a").value, b: $("b").value, n: Number($("n").value) }));
  } catch (error) {
    $("trial-status").textContent = error.message;
  }
}

async function choose(side) {
  if (!test?.ready) return;
  const { test_id, number } = test;
  test.ready = false;
  try {
    showTest(await send("/api/blind/answer", { test_id, number, chosen: side }));
  } catch (error) {
    $("trial-status").textContent = error.message;
    showTest(await ask("/api/blind"));
  }
}

function playSide(side) {
  if (!test?.ready) return;
  audio.pause();
  for (const one of ["first", "second"]) if (one !== side) $(one).pause();
  $(side).currentTime = 0;
  $(side).play();
}

// ---- keys and news -----------------------------------------------------------

const ACTIONS = {
  k: () => say("keep"), b: () => say("better"), w: () => say("worse"), z: undo, n: advance, " ": toggle,
  1: () => playSide("first"), 2: () => playSide("second"), ArrowLeft: () => choose("first"), ArrowRight: () => choose("second"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.closest("input, select")) return;
  const action = ACTIONS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || (event.key === " " && event.target.closest("button, audio"))) return;
  event.preventDefault();
  action();
});
for (const button of document.querySelectorAll("[data-say]")) button.addEventListener("click", () => say(button.dataset.say));
for (const button of document.querySelectorAll("[data-play]")) button.addEventListener("click", () => playSide(button.dataset.play));
for (const button of document.querySelectorAll("[data-choose]")) button.addEventListener("click", () => choose(button.dataset.choose));
$("play").addEventListener("click", toggle);
$("next").addEventListener("click", advance);
$("undo").addEventListener("click", undo);
$("begin").addEventListener("submit", begin);
audio.addEventListener("ended", playByItself);

async function look() {
  try {
    state = await ask("/api/state");
    if (!looked) {
      // What was there before the page was opened need not play by itself, but for the newest checkpoint's clips.
      const newest = state.clips[0];
      for (const clip of state.clips) if (clip.run !== newest.run || clip.step !== newest.step) played.add(clip.id);
      looked = true;
      showTest(await ask("/api/blind"));
    }
    showStatus();
    showChoices();
    showKeys();
    show();
    if (test?.test_id && !test.ready && !test.result) showTest(await ask("/api/blind"));
    playByItself();
  } catch (error) {
    $("status").textContent = error instanceof TypeError ? "the server is not there" : error.message;
  }
}

look();
setInterval(look, LOOK_EVERY_MS);
