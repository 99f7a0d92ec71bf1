// Folding, sorting and filtering; without this script the page shows the same tables unsorted.
"use strict";

const MOST_ROWS = 12;

// A link to a folded section opens it.
function open(hash) {
  const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!target) return;
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  target.scrollIntoView();
}
window.addEventListener("hashchange", () => open(location.hash));
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link) open(link.hash);
});
open(location.hash);

// Paper has no folds.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const part of folded) part.open = true;
});
window.addEventListener("afterprint", () => { for (const part of folded) part.open = false; });

// "-0.42 [-0.71, -0.05]" sorts as a number, "< 0.001" below 0.001, "1,000" as 1000.
function value(cell) {
  const text = cell.textContent.trim().replaceAll(",", "").replaceAll("\u2212", "-");
  const number = parseFloat(text.replace(/^<\s*/, ""));
  return Number.isNaN(number) ? text : number - (text.startsWith("<") ? 1e-9 : 0);
}

function sortRows(table, column, descending) {
  const rows = [...table.tBodies[0].rows];
  const order = (a, b) => {
    const [one, other] = [value(a.cells[column]), value(b.cells[column])];
    if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
    const sign = typeof one === "number" ? one - other : one.localeCompare(other);
    return descending ? -sign : sign;
  };
  table.tBodies[0].append(...rows.sort(order));
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = "\u2195";
    button.setAttribute("aria-label", `Sort by ${head.textContent.trim() || "the first column"}`);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortRows(table, column, descending);
    });
    head.append(" ", button);
  });
}

function makeFilterable(table) {
  const box = document.createElement("input");
  const said = document.createElement("output");
  box.type = "search";
  box.placeholder = "Filter rows";
  box.setAttribute("aria-label", "Filter rows");
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    said.textContent = words.length ? `${shown} of ${table.tBodies[0].rows.length} rows` : "";
  });
  const line = document.createElement("p");
  line.className = "filter";
  line.append(box, " ", said);
  table.closest(".scroll").before(line);
}

for (const table of document.querySelectorAll(".scroll > table")) {
  const body = table.tBodies[0];
  if (!table.tHead || !body || body.rows.length <= MOST_ROWS) continue;
  if ([...body.rows].every((row) => row.cells.length === table.tHead.rows[0].cells.length)) makeSortable(table);
  makeFilterable(table);
}
