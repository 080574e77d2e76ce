"use strict";
(() => {
const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];
const on = (what, event, action) => what.addEventListener(event, action);
const page = document.documentElement;
page.classList.add("on");
const chosen = $(".chosen"), pane = $(".pane"), bodies = $$(".rows > tbody");
const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";

// Each quote by its number: its place in the list, and in the article.
const quotes = new Map();
$$("#sentences a[href^='#q']").forEach((link) => quotes.set(link.hash.slice(2), { words: link.textContent, entry: link.parentElement, segments: [] }));
const order = [...quotes.keys()];
const quotesAt = (segment) => segment.dataset.q.split(" ").filter((q) => quotes.has(q));
$$(".g").forEach((segment) => quotesAt(segment).forEach((q) => quotes.get(q).segments.push(segment)));
let current, lit = [];

// Touch only what changes, since the page may be long.
function light(numbers, rows) {
  lit.forEach((one) => one.classList.remove("lit"));
  lit = [...numbers.flatMap((q) => quotes.get(q)?.segments ?? []), ...rows];
  lit.forEach((one) => one.classList.add("lit"));
}
function seek(number) {
  const [first] = quotes.get(number)?.segments ?? [];
  if (!first) return;
  // Reading a position forces a layout: paint first.
  requestAnimationFrame(() => setTimeout(() => {
    if (pane.scrollHeight === pane.clientHeight) return first.scrollIntoView({ block: "center" });
    // Scroll only the article.
    pane.scrollTo({ top: first.offsetTop - pane.clientHeight / 2, behavior });
  }));
}
const element = (tag, text, more) => Object.assign(document.createElement(tag), { textContent: text }, more);
const go = (hash) => history.replaceState(null, "", `#${hash}`);
const write = (words, { target: made }) => navigator.clipboard.writeText(words).then(
  () => { made.textContent = "Copied"; }, () => { made.textContent = "Copying failed"; });
function say(id, ...parts) {
  go(encodeURIComponent(id));
  const box = element("div", "");
  const link = element("button", "Copy the link", { type: "button" });
  on(link, "click", (event) => write(location.href, event));
  box.append(...parts, link);
  chosen.replaceChildren(box);
}
const byHash = (hash) => document.getElementById(decodeURIComponent(hash.slice(1)));

// A quote: its words, the rows that rest on it, and the other quotes at the same place.
function choose(number, move = true) {
  const quote = quotes.get(number);
  if (!quote) return;
  current = number;
  const list = $("ul", quote.entry);
  const rows = $$("a", list).map((link) => byHash(link.hash)?.closest("tbody")).filter(Boolean);
  light([number], rows);
  const title = element("p", "");
  title.append(element("mark", quote.words), ` Rows that rest on these words: ${rows.length}`);
  const others = quote.segments.slice(0, 1).flatMap(quotesAt).filter((q) => q !== number);
  const also = element("p", "");
  others.forEach((q, at) => also.append(at ? " · " : "Also here: ", element("a", quotes.get(q).words, { href: `#q${q}` })));
  say(quote.entry.id, title, list.cloneNode(true), also);
  if (move) seek(number);
}
function chooseRow(body) {
  const numbers = [...new Set($$("dt a[href^='#q']", body).map((link) => link.hash.slice(2)))];
  light(numbers, [body]);
  say(body.id, element("p", `${$("th", body).textContent.trim()}. Quotes highlighted in the article: ${numbers.length}`));
  if (numbers.length && innerWidth > 992) seek(String(Math.min(...numbers)));
}

on($("#article"), "click", (event) => {
  const segment = event.target.closest(".g");
  if (!segment || !getSelection().isCollapsed) return;
  // Most likely the shortest quote is meant.
  const [shortest] = quotesAt(segment).sort((a, b) => quotes.get(a).words.length - quotes.get(b).words.length);
  choose(shortest, false);
});
on($("#data"), "click", (event) => {
  const summary = event.target.closest(".rows summary");
  if (summary && !summary.parentElement.open) chooseRow(summary.closest("tbody"));
});

// Go to the target of the URL.
function arrive() {
  if (location.hash.startsWith("#?")) return restore();
  const to = byHash(location.hash);
  if (!to) return;
  for (let at = to; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  const body = to.closest(".rows > tbody");
  if (body) {
    body.hidden = false;
    $("details", body).open = true;
    chooseRow(body);
    body.scrollIntoView({ block: "start" });
  } else if (/^q\d+$/.test(to.id)) choose(to.id.slice(1));
  else if (to.id.startsWith("quotes.")) choose($("a", to).hash.slice(2));
  else to.scrollIntoView({ block: "start" });
}
on(window, "hashchange", arrive);

// Facets and search, and both in the URL.
const text = new Map(), shownIn = (body, column) => body.rows[0].cells[column].textContent.trim();
$$(".data").forEach((section) => {
  const line = element("p", "", { className: "facets" });
  $$("th[data-facet]", section).forEach((head) => {
    const values = [...new Set($$(".rows > tbody", section).map((body) => shownIn(body, head.cellIndex)))];
    const select = element("select", "", { name: `${section.id}.${head.dataset.facet}` });
    select.dataset.column = head.cellIndex;
    select.append(element("option", "all", { value: "" }), ...values.filter(Boolean).sort().map((value) => element("option", value)));
    const label = element("label", `${head.textContent} `);
    label.append(select);
    line.append(label);
  });
  if (line.hasChildNodes()) $(".scroll", section).before(line);
});
const search = $("#search"), selects = $$("select"), inputs = [search, ...selects];
function filter() {
  const wanted = search.value.trim().toLowerCase();
  const facets = selects.filter((one) => one.value);
  const left = bodies.filter((body) => {
    if (!text.has(body)) text.set(body, body.textContent.toLowerCase());
    const fits = facets.every((one) => !one.name.startsWith(`${body.closest("section").id}.`) || shownIn(body, one.dataset.column) === one.value);
    body.hidden = !(fits && text.get(body).includes(wanted));
    return !body.hidden;
  });
  $("#count").textContent = wanted || facets.length ? `${left.length} of ${bodies.length} rows` : "";
  hits(wanted);
}
function remember() {
  filter();
  const set = inputs.filter((one) => one.value).map((one) => [one.name, one.value]);
  go(set.length ? `?${new URLSearchParams(set)}` : "");
}
function restore() {
  const set = new URLSearchParams(location.hash.slice(2));
  inputs.forEach((one) => { one.value = set.get(one.name) ?? ""; });
  filter();
}
function hits(wanted) {
  if (!globalThis.CSS?.highlights) return;
  CSS.highlights.delete("hit");
  if (wanted.length < 3) return;
  const ranges = [];
  const walker = document.createTreeWalker(pane, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const line = node.data.toLowerCase();
    for (let at = -1; (at = line.indexOf(wanted, at + 1)) >= 0 && line.length === node.length;) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      ranges.push(range);
    }
  }
  CSS.highlights.set("hit", new Highlight(...ranges));
}
on(search, "input", remember);
selects.forEach((one) => on(one, "change", remember));

// A table or a figure is one tab stop; arrow keys move within it.
$$(".rows, .matrix, .gz-fig, .twin table, .sentence > ul, .plain, nav ul, article").forEach((group) => {
  const all = $$("a, summary", group);
  const stopAt = (stop) => all.forEach((one) => { one.tabIndex = one === stop ? 0 : -1; });
  stopAt(all[0]);
  on(group, "focusin", ({ target: stop }) => all.includes(stop) && stopAt(stop));
  on(group, "keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const stops = all.filter((one) => one.checkVisibility());
    event.preventDefault();
    stops[stops.indexOf(event.target) + step]?.focus();
  });
});

