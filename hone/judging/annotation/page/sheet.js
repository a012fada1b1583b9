"use strict";
// Texts are untrusted: they are only ever put into the page as text.
(() => {
  const sheet = JSON.parse(document.getElementById("sheet").textContent);
  const rows = sheet.rows;
  const columns = ["number", "query", "known_answer", "candidate", "verdict", "note"];
  const words = { y: "yes", n: "no", u: "unsure" };
  const memory = `hone-sheet-${sheet.id}`;
  const part = (name) => document.getElementById(name);
  const state = { place: 0, answers: {}, saved: true };

  // Some browsers give a page that is a file no memory: it then works without.
  const remember = () => {
    try { localStorage.setItem(memory, JSON.stringify({ place: state.place, answers: state.answers })); } catch { /* as said */ }
  };
  try {
    const old = JSON.parse(localStorage.getItem(memory));
    if (old) {
      state.place = Math.min(Math.max(0, old.place | 0), rows.length - 1);
      state.answers = old.answers || {};
      state.saved = Object.keys(state.answers).length === 0;
    }
  } catch { /* as said */ }

  const answer = () => state.answers[rows[state.place].number] || { verdict: "", note: "" };
  const judged = () => rows.filter((row) => (state.answers[row.number] || {}).verdict).length;

  function show() {
    const row = rows[state.place];
    const known = row.known_answer !== "";
    part("place").textContent = `Row ${state.place + 1} of ${rows.length}`;
    part("number").textContent = row.number;
    part("query").textContent = row.query;
    part("known-answer").textContent = known ? row.known_answer : "None is shown for this row. Judge by the question alone.";
    part("known-answer").classList.toggle("absent", !known);
    part("candidate").textContent = row.candidate;
    part("note").value = answer().note;
    for (const button of document.querySelectorAll("[data-verdict]")) {
      button.setAttribute("aria-pressed", String(button.dataset.verdict === answer().verdict));
    }
    const done = judged();
    part("bar").max = rows.length;
    part("bar").value = done;
    part("done").textContent = `${done} of ${rows.length} judged`;
    part("before").disabled = state.place === 0;
    part("after").disabled = state.place === rows.length - 1;
    part("save").classList.toggle("ready", done === rows.length && !state.saved);
    for (const pre of document.querySelectorAll("pre")) { pre.scrollTop = 0; }
  }

  function go(step) {
    state.place = Math.min(Math.max(0, state.place + step), rows.length - 1);
    remember();
    show();
  }

  function change(what) {
    state.answers[rows[state.place].number] = { ...answer(), ...what };
    state.saved = false;
    remember();
  }

  function judge(verdict) {
    const row = rows[state.place];
    const again = answer().verdict === verdict;
    change({ verdict: again ? "" : verdict });
    part("said").textContent = again ? `Row ${state.place + 1}: no verdict` : `Row ${state.place + 1}: ${verdict}`;
    if (!again && state.place < rows.length - 1) { go(1); } else { show(); }
  }

  function nextOpen() {
    for (let step = 1; step <= rows.length; step += 1) {
      const place = (state.place + step) % rows.length;
      if (!(state.answers[rows[place].number] || {}).verdict) { go(place - state.place); return; }
    }
  }

  // The same form as the file that stands beside this page, so that `hone annotate import` takes either.
  const marked = (text) => text.replace(/^(?='*[\t\r\n])|(?:^|(?<=[;\t\r\n]))(?='*[=+\-@＝＋－＠])/g, "'");
  const field = (text) => `"${marked(text).replaceAll('"', '""')}"`;
  function save() {
    const lines = rows.map((row) => {
      const all = { ...row, verdict: "", note: "", ...(state.answers[row.number] || {}) };
      return columns.map((name) => field(all[name])).join(",");
    });
    const text = `\ufeff${[columns.join(","), ...lines].join("\r\n")}\r\n`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = sheet.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    state.saved = true;
    part("said").textContent = `Saved as ${sheet.file}, ${judged()} of ${rows.length} judged`;
    show();
  }

  for (const button of document.querySelectorAll("[data-verdict]")) {
    button.addEventListener("click", () => judge(button.dataset.verdict));
  }
  part("before").addEventListener("click", () => go(-1));
  part("after").addEventListener("click", () => go(1));
  part("open").addEventListener("click", nextOpen);
  part("save").addEventListener("click", save);
  part("note").addEventListener("input", (event) => change({ note: event.target.value }));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) { return; }
    if (event.target === part("note")) {
      if (event.key === "Escape" || event.key === "Enter") { part("note").blur(); event.preventDefault(); }
      return;
    }
    const key = event.key.toLowerCase();
    if (words[key]) { judge(words[key]); } else if (key === "arrowleft") { go(-1); } else if (key === "arrowright") { go(1); }
    else if (key === "o") { nextOpen(); } else if (key === "s") { save(); }
    else if (key === "c") { part("note").focus(); } else { return; }
    event.preventDefault();
  });
  addEventListener("beforeunload", (event) => { if (!state.saved) { event.preventDefault(); } });

  document.documentElement.classList.add("scripted");
  show();
})();
