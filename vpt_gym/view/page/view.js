// The page of `vpt-gym view`: the open episode, the values of the current tick, the keyboard. Plain JavaScript, no library.

import { element } from "./element.js";
import { EpisodeList } from "./list.js";
import { degrees, percent, rounded } from "./numbers.js";
import { Timeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const video = $("video");
const list = new EpisodeList({ filters: $("filters"), columns: $("columns"), rows: $("episodes") }, open);
const timeline = new Timeline($("timeline"), (tick) => { video.pause(); seek(tick); });

const state = {
  note: "", agent: null, episode: null, returns: null, prediction: null, comparing: false, tick: 0, sought: false, speed: 1, undo: null,
  opened: 0, // number of opened episodes: a response for an earlier one is ignored
};

async function call(path, options) {
  const answer = await fetch(path, options).catch(() => {
    throw new Error("vpt-gym view does not answer. If it has ended, start it again and open the address that it prints.");
  });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

// An id as a part of an address, as Python's urllib.parse.quote writes it. A byte of a file's name that is not UTF-8
// arrives as a character from U+DC80 to U+DCFF.
function encoded(id) {
  const hex = (code) => `%${code.toString(16).toUpperCase()}`;
  return Array.from(id, (character) => {
    const code = character.codePointAt(0);
    if (code >= 0xdc80 && code <= 0xdcff) return hex(code - 0xdc00);
    return "!'()*".includes(character) ? hex(code) : encodeURIComponent(character);
  }).join("");
}
const address = ({ id, rejected }, what = "") => `api/${rejected ? "rejected" : "episodes"}/${encoded(id)}${what}`;

function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => $("toast").classList.remove("shown"), 5000);
}

// ---- the list

async function load() {
  const answer = await call("api/episodes");
  state.note = answer.note;
  state.agent = answer.agent;
  $("directory").textContent = answer.directory;
  $("agent-name").textContent = `agent: ${answer.agent}`;
  $("agent-name").hidden = $("compare").hidden = answer.agent === null;
  list.show(answer.episodes);
}

// ---- one episode

async function open(row) {
  const opened = ++state.opened;
  video.pause();
  Object.assign(state, { episode: null, prediction: null, tick: 0 });
  history.replaceState(null, "", `#${encoded(row.id)}`);
  list.choose(row);
  showComparison();
  try {
    const episode = await call(address(row));
    if (opened !== state.opened) return;
    state.episode = episode;
    state.returns = sums(episode.rewards);
    timeline.show(episode);
    showProblem("");
    showProblem("", "video-problem");
    video.style.aspectRatio = episode.frame_size.toReversed().join(" / "); // else the page moves when the video arrives
    video.src = address(row, "/video");
    showEpisode();
    seek(0);
    if (state.comparing) compare();
  } catch (error) {
    if (opened === state.opened) { $("episode").hidden = true; showProblem(error.message); }
  }
}

function openNeighbour(step) {
  const row = list.neighbour(step);
  if (row && row !== list.chosen) open(row);
}

function showProblem(text, place = "problem") {
  $(place).textContent = text;
  $(place).hidden = !text;
}
video.onerror = () => {
  if (!state.episode) return;
  const cause = video.canPlayType('video/mp4; codecs="avc1.640028"') ?
    "The video cannot be read: it is damaged, or was moved or removed meanwhile (vpt-gym demos check DIR)." :
    "This browser cannot play the video (H.264). Chrome, Edge, Safari and Firefox can.";
  showProblem(`${cause} The timeline works without it.`, "video-problem");
};

function showEpisode() {
  const { episode } = state, { metadata } = episode, row = list.chosen;
  $("episode").hidden = false;
  $("title").textContent = episode.id;
  const success = episode.success === null ? "success unknown" : episode.success ? "success" : "failure";
  const known = (name, value) => (value == null ? null : `${name} ${value}`);
  const facts = [metadata.task, success, known("return", rounded(metadata.return)), known("ended:", metadata.ended),
    known("seed", metadata.seed),
    known("recorder", metadata.recorder_version), episode.frame_size.toReversed().join("×")];
  $("facts").textContent = facts.filter((fact) => fact !== null && fact !== undefined).join(" · ");
  $("ticks").textContent = episode.ticks;
  $("mark").textContent = row.rejected ? "Restore" : "Reject";
  $("mark").classList.toggle("restore", row.rejected);
  $("episode").classList.toggle("without-executed", episode.executed === null);
  video.playbackRate = state.speed;
  showLegend();
  showTick();
}

function showLegend() {
  const entries = [["--label", "label"]];
  if (state.episode.executed) entries.push(["--executed", "executed action, where it differs"]);
  if (state.prediction) {
    entries.push(["--agent", "agent's most probable action; NLL where it disagrees"], ["--dim", "NLL where it agrees"],
      ["--faint", "NLL of null ticks"]);
  }
  $("legend").replaceChildren(...entries.flatMap(([colour, text]) => {
    const patch = element("i");
    patch.style.background = `var(${colour})`;
    return [patch, text];
  }));
}

