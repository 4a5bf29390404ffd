// Flame graphs, hanging from their root: zoomed by click or Enter, walked with the arrows, searched.
const rowHeight = 20;

// Without the folders of its package; those of type arguments are none of it.
const short = (name) => name.slice(name.split("[", 1)[0].lastIndexOf("/") + 1) || name;

class Flame {
  constructor(figure) {
    this.figure = figure;
    this.data = readData(figure);
    if (!this.data.d) return;
    this.build();
    this.plot = figure.querySelector(".plot");
    this.title = figure.querySelector("h3").textContent;
    this.zoomed = this.current = this.nodes[0];
    this.controls();
    this.tree = el("div", { class: "tree", role: "tree", "aria-label": this.title + ". Arrows walk, Enter zooms, Escape zooms out." });
    for (const name of ["tabindex", "role", "aria-label"]) this.plot.removeAttribute(name);
    this.plot.replaceChildren(this.tree);
    this.listen();
    this.draw();
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  build() {
    const d = this.data, path = [];
    this.nodes = d.d.map((depth, i) => {
      const parent = depth ? path[depth - 1] : null;
      const node = { depth, parent, kids: [], value: d.v[i], hue: d.h[i], name: d.texts[d.n[i]], printed: d.texts[d.s[i]], detail: d.x[i] < 0 ? "" : d.texts[d.x[i]], match: false };
      if (parent) parent.kids.push(node);
      path[depth] = node;
      return node;
    });
    this.total = this.nodes[0].value;
    this.place(this.nodes[0], 0, 1);
  }

  place(node, at, width) {
    node.at = at;
    node.width = width;
    const sum = node.kids.reduce((s, k) => s + k.value, 0), whole = Math.max(node.value, sum) || 1;
    for (const k of node.kids) {
      const part = width * k.value / whole;
      this.place(k, at, part);
      at += part;
    }
  }

  controls() {
    const input = el("input", { type: "search", placeholder: "Search frames", "aria-label": "Search frames of " + this.title });
    this.found = el("span", { class: "note", role: "status" });
    input.addEventListener("input", () => this.search(input.value));
    this.crumbs = el("ol", { class: "crumbs", "aria-label": "Zoomed to" });
    this.plot.before(el("div", { class: "tools" }, input, this.found), this.crumbs);
  }

  // search marks what matches. The sum counts a frame inside of another match once.
  search(words) {
    words = words.trim().toLowerCase();
    this.searching = words !== "";
    let sum = 0, frames = 0;
    const visit = (node, inside) => {
      node.match = this.searching && (node.name.toLowerCase().includes(words) || node.detail.toLowerCase().includes(words));
      frames += node.match;
      if (node.match && !inside) sum += node.value;
      for (const k of node.kids) visit(k, inside || node.match);
    };
    visit(this.nodes[0], false);
    const print = printers[this.data.printer];
    const share = percent(Math.min(sum / this.total, 1)) + " match";
    this.found.textContent = !this.searching ? "" : (print ? print(sum) + ", " : "") + share + ` in ${printers.count(frames)} ${frames === 1 ? "frame" : "frames"}`;
    this.draw();
  }

  zoom(node) {
    this.zoomed = node;
    this.current = node;
    this.draw();
  }

  share(node) {
    const whole = percent(node.value / this.total) + " of the whole";
    return this.zoomed === this.nodes[0] || !this.zoomed.value || node.depth <= this.zoomed.depth ? whole : whole + ", " + percent(node.value / this.zoomed.value) + " of " + this.zoomed.name;
  }

  draw() {
    const width = this.plot.clientWidth, z = this.zoomed;
    if (!width) return;
    const focused = this.tree.contains(document.activeElement);
    this.shown = new Map();
    const boxes = [];
    let deepest = 0;
    for (let n = z.parent; n; n = n.parent) boxes.unshift(this.box(n, 0, width, "above"));
    const visit = (node) => {
      const left = (node.at - z.at) / z.width * width, w = node.width / z.width * width;
      if (w < 0.8) return;
      deepest = Math.max(deepest, node.depth);
      boxes.push(this.box(node, left, w, ""));
      node.kids.forEach(visit);
    };
    visit(z);
    if (!this.shown.has(this.current)) this.current = z;
    this.tree.classList.toggle("searching", !!this.searching);
    this.tree.style.height = (deepest + 1) * rowHeight + "px";
    this.tree.replaceChildren(...boxes);
    const now = this.shown.get(this.current);
    now.tabIndex = 0;
    if (focused) now.focus({ preventScroll: true });
    this.drawCrumbs();
  }

  box(node, left, width, extra) {
    const wide = width > 32;
    const e = el("div", { role: "treeitem", class: `${node.hue} ${extra} ${wide ? "" : "thin"} ${node.match ? "match" : ""}`, tabindex: "-1", "aria-level": node.depth + 1,
      "aria-label": `${node.name}, ${node.printed}, ${percent(node.value / this.total)}` }, wide ? short(node.name) : "");
    if (node.kids.length) e.setAttribute("aria-expanded", "true");
    e.setAttribute("aria-selected", node === this.zoomed);
    e.style.left = left.toFixed(2) + "px";
    e.style.width = Math.max(width - 1, 0.6).toFixed(2) + "px";
    e.style.top = node.depth * rowHeight + "px";
    e.node = node;
    this.shown.set(node, e);
    return e;
  }

  drawCrumbs() {
    const path = [];
    for (let n = this.zoomed; n; n = n.parent) path.unshift(n);
    this.crumbs.hidden = path.length < 2;
    this.crumbs.replaceChildren(...path.map((n) => {
      const b = el("button", { type: "button" }, n.name);
      if (n === this.zoomed) b.setAttribute("aria-current", "true");
      b.addEventListener("click", () => this.zoom(n));
      return el("li", {}, b);
    }));
  }

  listen() {
    const at = (e) => e.target.closest(".tree > div")?.node;
    this.tree.addEventListener("click", (e) => {
      const n = at(e);
      if (!n) return;
      this.zoom(n);
      this.shown.get(n).focus({ preventScroll: true });
    });
    this.tree.addEventListener("pointermove", (e) => {
      const n = at(e);
      if (n) this.tip(n, e.clientX, e.clientY); else hideTip();
    });
    this.tree.addEventListener("pointerleave", hideTip);
    this.tree.addEventListener("focusin", (e) => { const n = at(e); if (n) this.current = n; });
    this.tree.addEventListener("focusout", hideTip);
    this.tree.addEventListener("keydown", (e) => this.key(e));
  }

  tip(n, x, y) {
    const rows = [el("div", {}, el("b", {}, n.name)), el("div", {}, `${n.printed}, ${this.share(n)}`)];
    if (n.detail) rows.push(el("div", { class: "when" }, n.detail));
    showTip(x, y, ...rows);
  }

  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const n = this.current, beside = (step) => {
      const row = [...this.shown.keys()].filter((k) => k.depth === n.depth);
      return row[row.indexOf(n) + step];
    };
    const largest = n.kids.filter((k) => this.shown.has(k)).sort((a, b) => b.value - a.value)[0];
    const moves = { ArrowDown: () => largest, ArrowUp: () => n.parent, ArrowLeft: () => beside(-1), ArrowRight: () => beside(1), Home: () => this.nodes[0] };
    if (moves[e.key]) {
      const to = this.shown.get(moves[e.key]());
      if (to) this.focus(to);
    } else if (e.key === "Enter" || e.key === " ") {
      this.zoom(n);
    } else if (e.key === "Escape" || e.key === "Backspace" || e.key === "0") {
      hideTip();
      this.zoom(e.key === "0" ? this.nodes[0] : this.zoomed.parent || this.nodes[0]);
    } else {
      return;
    }
    e.preventDefault();
  }

  focus(box) {
    this.shown.get(this.current).tabIndex = -1;
    box.tabIndex = 0;
    box.focus();
    const r = box.getBoundingClientRect();
    this.tip(box.node, r.left + Math.min(r.width / 2, 60), r.bottom - 8);
  }
}

starters.flame = (figure) => new Flame(figure);
