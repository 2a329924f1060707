// The radio's page: plays the stream, draws what is heard, shows what plays, lets the operator turn the knob.
'use strict';

const $ = (id) => document.getElementById(id);
const audio = $('audio');
const STREAM = '/stream.m3u8';
const BEHIND_S = 8; // how late a player without a program clock is taken to be

// ---- sound ---------------------------------------------------------------------------

let hls = null;
let context = null;
let analyser = null;

function connect() {
  if (window.Hls && Hls.isSupported()) {
    hls = new Hls({
      enableWorker: false, // a worker would be a blob: script, which the policy forbids
      enableID3MetadataCues: false, enableDateRangeMetadataCues: false, enableEmsgMetadataCues: false, // nor the data: track that holds cues
      liveSyncDurationCount: 3, liveMaxLatencyDurationCount: 10, backBufferLength: 10,
    });
    hls.on(Hls.Events.ERROR, (_, error) => {
      if (!error.fatal) return;
      say($('state'), 'waiting for the stream …');
      setTimeout(() => (error.type === Hls.ErrorTypes.MEDIA_ERROR ? hls.recoverMediaError() : reconnect()), 1500);
    });
    hls.attachMedia(audio);
    hls.loadSource(STREAM);
  } else if (audio.canPlayType('application/vnd.apple.mpegurl')) {
    audio.src = STREAM;
  } else {
    say($('state'), 'this browser plays no HLS, and hls.js was not built');
    return false;
  }
  return true;
}

function disconnect() {
  if (hls) hls.destroy();
  hls = null;
  audio.removeAttribute('src');
}

function reconnect() {
  if ($('play').getAttribute('aria-pressed') !== 'true') return;
  disconnect();
  if (connect()) audio.play().catch(() => {});
}

function listen() {
  if (context) return context.resume();
  context = new AudioContext();
  analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0.75 });
  context.createMediaElementSource(audio).connect(analyser).connect(context.destination);
  return context.resume();
}

async function play() {
  const on = $('play').getAttribute('aria-pressed') !== 'true';
  $('play').setAttribute('aria-pressed', String(on));
  say($('play'), on ? 'Stop' : 'Play');
  if (!on) {
    audio.pause();
    disconnect();
    say($('state'), 'not playing');
    return;
  }
  say($('state'), 'connecting …');
  await listen();
  if (connect()) audio.play().catch(() => {});
}

audio.addEventListener('playing', () => say($('state'), 'playing'));
audio.addEventListener('waiting', () => say($('state'), 'waiting for the stream …'));
$('play').addEventListener('click', play);
$('volume').addEventListener('input', () => (audio.volume = Number($('volume').value)));

// ---- picture: the last seconds' spectrum scrolls by, the wave in front of it -----------------

const LOWEST_HZ = 40;
const HIGHEST_HZ = 16000;
const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
let drawn = 0;

function draw(now) {
  requestAnimationFrame(draw);
  if (!analyser || audio.paused || (still && now - drawn < 500)) return;
  drawn = now;
  const canvas = $('picture');
  const paint = canvas.getContext('2d');
  const { width, height } = canvas;
  const levels = new Uint8Array(analyser.frequencyBinCount);
  const wave = new Float32Array(1024);
  analyser.getByteFrequencyData(levels);
  analyser.getFloatTimeDomainData(wave);
  const bars = 96;
  const ratio = HIGHEST_HZ / LOWEST_HZ;
  paint.fillStyle = 'rgba(6, 7, 10, 0.25)';
  paint.fillRect(0, 0, width, height);
  const binOf = (x) => (LOWEST_HZ * ratio ** x * analyser.fftSize) / context.sampleRate;
  for (let i = 0; i < bars; i += 1) {
    const from = Math.floor(binOf(i / bars));
    const to = Math.max(from + 1, Math.floor(binOf((i + 1) / bars)));
    let level = 0;
    for (let bin = from; bin < to; bin += 1) level = Math.max(level, levels[bin] || 0);
    const tall = (level / 255) ** 1.5 * height * 0.95;
    paint.fillStyle = `hsl(${20 + (i / bars) * 250} 80% ${30 + (level / 255) * 40}%)`;
    paint.fillRect((i / bars) * width, height - tall, width / bars - 2, tall);
  }
  paint.beginPath();
  paint.strokeStyle = 'rgba(255, 255, 255, 0.85)';
  paint.lineWidth = 2;
  wave.forEach((value, i) => paint.lineTo((i / wave.length) * width, height * (0.35 - 0.3 * value)));
  paint.stroke();
}

// ---- what plays --------------------------------------------------------------------------

let told = null;
let offset = 0; // the server's clock minus ours, seconds

