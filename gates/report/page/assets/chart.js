// Charts: zoomed by dragging, wheel and keys, read at a point. Every number was printed by the program that wrote the page.
const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
const timeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, second, 2 * second, 5 * second, 10 * second, 15 * second, 30 * second,
  minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day];

function timeStep(span, most) {
  for (const s of timeSteps) if (span <= s * most) return s;
  let step = 2 * day;
  while (span / step > most) step *= 2;
  return step;
}

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.data = readData(figure);
    this.lines = (this.data.lines || []).map((l) => this.readLine(l));
    this.marks = this.data.marks || [];
    if (!this.lines.some((l) => l.time.length)) return;
    this.id = figure.id;
    this.title = figure.querySelector("h3").textContent;
    this.from = this.data.start;
    this.to = this.data.end;
    this.least = Math.max((this.to - this.from) / 5000, Math.min(1, this.to - this.from));
    this.cursor = null;
    this.pad = this.lines.some((l) => l.dots) ? 8 : 0; // else the first and the last dot would be cut
    this.plot = figure.querySelector(".plot");
    this.legend();
    this.controls();
    this.stage();
    this.listen();
    this.draw();
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  readLine(l) {
    let at = this.data.start;
    const time = l.t.map((d) => (at += d));
    return { ...l, time, on: true };
  }

  legend() {
    const items = this.figure.querySelectorAll(".legend li");
    this.lines.forEach((line, i) => {
      const b = el("button", { type: "button", "aria-pressed": "true" }, ...items[i].childNodes);
      b.addEventListener("click", () => {
        line.on = !line.on;
        b.setAttribute("aria-pressed", line.on);
        this.draw();
      });
      items[i].replaceChildren(b);
    });
  }

  controls() {
    this.reset = button("Reset", "Reset to all of " + this.title, () => this.view(this.data.start, this.data.end));
    const zoom = (by) => () => this.zoom(by, (this.from + this.to) / 2);
    this.figure.querySelector("figcaption").append(el("div", { class: "controls", role: "group", "aria-label": "Zoom" },
      button("+", "Zoom in", zoom(0.5)), button("−", "Zoom out", zoom(2)), this.reset));
    this.reading = el("p", { class: "reading", role: "status" });
    this.plot.after(this.reading);
  }

  stage() {
    this.plot.classList.add("live");
    const help = "Arrows move the reading, plus and minus zoom, 0 shows all, Home and End go to the ends.";
    for (const [k, v] of Object.entries({ tabindex: "0", role: "application", "aria-label": `${this.title}. ${help}`, "aria-describedby": this.id + "s" })) {
      this.plot.setAttribute(k, v);
    }
    this.svg = svg("svg", { "aria-hidden": "true", focusable: "false" });
    this.plot.replaceChildren(this.svg);
  }

  view(from, to) {
    const span = clamp(to - from, this.least, this.data.end - this.data.start);
    this.from = clamp(from, this.data.start, this.data.end - span);
    this.to = this.from + span;
    this.draw();
  }

  zoom(by, around) {
    this.view(around - (around - this.from) * by, around + (this.to - around) * by);
  }

  // scale fits the values that are seen into the axis, on ticks that were printed beforehand.
  scale() {
    let low = Infinity, high = -Infinity;
    for (const l of this.lines) {
      if (!l.on) continue;
      const [a, b] = this.range(l);
      for (let i = a; i < b; i++) {
        if (l.v[i] == null) continue;
        low = Math.min(low, l.lo?.[i] ?? l.v[i], l.v[i]);
        high = Math.max(high, l.hi?.[i] ?? l.v[i], l.v[i]);
      }
    }
    const axis = this.data.axis;
    if (low > high) { low = axis.low; high = axis.high; }
    if (low >= 0 && low <= high / 2) low = Math.max(0, axis.low);
    let level = axis.levels[0];
    for (const l of axis.levels) if ((high - low) / l.step <= 6) level = l;
    let a = Math.max(0, Math.floor((low - axis.low) / level.step + 1e-9));
    let b = Math.min(level.texts.length - 1, Math.ceil((high - axis.low) / level.step - 1e-9));
    if (b <= a) { b = Math.min(a + 1, level.texts.length - 1); a = b - 1; }
    const every = Math.ceil((b - a) / 7);
    this.ticks = [];
    for (let i = a; i <= b; i++) if ((i - a) % every === 0) this.ticks.push({ value: axis.low + i * level.step, text: level.texts[i] });
    this.low = axis.low + a * level.step;
    this.high = axis.low + b * level.step;
  }

  // range returns which points of a line are seen, and one more on each side, so that the line goes on to the edge.
  range(l) {
    return [Math.max(0, this.search(l.time, this.from) - 1), Math.min(l.time.length, this.search(l.time, this.to) + 1)];
  }

  // search returns the first index whose time is not before at.
  search(time, at) {
    let a = 0, b = time.length;
    while (a < b) {
      const m = (a + b) >> 1;
      if (time[m] < at) a = m + 1; else b = m;
    }
    return a;
  }

  x(ms) { return this.pad + (ms - this.from) / (this.to - this.from) * (this.width - 2 * this.pad); }
  y(v) { return (this.high - clamp(v, this.low, this.high)) / (this.high - this.low) * this.height; }

  draw() {
    const whole = this.plot.clientWidth;
    if (!whole) return;
    this.scale();
    this.left = 14 + Math.max(...this.ticks.map((t) => t.text.length)) * 6.7;
    this.top = 18;
    this.width = Math.max(60, whole - this.left - 12);
    this.height = 280 - this.top - 26;
    this.svg.setAttribute("viewBox", `0 0 ${whole} 280`);
    const field = svg("svg", { x: this.left, y: this.top, width: this.width, height: this.height });
    this.over = svg("g");
    field.append(...this.markLines(), ...this.lines.filter((l) => l.on).flatMap((l) => l.dots ? this.points(l) : this.path(l)), this.over);
    this.svg.replaceChildren(...this.grid(), field, ...this.markTexts());
    this.reset.disabled = this.from === this.data.start && this.to === this.data.end;
    this.drawCursor();
    if (this.cursor == null) this.tell("");
  }

  grid() {
    const out = [];
    for (const t of this.ticks) {
      const y = this.top + this.y(t.value);
      out.push(svg("path", { class: "grid", d: `M${this.left} ${y}h${this.width}` }), svg("text", { x: this.left - 8, y: y + 4, "text-anchor": "end" }, t.text));
    }
    const step = timeStep(this.to - this.from, clamp(Math.floor(this.width / 95), 2, 10));
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
      const x = this.left + this.x(t), text = tickTime(t, step), half = text.length * 3.2;
      out.push(svg("path", { class: "grid v", d: `M${x} ${this.top}v${this.height}` }));
      if (x + half < this.left + this.width + 12) out.push(svg("text", { x, y: 272, "text-anchor": "middle" }, text));
    }
    return out;
  }

  path(l) {
    const [a, b] = this.range(l);
    let d = "", area = "", pen = false, last = 0;
    const close = () => { if (pen) area += `L${last} ${this.height}Z`; };
    for (let i = a; i < b; i++) {
      if (l.v[i] == null) { close(); pen = false; continue; }
      const x = this.x(l.time[i]).toFixed(1), y = this.y(l.v[i]).toFixed(1);
      d += `${pen ? "L" : "M"}${x} ${y}`;
      if (!pen && (i + 1 === b || l.v[i + 1] == null)) d += "h0";
      area += pen ? `L${x} ${y}` : `M${x} ${this.height}L${x} ${y}`;
      pen = true;
      last = x;
    }
    close();
    const out = [svg("path", { class: "line " + l.class, d })];
    // A filled field is read as a quantity, so it begins at 0; one line alone is filled, and no limit.
    const alone = this.lines.filter((x) => x.on && !x.class.includes("dash")).length === 1;
    if (alone && this.low === 0 && !l.class.includes("dash")) out.unshift(svg("path", { class: "area " + l.class, d: area }));
    return out;
  }

  points(l) {
    const out = [], [a, b] = this.range(l);
    for (let i = a; i < b; i++) {
      if (l.v[i] == null) continue;
      const x = this.x(l.time[i]);
      if (l.lo?.[i] != null) out.push(svg("path", { class: "whisker " + l.class, d: `M${x} ${this.y(l.lo[i])}V${this.y(l.hi[i])}` }));
      out.push(svg("circle", { class: "point " + l.class, cx: x, cy: this.y(l.v[i]), r: b - a > 400 ? 2 : 3.5 }));
    }
    return out;
  }

  seenMarks() { return this.marks.filter((m) => m.t >= this.from && m.t <= this.to); }

  markLines() {
    return this.seenMarks().map((m) => svg("path", { class: "mark " + m.tone, d: `M${this.x(m.t)} 0v${this.height}` }));
  }

  // markTexts leaves out names that would stand on each other; the reading tells them all.
  markTexts() {
    const out = [];
    let taken = -Infinity;
    for (const m of this.seenMarks().sort((a, b) => a.t - b.t)) {
      const x = this.left + this.x(m.t), length = m.text.length * 6.2, end = x + length > this.left + this.width;
      const from = end ? x - length - 4 : x + 4;
      if (from < taken || from < 0) continue;
      taken = from + length + 8;
      out.push(svg("text", { class: "marktext " + m.tone, x: end ? x - 4 : x + 4, y: 12, "text-anchor": end ? "end" : "start" }, m.text));
    }
    return out;
  }

  nearest(l, at) {
    const i = this.search(l.time, at);
    if (i === 0) return l.time.length ? 0 : -1;
    return i === l.time.length || at - l.time[i - 1] <= l.time[i] - at ? i - 1 : i;
  }

  // snap returns the time of the measured point that is nearest.
  snap(at) {
    let best = null;
    for (const l of this.lines) {
      if (!l.on) continue;
      const i = this.nearest(l, at);
      if (i >= 0 && (best == null || Math.abs(l.time[i] - at) < Math.abs(best - at))) best = l.time[i];
    }
    return best;
  }

  // readings are what every line says at a moment. A line without a point there says when its nearest one was.
  readings(at) {
    return this.lines.filter((l) => l.on && l.time.length).map((l) => {
      const i = this.nearest(l, at), text = this.data.texts[l.s[i]], label = l.l && l.l[i] >= 0 ? this.data.texts[l.l[i]] : "";
      return { line: l, i, label, text: l.time[i] === at ? text : `${text} at ${moment(l.time[i])}` };
    });
  }

  near(at) {
    const reach = 5 / this.width * (this.to - this.from);
    return this.seenMarks().filter((m) => Math.abs(m.t - at) <= reach);
  }

  drawCursor() {
    this.over.replaceChildren();
    if (this.cursor == null || this.cursor < this.from || this.cursor > this.to) return;
    const x = this.x(this.cursor);
    this.over.append(svg("path", { class: "cross", d: `M${x} 0v${this.height}` }));
    for (const r of this.readings(this.cursor)) {
      const v = r.line.v[r.i];
      if (v != null && r.line.time[r.i] === this.cursor) this.over.append(svg("circle", { class: "cursor " + r.line.class, cx: x, cy: this.y(v), r: 4 }));
    }
  }

  tipRows() {
    const rows = [el("div", { class: "when" }, moment(this.cursor))];
    for (const r of this.readings(this.cursor)) {
      rows.push(el("div", { class: "row" }, el("span", {}, el("span", { class: "swatch " + r.line.class }), r.line.name), el("b", {}, r.text)));
      if (r.label) rows.push(el("div", { class: "label" }, r.label));
    }
    for (const m of this.near(this.cursor)) rows.push(el("div", { class: m.tone || "when" }, m.text));
    return rows;
  }

  // tell writes the reading under the chart, where screen readers hear of it; without one, what time is shown.
  tell(text) {
    this.reading.textContent = text || `${moment(Math.round(this.from))} to ${moment(Math.round(this.to))}`;
  }

  moveCursor(at) {
    this.cursor = at;
    const span = this.to - this.from;
    if (at < this.from) this.view(at - span * 0.2, at + span * 0.8);
    else if (at > this.to) this.view(at - span * 0.8, at + span * 0.2);
    else this.drawCursor();
    const readings = this.readings(at).map((r) => `${r.line.name} ${r.text}${r.label ? ", " + r.label : ""}`);
    this.tell([`${moment(at)}: ${readings.join(", ")}`, ...this.near(at).map((m) => m.text)].join("; "));
  }

  clearCursor() {
    this.cursor = null;
    hideTip();
    this.drawCursor();
    this.tell("");
  }

  // step returns the time of the point that follows the cursor in a direction.
  step(direction) {
    if (this.cursor == null) return this.snap(direction > 0 ? this.from : this.to);
    let best = null;
    for (const l of this.lines) {
      if (!l.on) continue;
      let i = this.search(l.time, this.cursor);
      if (direction < 0) i--;
      else while (i < l.time.length && l.time[i] <= this.cursor) i++;
      const t = l.time[i];
      if (t != null && (best == null || (direction > 0 ? t < best : t > best))) best = t;
    }
    return best;
  }

  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[e.key], around = this.cursor ?? (this.from + this.to) / 2, span = this.to - this.from;
    if (direction && e.shiftKey) {
      this.view(this.from + direction * span / 4, this.to + direction * span / 4);
    } else if (direction) {
      const to = this.step(direction);
      if (to != null) this.moveCursor(to);
    } else if (e.key === "Home" || e.key === "End") {
      const to = this.snap(e.key === "Home" ? this.data.start : this.data.end);
      if (to != null) this.moveCursor(to);
    } else if (e.key === "+" || e.key === "=") {
      this.zoom(0.5, around);
    } else if (e.key === "-" || e.key === "_") {
      this.zoom(2, around);
    } else if (e.key === "0") {
      this.view(this.data.start, this.data.end);
    } else if (e.key === "Escape") {
      this.clearCursor();
    } else {
      return;
    }
    hideTip();
    e.preventDefault();
  }

  timeAt(e) {
    const x = e.clientX - this.plot.getBoundingClientRect().left - this.left;
    return this.from + clamp((x - this.pad) / (this.width - 2 * this.pad), 0, 1) * (this.to - this.from);
  }

  // point reads at the pointer, and shows what is being chosen.
  point(e) {
    const at = this.timeAt(e), from = this.pressed;
    this.cursor = this.snap(at);
    if (this.cursor == null) return;
    this.drawCursor();
    if (from && Math.abs(e.clientX - from.x) > 4) {
      const a = this.x(Math.min(at, from.time)), b = this.x(Math.max(at, from.time));
      this.over.append(svg("rect", { class: "chosen", x: a, y: 0, width: b - a, height: this.height }));
    }
    showTip(e.clientX, e.clientY, ...this.tipRows());
  }

  listen() {
    this.pressed = null;
    this.plot.addEventListener("keydown", (e) => this.key(e));
    this.plot.addEventListener("pointerdown", (e) => {
      if (e.button !== 0) return;
      this.pressed = { x: e.clientX, time: this.timeAt(e) };
      this.plot.setPointerCapture(e.pointerId);
      this.point(e);
    });
    this.plot.addEventListener("pointermove", (e) => this.point(e));
    this.plot.addEventListener("pointerup", (e) => {
      const from = this.pressed, at = this.timeAt(e);
      this.pressed = null;
      if (from && Math.abs(e.clientX - from.x) > 4) this.view(Math.min(at, from.time), Math.max(at, from.time));
    });
    this.plot.addEventListener("pointercancel", () => { this.pressed = null; this.clearCursor(); });
    // A finger leaves when it is lifted; what it pointed at stays until it points elsewhere.
    this.plot.addEventListener("pointerleave", (e) => { if (!this.pressed && e.pointerType !== "touch") this.clearCursor(); });
    document.addEventListener("pointerdown", (e) => { if (this.cursor != null && !this.plot.contains(e.target)) this.clearCursor(); });
    this.plot.addEventListener("dblclick", () => this.view(this.data.start, this.data.end));
    // The wheel scrolls the page, unless the chart was clicked first.
    this.plot.addEventListener("wheel", (e) => {
      if (document.activeElement !== this.plot && !e.ctrlKey) return;
      e.preventDefault();
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
        const by = e.deltaX / this.width * (this.to - this.from);
        this.view(this.from + by, this.to + by);
      } else {
        this.zoom(e.deltaY < 0 ? 0.8 : 1.25, this.timeAt(e));
      }
    }, { passive: false });
  }
}

starters.chart = (figure) => new Chart(figure);
