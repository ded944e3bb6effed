
// Draws the curves of a report as SVG. Plain JavaScript, no library; the data is in the page.
"use strict";
const { colours, runs, charts } = JSON.parse(document.getElementById("data").textContent);
const HEIGHT = 200, LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 22;
const form = document.getElementById("controls");
const hidden = new Set();

function make(name, attributes = {}, parent = null, text = null) {
  const svg = ["svg", "line", "polyline", "circle", "text"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  parent?.append(element);
  return element;
}

// A number with four significant digits, short enough for an axis.
function short(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(2);
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(4)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(4)}k`;
  return String(+value.toPrecision(4));
}

// About `count` round numbers from low to high, at least `smallest` apart.
function ticks(low, high, count, smallest = 0) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(smallest, power * [1, 2, 5, 10].find((factor) => factor * power >= rough));
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k++) found.push(k * step);
  return found;
}

// An exponential moving average, corrected for its start, as TensorBoard has it.
function smooth(values, weight) {
  let sum = 0, share = 0;
  return values.map((value) => {
    sum = weight * sum + (1 - weight) * value;
    share = weight * share + (1 - weight);
    return sum / share;
  });
}

// The visible curves of a chart as {run, x, raw, y}, in the order of x.
function visible(chart, axis, weight) {
  return chart.curves.filter((curve) => !hidden.has(curve.run)).map((curve) => {
    const order = curve.step.map((_, k) => k).filter((k) => curve[axis][k] !== null);
    order.sort((a, b) => curve[axis][a] - curve[axis][b]);
    const raw = order.map((k) => curve.value[k]);
    // of a thinned curve only the extremes are drawn, whose mean is another than that of all values
    const means = curve.mean ? order.map((k) => curve.mean[k]) : raw;
    return { run: curve.run, x: order.map((k) => curve[axis][k]), raw, y: weight ? smooth(means, weight) : raw };
  }).filter((curve) => curve.x.length);
}

class Chart {
  constructor(chart, parent) {
    this.chart = chart;
    this.figure = make("figure", { class: "chart" }, parent);
    make("figcaption", {}, this.figure, chart.name);
    this.svg = make("svg", { tabindex: 0, role: "img", "aria-label": chart.name }, this.figure);
    this.values = make("div", { class: "values", hidden: "" }, this.figure);
    this.svg.addEventListener("pointermove", (event) => this.point(event.clientX - this.svg.getBoundingClientRect().left));
    this.svg.addEventListener("pointerleave", () => this.leave());
    this.svg.addEventListener("blur", () => this.leave());
    this.svg.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!move) return;
      event.preventDefault();
      const at = this.position ?? (move > 0 ? LEFT : this.width - RIGHT);
      this.point(Math.min(Math.max(at + move * (this.width - LEFT - RIGHT) / 40, LEFT), this.width - RIGHT));
    });
    new ResizeObserver(() => { if (this.svg.clientWidth !== this.width) this.draw(); }).observe(this.svg);
  }

  draw() {
    const axis = form.elements.x.value, weight = Number(form.elements.smoothing.value);
    this.width = this.svg.clientWidth;
    this.curves = visible(this.chart, axis, weight);
    this.svg.replaceChildren();
    this.leave();
    const xs = this.curves.flatMap((curve) => curve.x), ys = this.curves.flatMap((curve) => curve.raw);
    if (!xs.length) {
      const why = axis === "seconds" && this.chart.curves.length ? "nothing to show over seconds" : "no visible run";
      make("text", { x: this.width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, this.svg, why);
      return;
    }
    const range = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
    let [x0, x1] = range(xs), [y0, y1] = range(ys);
    if (x0 === x1) { x0 -= 1; x1 += 1; }
    const spare = (y1 - y0) * 0.05 || Math.abs(y0) * 0.1 || 1;
    y0 -= spare; y1 += spare;
    this.toX = (x) => LEFT + (x - x0) / (x1 - x0) * (this.width - LEFT - RIGHT);
    this.toY = (y) => HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM);
    for (const y of ticks(y0, y1, 4)) {
      make("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: this.toY(y), y2: this.toY(y) }, this.svg);
      make("text", { x: LEFT - 5, y: this.toY(y) + 4, "text-anchor": "end" }, this.svg, short(y));
    }
    for (const x of ticks(x0, x1, Math.max(2, Math.floor(this.width / 90)), axis === "step" ? 1 : 0)) {
      make("line", { class: "grid", x1: this.toX(x), x2: this.toX(x), y1: TOP, y2: HEIGHT - BOTTOM }, this.svg);
      const anchor = this.toX(x) > this.width - 24 ? "end" : "middle";
      make("text", { x: this.toX(x), y: HEIGHT - 6, "text-anchor": anchor }, this.svg, short(x));
    }
    for (const curve of this.curves) {
      const style = `run${curve.run % colours}${curve.run >= colours ? " dashed" : ""}`;
      const path = (values) => curve.x.map((x, k) => `${this.toX(x).toFixed(1)},${this.toY(values[k]).toFixed(1)}`).join(" ");
      if (weight) make("polyline", { class: `raw ${style}`, points: path(curve.raw) }, this.svg);
      make("polyline", { class: style, points: path(curve.y) }, this.svg);
      if (curve.x.length === 1) make("circle", { class: style, cx: this.toX(curve.x[0]), cy: this.toY(curve.y[0]), r: 3 }, this.svg);
    }
    this.cursor = make("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" }, this.svg);
  }

  // Shows the value of each curve that is nearest to a position, pixels from the left.
  point(position) {
    if (!this.curves.length) return;
    this.position = position;
    const distance = (x) => Math.abs(this.toX(x) - position);
    const nearest = this.curves.map((curve) => ({
      curve, k: curve.x.reduce((best, x, k) => distance(x) < distance(curve.x[best]) ? k : best, 0),
    }));
    const at = nearest.map(({ curve, k }) => curve.x[k]).reduce((best, x) => distance(x) < distance(best) ? x : best);
    for (const end of ["x1", "x2"]) this.cursor.setAttribute(end, this.toX(at));
    this.cursor.setAttribute("visibility", "visible");
    this.values.replaceChildren();
    for (const { curve, k } of nearest) {
      const row = make("div", {}, this.values);
      make("i", { class: `swatch run${curve.run % colours}` }, row);
      const away = curve.x[k] === at ? "" : ` at ${short(curve.x[k])}`;
      make("span", {}, row, runs.length > 1 ? runs[curve.run] + away : `${form.elements.x.value} ${short(at)}`);
      make("b", {}, row, short(curve.y[k]));
    }
    if (runs.length > 1) this.values.prepend(make("div", {}, null, `${form.elements.x.value} ${short(at)}`));
    this.values.hidden = false;
    const x = this.toX(at), right = x < this.width / 2;
    this.values.style.left = right ? `${x + 16}px` : "auto";
    this.values.style.right = right ? "auto" : `${this.width - x + 16}px`;
    this.values.style.maxWidth = `${(right ? this.width - x : x) - 8}px`;
  }

  leave() {
    this.position = null;
    this.values.hidden = true;
    this.cursor?.setAttribute("visibility", "hidden");
  }
}

const drawn = [];
if (form) {
  const groups = new Map();
  for (const chart of charts) {
    const group = chart.name.includes("/") ? chart.name.slice(0, chart.name.lastIndexOf("/")) : "other";
    if (!groups.has(group)) {
      make("h3", {}, document.getElementById("charts"), group);
      groups.set(group, make("div", { class: "charts" }, document.getElementById("charts")));
    }
    drawn.push(new Chart(chart, groups.get(group)));
  }
  form.addEventListener("input", () => {
    form.querySelector("output").textContent = form.elements.smoothing.value;
    drawn.forEach((chart) => chart.draw());
  });
}
for (const box of document.querySelectorAll("[data-run]")) {
  const update = () => {
    hidden[box.checked ? "delete" : "add"](Number(box.dataset.run));
    drawn.forEach((chart) => chart.draw());
  };
  box.addEventListener("change", update);
  if (!box.checked) update(); // a browser restores the state of a box when it loads a page again
}
