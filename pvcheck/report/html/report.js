// What the page does beyond being read: sort, filter, switch its theme, open what is folded for the printer.
"use strict";
(() => {
const root = document.documentElement;
const themes = ["system", "light", "dark"];
const button = document.getElementById("theme");
const kept = () => { try { return localStorage.getItem("pv-report-theme"); } catch { return null; } };
const keep = (name) => { try { localStorage.setItem("pv-report-theme", name); } catch { return; } };
const wear = (name) => {
if (name === "system") { delete root.dataset.theme; } else { root.dataset.theme = name; }
button.textContent = "theme: " + name;
button.dataset.name = name;
};
wear(themes.includes(kept()) ? kept() : "system");
button.hidden = false;
button.addEventListener("click", () => {
const next = themes[(themes.indexOf(button.dataset.name) + 1) % themes.length];
wear(next);
keep(next);
});
const named = () => {
const part = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
const head = part && part.closest(".contract") && part.closest(".contract").querySelector("h2 bdi");
document.title = head ? head.textContent + " · pv report" : "pv report";
};
addEventListener("hashchange", named);
named();
const table = document.querySelector("table.fleet");
const body = table.tBodies[0];
const heads = [...table.tHead.rows[0].cells];
const rows = [...body.rows];
const value = (row, column) => {
const text = column ? row.cells[column].textContent : row.cells[0].querySelector("a").textContent;
return [parseFloat(text), text];
};
const compare = (one, other, column) => {
const [a, left] = value(one, column);
const [b, right] = value(other, column);
if (column > 2 && !(Number.isNaN(a) && Number.isNaN(b))) { return (Number.isNaN(a) ? -1 : a) - (Number.isNaN(b) ? -1 : b); }
return left.localeCompare(right, "en", { numeric: true });
};
heads.forEach((head, column) => {
const press = document.createElement("button");
press.type = "button";
press.textContent = head.textContent;
head.replaceChildren(press);
press.addEventListener("click", () => {
const first = column > 2 ? "descending" : "ascending";
const second = column > 2 ? "ascending" : "descending";
const way = head.getAttribute("aria-sort") === first ? second : first;
heads.forEach((each) => each.removeAttribute("aria-sort"));
head.setAttribute("aria-sort", way);
const turn = way === "ascending" ? 1 : -1;
body.append(...[...rows].sort((one, other) => turn * compare(one, other, column)));
});
});
const form = document.getElementById("filter");
const box = document.getElementById("shown");
const told = form.querySelector("output");
const names = heads.map((head) => head.textContent.trim());
const texts = rows.map((row) => [...row.cells].map((cell, at) =>
cell.textContent + (at > 3 && !cell.classList.contains("z") ? " " + names[at] : "")).join(" ").toLowerCase());
form.hidden = rows.length < 2;
form.addEventListener("submit", (event) => event.preventDefault());
box.addEventListener("input", () => {
const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
let count = 0;
rows.forEach((row, at) => {
row.hidden = !words.every((word) => texts[at].includes(word));
count += row.hidden ? 0 : 1;
});
told.textContent = words.length ? `${count} of ${rows.length} contracts` : "";
});
let opened = [];
addEventListener("beforeprint", () => {
opened = [...document.querySelectorAll("details:not([open])")];
opened.forEach((each) => { each.open = true; });
});
addEventListener("afterprint", () => { opened.forEach((each) => { each.open = false; }); });
})();
