"use strict";
(() => {
const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];
const page = document.documentElement;
page.classList.add("on");
const chosen = $(".chosen"), pane = $(".pane");
const segments = $$(".g");
const of = (segment) => segment.dataset.q.split(" ");
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const behavior = calm ? "auto" : "smooth";
let current = 0;

// What is lit: the words of some quotes in the article, and the rows that rest on them.
function light(numbers, rows) {
  const wanted = new Set(numbers.map(String));
  $$(".lit").forEach((one) => one.classList.remove("lit"));
  segments.forEach((one) => one.classList.toggle("lit", of(one).some((q) => wanted.has(q))));
  rows.forEach((one) => one.classList.add("lit"));
}
function seek(number) {
  const first = segments.find((one) => of(one).includes(String(number)));
  if (!first) return;
  if (pane.scrollHeight === pane.clientHeight) return first.scrollIntoView({ block: "center" });
  // The article alone moves: the page stays where its reader is.
  const top = first.getBoundingClientRect().top - pane.getBoundingClientRect().top;
  pane.scrollTo({ top: pane.scrollTop + top - pane.clientHeight / 2, behavior });
}
const quoteOf = (number) => $(`#sentences a[href="#q${number}"]`)?.closest("li");
function words(number) {
  return [...(quoteOf(number)?.querySelector("mark")?.textContent ?? "")].slice(0, 90).join("");
}
function element(tag, text, more = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, more);
}
function say(...parts) {
  const box = element("div", "");
  box.append(...parts);
  chosen.replaceChildren(...(parts.length ? [box] : []));
}

// A quote: its words, the rows that rest on it, and the other quotes at the same place.
function choose(number, others = [], move = true) {
  const entry = quoteOf(number);
  if (!entry) return;
  current = Number(number);
  const links = $$("ul a", entry);
  const rows = links.map((a) => document.getElementById(decodeURIComponent(a.hash.slice(1))));
  light([number], rows.filter(Boolean));
  const list = entry.querySelector("ul").cloneNode(true);
  const title = element("p", "");
  title.append(element("mark", words(number)), links.length === 1 ? " 1 row rests on these words" : ` ${links.length} rows rest on these words`);
  const parts = [title, list];
  if (others.length) {
    const also = element("p", "Also here: ");
    others.forEach((q) => {
      const button = element("button", words(q).slice(0, 40), { type: "button" });
      button.addEventListener("click", () => choose(q, [number, ...others.filter((o) => o !== q)]));
      also.append(button, " ");
    });
    parts.push(also);
  }
  say(...parts);
  if (move) seek(number);
}
function chooseRow(body) {
  const numbers = [...new Set($$('a[href^="#q"]', body).map((a) => a.hash.slice(2)))].filter((n) => /^\d+$/.test(n));
  light(numbers, [body]);
  const name = $("th", body).textContent.trim();
  say(element("p", `${name}: ${numbers.length} ${numbers.length === 1 ? "quote" : "quotes"} lit in the article`));
  if (numbers.length && innerWidth > 992) seek(Math.min(...numbers.map(Number)));
}
function clear() {
  light([], []);
  say();
  current = 0;
}

$("#article").addEventListener("click", (event) => {
  const segment = event.target.closest(".g");
  if (!segment || !getSelection().isCollapsed) return;
  // The shortest quote is what was meant most likely.
  const length = (q) => segments.filter((one) => of(one).includes(q)).reduce((n, one) => n + one.textContent.length, 0);
  const here = of(segment).sort((a, b) => length(a) - length(b));
  choose(here[0], here.slice(1), false);
});
$$(".rows details").forEach((one) => one.addEventListener("toggle", () => {
  if (one.open) chooseRow(one.closest("tbody"));
}));

// Where an address leads: what hides it is opened, and what it is gets lit.
function arrive() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (/^q\d+$/.test(target.id)) choose(target.id.slice(1));
  else if (target.matches(".rows > tbody")) {
    target.hidden = false;
    const details = $("details", target);
    if (details.open) chooseRow(target); else details.open = true;
    target.scrollIntoView({ block: "start" });
  } else if (target.id.startsWith("quotes.")) choose($("a", target).hash.slice(2));
  else target.scrollIntoView({ block: "start" });
}
addEventListener("hashchange", arrive);

// Search and facets.
const search = $("#search"), count = $("#count");
const bodies = $$(".rows > tbody");
const text = new Map();
function filter() {
  const wanted = search.value.trim().toLowerCase();
  let shown = 0;
  bodies.forEach((body) => {
    if (!text.has(body)) text.set(body, body.textContent.toLowerCase());
    const chosenHere = $$("select", body.closest("section")).every((select) =>
      !select.value || body.rows[0].cells[select.dataset.column].textContent.trim() === select.value);
    body.hidden = !(chosenHere && text.get(body).includes(wanted));
    shown += !body.hidden;
  });
  const filtered = wanted || $$("select").some((one) => one.value);
  count.textContent = filtered ? `${shown} of ${bodies.length} rows` : "";
  hits(wanted);
}
function hits(wanted) {
  if (!globalThis.CSS?.highlights) return;
  CSS.highlights.delete("hit");
  if (wanted.length < 3) return;
  const ranges = [];
  $$("article [data-a]:not(.s)").forEach(({ firstChild: node }) => {
    if (!node) return;
    const line = node.data.toLowerCase();
    for (let at = line.indexOf(wanted); at >= 0; at = line.indexOf(wanted, at + 1)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, Math.min(node.length, at + wanted.length));
      ranges.push(range);
    }
  });
  CSS.highlights.set("hit", new Highlight(...ranges));
}
search.addEventListener("input", filter);
$(".filter").addEventListener("submit", (event) => event.preventDefault());
$$("select").forEach((one) => one.addEventListener("change", filter));

