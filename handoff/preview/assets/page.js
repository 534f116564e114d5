"use strict";
const page = document.documentElement;
const find = (selector) => document.querySelector(selector);
const main = find("main"), notices = find(".notices"), tip = find("#page-tip");
const counter = find("button.blanks"), help = find("dialog");
const { session, view, token } = page.dataset;

// --- blanks -------------------------------------------------------------------------------

let at = -1;

function countBlanks() {
  const count = main.querySelectorAll("mark").length;
  counter.hidden = count === 0;
  counter.textContent = `${count} ${count === 1 ? "blank" : "blanks"} · next`;
}

function goToBlank(step) {
  const blanks = main.querySelectorAll("mark");
  if (blanks.length === 0) return;
  main.querySelector("mark.at")?.classList.remove("at");
  at = (at + step + blanks.length) % blanks.length;
  blanks[at].closest("details:not([open])")?.setAttribute("open", "");
  blanks[at].classList.add("at");
  blanks[at].scrollIntoView({ block: "center" });
}

// --- copying ------------------------------------------------------------------------------

async function copy(button, text, element) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(element);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = label; }, 2000);
}

function copyPrompt(button) {
  const code = button?.parentElement.querySelector("code");
  if (code) copy(button, code.textContent, code);
}

// --- updates ------------------------------------------------------------------------------

let blocks = null;

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.children];
}

/** The block at the top of the window, and where it is. */
function anchor() {
  const edge = find("header").getBoundingClientRect().bottom;
  const shown = [...main.children].find((each) => each.getBoundingClientRect().bottom > edge);
  if (!shown || scrollY === 0) return null;
  // inside a long list or table, the item
  const inner = [...shown.querySelectorAll("li, tr, p")];
  const part = inner.find((each) => each.getBoundingClientRect().bottom > edge) ?? shown;
  let heading = shown;
  while (heading && !/^H[1-6]$/.test(heading.tagName)) heading = heading.previousElementSibling;
  return { part, text: part.textContent, tag: part.tagName, id: heading?.id, heading,
    top: part.getBoundingClientRect().top, headingTop: heading?.getBoundingClientRect().top };
}

function restore(kept) {
  if (!kept) return;
  let now = main.contains(kept.part) ? kept.part : null;
  const same = (each) => each.textContent === kept.text;
  now ??= [...main.querySelectorAll(kept.tag)].find(same);
  let top = kept.top;
  if (!now && kept.id) {
    now = main.querySelector(`#${CSS.escape(kept.id)}`);
    top = kept.headingTop;
  }
  if (now) scrollBy({ top: now.getBoundingClientRect().top - top, behavior: "instant" });
}

/** Replace the blocks between those that are the same at the start and at the end. */
function replaceBlocks(html) {
  const fresh = parse(html), sources = fresh.map((each) => each.outerHTML);
  const old = blocks, elements = [...main.children];
  let start = 0, end = 0;
  const shorter = Math.min(old.length, sources.length);
  while (start < shorter && old[start] === sources[start]) start += 1;
  const last = (list, n) => list[list.length - 1 - n];
  while (end < shorter - start && last(old, end) === last(sources, end)) end += 1;
  blocks = sources;
  const changed = fresh.slice(start, fresh.length - end);
  const next = elements[elements.length - end] ?? null;
  elements.slice(start, elements.length - end).forEach((each) => each.remove());
  changed.forEach((each) => main.insertBefore(each, next));
  changed.forEach(drawDiagrams);
}

function show(parts) {
  document.title = parts.title;
  find(".bar").innerHTML = parts.bar;
  if (find(".problems").innerHTML !== parts.problems) find(".problems").innerHTML = parts.problems;
  const kept = anchor(), before = main.querySelectorAll("mark").length;
  replaceBlocks(parts.body);
  restore(kept);
  // blanks filled in further up no longer count
  at = Math.max(-1, at - Math.max(0, before - main.querySelectorAll("mark").length));
  countBlanks();
  hideTip();
  parts.saved.forEach(showRows);
}

let isUpdating = false, wanted = page.dataset.version;

async function update(version) {
  wanted = version;
  if (isUpdating) return;
  isUpdating = true;
  try {
    while (page.dataset.version !== wanted) {
      const response = await fetch(`/sessions/${session}/parts?view=${view}`);
      if (!response.ok) break;
      const parts = await response.json();
      page.dataset.version = parts.version;
      if (wanted !== parts.version) wanted = parts.version;
      show(parts);
    }
  } catch {
    find(".ended").hidden = false;
  } finally {
    isUpdating = false;
  }
}

