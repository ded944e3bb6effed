// The timeline on one canvas: a lane for each button, the camera, the reward, and the NLL of the label.

const GUTTER = 92, RULER = 20, PAD = 6, KEY = 15, KEY_GAP = 4; // pixels
const HEIGHTS = { pitch: 56, yaw: 56, reward: 36, nll: 60 };
const NAMES = { reward: "reward", nll: "NLL of label" };
const GRID = [1, 2, 5, 10, 20, 40, 100, 200, 400, 1000, 2000, 4000, 10000, 20000, 40000, 100000];
const MIN_TICKS = 20; // minimum number of visible ticks

export class Timeline {
  // `seek(tick)` is called when a tick is clicked or dragged to.
  constructor(canvas, seek) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.episode = this.prediction = null;
    this.tick = 0;
    this.from = 0; // the visible ticks: [from, to)
    this.to = 1;
    const style = getComputedStyle(document.documentElement);
    const colours = ["raised", "line", "text", "dim", "label", "executed", "agent", "good", "faint"];
    this.colour = Object.fromEntries(colours.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    canvas.dataset.gutter = GUTTER;

    canvas.onpointerdown = (event) => {
      if (event.button !== 0 || !this.episode) return;
      canvas.setPointerCapture(event.pointerId);
      seek(Math.floor(this.tickAt(event.offsetX)));
    };
    canvas.onpointermove = (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) seek(Math.floor(this.tickAt(event.offsetX)));
    };
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  show(episode) {
    Object.assign(this, { episode, tick: 0, from: 0, to: episode.ticks });
    const runs = ({ buttons }, name) => String(buttons[name]);
    this.same = new Set(!episode.executed ? [] :
      Object.keys(episode.label.buttons).filter((name) => runs(episode.label, name) === runs(episode.executed, name)));
    this.compare(null);
  }

  compare(prediction) {
    this.prediction = prediction;
    this.turned = Object.fromEntries(["pitch", "yaw"].map((axis) => [axis, this.mostTurned(axis)]));
    this.resize();
  }

  // The largest movement in degrees per tick, which is the scale of a camera lane.
  mostTurned(axis) {
    let most = 1;
    for (const { drawn } of this.actions) for (const value of drawn[axis]) most = Math.max(most, Math.abs(value));
    return most;
  }

  move(tick) {
    this.tick = tick;
    if (tick < this.from || tick >= this.to) this.pan(tick - (this.to - this.from) / 10);
    this.draw();
  }

  zoom(factor, around = this.tick + 0.5) {
    if (!this.episode) return;
    const share = (around - this.from) / (this.to - this.from);
    const wide = Math.min(Math.max((this.to - this.from) * factor, MIN_TICKS), this.episode.ticks);
    this.to = this.from + wide;
    this.pan(around - share * wide);
    this.draw();
  }

  pan(from) {
    const wide = this.to - this.from;
    this.from = Math.min(Math.max(from, 0), this.episode.ticks - wide);
    this.to = this.from + wide;
  }