on(window, "keydown", (event) => {
  if (event.key === "Escape") {
    inputs.forEach((one) => { one.value = ""; });
    remember();
    light([], []);
    chosen.replaceChildren();
    current = null;
  }
  if (!$("#keys").checked || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (event.key === "/") { event.preventDefault(); search.focus(); }
  if (event.key === "?") $("footer details").open = true;
  if (event.key === "n") choose(order[order.indexOf(current) + 1]);
  if (event.key === "p") choose(order[order.indexOf(current) - 1]);
});

// Copying: the citation, or a selection with its place.
on($("#copy-citation"), "click", (event) => write($("#citation").textContent, event));
const bar = $(".copybar"), copy = $("#copy-quote");
const length = (node) => node.matches?.(".gap:not(.filled)") ? Number(node.textContent) : [...node.textContent].length;
let yaml = "";
function place(node, offset) {
  const sentence = (node.nodeType === 3 ? node.parentElement : node).closest(".s");
  if (!sentence || sentence === node || node.parentElement.matches(".gap:not(.filled)")) return null;
  // Offsets count code points, and the browser counts UTF-16.
  let at = Number(sentence.dataset.a) + [...node.textContent.slice(0, offset)].length;
  let child = node.parentElement === sentence ? node : node.parentElement;
  while ((child = child.previousSibling)) at += length(child);
  return { at, sentence };
}
on(document, "selectionchange", () => {
  const selection = getSelection();
  bar.hidden = true;
  if (selection.isCollapsed || !selection.rangeCount) return;
  const range = selection.getRangeAt(0);
  const from = place(range.startContainer, range.startOffset), to = place(range.endContainer, range.endOffset);
  const exact = range.toString();
  if (!from || from.sentence !== to?.sentence || [...exact].length !== to.at - from.at) return;
  yaml = `quote: {words: ${JSON.stringify(exact)}, passage: ${from.sentence.dataset.passage}}\n`;
  copy.textContent = "Copy as a quote";
  bar.hidden = false;
});
on(copy, "pointerdown", (event) => event.preventDefault());
on(copy, "click", (event) => write(yaml, event));

// A file with the article's text is checked and shown here, and sent nowhere.
async function take(file) {
  const wanted = $$("article[data-sha256]:not([data-whole])");
  const said = $(".drop");
  if (!wanted.length || !file) return;
  const refuse = (why) => { said.textContent = `“${file.name}” ${why} It is not shown.`; };
  const longest = Math.max(...wanted.map((one) => one.dataset.length)) * 4;
  if (file.size > longest) return refuse("has more bytes than the text can have.");
  if (!globalThis.crypto?.subtle) return refuse("cannot be checked by this browser.");
  const content = await file.arrayBuffer();
  let letters;
  try { letters = [...new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content)]; } catch { return refuse("is not UTF-8 text."); }
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const digest = [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
  const article = wanted.find((one) => one.dataset.sha256 === digest);
  if (!article) return refuse(`is a different text of ${letters.length} characters; its SHA-256 differs.`);
  $$(".gap[data-a]", article).forEach((gap) => {
    const start = +gap.dataset.a;
    gap.textContent = letters.slice(start, start + +gap.textContent).join("");
    gap.classList.add("filled");
  });
  article.dataset.whole = "";
  said.textContent = "The text matches and is shown in full.";
}
$$(".file input").forEach((one) => on(one, "change", () => take(one.files[0])));
on(window, "dragover", (event) => { event.preventDefault(); page.classList.add("dragging"); });
on(window, "dragleave", () => page.classList.remove("dragging"));
on(window, "drop", (event) => { event.preventDefault(); page.classList.remove("dragging"); take(event.dataTransfer.files[0]); });

let dark = matchMedia("(prefers-color-scheme: dark)").matches;
on($("#theme"), "click", () => { dark = !dark; page.style.colorScheme = dark ? "dark" : "light"; });
arrive();
})();
