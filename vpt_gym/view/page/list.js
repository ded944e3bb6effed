// The list of episodes: buttons that filter it, columns to sort by, and a row for each episode.

import { element } from "./element.js";
import { rounded } from "./numbers.js";

const FILTERS = {
  all: ["All", (row) => !row.rejected],
  success: ["Success", (row) => !row.rejected && row.success === true],
  failure: ["Failure", (row) => !row.rejected && row.success === false],
  unknown: ["Unknown", (row) => !row.rejected && row.success === null],
  rejected: ["Rejected", (row) => row.rejected],
};
const COLUMNS = { id: "episode", task: "task", success: "ok", ticks: "ticks", return: "return" };
const NUMBERS = ["ticks", "return"];
// <date>-<time>-<microseconds>-<random>, and OpenAI's <player>-<random>-<date>-<time>
const OUR_ID = /^(?<date>\d{8})-(?<time>\d{6})-\d{6}-(?<name>\w+)$/;
const CONTRACTOR_ID = /^(?<name>.+)-(?<date>\d{8})-(?<time>\d{6})$/;

export class EpisodeList {
  // `elements` are those of the filters, the columns and the rows; `open(row)` is called when a row is clicked.
  constructor(elements, open) {
    this.elements = elements;
    this.open = open;
    this.rows = [];
    this.lines = new Map(); // the line of each row that is shown
    this.chosen = null; // the row of the open episode
    this.filter = "all";
    this.sort = { by: null, down: false };
    // The buttons are made once: one that is replaced loses the keyboard's focus.
    for (const name of Object.keys(FILTERS)) {
      const button = element("button");
      button.dataset.filter = name;
      button.onclick = () => { this.filter = name; this.draw(); };
      elements.filters.append(button);
    }
    for (const name of Object.keys(COLUMNS)) {
      const cell = element("th", "", NUMBERS.includes(name) ? "number" : ""), button = element("button");
      cell.dataset.column = name;
      button.onclick = () => { this.sort = { by: name, down: this.sort.by === name && !this.sort.down }; this.draw(); };
      cell.append(button);
      elements.columns.append(cell);
    }
  }

  show(rows) {
    this.rows = rows;
    this.chosen = this.find(this.chosen);
    this.draw();
  }

  choose(row) {
    this.chosen = row;
    this.drawChosen();
  }

  // The row of an episode that was rejected or restored meanwhile, unless another one has its id; null if it is gone.
  find(wanted) {
    const rows = this.rows.filter((row) => row.id === wanted?.id);
    return rows.find((row) => row.rejected === wanted.rejected) ?? rows[0] ?? null;
  }

  // Whether the filter shows a row.
  shows(row) {
    return FILTERS[this.filter][1](row);
  }

  // The rows that the filter shows, in their order.
  get shown() {
    const rows = this.rows.filter((row) => this.shows(row)), { by, down } = this.sort;
    if (by === null) return rows;
    const [first, last] = down ? [1, -1] : [-1, 1];
    const order = (a, b) => (a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? first : last); // unknown values last
    return rows.sort((a, b) => order(a[by], b[by]));
  }

  // The row that is `step` rows below the chosen one, or the last one there.
  neighbour(step) {
    const rows = this.shown, at = rows.indexOf(this.chosen);
    return rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
  }

  draw() {
    for (const button of this.elements.filters.children) {
      const [title, keep] = FILTERS[button.dataset.filter];
      button.textContent = `${title} ${this.rows.filter(keep).length}`;
      button.setAttribute("aria-pressed", button.dataset.filter === this.filter);
    }
    for (const cell of this.elements.columns.children) {
      const name = cell.dataset.column, sorted = this.sort.by === name, { down } = this.sort;
      cell.firstChild.textContent = COLUMNS[name] + (!sorted ? "" : down ? " ▾" : " ▴");
      cell.setAttribute("aria-sort", !sorted ? "none" : down ? "descending" : "ascending");
    }
    this.lines = new Map(this.shown.map((row) => [row, this.line(row)]));
    this.elements.rows.replaceChildren(...this.lines.values());
    this.drawChosen();
  }

  line(row) {
    const line = element("tr"), name = element("td", "", "id");
    line.dataset.id = row.id;
    line.onclick = () => this.open(row);
    name.title = row.id;
    const when = row.id.match(OUR_ID) ?? row.id.match(CONTRACTOR_ID);
    if (when) {
      const { date, time } = when.groups;
      name.append(`${date} ${time}`.replace(/(\d{4})(\d\d)(\d\d) (\d\d)(\d\d)/, "$1-$2-$3 $4:$5:"), element("small", when.groups.name));
    } else {
      name.append(row.id);
    }
    if (row.problem !== null) {
      const problem = element("td", "damaged", "problem");
      problem.colSpan = 4;
      problem.title = row.problem;
      line.append(name, problem);
    } else {
      const success = element("td", row.success === null ? "?" : row.success ? "✓" : "✗", String(row.success));
      line.append(name, element("td", row.task ?? "", "task"), success, element("td", row.ticks ?? "", "number"),
        element("td", rounded(row.return) ?? "", "number"));
    }
    return line;
  }

  // Marks the chosen row, without making the others again: with thousands of episodes that takes long.
  drawChosen() {
    for (const [row, line] of this.lines) {
      const chosen = row === this.chosen;
      line.classList.toggle("chosen", chosen);
      line.ariaCurrent = chosen ? "true" : null;
      if (chosen) line.scrollIntoView({ block: "nearest" });
    }
  }
}