  wheel(event) {
    if (event.ctrlKey || !this.episode) return;
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.pan(this.from + ((event.deltaX || event.deltaY) / this.width) * (this.to - this.from));
      this.draw();
    } else {
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.tickAt(event.offsetX));
    }
  }

  get width() {
    return this.canvas.clientWidth - GUTTER - PAD;
  }

  x(tick) {
    return GUTTER + ((tick - this.from) / (this.to - this.from)) * this.width;
  }

  tickAt(x) {
    return this.from + ((x - GUTTER) / this.width) * (this.to - this.from);
  }

  // The actions in the order in which they are drawn: label, executed action, the agent's most probable action.
  get actions() {
    const { episode, prediction, colour } = this;
    return [
      { drawn: episode.label, fill: colour.label },
      { drawn: episode.executed, fill: colour.executed },
      { drawn: prediction?.probable, fill: colour.agent },
    ].filter(({ drawn }) => drawn);
  }

  get lanes() {
    const names = new Set(this.actions.flatMap(({ drawn }) => Object.keys(drawn.buttons)));
    const others = ["pitch", "yaw", "reward", ...(this.prediction ? ["nll"] : [])];
    let top = RULER + PAD;
    const lane = (name, kind, height, gap) => {
      const placed = { name, kind, top, bottom: top + height };
      top += height + gap;
      return placed;
    };
    const buttons = [...names].sort().map((name) => lane(name, "button", KEY, KEY_GAP));
    top += PAD;
    return [
      ...buttons,
      ...others.map((name) => lane(name, name, HEIGHTS[name], 2 * PAD)),
    ];
  }

  resize() {
    if (!this.episode) return;
    const height = this.lanes.at(-1).bottom + PAD, ratio = devicePixelRatio;
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.draw();
  }

  draw() {
    const { pen, canvas, colour } = this;
    pen.textBaseline = "middle";
    this.fill(colour.raised, 0, 0, canvas.clientWidth, canvas.clientHeight);
    this.drawGrid();
    for (const lane of this.lanes) {
      this.text(NAMES[lane.kind] ?? lane.name, GUTTER - 8, (lane.top + lane.bottom) / 2, colour.text, "right");
      if (lane.kind === "button") this.drawButton(lane);
      else if (lane.kind === "reward") this.drawBars(lane, this.episode.rewards, () => colour.good);
      else if (lane.kind === "nll") this.drawBars(lane, this.prediction.nll, (t) => this.nllColour(t));
      else this.drawCamera(lane);
    }
    const x = this.x(this.tick), end = Math.min(this.x(this.tick + 1), GUTTER + this.width);
    this.fill("#ffffff2e", x, RULER, Math.max(end - x, 2), canvas.clientHeight);
    this.fill("#fff", x, 0, 1.5, canvas.clientHeight);
  }

  drawGrid() {
    const target = (this.to - this.from) / Math.max(this.width / 70, 1);
    const step = GRID.find((ticks) => ticks >= target) ?? GRID.at(-1);
    for (let t = Math.ceil(this.from / step) * step; t < this.to; t += step) {
      this.fill(this.colour.line, this.x(t), RULER, 1, this.canvas.clientHeight);
      // skip numbers that the edge would cut off
      if (this.x(t) + 36 < this.canvas.clientWidth) this.text(t, this.x(t) + 3, RULER / 2, this.colour.dim);
    }
  }

  drawButton({ name, top }) {
    this.fill("#ffffff0a", GUTTER, top, this.width, KEY);
    const shown = this.actions.filter(({ drawn }) => !(drawn === this.episode.executed && this.same.has(name)));
    const height = KEY / shown.length, pixel = this.ticksPerPixel;
    shown.forEach(({ drawn, fill }, k) => {
      let done = -Infinity; // up to this tick, the pixels are filled
      for (const [a, b] of drawn.buttons[name] ?? []) {
        if (b <= done) continue;
        this.span(a, b, top + k * height, height, fill);
        done = Math.max(b, a + pixel);
      }
    });
  }

  drawCamera({ name, top, bottom }) {
    const { pen, colour } = this;
    const limit = this.turned[name], middle = (top + bottom) / 2, half = (bottom - top) / 2;
    // a square root, so that small movements are visible next to large ones
    const y = (value) => middle + Math.sign(value) * Math.sqrt(Math.abs(value) / limit) * half;
    this.fill(colour.line, GUTTER, middle, this.width, 1);
    const [less, more] = name === "pitch" ? ["up", "down"] : ["left", "right"];
    const scale = `${Number(limit.toPrecision(3))}°`;
    this.text(`${less} ${scale}`, GUTTER - 8, top + 5, colour.dim, "right", 10);
    this.text(`${more} ${scale}`, GUTTER - 8, bottom - 4, colour.dim, "right", 10);
    for (const { drawn, fill } of this.actions.toReversed()) {
      pen.strokeStyle = fill;
      pen.lineWidth = 1.4;
      pen.beginPath();
      this.eachGroup(drawn[name], (a, b, least, most) => {
        pen.lineTo(Math.max(this.x(a), GUTTER), y(drawn[name][least]));
        pen.lineTo(Math.max(this.x(a), GUTTER), y(drawn[name][most]));
        pen.lineTo(Math.min(this.x(b), GUTTER + this.width), y(drawn[name][b - 1]));
      });
      pen.stroke();
    }
  }

  drawBars({ top, bottom }, values, fillOf) {
    let most = 0, least = 0;
    for (const value of values) [most, least] = [Math.max(most, value), Math.min(least, value)];
    const scale = (bottom - top) / (most - least || 1);
    const zero = most === least ? bottom : top + most * scale;
    this.fill(this.colour.line, GUTTER, zero, this.width, 1);
    this.eachGroup(values, (a, b, lowest, highest) => {
      if (values[highest] > 0) this.span(a, b, zero - values[highest] * scale, values[highest] * scale, fillOf(highest));
      if (values[lowest] < 0) this.span(a, b, zero, -values[lowest] * scale, fillOf(lowest));
    });
    if (most) this.text(Number(most.toPrecision(3)), GUTTER - 8, top + 5, this.colour.dim, "right", 10);
    if (least) this.text(Number(least.toPrecision(3)), GUTTER - 8, bottom - 4, this.colour.dim, "right", 10);
  }

  nllColour(tick) {
    if (this.episode.null[tick]) return this.colour.faint;
    return this.prediction.agrees[tick] ? this.colour.dim : this.colour.agent;
  }

  get ticksPerPixel() {
    return (this.to - this.from) / Math.max(this.width, 1);
  }

  // Calls `act(a, b, lowest, highest)` for each visible tick [a, b) or, where several share a pixel, for as many together,
  // with the ticks among them of the lowest and of the highest value.
  eachGroup(values, act) {
    const size = Math.max(Math.floor(this.ticksPerPixel), 1);
    for (let a = Math.floor(this.from / size) * size; a < Math.min(this.to, values.length); a += size) {
      const b = Math.min(a + size, values.length);
      let lowest = a, highest = a;
      for (let t = a + 1; t < b; t++) {
        if (values[t] < values[lowest]) lowest = t;
        if (values[t] > values[highest]) highest = t;
      }
      act(a, b, lowest, highest);
    }
  }

  // A bar over the ticks [a, b), followed by a gap if there is space.
  span(a, b, y, height, colour) {
    const left = Math.max(this.x(a), GUTTER), right = Math.min(this.x(b), GUTTER + this.width);
    const gap = this.x(1) - this.x(0) > 4 ? 1 : 0;
    if (right > left) this.fill(colour, left, y, Math.max(right - left - gap, 1), height);
  }

  fill(colour, x, y, width, height) {
    this.pen.fillStyle = colour;
    this.pen.fillRect(x, y, width, height);
  }

  text(string, x, y, colour, align = "left", size = 12) {
    this.pen.font = `${size}px system-ui, "DejaVu Sans", sans-serif`;
    this.pen.fillStyle = colour;
    this.pen.textAlign = align;
    this.pen.fillText(string, x, y);
  }
}
