"use strict";
const page = document.documentElement;
const find = (selector) => document.querySelector(selector);
const main = find("main"), told = find(".told"), ended = find(".ended");
const counter = find("button.blanks");
let at = -1, body;

function settle() {
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
  told.innerHTML = parts.notes;
  // the same document stays as it is, with what is selected in it
  if (body !== parts.body) {
    const before = main.querySelectorAll("mark").length;
    body = main.innerHTML = parts.body;
    // what was filled in above is no longer counted
    at = Math.max(-1, at - Math.max(0, before - main.querySelectorAll("mark").length));
  }
  settle();
}

function follow() {
  const events = new EventSource(`/events?seen=${encodeURIComponent(page.dataset.version)}`);
  events.onopen = () => { ended.hidden = true; };
  events.onerror = () => { ended.hidden = false; };
  events.onmessage = (event) => show(JSON.parse(event.data));
}

counter.addEventListener("click", next);
main.addEventListener("click", (event) => {
  if (event.target.matches(".prompt button")) copy(event.target);
});
settle();
if (page.dataset.version) follow();
