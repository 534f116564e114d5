// Draws diagrams in a frame without an origin of its own; the page shows the results as images.
"use strict";
const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
mermaid.initialize({
  startOnLoad: false,
  securityLevel: "strict",
  htmlLabels: false,
  flowchart: { htmlLabels: false },
  theme: isDark ? "dark" : "default",
  maxTextSize: 50000,
});

async function draw({ id, text }) {
  try {
    const { svg } = await mermaid.render(`diagram-${id}`, text);
    const image = new DOMParser().parseFromString(svg, "text/html").querySelector("svg");
    const [, , width, height] = image.getAttribute("viewBox").split(/[ ,]+/).map(Number);
    image.setAttribute("width", width);
    image.setAttribute("height", height);
    const title = image.querySelector("title")?.textContent ?? "";
    parent.postMessage({ id, title, svg: new XMLSerializer().serializeToString(image) }, "*");
  } catch (error) {
    parent.postMessage({ id, error: String(error.message ?? error) }, "*");
  }
}

let last = Promise.resolve();
addEventListener("message", (event) => {
  if (event.source === parent) last = last.then(() => draw(event.data));
});
parent.postMessage({ isReady: true }, "*");
