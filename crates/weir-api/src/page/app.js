// The page: draws what the API's events say, and asks for what its buttons are for. Texts only ever become text nodes.
"use strict";

const WINDOW = 300; // seconds in a plot, and fewer when there are not as many yet
const SHORTEST = 60;
const LINES = 300; // lines of the log on the page
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

// ---- small things

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function draw(tag, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

// Leaves what has not changed alone, so that focus and selection stay.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function scaled(value, units) {
  let unit = 0;
  while (value >= 1000 && unit + 1 < units.length) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 100 ? value.toFixed(1) : Math.floor(value)} ${units[unit]}`;
}

const bitrate = (bits) => scaled(bits, ["b/s", "kb/s", "Mb/s", "Gb/s"]);
const size = (bytes) => scaled(bytes, ["B", "kB", "MB", "GB", "TB"]);
const millis = (seconds) => {
  const ms = seconds * 1000;
  if (Math.abs(ms) < 10) return `${(Math.round(ms * 10) / 10 || 0).toFixed(1)} ms`;
  return ms < 10000 ? `${Math.round(ms)} ms` : `${seconds.toFixed(1)} s`;
};
const percent = (cores) => `${(cores * 100).toFixed(cores < 0.1 ? 1 : 0)} %`;

function clock(seconds) {
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}

const MOODS = { live: "good", listening: "good", stalled: "bad", failed: "bad", waiting: "bad", ended: "", paused: "" };
const mood = (phase) => MOODS[phase] ?? "busy";

// ---- talking to weir

let token = sessionStorage.getItem("token");

async function ask(path, options = {}) {
  const headers = { ...(options.body ? { "Content-Type": "application/json" } : {}) };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers, cache: "no-store" });
  if (response.status !== 401) return response;
  await askToken();
  return ask(path, options);
}

let asking = null;

function askToken() {
  asking ??= new Promise((resolve) => {
    const dialog = byId("ask");
    dialog.addEventListener("close", () => {
      token = byId("token").value;
      sessionStorage.setItem("token", token);
      asking = null;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

async function act(button, path, body) {
  button.disabled = true;
  try {
    const response = await ask(path, { method: "POST", body: body && JSON.stringify(body) });
    const answer = await response.json();
    announce(response.ok ? `${button.textContent}: done` : answer.error);
    if (!response.ok) note({ level: "error", topic: "page", line: answer.error, at_seconds: now });
  } catch {
    announce("weir does not answer");
  }
  button.disabled = false;
}

function announce(text) {
  byId("said").textContent = text;
}

function sure(text) {
  return new Promise((resolve) => {
    const dialog = byId("sure");
    byId("sure-text").textContent = text;
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

// ---- the session

let now = 0;

function showSession(session) {
  now = session.uptime_seconds;
  say(byId("version"), session.version);
  const facts = {
    up: clock(session.uptime_seconds),
    CPU: percent(session.cpu_cores),
    memory: session.memory_bytes === null ? "?" : size(session.memory_bytes),
    media: size(session.media_bytes),
    connections: String(session.connections),
    drift: millis(session.clock_drift_seconds),
  };
  if (session.clock_slips > 0) facts.slips = String(session.clock_slips);
  if (session.failures > 0) facts.failed = String(session.failures);
  showFacts(byId("session"), facts);
}

function showFacts(list, facts) {
  const names = Object.keys(facts);
  if ([...list.children].map((row) => row.dataset.name).join() !== names.join()) {
    list.replaceChildren(...names.map((name) => {
      const row = make("div", {}, make("dt", {}, name), make("dd"));
      row.dataset.name = name;
      return row;
    }));
  }
  names.forEach((name, n) => say(list.children[n].lastChild, facts[name]));
}

// ---- outputs

const cards = new Map();

const PLOTS = [
  ["Bitrate", "bitrate", bitrate],
  ["Lag", "lag_seconds", millis],
  ["Left out", "drops", String],
  ["Round trip", "rtt_seconds", millis],
];

function makeCard(output) {
  const card = {
    box: make("li", { class: "card" }),
    phase: make("span", { class: "badge" }),
    url: make("p", { class: "url" }),
    words: make("p", { class: "words" }),
    error: make("p", { class: "error" }),
    facts: make("dl", { class: "facts" }),
    actions: make("div", { class: "actions" }),
    plots: new Map(),
    points: [],
    drops: null,
  };
  const plots = make("div", { class: "plots" });
  for (const [title, key] of PLOTS) {
    const value = make("b");
    const svg = draw("svg", { viewBox: `0 0 ${WINDOW} 40`, preserveAspectRatio: "none", role: "img" });
    const [area, line] = [draw("path", { class: "area" }), draw("path")];
    svg.append(area, line);
    const figure = make("figure", { class: "plot" }, make("figcaption", {}, title, value), svg);
    plots.append(figure);
    card.plots.set(key, { figure, value, svg, area, line });
  }
  const head = make("div", { class: "head" }, make("h3", {}, output.name), card.phase);
  card.box.append(head, card.url, card.words, card.error, plots, card.facts, card.actions);
  cards.set(output.id, card);
  ask(`/api/v1/outputs/${output.id}`).then((r) => r.json()).then((page) => {
    const first = card.points[0]?.at_seconds ?? Infinity;
    card.points.unshift(...page.history.filter((p) => p.at_seconds < first));
    drawPlots(card, card.output);
  }).catch(() => {});
  return card;
}

function showOutput(list, output) {
  const card = cards.get(output.id) ?? makeCard(output);
  card.output = output;
  if (card.box.parentNode !== list) list.append(card.box);
  card.box.className = `card ${mood(output.phase)}`;
  say(card.phase, output.phase);
  say(card.url, output.url);
  say(card.words, output.words[0].toUpperCase() + output.words.slice(1));
  const error = output.last_error;
  const isNew = error && (output.phase !== "live" || now - error.at_seconds < 60);
  say(card.error, isNew && !output.words.includes(error.text) ? `${clock(error.at_seconds)} ${error.text}` : "");
  remember(card, output);
  drawPlots(card, output);
  showFacts(card.facts, factsOf(output));
  showActions(card, output);
}

function factsOf(output) {
  const facts = { sent: size(output.bytes), "CPU": percent(output.cost.cpu_cores), memory: size(output.cost.memory_bytes) };
  if (output.attempts > 0) {
    facts.acknowledged = size(output.acked_bytes);
    facts.attempts = String(output.attempts);
    facts["sent again"] = String(output.retransmits);
    if (output.peer) facts.peer = output.peer;
  } else if (output.url.includes("://")) {
    facts.players = `${output.players} of ${output.players_total} ever`;
    facts.refused = String(output.refused);
  }
  if (output.queue_bytes > 0) facts.queue = size(output.queue_bytes);
  return facts;
}

function remember(card, output) {
  const last = card.points.at(-1);
  if (last && now - last.at_seconds < 0.9) return;
  const drops = card.drops === null ? 0 : output.drops.total - card.drops;
  card.drops = output.drops.total;
  const { bitrate, lag_seconds, rtt_seconds } = output;
  card.points.push({ at_seconds: now, bitrate, lag_seconds, rtt_seconds, drops });
  while (card.points[0].at_seconds < now - WINDOW) card.points.shift();
}

function drawPlots(card, output) {
  for (const [title, key, text] of PLOTS) plot(card, title, key, text, output);
}

function plot(card, title, key, text, output) {
  const { figure, value, svg, area, line } = card.plots.get(key);
  const points = card.points.filter((p) => p[key] !== null && p[key] !== undefined);
  figure.hidden = key === "rtt_seconds" && points.length === 0;
  const most = Math.max(...points.map((p) => p[key]), 0);
  const current = key === "drops" ? output.drops.total : output[key];
  say(value, current === null ? "" : text(current));
  svg.setAttribute("aria-label", `${title} over the last minutes: ${value.textContent} now, ${text(most)} at most`);
  const span = Math.min(WINDOW, Math.max(SHORTEST, now));
  const x = (p) => (WINDOW * (1 - (now - p.at_seconds) / span)).toFixed(1);
  const y = (p) => (38 - (most > 0 ? (p[key] / most) * 34 : 0)).toFixed(1);
  const path = points.map((p, n) => `${n ? "L" : "M"}${x(p)} ${y(p)}`).join("");
  line.setAttribute("d", path);
  area.setAttribute("d", path && `${path}L${x(points.at(-1))} 40L${x(points[0])} 40Z`);
}

function showActions(card, output) {
  const wanted = [];
  const over = output.phase === "ended" || output.phase === "failed";
  if (output.filter === "rtmpout" && output.attempts > 0 && !over) {
    if (output.phase === "waiting") wanted.push(["Try now", "retry"]);
    wanted.push(output.phase === "paused" ? ["Start", "start"] : ["Pause", "pause"]);
  }
  if (!over && card.box.parentNode === byId("outputs")) wanted.push(["Stop", "stop"]);
  const key = wanted.map(([, action]) => action).join();
  if (card.actions.dataset.key === key) return;
  card.actions.dataset.key = key;
  card.actions.replaceChildren(...wanted.map(([text, action]) => {
    const button = make("button", { type: "button", "aria-label": `${text} ${output.name}` }, text);
    if (action === "stop") button.className = "danger";
    button.addEventListener("click", async () => {
      const question = `End ${output.name} for good? It delivers what it has; the others go on.`;
      if (action === "stop" && !(await sure(question))) return;
      act(button, `/api/v1/outputs/${output.id}/${action}`);
    });
    return button;
  }));
}

// ---- filters

const rows = new Map();

function showFilters(filters) {
  for (const filter of filters) {
    const row = rows.get(filter.id) ?? makeRow(filter);
    row.className = filter.error ? "bad" : filter.ended ? "ended" : "";
    const cells = [
      bitrate(filter.bitrate_out), String(filter.packets_out), String(filter.queue_packets), String(filter.dropped),
      `${filter.process_seconds.toFixed(1)} s`, millis(filter.longest_seconds),
    ];
    cells.forEach((text, n) => say(row.children[n + 1], text));
  }
}

function makeRow(filter) {
  const row = make("tr", {}, make("th", { scope: "row" }, filter.name));
  for (let n = 0; n < 7; n += 1) row.append(make("td"));
  if (/^\w*enc\b/.test(filter.name)) encoderActions(row.lastChild, filter);
  byId("filters").append(row);
  rows.set(filter.id, row);
  return row;
}

function encoderActions(cell, filter) {
  const form = make("form");
  if (filter.name.startsWith("avc")) {
    const key = make("button", { type: "button", "aria-label": `Key frame from ${filter.name}` }, "Key frame");
    key.addEventListener("click", () => act(key, `/api/v1/filters/${filter.id}/keyframe`));
    const rate = make("input", { "aria-label": `Bit rate of ${filter.name}`, placeholder: "b, as 1M", required: "" });
    const set = make("button", {}, "Set");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act(set, `/api/v1/filters/${filter.id}/set`, { b: rate.value.trim() });
    });
    form.append(key, rate, set);
  }
  cell.append(form);
}

// ---- the graph

const BOX = { w: 164, h: 60, gapX: 92, gapY: 20, margin: 22 };
let graph = { nodes: [], edges: [] };
let marks = new Map();
let wires = [];

// The column of each filter: to the right of all that feed it.
function layers({ nodes, edges }) {
  const layer = new Map(nodes.map((n) => [n.id, 0]));
  for (let pass = 0, moved = true; moved && pass < nodes.length; pass += 1) {
    moved = false;
    for (const e of edges) {
      if (layer.get(e.to) <= layer.get(e.from)) {
        layer.set(e.to, layer.get(e.from) + 1);
        moved = true;
      }
    }
  }
  return layer;
}

// Where everything goes. A link that passes columns by has a place of its own in each, so that it crosses no box.
function places({ nodes, edges }) {
  const layer = layers({ nodes, edges });
  const columns = [];
  const put = (x, key, isBox, from) => (columns[x] ??= []).push({ key, isBox, from });
  for (const n of nodes) put(layer.get(n.id), n.id, true, edges.filter((e) => e.to === n.id).map((e) => e.from));
  const routes = new Map();
  for (const { from, to } of edges) {
    const route = [from];
    for (let x = layer.get(from) + 1; x < layer.get(to); x += 1) {
      const key = `${from}-${to}-${x}`;
      if (!columns[x].some((p) => p.key === key)) put(x, key, false, [route.at(-1)]);
      route.push(key);
    }
    routes.set(`${from}-${to}`, [...route, to]);
  }
  const heightOf = (column) => column.reduce((sum, p) => sum + (p.isBox ? BOX.h : 14) + BOX.gapY, -BOX.gapY);
  const most = Math.max(...columns.map(heightOf));
  const at = new Map();
  columns.forEach((column, x) => {
    const middle = (from) => at.get(from).y + at.get(from).h / 2;
    const wish = (p) => (p.from.length ? p.from.reduce((sum, from) => sum + (at.has(from) ? middle(from) : 0), 0) / p.from.length : 0);
    const sorted = column.map((p, n) => ({ ...p, n, wish: wish(p) })).sort((a, b) => a.wish - b.wish || a.n - b.n);
    let y = BOX.margin + (most - heightOf(column)) / 2;
    for (const p of sorted) {
      const h = p.isBox ? BOX.h : 14;
      at.set(p.key, { x: BOX.margin + x * (BOX.w + BOX.gapX), y, h });
      y += h + BOX.gapY;
    }
  });
  return { at, routes, width: columns.length * (BOX.w + BOX.gapX) - BOX.gapX + 2 * BOX.margin, height: most + 2 * BOX.margin };
}

// From the right side of the first place through all to the left side of the last.
function curve(points) {
  const middle = (p) => p.y + p.h / 2;
  let d = `M${points[0].x + BOX.w} ${middle(points[0])}`;
  points.slice(1).forEach((p, n) => {
    const before = points[n];
    const half = before.x + BOX.w + BOX.gapX / 2;
    d += `C${half} ${middle(before)} ${half} ${middle(p)} ${p.x} ${middle(p)}`;
    if (n + 2 < points.length) d += `H${p.x + BOX.w}`;
  });
  return d;
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function drawGraph() {
  marks = new Map();
  wires = [];
  if (!graph.nodes.length) return byId("graph").replaceChildren();
  const { at, routes, width, height } = places(graph);
  const names = graph.nodes.map((n) => n.name).join(", ");
  const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Filters: ${names}` });
  const labels = [];
  const pairs = new Map();
  for (const e of graph.edges) {
    const key = `${e.from}-${e.to}`;
    const points = routes.get(key).map((k) => at.get(k));
    const again = pairs.get(key) ?? 0;
    pairs.set(key, again + 1);
    if (again === 0) {
      const path = draw("path", { d: curve(points) });
      wires.push({ path, from: e.from });
      svg.append(path);
    }
    const [a, b] = points;
    const spot = { x: a.x + BOX.w + BOX.gapX / 2, y: (a.y + a.h / 2 + b.y + b.h / 2) / 2 + 4 + again * 13 };
    labels.push(draw("text", { class: "label", "text-anchor": "middle", ...spot }, e.codec === "-" ? e.type.toLowerCase() : e.codec));
  }
  svg.append(...labels);
  for (const n of graph.nodes) {
    const { x, y } = at.get(n.id);
    const group = draw("g", { transform: `translate(${x} ${y})` });
    const middle = { x: BOX.w / 2, "text-anchor": "middle" };
    const rate = draw("text", { ...middle, y: 50, class: "rate" });
    group.append(draw("title", {}, `${n.name} ${n.args.join(" ")}`), draw("rect", { width: BOX.w, height: BOX.h, rx: 9 }),
      draw("text", { ...middle, y: 19, class: "name" }, short(n.name, 19)),
      draw("text", { ...middle, y: 35, class: "small" }, short(n.args.join(" ") || (n.inserted ? "inserted" : n.filter), 23)), rate);
    marks.set(n.id, { group, rate, inserted: n.inserted });
    svg.append(group);
  }
  byId("graph").replaceChildren(svg);
}

