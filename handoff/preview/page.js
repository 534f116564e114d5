"use strict";
const page = document.documentElement;
const find = (selector) => document.querySelector(selector);
const main = find("main"), problems = find(".problems"), ended = find(".ended");
const counter = find("button.blanks");
let at = -1, body;

function countBlanks() {
  const count = main.querySelectorAll("mark").length;
  counter.hidden = count === 0;
  counter.textContent = `${count} ${count === 1 ? "blank" : "blanks"} · next`;
}

function next() {
  const blanks = main.querySelectorAll("mark");
  if (blanks.length === 0) return;
  main.querySelector("mark.at")?.classList.remove("at");
  at = (at + 1) % blanks.length;
  blanks[at].classList.add("at");
  blanks[at].scrollIntoView({ block: "center" });
}

async function copy(button) {
  const text = button.parentElement.querySelector("code").textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

function show(parts) {
  document.title = parts.title;
  find(".bar").innerHTML = parts.bar;
  problems.innerHTML = parts.problems;
  // an unchanged document is not replaced, so that the selection stays
  if (body !== parts.body) {
    const before = main.querySelectorAll("mark").length;
    body = main.innerHTML = parts.body;
    // blanks filled in further up no longer count
    at = Math.max(-1, at - Math.max(0, before - main.querySelectorAll("mark").length));
  }
  countBlanks();
}

function watch() {
  const events = new EventSource(`/events?seen=${encodeURIComponent(page.dataset.version)}`);
  events.onopen = () => { ended.hidden = true; };
  events.onerror = () => { ended.hidden = false; };
  events.onmessage = (event) => show(JSON.parse(event.data));
}

counter.addEventListener("click", next);
main.addEventListener("click", (event) => {
  if (event.target.matches(".prompt button")) copy(event.target);
});
countBlanks();
if (page.dataset.version) watch();
