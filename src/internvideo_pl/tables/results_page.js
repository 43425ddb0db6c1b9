"use strict";
// Sorting, filtering and opening of rows. Without it the page still shows every table.

const words = (cell) => cell.textContent.trim();
const key = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.sort === undefined ? words(cell) : Number(cell.dataset.sort);
};

function compare(a, b, down) {
  const numbers = [typeof a === "number", typeof b === "number"];
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1; // what has no number stands last, whichever way
  const order = numbers[0] ? a - b : a.localeCompare(b, "en", { numeric: true });
  return down ? -order : order;
}

function setUp(figure) {
  const body = figure.querySelector("tbody");
  const rows = [...body.rows];
  const heads = [...figure.querySelectorAll("thead th")];
  const details = new Map(); // row -> the row under it that shows its run
  const filters = [];

  function place() {
    for (const row of rows) {
      body.append(row);
      if (details.has(row)) body.append(details.get(row));
    }
  }

  function sort(column) {
    const head = heads[column];
    const down = head.classList.contains("number") ? head.ariaSort !== "descending" : head.ariaSort === "ascending";
    for (const other of heads) other.ariaSort = "none";
    head.ariaSort = down ? "descending" : "ascending";
    const keys = new Map(rows.map((row) => [row, key(row, column)]));
    rows.sort((a, b) => compare(keys.get(a), keys.get(b), down));
    place();
  }

  function filter() {
    let shown = 0;
    for (const row of rows) {
      row.hidden = !filters.every((passes) => passes(row));
      if (details.has(row)) details.get(row).hidden = row.hidden;
      shown += !row.hidden;
    }
    figure.querySelector(".count").textContent = `${shown} of ${rows.length} rows`;
  }

  function open(button) {
    const row = button.closest("tr");
    const shown = details.get(row);
    button.ariaExpanded = String(!shown);
    if (shown) {
      shown.remove();
      details.delete(row);
      return;
    }
    const under = document.createElement("tr");
    under.className = "under";
    const cell = under.insertCell();
    cell.colSpan = heads.length;
    cell.append(document.getElementById(button.dataset.opens).content.cloneNode(true));
    row.after(under);
    details.set(row, under);
  }

  function control(name, element, passes) {
    const label = document.createElement("label");
    label.append(name, element);
    element.addEventListener("input", filter);
    figure.querySelector(".tools").append(label);
    filters.push(passes);
  }

  if (rows.length > 5) {
    const search = document.createElement("input");
    search.type = "search";
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    control("search", search, (row) => search.value.toLowerCase().split(/\s+/).every((w) => texts.get(row).includes(w)));
    for (const head of heads.filter((each) => each.dataset.filter)) {
      const column = heads.indexOf(head);
      const select = document.createElement("select");
      select.append(new Option("all", ""));
      for (const word of [...new Set(rows.map((row) => words(row.cells[column])))].sort()) select.append(new Option(word, word));
      control(words(head), select, (row) => !select.value || words(row.cells[column]) === select.value);
    }
  }
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => sort(column)));
  for (const button of figure.querySelectorAll(".open")) button.addEventListener("click", () => open(button));
  filter();
}

for (const figure of document.querySelectorAll("figure.sortable")) setUp(figure);