const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** The moment of the stream that is heard, in the server's Unix seconds. */
function heardAt() {
  const date = hls && hls.playingDate;
  return date ? date.getTime() / 1000 : Date.now() / 1000 + offset - BEHIND_S;
}

function show() {
  if (!told) return;
  const at = audio.paused ? told.now : heardAt();
  const begun = told.played.filter((one) => one.at <= at);
  const one = begun[begun.length - 1] || told.played[0];
  if (!one) {
    say($('title'), 'The first takes are being made');
    return;
  }
  say($('title'), one.title);
  const facts = [one.like && `begins like ${one.like}`, one.temperature != null && `temperature ${one.temperature.toFixed(2)}`, one.model];
  say($('about'), facts.filter(Boolean).join(' · '));
  say($('source'), one.source === 'live' ? 'live: made just now' : 'from the archive');
  $('source').className = `badge ${one.source}`;
  const compared = one.source === 'live' && one.p != null ? 'compared with the band’s music before air' : '';
  say($('checked'), told.checked ? compared : 'unchecked: not compared with the band’s music');
  $('checked').className = told.checked ? 'badge' : 'badge warning';
  $('progress').value = Math.min(1, Math.max(0, (at - one.at) / one.seconds));
}

async function ask(address, body) {
  const more = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(address, more);
  return answer.json();
}

async function news() {
  try {
    told = await ask('/api/now');
    offset = told.now - Date.now() / 1000;
    say($('name'), `${told.name}: radio`);
    $('operator').hidden = !told.operator;
    say($('marked'), told.marked ? 'The sound carries a mark that says so.' : '');
    if (document.activeElement !== $('temperature')) showTemperature(told.temperature);
    list($('log'), told.log.map((row) => {
      const { at, event, ...rest } = row;
      return `${new Date(at).toLocaleTimeString()} ${event} ${Object.values(rest).filter((v) => v !== '').join(' · ')}`;
    }).reverse());
    showHealth(await ask('/health'));
  } catch {
    say($('said'), 'the server does not answer');
  }
}

function showTemperature(value) {
  $('temperature').value = value;
  say($('warmth'), Number(value).toFixed(2));
}

function list(element, lines) {
  if (element.dataset.shown === lines.join('\n')) return;
  element.dataset.shown = lines.join('\n');
  element.replaceChildren(...lines.map((line) => Object.assign(document.createElement('li'), { textContent: line })));
}

function showHealth(found) {
  const rows = [
    ['sound', found.ok ? 'leaves' : found.why, !found.ok],
    ['made ahead', `${Math.round(found.queue_s)} s`, found.queue_s < 1],
    ['live', found.live_share == null ? '–' : `${Math.round(found.live_share * 100)} %`, false],
    ['longest silence', `${found.longest_silence_s.toFixed(1)} s`, found.longest_silence_s >= 3],
    ['drift of the clock', found.drift_s == null ? '–' : `${Math.round(found.drift_s * 1000)} ms`, false],
    ['restarts', String(Object.values(found.processes).reduce((sum, one) => sum + one.deaths, 0)), false],
    ['not played', `${found.refused} too like the band’s`, false],
  ];
  $('health').replaceChildren(...rows.map(([name, value, bad]) => {
    const row = document.createElement('div');
    row.className = bad ? 'bad' : '';
    const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
    dt.textContent = name;
    dd.textContent = value;
    row.append(dt, dd);
    return row;
  }));
}

$('temperature').addEventListener('input', () => say($('warmth'), Number($('temperature').value).toFixed(2)));
$('temperature').addEventListener('change', async () => {
  const answer = await ask('/api/temperature', { value: Number($('temperature').value) });
  say($('said'), answer.error || 'takes of this temperature come as soon as they are made');
});
$('next').addEventListener('click', async () => {
  const answer = await ask('/api/next', {});
  say($('said'), answer.error || (answer.next ? 'the next one is heard in a few seconds' : 'nothing is ready yet'));
});
$('keep').addEventListener('click', async () => {
  const answer = await ask('/api/keep', {});
  const n = (answer.kept || []).length;
  say($('said'), answer.error || (n ? `kept ${n === 1 ? 'a take' : `${n} takes`}, tagged “radio”: see neuralbum curate` : 'what plays comes from the archive: it is kept already'));
});

requestAnimationFrame(draw);
setInterval(show, 500);
setInterval(news, 3000);
news();
window.radio = { audio, level: () => {
  if (!analyser) return 0;
  const wave = new Float32Array(2048);
  analyser.getFloatTimeDomainData(wave);
  return Math.max(...wave.map(Math.abs));
} };
