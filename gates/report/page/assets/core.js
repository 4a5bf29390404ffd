// What all blocks share: elements, printing, the reading beside the pointer, and starting a block when it is first seen.
const svgNames = "http://www.w3.org/2000/svg";

function el(name, attrs, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attrs || {})) {
    if (v === true) e.setAttribute(k, "");
    else if (v !== false && v != null) e.setAttribute(k, v);
  }
  e.append(...children);
  return e;
}

function svg(name, attrs, text) {
  const e = document.createElementNS(svgNames, name);
  for (const [k, v] of Object.entries(attrs || {})) e.setAttribute(k, v);
  if (text != null) e.textContent = text;
  return e;
}

function button(text, label, act, attrs) {
  const b = el("button", { type: "button", "aria-label": label, title: label, ...attrs }, text);
  b.addEventListener("click", act);
  return b;
}

const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

// fixed rounds halves to even, as Go does.
function fixed(v, decimals) {
  const scaled = Math.abs(v) * 10 ** decimals;
  const whole = Math.floor(scaled);
  if (scaled - whole === 0.5 && whole % 2 === 0 && exactHalf(v, decimals)) {
    return (Math.sign(v) * whole / 10 ** decimals).toFixed(decimals);
  }
  return v.toFixed(decimals);
}

// exactHalf reports whether v really is a half: products may be rounded to one.
const exactHalf = (v, decimals) => Number.isInteger(v * 2 ** (decimals + 1));

const printers = {
  bytes(v) {
    const names = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let i = 0;
    for (let a = Math.abs(v); a >= 999.5 && i < names.length - 1; a /= 1000) i++;
    if (i === 0) return fixed(v, 0) + " B";
    const scaled = v / 1000 ** i, a = Math.abs(scaled);
    return fixed(scaled, a >= 99.95 ? 0 : a >= 9.995 ? 1 : 2) + " " + names[i];
  },
  count: (v) => fixed(v, 0).replace(/\B(?=(\d{3})+$)/g, ","),
};

function percent(share) {
  const p = share * 100;
  if (p === 0) return "0%";
  if (p < 0.005) return "<0.01%";
  return fixed(p, p < 0.995 ? 2 : p < 9.95 ? 1 : 0) + "%";
}

const two = (n) => String(n).padStart(2, "0");
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function moment(ms) {
  const iso = new Date(ms).toISOString();
  const text = iso.replace(/^\+0*/, "").slice(0, -1).replace("T", " ");
  return (text.endsWith(".000") ? text.slice(0, -4) : text) + " UTC";
}

function tickTime(ms, step) {
  const d = new Date(ms), clock = two(d.getUTCHours()) + ":" + two(d.getUTCMinutes());
  if (step >= 864e5) return d.toISOString().slice(0, 10);
  if (ms % 864e5 === 0) return months[d.getUTCMonth()] + " " + d.getUTCDate();
  if (step >= 6e4) return clock;
  if (step >= 1000) return clock + ":" + two(d.getUTCSeconds());
  return two(d.getUTCSeconds()) + "." + String(d.getUTCMilliseconds()).padStart(3, "0");
}

const tip = document.getElementById("tip");

function showTip(x, y, ...rows) {
  tip.replaceChildren(...rows);
  tip.hidden = false;
  const box = tip.getBoundingClientRect(), gap = 16;
  const left = x + gap + box.width > innerWidth - 4 ? x - gap - box.width : x + gap;
  const top = y + gap + box.height > innerHeight - 4 ? y - gap - box.height : y + gap;
  tip.style.transform = `translate(${clamp(left, 4, Math.max(4, innerWidth - box.width - 4))}px, ${Math.max(4, top)}px)`;
}

function hideTip() { tip.hidden = true; }

// starters build a block, by the class of its element. A block is started when it is about to be seen, not before.
const starters = {};

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    starters[entry.target.classList[0]](entry.target);
  }
}, { rootMargin: "300px" });

function watchBlocks() {
  for (const name of Object.keys(starters)) {
    for (const e of document.querySelectorAll(`.${name}`)) seen.observe(e);
  }
}

function readData(figure) {
  return JSON.parse(figure.querySelector("script[type='application/json']").textContent);
}

function startTheme() {
  const b = document.getElementById("theme"), root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  const show = () => { b.textContent = isDark() ? "Light colours" : "Dark colours"; };
  b.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; show(); });
  dark.addEventListener("change", show);
  show();
  b.hidden = false;
}

// openTarget opens the folded section that an address leads to.
function openTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const fold = target && target.querySelector(":scope > details.fold");
  if (fold) fold.open = true;
}

function startContents() {
  const links = new Map();
  for (const a of document.querySelectorAll("nav a")) links.set(a.hash.slice(1), a);
  if (!links.size) return;
  const shown = new Set();
  const follow = new IntersectionObserver((entries) => {
    for (const e of entries) shown[e.isIntersecting ? "add" : "delete"](e.target.id);
    let here = true;
    for (const [id, a] of links) {
      const is = here && shown.has(id);
      a.classList.toggle("here", is);
      if (is) { a.setAttribute("aria-current", "true"); here = false; } else a.removeAttribute("aria-current");
    }
  }, { rootMargin: "-10% 0px -55% 0px" });
  for (const id of links.keys()) follow.observe(document.getElementById(id));
}

// Paper cannot be clicked: sections that are folded, and details of rows, are printed open. Those of tables that were seen are
// shown by their style.
function startPrint() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.fold:not([open]), tr.more details:not([open])")];
    for (const d of opened) d.open = true;
  });
  addEventListener("afterprint", () => { for (const d of opened) d.open = false; });
}

addEventListener("DOMContentLoaded", () => {
  startTheme();
  startContents();
  startPrint();
  watchBlocks();
  openTarget();
  addEventListener("hashchange", openTarget);
  document.documentElement.dataset.ready = "1";
});