function held(drawn, tick) {
  return Object.keys(drawn.buttons).filter((name) => drawn.buttons[name].some(([a, b]) => a <= tick && tick < b));
}

function sums(values) {
  let sum = 0;
  return values.map((value) => (sum += value));
}

function showTick() {
  const { episode, prediction, tick } = state;
  if (!episode) return;
  $("tick").textContent = tick;
  $("time").textContent = `${(tick / episode.fps).toFixed(2)} s`;
  const label = held(episode.label, tick).join(" ");
  for (const [who, drawn] of [["label", episode.label], ["executed", episode.executed], ["agent", prediction?.probable]]) {
    if (!drawn) continue;
    const keys = held(drawn, tick).join(" ");
    $(`${who}-keys`).textContent = keys || "none";
    $(`${who}-keys`).classList.toggle("differs", keys !== label);
    for (const axis of ["pitch", "yaw"]) {
      $(`${who}-${axis}`).textContent = degrees(drawn[axis][tick]);
    }
  }
  if (prediction) {
    $("label-nll").textContent = prediction.nll[tick].toFixed(2);
    $("label-probability").textContent = percent(Math.exp(-prediction.nll[tick]));
    $("agent-probability").textContent = percent(prediction.probability[tick]);
  }
  $("reward").textContent = `reward ${rounded(episode.rewards[tick])} · return so far ${rounded(state.returns[tick])}`;
  timeline.move(tick);
}

// ---- time

function seek(tick) {
  if (!state.episode) return;
  const { ticks, fps, frame_times: times } = state.episode;
  state.tick = Math.min(Math.max(Math.round(tick), 0), ticks - 1);
  state.sought = true;
  const start = times[state.tick], end = times[state.tick + 1] ?? start + 1 / fps;
  video.currentTime = (start + end) / 2;  // the middle of the frame, so that rounding does not matter
  showTick();
}

// The tick whose frame the video shows at a time in seconds.
function tickAt(time) {
  const times = state.episode.frame_times;
  let tick = 0, after = times.length;
  while (after - tick > 1) {
    const middle = (tick + after) >> 1;
    if (times[middle] <= time) tick = middle;
    else after = middle;
  }
  return tick;
}

function step(ticks) {
  video.pause();
  seek(state.tick + ticks);
}

function toggle() {
  if (!state.episode) return;
  if (!video.paused) return video.pause();
  if (state.tick >= state.episode.ticks - 1) seek(0);
  video.play().catch((error) => { if (error.name !== "AbortError") toast(`cannot play: ${error.message}`); });
}

function follow(now, frame) {
  // frame.mediaTime is when the displayed frame begins, rounded; currentTime is only close to it. The last frame that
  // was played may be displayed after a pause. A frame that was sought may be displayed after the next seek.
  if (!video.paused) state.sought = false;
  if (state.episode && !video.seeking && (!video.paused || (frame && !state.sought))) {
    state.tick = tickAt(frame ? frame.mediaTime + 0.0005 : video.currentTime);
    showTick();
  }
  awaitFrame();
}
function awaitFrame() {
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(follow);
  else requestAnimationFrame((now) => follow(now, null));
}
awaitFrame();
video.onplay = video.onpause = () => { $("play").textContent = video.paused ? "Play" : "Pause"; };

function speed(factor) {
  state.speed = video.playbackRate = Math.min(Math.max(video.playbackRate * factor, 0.125), 8);
  toast(`speed ${video.playbackRate}×`);
}

// ---- marking

async function mark(row, rejected) {
  if (!row) return;
  try {
    const headers = { "Content-Type": "application/json" };
    await call(address(row, rejected ? "/reject" : "/restore"), { method: "POST", headers });
  } catch (error) {
    return toast(error.message);
  }
  const next = list.neighbour(list.shown.at(-1) === row ? -1 : 1), current = list.chosen === row;
  state.undo = { id: row.id, rejected: !rejected };
  await load();
  toast(rejected ? `${row.id} moved to rejected/ · press u to undo` : `${row.id} moved back`);
  const kept = list.chosen && list.shows(list.chosen);
  const other = current && !kept && next !== row ? list.find(next) : null;
  if (other) open(other);
  else if (list.chosen && state.episode) showEpisode();
}

const toggleMark = () => mark(list.chosen, !list.chosen?.rejected);

async function undo() {
  if (!state.undo) return;
  const { id, rejected } = state.undo;
  await mark(list.find({ id, rejected: !rejected }), rejected);
  const row = list.find({ id, rejected });
  if (row) open(row);
  else toast(`${id} is no longer in this directory`);
}

// ---- the agent

// The ticks to learn from; in the others the label is null.
const ticksToLearn = () => state.episode.null.flatMap((isNull, t) => (isNull ? [] : [t]));