function markGraph(status) {
  const outputs = new Map([...status.outputs, ...status.inputs].map((o) => [o.id, o]));
  const rates = new Map();
  for (const filter of status.filters) {
    const mark = marks.get(filter.id);
    const output = outputs.get(filter.id);
    rates.set(filter.id, filter.bitrate_out);
    if (!mark) continue;
    const state = filter.error ? "bad" : output ? mood(output.phase) : "";
    const classes = [state, filter.ended && !filter.error ? "ended" : "", mark.inserted ? "inserted" : ""];
    mark.group.setAttribute("class", classes.filter(Boolean).join(" "));
    const rate = output ? output.bitrate : filter.bitrate_out;
    const queue = filter.queue_packets > 8 ? ` · ${filter.queue_packets} wait` : "";
    say(mark.rate, (rate > 0 ? bitrate(rate) : output ? output.phase : "") + queue);
  }
  for (const { path, from } of wires) path.setAttribute("class", rates.get(from) > 0 ? "moving" : "");
}

// ---- the log

function note(line) {
  const list = byId("log");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const level = line.level === "info" || line.level === "debug" ? "" : `${line.level}: `;
  const item = make("li", { class: line.level }, make("time", {}, clock(line.at_seconds)), `${level}${line.topic}: ${line.line}`);
  list.append(item);
  while (list.children.length > LINES) list.firstChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// ---- events

const HEAR = {
  graph(data) {
    graph = data;
    drawGraph();
  },
  status(data) {
    showSession(data.session);
    byId("no-outputs").hidden = data.outputs.length > 0;
    byId("inputs-section").hidden = data.inputs.length === 0;
    data.outputs.forEach((o) => showOutput(byId("outputs"), o));
    data.inputs.forEach((o) => showOutput(byId("inputs"), o));
    showFilters(data.filters);
    markGraph(data);
    const trouble = data.outputs.filter((o) => mood(o.phase) === "bad").length;
    document.title = trouble ? `(${trouble}) weir` : "weir";
  },
  phase(data) {
    announce(`${data.name}: ${data.words}`);
  },
  log: note,
  end() {
    linked("the session is over", "");
    document.body.classList.add("lost");
  },
};

function linked(text, state) {
  const badge = byId("link");
  say(badge, text);
  badge.className = `badge ${state}`;
  document.body.classList.toggle("lost", state !== "good");
}

// A new session begins from nothing.
function forget() {
  cards.clear();
  rows.clear();
  for (const id of ["outputs", "inputs", "filters", "log"]) byId(id).replaceChildren();
}

async function listen() {
  const response = await ask("/api/v1/events");
  if (!response.ok) throw new Error(`status ${response.status}`);
  forget();
  linked("on air", "good");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n");
      const field = (name) => lines.find((l) => l.startsWith(`${name}: `))?.slice(name.length + 2);
      const [name, data] = [field("event"), field("data")];
      if (name && data) HEAR[name]?.(JSON.parse(data));
    }
  }
}

async function run() {
  for (;;) {
    try {
      await listen();
    } catch {
      linked("weir does not answer", "bad");
    }
    if (byId("link").textContent === "on air") linked("weir does not answer", "bad");
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

run();
