"use strict";

document.documentElement.classList.add("scripted");

const readings = [...document.querySelectorAll("[data-pair]")];
const progress = document.getElementById("progress");
const address = `hone-audit-${document.body.dataset.audit}`;
let verdicts = {};
let current = 0;

/* A browser may block local storage for local files. Then a reload loses verdicts that were not downloaded. */
try { verdicts = JSON.parse(localStorage.getItem(address)) ?? {}; } catch { verdicts = {}; }

function show() {
  for (const [number, reading] of readings.entries()) {
    reading.classList.toggle("current", number === current);
    for (const button of reading.querySelectorAll("[data-verdict]")) {
      button.setAttribute("aria-pressed", String(verdicts[reading.dataset.pair] === button.dataset.verdict));
    }
  }
  const read = readings.filter((reading) => verdicts[reading.dataset.pair]).length;
  if (progress) progress.textContent = `${read} of ${readings.length} labelled`;
}

function go(number) {
  current = Math.max(0, Math.min(readings.length - 1, number));
  show();
  readings[current]?.scrollIntoView({ block: "start" });
  readings[current]?.focus({ preventScroll: true });
}

function record(number, verdict) {
  const pair = readings[number].dataset.pair;
  if (verdicts[pair] === verdict) delete verdicts[pair]; else verdicts[pair] = verdict;
  try { localStorage.setItem(address, JSON.stringify(verdicts)); } catch { /* see above */ }
  current = number;
  show();
  if (verdicts[pair] && number + 1 < readings.length) go(number + 1);
}

for (const [number, reading] of readings.entries()) {
  for (const button of reading.querySelectorAll("[data-verdict]")) {
    button.addEventListener("click", () => record(number, button.dataset.verdict));
  }
}

const KEYS = { y: "yes", n: "no", u: "unsure" };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !readings.length) return;
  if (event.target.closest?.("input, select, textarea")) return;
  if (KEYS[event.key]) record(current, KEYS[event.key]);
  else if (event.key === "j") go(current + 1);
  else if (event.key === "k") go(current - 1);
});

document.getElementById("download")?.addEventListener("click", () => {
  const lines = readings.filter((one) => verdicts[one.dataset.pair]).map((one) => `${one.dataset.pair},${verdicts[one.dataset.pair]}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([["pair,verdict", ...lines, ""].join("\n")], { type: "text/csv" }));
  link.download = "verdicts.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});

let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((one) => { one.open = true; });
});
addEventListener("afterprint", () => opened.forEach((one) => { one.open = false; }));

show();
