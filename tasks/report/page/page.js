"use strict";

const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const NAMES = /^(c\d|muted|faint|ink|soft|line)$/;

document.documentElement.classList.add("scripted");

/* The palette's colours by name, as the page's style has them now. */
function shade(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/* A copy of a figure in which every colour that is a palette's name is that colour. */
function painted(value, key) {
  if (Array.isArray(value)) return value.map((item) => painted(item, key));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, painted(item, name)]));
  }
  return /color$/.test(key) && typeof value === "string" && NAMES.test(value) ? shade(value) : value;
}

function axis(given) {
  return {
    automargin: true, gridcolor: shade("line"), zerolinecolor: shade("soft"), linecolor: shade("line"), fixedrange: true,
    ...given, title: given?.title ? { ...given.title, standoff: 10, font: { size: 13, color: shade("soft") } } : undefined,
  };
}

/* Lines of a legend above a figure: plotly gives each name the longest one's room where they do not fit in one line. */
function legendLines(data, width) {
  const rooms = data.filter((one) => one.showlegend !== false).map((one) => 50 + 7.5 * one.name.length);
  if (rooms.reduce((sum, room) => sum + room, 0) < width) return 1;
  return Math.ceil(rooms.length / Math.max(1, Math.floor(width / Math.max(...rooms))));
}

function layout({ data, layout: given }, width) {
  const lines = given.showlegend ? legendLines(data, width) : 0;
  return {
    ...given, width, height: given.height + 21 * lines, dragmode: false, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: shade("ink"), family: getComputedStyle(document.body).fontFamily, size: 13 },
    margin: { l: 10, r: 12, t: 10 + 21 * lines, b: 10 },
    legend: { orientation: "h", x: 0, y: 1, xanchor: "left", yanchor: "bottom", traceorder: "normal", itemclick: "toggle" },
    hoverlabel: { bgcolor: shade("paper"), bordercolor: shade("soft"), font: { color: shade("ink") } },
    xaxis: axis(given.xaxis), yaxis: axis(given.yaxis),
  };
}

function draw(place, width = place.clientWidth) {
  const figure = figures[place.dataset.figure];
  if (width < 1 || !figure) return;
  Plotly.react(place, painted(figure.data), layout(figure, width), { displayModeBar: false, responsive: false });
}

const places = [...document.querySelectorAll("[data-figure]")];
const drawAll = (width) => places.forEach((place) => draw(place, width));

/* One of several panels is shown, as the list beside them says. */
for (const list of document.querySelectorAll("[data-switch]")) {
  const panels = document.querySelectorAll(`[data-panel="${list.dataset.switch}"]`);
  const show = () => panels.forEach((panel) => { panel.hidden = panel.dataset.key !== list.value; });
  list.addEventListener("change", () => {
    show();
    panels.forEach((panel) => panel.querySelectorAll("[data-figure]").forEach((place) => draw(place)));
  });
  show();
}

/* Rows that have the words. */
for (const field of document.querySelectorAll("[data-filter]")) {
  const panels = document.querySelectorAll(`[data-panel="${field.dataset.filter}"]`);
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const panel of panels) {
      const rows = [...panel.querySelectorAll("tbody tr")];
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      const nothing = panel.querySelector("[data-nothing]");
      if (nothing) nothing.hidden = rows.some((row) => !row.hidden);
    }
  });
}

drawAll();
dark.addEventListener("change", () => drawAll());
let waiting;
let before = document.documentElement.clientWidth;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (document.documentElement.clientWidth !== before) drawAll();
    before = document.documentElement.clientWidth;
  }, 120);
});

/* On paper: figures as wide as the sheet, and everything that is folded open. */
const PAPER = 640;
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((one) => { one.open = true; });
  drawAll(PAPER);
});
addEventListener("afterprint", () => {
  opened.forEach((one) => { one.open = false; });
  drawAll();
});
