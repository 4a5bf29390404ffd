// Tables: sorted by their heads, filtered, opened row by row. Long ones show their first rows until asked for all.
const firstRows = 500;
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

class Table {
  constructor(root) {
    this.root = root;
    this.table = root.querySelector(":scope > .scroll > table");
    this.body = this.table.tBodies[0];
    this.heads = [...this.table.tHead.rows[0].cells];
    this.column = -1;
    this.down = false;
    this.words = [];
    this.all = false;
    this.readRows();
    this.heads.forEach((th, i) => this.head(th, i));
    this.tools();
    this.apply();
  }

  readRows() {
    this.rows = [];
    for (const tr of [...this.body.rows]) {
      if (!tr.classList.contains("more")) {
        this.rows.push({ tr, order: this.rows.length, more: null, open: false });
        continue;
      }
      const row = this.rows[this.rows.length - 1], details = tr.querySelector("details"), name = row.tr.cells[0];
      row.more = tr;
      row.tr.classList.add("has");
      this.table.classList.add("opens");
      details.open = true;
      details.querySelector("summary").hidden = true;
      row.button = button("▸", "Details of " + name.textContent, () => this.toggle(row), { "aria-expanded": "false", class: "open" });
      name.prepend(row.button);
    }
  }

  toggle(row) {
    row.open = !row.open;
    row.button.textContent = row.open ? "▾" : "▸";
    row.button.setAttribute("aria-expanded", row.open);
    row.tr.classList.toggle("opened", row.open);
    row.more.hidden = !row.open;
  }

  head(th, i) {
    const sign = el("span", { class: "sort-sign", "aria-hidden": "true" });
    const b = el("button", { type: "button" }, ...th.childNodes);
    if (th.classList.contains("n")) b.prepend(sign); else b.append(sign);
    b.addEventListener("click", () => this.sort(i));
    th.replaceChildren(b);
    th.sign = sign;
  }

  // sort goes from the order that makes sense first to its reverse, and then back to the order of the page.
  sort(i) {
    const first = this.heads[i].classList.contains("n");
    if (this.column !== i) { this.column = i; this.down = first; }
    else if (this.down === first) this.down = !first;
    else { this.column = -1; }
    this.heads.forEach((th, k) => {
      const on = k === this.column;
      th.sign.textContent = on ? (this.down ? "↓" : "↑") : "";
      if (on) th.setAttribute("aria-sort", this.down ? "descending" : "ascending"); else th.removeAttribute("aria-sort");
    });
    this.order();
    this.apply();
  }

  order() {
    const c = this.column;
    if (c < 0) {
      this.rows.sort((a, b) => a.order - b.order);
    } else {
      const keys = new Map(this.rows.map((r) => [r, this.key(r.tr.cells[c])]));
      const numbers = [...keys.values()].some((k) => typeof k === "number");
      const compare = numbers ? (a, b) => a - b : (a, b) => collator.compare(a, b);
      const missing = (k) => k === "" || (numbers && typeof k !== "number");
      this.rows.sort((a, b) => {
        const x = keys.get(a), y = keys.get(b);
        if (missing(x) || missing(y)) return missing(x) - missing(y) || a.order - b.order;
        return (this.down ? -1 : 1) * compare(x, y) || a.order - b.order;
      });
    }
    const all = document.createDocumentFragment();
    for (const r of this.rows) all.append(r.tr, ...(r.more ? [r.more] : []));
    this.body.append(all);
  }

  key(cell) {
    if (!cell) return "";
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const own = [...cell.childNodes].filter((n) => n.nodeName !== "BUTTON");
    return own.map((n) => n.textContent).join("").trim();
  }

  tools() {
    this.rest = button("", null, () => { this.all = true; this.apply(); }, { class: "rest", hidden: true });
    this.table.parentNode.after(this.rest);
    if (!this.root.dataset.filter) return;
    const name = this.table.caption.textContent;
    const input = el("input", { type: "search", placeholder: "Filter rows", "aria-label": "Filter rows of " + name });
    this.count = el("span", { class: "note", role: "status" });
    input.addEventListener("input", () => {
      this.words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.apply();
    });
    this.table.parentNode.before(el("div", { class: "tools" }, input, this.count));
  }

  matches(row) {
    if (!this.words.length) return true;
    row.text ??= row.tr.textContent.toLowerCase();
    return this.words.every((w) => row.text.includes(w));
  }

  apply() {
    let matched = 0, shown = 0;
    for (const row of this.rows) {
      const is = this.matches(row);
      matched += is;
      const show = is && (this.all || shown < firstRows);
      shown += show;
      row.tr.hidden = !show;
      if (row.more) row.more.hidden = !show || !row.open;
    }
    this.rest.hidden = shown === matched;
    this.rest.textContent = `Show all ${printers.count(matched)} rows`;
    if (this.count) {
      const of = printers.count(this.rows.length) + " rows";
      this.count.textContent = this.words.length ? `${printers.count(matched)} of ${of}` : of;
    }
  }
}

starters.table = (root) => new Table(root);