async function compare() {
  const opened = state.opened, row = list.chosen;
  try {
    for (;;) {
      const answer = await call(address(row, "/predictions"));
      if (opened !== state.opened || !state.comparing) return;
      if (answer.nll) { state.prediction = answer; break; }
      $("compare").textContent = `${answer.done} of ${answer.ticks} ticks`;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    const { nll, agrees } = state.prediction, ticks = ticksToLearn();
    const mean = ticks.reduce((sum, t) => sum + nll[t], 0) / ticks.length;
    const share = ticks.filter((t) => agrees[t]).length / ticks.length;
    $("agreement").textContent = !ticks.length ? "all ticks of this episode are null" : `agrees at ${percent(share)} of ticks; mean NLL ${mean.toFixed(3)} nats`;
  } catch (error) {
    if (opened !== state.opened) return;
    toast(error.message);
    state.comparing = false;
  }
  showComparison();
}

function showComparison() {
  $("compare").textContent = "Compare";
  $("compare").setAttribute("aria-pressed", state.comparing);
  $("episode").classList.toggle("without-agent", !state.prediction);
  if (!state.episode) return;
  timeline.compare(state.prediction);
  showLegend();
  showTick();
}

function toggleComparison() {
  if (state.agent === null) return toast("There is no agent to compare with: vpt-gym view DIR --agent AGENT.");
  if (!state.episode || !list.chosen) return;
  state.comparing = !state.comparing;
  state.prediction = null;
  showComparison();
  if (state.comparing) compare();
}

function jumpToHighNll(direction) {
  // the starts of the runs of the 10 % of ticks, of those to learn from, that the agent finds least probable
  if (!state.prediction) return toast("Compare with an agent first (a).");
  const { nll } = state.prediction, ticks = ticksToLearn();
  const limit = ticks.map((t) => nll[t]).sort((a, b) => b - a)[Math.floor(ticks.length / 10)];
  const above = (t) => nll[t] > limit && !state.episode.null[t];
  const starts = ticks.filter((t) => above(t) && !above(t - 1));
  const next = direction > 0 ? starts.find((t) => t > state.tick) : starts.findLast((t) => t < state.tick);
  if (next !== undefined) step(next - state.tick);
}

// ---- the keyboard

const KEYS = {
  " ": toggle,
  ArrowLeft: (event) => step(event.shiftKey ? -20 : -1),
  ArrowRight: (event) => step(event.shiftKey ? 20 : 1),
  Home: () => step(-Infinity),
  End: () => step(Infinity),
  ArrowUp: () => openNeighbour(-1),
  ArrowDown: () => openNeighbour(1),
  x: toggleMark,
  u: undo,
  a: toggleComparison,
  d: (event) => jumpToHighNll(event.shiftKey ? -1 : 1),
  "+": () => timeline.zoom(0.5), "=": () => timeline.zoom(0.5),
  "-": () => timeline.zoom(2),
  0: () => timeline.zoom(Infinity),
  "[": () => speed(0.5),
  "]": () => speed(2),
};
const SHORTCUTS = [
  ["Space", "play, pause"], ["← →", "one tick"], ["Shift ← →", "one second"], ["Home End", "first, last tick"], ["↑ ↓", "episode"],
  ["x", "reject, restore"], ["u", "undo that"], ["a", "compare with agent"], ["d D", "next, previous tick with high NLL"],
  ["+ - 0", "zoom (or wheel)"], ["[ ]", "speed"], ["click, drag", "seek"],
];
$("shortcuts").replaceChildren(...SHORTCUTS.map(([key, what]) => {
  const entry = element("span");
  entry.append(element("kbd", key), what);
  return entry;
}));

const ONCE = [" ", "x", "u", "a"]; // keys that act once while they are held: "x" would reject one episode after another

document.addEventListener("keydown", (event) => {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key; // the same with Caps Lock
  const combined = event.metaKey || ((event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph"));
  const pressesButton = key === " " && event.target.closest?.("button");
  if (!(key in KEYS) || combined || pressesButton) return;
  event.preventDefault();
  if (!(event.repeat && ONCE.includes(key))) KEYS[key](event);
});
$("play").onclick = toggle;
$("mark").onclick = toggleMark;
$("compare").onclick = toggleComparison;
// after a click with the mouse, Space plays the video again
document.addEventListener("click", (event) => { if (event.detail) event.target.closest("button")?.blur(); });

// Opens the first episode; in an empty directory, once one has been recorded.
async function begin() {
  await load();
  const wanted = location.hash.slice(1);
  const initial = list.rows.find((row) => encoded(row.id) === wanted) ?? list.shown[0];
  if (initial) return open(initial);
  showProblem(state.note || "All demos of this directory are rejected; they are under “Rejected”.");
  if (state.note) setTimeout(tryToBegin, 2000);
}
const tryToBegin = () => begin().catch((error) => showProblem(error.message));

showComparison();
await tryToBegin();