// One tab stop for a table or a picture; arrows move within it.
$$(".rows, .matrix, .gz-fig, .twin table, .sentence > ul, .plain, nav ul, article").forEach((group) => {
  const stops = () => $$("a, summary", group).filter((one) => one.checkVisibility?.() ?? one.getClientRects().length);
  $$("a, summary", group).forEach((one, at) => one.setAttribute("tabindex", at ? -1 : 0));
  group.addEventListener("focusin", (event) => {
    const stop = event.target.closest("a, summary");
    if (!stop) return;
    $$('[tabindex="0"]', group).forEach((one) => one.setAttribute("tabindex", -1));
    stop.setAttribute("tabindex", 0);
  });
  group.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const all = step && stops();
    const at = step ? all.indexOf(event.target.closest("a, summary")) : -1;
    if (at < 0 || !all[at + step]) return;
    event.preventDefault();
    all[at + step].focus();
  });
});

addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    search.value = "";
    $$("select").forEach((one) => { one.value = ""; });
    filter();
    clear();
  }
  if (!$("#keys").checked || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (event.key === "/") { event.preventDefault(); search.focus(); }
  const last = $$("#sentences mark").length;
  if (event.key === "n" && current < last) choose(current + 1);
  if (event.key === "p" && current > 1) choose(current - 1);
});

// Copying: the citation, and for curators a selection with its place.
const write = (words, button, done) => navigator.clipboard.writeText(words).then(
  () => { button.textContent = done; }, () => { button.textContent = "The browser refused to copy"; });
$$("[data-copy]").forEach((button) => button.addEventListener("click", () =>
  write(document.getElementById(button.dataset.copy).textContent, button, "Copied")));
const bar = $(".copybar"), copy = $("#copy-quote");
let yaml = "";
function place(node, offset) {
  const segment = (node.nodeType === 3 ? node.parentElement : node).closest("[data-a]");
  if (!segment || segment.matches(".gap:not(.filled)")) return null;
  const before = new Range();
  before.setStart(segment, 0);
  before.setEnd(node, offset);
  // Offsets count code points, and the browser counts UTF-16.
  return { at: Number(segment.dataset.a) + [...before.toString()].length, passage: segment.closest("[data-passage]"), article: segment.closest("article") };
}
document.addEventListener("selectionchange", () => {
  const selection = getSelection();
  bar.hidden = true;
  if (selection.isCollapsed || !selection.rangeCount) return;
  const range = selection.getRangeAt(0);
  const from = place(range.startContainer, range.startOffset), to = place(range.endContainer, range.endOffset);
  if (!from || !to || from.passage !== to.passage || from.at >= to.at) return;
  const exact = range.toString();
  if ([...exact].length !== to.at - from.at) return;
  const { source } = from.article.dataset;
  yaml = `source_id: ${JSON.stringify(source)}\npassage_id: ${JSON.stringify(from.passage.dataset.passage)}\nchar_start: ${from.at}\nchar_end: ${to.at}\nexact: ${JSON.stringify(exact)}\n`;
  copy.textContent = "Copy as a quote";
  bar.hidden = false;
});
copy.addEventListener("pointerdown", (event) => event.preventDefault());
copy.addEventListener("click", () => write(yaml, copy, "Copied"));

// A file of the article's text: checked here, shown here, and sent nowhere.
const hex = (buffer) => [...new Uint8Array(buffer)].map((one) => one.toString(16).padStart(2, "0")).join("");
async function take(file) {
  const wanted = $$("article[data-sha256]:not([data-whole])");
  const said = $(".drop");
  if (!said || !wanted.length || !file) return;
  const refuse = (why) => { said.textContent = `${why} Nothing of it is shown.`; };
  const longest = Math.max(...wanted.map((one) => Number(one.dataset.length))) * 4;
  if (file.size > longest) return refuse(`“${file.name}” has ${file.size.toLocaleString("en")} bytes, more than the text can have.`);
  if (!globalThis.crypto?.subtle) return refuse("This browser cannot check a text here.");
  const content = await file.arrayBuffer();
  let letters;
  try { letters = [...new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content)]; } catch { return refuse(`“${file.name}” is not a text in UTF-8.`); }
  const digest = hex(await crypto.subtle.digest("SHA-256", content));
  const article = wanted.find((one) => one.dataset.sha256 === digest);
  if (!article) {
    const [near] = wanted.filter((one) => Number(one.dataset.length) === letters.length);
    return refuse(near ? `“${file.name}” has the right length and other words: its SHA-256 differs.` : `“${file.name}” is another text: it has ${letters.length.toLocaleString("en")} characters, not ${Number(wanted[0].dataset.length).toLocaleString("en")}.`);
  }
  $$(".gap[data-b]", article).forEach((gap) => {
    gap.textContent = letters.slice(gap.dataset.a, gap.dataset.b).join("");
    gap.classList.add("filled");
  });
  article.dataset.whole = "";
  said.textContent = "The text is the right one, and shown whole.";
}
$$(".file input").forEach((one) => one.addEventListener("change", () => take(one.files[0])));
addEventListener("dragover", (event) => { event.preventDefault(); page.classList.add("dragging"); });
addEventListener("dragleave", () => page.classList.remove("dragging"));
addEventListener("drop", (event) => { event.preventDefault(); page.classList.remove("dragging"); take(event.dataTransfer.files[0]); });

const theme = $("#theme");
let dark = matchMedia("(prefers-color-scheme: dark)").matches;
const paint = () => { theme.textContent = dark ? "Light colours" : "Dark colours"; };
theme.addEventListener("click", () => { dark = !dark; page.style.colorScheme = dark ? "dark" : "light"; paint(); });
theme.removeAttribute("aria-pressed");
paint();
arrive();
})();