function receive({ isStopped, versions }) {
  find(".ended").hidden = !isStopped;
  const version = versions?.[session];
  if (!isStopped && version && version !== page.dataset.version) update(version);
}

function watch() {
  if (window.SharedWorker) {
    const { port } = new SharedWorker("/.preview/worker.js");
    port.onmessage = (event) => receive(event.data);
    addEventListener("pagehide", () => port.postMessage("closed"));
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    return;
  }
  const events = new EventSource("/events");
  events.onopen = () => receive({ isStopped: false });
  events.onerror = () => receive({ isStopped: true });
  events.onmessage = (event) => receive({ isStopped: false, versions: JSON.parse(event.data) });
}

// --- rows of saved queries ----------------------------------------------------------------

const element = (tag, text, properties = {}) =>
  Object.assign(document.createElement(tag), { textContent: text }, properties);

function rowsTable({ columns, rows }) {
  const table = element("table", ""), head = table.createTHead().insertRow();
  columns.forEach((each) => head.append(element("th", each, { scope: "col" })));
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value) => line.append(element("td", value, { dir: "auto" })));
  }
  const group = element("div", "", { className: "table", tabIndex: 0, ariaLabel: "rows", role: "group" });
  group.append(table);
  return group;
}

async function showRows(query, { run = false } = {}) {
  const address = `/rows/${query}?session=${encodeURIComponent(session)}`;
  const options = run ? { method: "POST", headers: { "X-Handoff-Token": token } } : {};
  const response = await fetch(address, options);
  if (!response.ok) return;
  const found = await response.json();
  const panel = element("section", "", { ariaLabel: `Rows of ${query}` });
  const close = element("button", "Close", { type: "button", ariaLabel: `Close the rows of ${query}` });
  close.onclick = () => panel.remove();
  const heading = element("h2", `${query} · ${found.engine}`);
  heading.append(" ", close);
  panel.append(heading);
  for (const each of found.results) {
    panel.append(element("p", each.words, { className: each.is_failure ? "error" : "" }));
    if (each.rows?.length) panel.append(rowsTable(each));
  }
  if (found.can_run) {
    const button = element("button", "Run on BigQuery", { type: "button" });
    button.onclick = () => showRows(query, { run: true });
    panel.append(button);
  }
  const old = [...find(".rows").children].find((each) => each.dataset.query === query);
  panel.dataset.query = query;
  old ? old.replaceWith(panel) : find(".rows").append(panel);
}

// --- where a value comes from -------------------------------------------------------------

const described = new Map();
let shownValue = null, hiding = 0;

async function describe(number) {
  const key = `${page.dataset.version}/${number}`;
  if (!described.has(key)) {
    const address = `/sessions/${session}/values/${number}?version=${page.dataset.version}`;
    described.set(key, fetch(address).then((response) => (response.ok ? response.json() : null)));
  }
  return described.get(key);
}

