"use strict";
// Sorting of every table, pictures that answer the pointer, and the table of trials, of which only what is looked at is drawn.
(() => {
  const PAGE = 100;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  // Numbers by size, words by alphabet; what is missing comes last either way.
  const compare = (a, b, down) => {
    const missing = (value) => value === "" || value === null || value === undefined;
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    const [x, y] = [Number(a), Number(b)];
    const order = Number.isNaN(x) || Number.isNaN(y) ? String(a).localeCompare(String(b), "en", { numeric: true }) : x - y;
    return down ? -order : order;
  };
  const mark = (heads, index, down) =>
    heads.forEach((head, i) => head.setAttribute("aria-sort", i !== index ? "none" : down ? "descending" : "ascending"));
  const sortable = (heads, sort) =>
    heads.forEach((head, index) => {
      const button = make("button", { type: "button" }, head.textContent);
      button.addEventListener("click", () => sort(index, head.getAttribute("aria-sort") === "ascending"));
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
    });

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    const value = (row, index) => row.cells[index].dataset.value ?? row.cells[index].textContent;
    sortable(heads, (index, down) => {
      body.append(...[...body.rows].sort((a, b) => compare(value(a, index), value(b, index), down)));
      mark(heads, index, down);
    });
  }

  const hovers = read("bench-hovers");
  const round = (value) => String(Number(value.toPrecision(5)));
  for (const figure of document.querySelectorAll("figure[data-hover]")) {
    const { frame, lines } = hovers[figure.dataset.hover];
    const [left, top, right, bottom] = frame.pixels;
    const place = ([x, y]) => [
      left + ((x - frame.across[0]) / (frame.across[1] - frame.across[0])) * (right - left),
      bottom - ((y - frame.up[0]) / (frame.up[1] - frame.up[0])) * (bottom - top),
    ];
    const svg = figure.querySelector("svg");
    const tip = make("div", { class: "tip", role: "status", hidden: "" });
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [name, value] of [["r", 5], ["fill", "none"], ["stroke", "currentColor"], ["stroke-width", 2], ["visibility", "hidden"]]) dot.setAttribute(name, value);
    svg.append(dot);
    figure.append(tip);
    const hide = () => {
      tip.hidden = true;
      dot.setAttribute("visibility", "hidden");
    };
    const show = (name, point) => {
      const [x, y] = place(point);
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
      dot.setAttribute("visibility", "visible");
      tip.hidden = false;
      tip.textContent = `${name}: ${round(point[1])} at ${round(point[0])}`;
      tip.style.top = `${y / scale + 10}px`;
      tip.style.left = `${Math.min(x / scale + 10, Math.max(0, box.width - tip.offsetWidth))}px`;
    };
    figure.addEventListener("pointerleave", hide);
    figure.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const [px, py] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      let best = null;
      for (const [name, points] of lines)
        for (const point of points) {
          const [x, y] = place(point);
          const distance = Math.hypot(x - px, y - py);
          if (distance < (best ? best.distance : 40)) best = { name, point, distance };
        }
      if (!best) return hide();
      show(best.name, best.point);
    });
    // The same by keyboard: left and right along a line, up and down to another one.
    const walked = lines.filter(([, points]) => points.length > 0);
    let at = [0, 0];
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    figure.tabIndex = 0;
    figure.setAttribute("role", "group");
    figure.setAttribute("aria-label", "Arrow keys read the picture: left and right along a line, up and down to another one");
    figure.addEventListener("blur", hide);
    figure.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return hide();
      const move = moves[event.key];
      if (!move || walked.length === 0) return;
      event.preventDefault();
      const within = (value, length) => Math.min(Math.max(value, 0), length - 1);
      const line = within(at[0] + move[0], walked.length);
      const [name, points] = walked[line];
      at = [line, within(tip.hidden ? at[1] : at[1] + move[1], points.length)];
      show(name, points[at[1]]);
    });
  }

  const data = read("bench-trials");
  const seconds = (value) => (value === null ? "-" : `${round(value)} s`);
  const plain = (value) => (value === null || value === "" ? "-" : String(value));
  const own = Array.isArray(data.trials);
  const run = (trial) => data.runs[trial.run];
  const point = (trial) => run(trial).names.map((name, i) => `${name} ${trial.point[i]}`).join(", ");
  const column = (key, name, value, number = false, text = plain) => ({ key, name, value, number, text });
  const columns = own
    ? [
        column("id", "trial", (t) => t.id),
        column("submission", "submission", (t) => run(t).run.submission.name),
        column("workload", "workload", (t) => run(t).run["workload-name"]),
        column("ruleset", "ruleset", (t) => run(t).run["ruleset-name"]),
        column("study", "study", (t) => data.seeds[t.seed][1], true),
        column("point", "point", (t) => data.seeds[t.seed][2], true),
        column("outcome", "outcome", (t) => t.outcome),
        column("seconds", "time to target", (t) => t.seconds_to_target, true, seconds),
        column("steps", "steps to target", (t) => t.steps_to_target, true),
        column("validation", "validation", (t) => t.validation, true, (v) => (v === null ? "-" : round(v))),
        column("machine", "machine", (t) => data.machines[t.machine].fingerprint),
        column("marks", "marks", (t) => data.marks[t.marks]),
        column("hyperparameters", "hyperparameters", point),
      ]
    : data.columns.map(({ key, name, number }, i) => column(key, name, (row) => row[i], number));
  const all = own ? data.trials : data.rows;
  // What a person calls it, beside the outcome's own name: nobody saw a trial that failed or was interrupted miss its target.
  const standing = ({ outcome, steps_to_target: steps }) =>
    steps !== null ? "reached" : /^(failed|interrupted|unfinished)/.test(outcome) ? "" : "missed";
  const words = all.map((trial) =>
    [...columns.map(({ value }) => value(trial)), own ? standing(trial) : ""].join(" ").toLowerCase(),
  );

  // The configuration as it was hashed; the seed has more digits than a number keeps here.
  const configuration = (trial) => {
    const { names, purpose, run: shared } = run(trial);
    const [base, study, number, value] = data.seeds[trial.seed];
    const hyperparameters = Object.fromEntries(names.map((name, i) => [name, trial.point[i]]));
    const seed = { purpose, base, study, trial: number, value };
    return JSON.stringify({ ...shared, hyperparameters, seed }, null, 2).replace(/"value": "(\d+)"/, '"value": $1');
  };
  const facts = (trial) => {
    const machine = data.machines[trial.machine];
    const page = decodeURIComponent(location.pathname.split("/").pop()) || "PAGE";
    const list = make("dl");
    for (const [name, text] of [
      ["spent", `${round(trial.seconds)} s, ${trial.steps} steps`],
      ["configuration", trial.config_hash],
      ["source", data.sources[trial.source]],
      ["machine", `${machine.cpu}, ${machine.cores} processors, ${[machine.kernel, ...machine.gpus].join(", ")} (${machine.fingerprint})`],
      ["run again", `bench rerun ${page}#${trial.id}`],
    ]) list.append(make("dt", {}, name), make("dd", {}, text));
    return make("div", {}, list, make("pre", { tabindex: "0", "aria-label": "resolved configuration" }, configuration(trial)));
  };

  const view = document.getElementById("trials-view");
  const status = document.getElementById("trials-count");
  const filter = make("input", { type: "search", id: "filter", placeholder: `words that a row must hold${own ? ": adamw missed" : ""}` });
  const heads = columns.map(({ name, number }) => make("th", { scope: "col", class: number ? "number" : "" }, name));
  const body = make("tbody");
  const more = make("button", { type: "button", class: "more" });
  const table = make("table", {}, make("caption", {}, "Every trial"), make("thead", {}, make("tr", {}, ...heads)), body);
  view.append(
    make("div", { class: "filter" }, make("label", { for: "filter" }, "Show rows with"), filter),
    make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Every trial" }, table),
    more,
  );

  let shown = [];
  let sorted = null;
  const toggle = (row, button, trial) => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) return row.nextSibling.remove();
    row.after(make("tr", { class: "facts" }, make("td", { colspan: String(columns.length) }, facts(trial))));
  };
  const draw = (index) => {
    const trial = all[index];
    const row = make("tr");
    columns.forEach(({ value, text, number }, i) => {
      const cell = make("td", number ? { class: "number" } : {});
      if (own && i === 0) {
        const button = make("button", { type: "button", "aria-expanded": "false" }, trial.id);
        button.addEventListener("click", () => toggle(row, button, trial));
        cell.append(button);
      } else cell.textContent = text(value(trial));
      row.append(cell);
    });
    return row;
  };
  const grow = () => {
    const drawn = body.querySelectorAll("tr:not(.facts)").length;
    body.append(...shown.slice(drawn, drawn + PAGE).map(draw));
    const rest = shown.length - drawn - PAGE;
    more.hidden = rest <= 0;
    more.textContent = `Show ${Math.min(rest, PAGE)} more of ${rest}`;
  };
  const refresh = () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = [...all.keys()].filter((index) => wanted.every((word) => words[index].includes(word)));
    if (sorted) {
      const { value } = columns[sorted.index];
      shown.sort((a, b) => compare(value(all[a]), value(all[b]), sorted.down) || a - b);
    }
    status.textContent = shown.length === all.length ? `${all.length} trials.` : `${shown.length} of ${all.length} trials.`;
    body.replaceChildren();
    grow();
  };
  const sort = (index, down) => {
    sorted = { index, down };
    mark(heads, index, down);
    refresh();
  };
  more.addEventListener("click", grow);
  filter.addEventListener("input", refresh);
  sortable(heads, sort);

  // #<digits> opens a trial; #trials?filter=adamw&sort=-seconds shows a choice of them.
  const follow = () => {
    const fragment = decodeURIComponent(location.hash.slice(1));
    const [section, query] = fragment.split("?");
    const asked = new URLSearchParams(query ?? "");
    const one = own && data.trials.find(({ id }) => id === fragment);
    filter.value = one ? one.id : (asked.get("filter") ?? filter.value);
    const key = asked.get("sort") ?? "";
    const index = columns.findIndex((column) => column.key === key.replace(/^-/, ""));
    if (index >= 0) sort(index, key.startsWith("-"));
    else refresh();
    if (one) body.querySelector("button").click();
    if (one || query) document.getElementById(query ? section : "trials")?.scrollIntoView();
  };
  window.addEventListener("hashchange", follow);
  follow();
})();