async function showTip(value) {
  clearTimeout(hiding);
  if (shownValue === value) return;
  hideTip();
  shownValue = value;
  const found = await describe(value.dataset.value).catch(() => null);
  if (!found || shownValue !== value) return;
  tip.querySelector(".name").replaceChildren(element("code", found.name));
  const list = tip.querySelector("dl");
  list.replaceChildren();
  for (const [term, text] of found.lines) list.append(element("dt", term), element("dd", text, { dir: "auto" }));
  const places = tip.querySelector(".places");
  places.replaceChildren();
  for (const { place, editor } of found.places) {
    const button = element("button", "Copy", { type: "button", className: "copy-text", ariaLabel: `Copy ${place}` });
    button.dataset.text = place;
    places.append(element("a", place, { href: editor }), " ", button, element("br", ""));
  }
  tip.hidden = false;
  value.setAttribute("aria-describedby", "page-tip");
  const box = value.getClientRects()[0] ?? value.getBoundingClientRect();
  const isBelow = box.bottom + tip.offsetHeight + 8 < innerHeight || box.top < tip.offsetHeight;
  const left = Math.min(box.left, page.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left) + scrollX}px`;
  tip.style.top = `${(isBelow ? box.bottom + 4 : box.top - tip.offsetHeight - 4) + scrollY}px`;
}

function hideTip() {
  shownValue?.removeAttribute("aria-describedby");
  shownValue = null;
  tip.hidden = true;
}

function hideTipSoon() {
  clearTimeout(hiding);
  hiding = setTimeout(() => { if (!tip.contains(document.activeElement)) hideTip(); }, 200);
}

main.addEventListener("pointerover", (event) => {
  const value = event.target.closest(".value");
  if (value) showTip(value);
});
main.addEventListener("pointerout", (event) => { if (event.target.closest(".value")) hideTipSoon(); });
main.addEventListener("focusin", (event) => { if (event.target.matches(".value")) showTip(event.target); });
main.addEventListener("focusout", (event) => { if (event.target.matches(".value")) hideTipSoon(); });
tip.addEventListener("pointerenter", () => clearTimeout(hiding));
tip.addEventListener("pointerleave", hideTipSoon);
tip.addEventListener("focusout", hideTipSoon);

function nextValue() {
  const values = [...main.querySelectorAll(".value")];
  const now = values.indexOf(document.activeElement);
  const value = values[(now + 1) % values.length];
  value?.focus();
  if (value) showTip(value);
}

// --- diagrams -----------------------------------------------------------------------------

const drawn = new Map(), waiting = [];
let frame = null, isReady = false;

function openFrame() {
  frame = element("iframe", "", { title: "Diagrams", tabIndex: -1, ariaHidden: "true" });
  frame.sandbox = "allow-scripts";
  frame.className = "renderer";
  frame.src = "/.preview/mermaid.html";
  document.body.append(frame);
}

function drawDiagrams(block) {
  const found = block.matches("pre.mermaid") ? [block] : block.querySelectorAll("pre.mermaid");
  for (const pre of found) drawDiagram(pre);
}

function drawDiagram(pre) {
  const text = pre.textContent;
  if (drawn.has(text)) return showDiagram(pre, drawn.get(text));
  if (!frame) openFrame();
  waiting.push({ pre, text, isSent: false });
  sendDiagrams();
}

function sendDiagrams() {
  if (!isReady) return;
  waiting.forEach((each, id) => {
    if (!each.isSent) frame.contentWindow.postMessage({ id, text: each.text }, "*");
    each.isSent = true;
  });
}

/** As an image: nothing in it can run, and no style of it touches the page. */
function showDiagram(pre, { svg, title, error }) {
  if (error) {
    pre.before(element("p", `Mermaid: ${error}`, { className: "error" }));
    return;
  }
  const figure = element("figure", "", { className: "diagram" });
  const alt = title || "diagram; its text follows";
  const shown = element("img", "", { src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt });
  const source = element("details", "");
  pre.before(figure);
  source.append(element("summary", "Text of the diagram"), pre);
  figure.append(shown, source);
}

addEventListener("message", (event) => {
  if (!frame || event.source !== frame.contentWindow) return;
  if (event.data.isReady) {
    isReady = true;
    sendDiagrams();
    return;
  }
  const { pre, text } = waiting[event.data.id] ?? {};
  if (!pre) return;
  drawn.set(text, event.data);
  if (pre.isConnected) showDiagram(pre, event.data);
});

// --- search -------------------------------------------------------------------------------

const search = find("#page-search");

function filterSessions() {
  const words = search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const items = [...document.querySelectorAll(".sessions > li")];
  for (const each of items) {
    const text = each.textContent.toLocaleLowerCase();
    each.hidden = !words.every((word) => text.includes(word));
  }
  const left = items.filter((each) => !each.hidden).length;
  find(".count").textContent = words.length ? `${left} of ${items.length}` : "";
}

// --- keyboard and buttons -----------------------------------------------------------------

const go = (address) => () => { location.href = address; };
const shortcuts = {
  "?": () => help.showModal(),
  n: () => goToBlank(1),
  p: () => goToBlank(-1),
  v: nextValue,
  c: () => copyPrompt(find(".prompt .copy")),
  s: go("/sessions"),
  "/": () => (search ? search.focus() : go("/sessions#page-search")()),
  ...(session && {
    d: go(`/sessions/${session}`),
    m: go(`/sessions/${session}/prompts`),
    e: () => find("a.edit")?.click(),
  }),
};

addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    if (tip.contains(document.activeElement)) shownValue?.focus();
    hideTip();
  }
  if (event.key === "Enter" && event.target.matches?.(".value")) tip.querySelector("a")?.focus();
  const isTyping = event.target.matches?.("input, textarea, select, [contenteditable]");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const action = shortcuts[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("click", (event) => {
  if (event.target.matches(".prompt .copy")) copyPrompt(event.target);
  if (event.target.matches(".copy-text")) copy(event.target, event.target.dataset.text, event.target);
});
counter.addEventListener("click", () => goToBlank(1));
find("button.help").addEventListener("click", shortcuts["?"]);
search?.addEventListener("input", filterSessions);
if (location.hash === "#page-search") search?.focus();

new ResizeObserver(([{ target }]) => {
  page.style.setProperty("--header", `${target.offsetHeight}px`);
}).observe(find("header"));
blocks = [...main.children].map((each) => each.outerHTML);
[...main.children].forEach(drawDiagrams);
countBlanks();
if (page.dataset.version) watch();
