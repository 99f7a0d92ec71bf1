// The interactive figures: one scatter and two sets of curves over the same runs.
// State flows one way: a control or a pointer changes `state`, and `draw` shows it.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const { runs, points } = data;
  const section = document.getElementById("explore");
  const form = section.querySelector("form");
  const SIZE = { width: 420, height: 320, left: 52, right: 10, top: 10, bottom: 42 };
  // Okabe and Ito (2008): distinguishable with any colour vision.
  const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a8a8a"];

  // Each run's checkpoints, as places in the columns of `points`, in the order of training.
  const ofRun = runs.map(() => []);
  points.run.forEach((run, place) => ofRun[run].push(place));
  const shares = [...new Set(points.share.map((share) => Number(share.toPrecision(2))))].sort(d3.ascending);
  const state = {
    metric: data.metric,
    outcome: data.outcome,
    colour: Object.keys(data.choices)[0] ?? "",
    when: shares.length - 1,
    still: false,
    chosen: new Set(),
    pointed: null,
  };

  // ---- what is shown -------------------------------------------------------------------------

  // The last checkpoint of a run by the chosen share of its training.
  function placeNow(run) {
    const limit = shares[state.when] * 1.05;
    return ofRun[run].findLast((place) => points.share[place] <= limit);
  }

  function shownNow() {
    return runs.map((_, run) => {
      const place = placeNow(run);
      if (place === undefined) return null;
      const [x, y] = [points[state.metric][place], points[state.outcome][place]];
      return x === null || y === null ? null : { run, x, y };
    }).filter(Boolean);
  }

  const choiceOf = (run) => (state.colour ? runs[run][state.colour] : null);

  function colours() {
    const values = [...new Set(runs.map((_, run) => choiceOf(run)))].sort(
      (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))));
    const many = values.length > PALETTE.length;
    const colour = many
      ? d3.scaleOrdinal(values, d3.quantize(d3.interpolateViridis, values.length))
      : d3.scaleOrdinal(values, PALETTE);
    return { values, colour };
  }

  function ranks(values) {
    const order = d3.range(values.length).sort((a, b) => values[a] - values[b]);
    const rank = new Array(values.length);
    for (let i = 0; i < order.length;) {
      let j = i;
      while (j + 1 < order.length && values[order[j + 1]] === values[order[i]]) j += 1;
      for (let k = i; k <= j; k += 1) rank[order[k]] = (i + j) / 2;
      i = j + 1;
    }
    return rank;
  }

  // Spearman's rho, with mean ranks for ties; null where it does not exist.
  function spearman(pairs) {
    if (pairs.length < 4) return null;
    const [a, b] = [ranks(pairs.map((pair) => pair.x)), ranks(pairs.map((pair) => pair.y))];
    const [meanA, meanB] = [d3.mean(a), d3.mean(b)];
    const covariance = d3.sum(a, (value, i) => (value - meanA) * (b[i] - meanB));
    const spread = Math.sqrt(d3.sum(a, (v) => (v - meanA) ** 2) * d3.sum(b, (v) => (v - meanB) ** 2));
    return spread > 0 ? covariance / spread : null;
  }

  const signed = (rho) => (rho === null ? "not defined" : d3.format("+.2f")(rho).replace("\u2212", "-"));
  const short = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : value ?? "none");

  function sayWhatIsFound(shown) {
    const parts = [`\u03c1 = ${signed(spearman(shown))} over ${shown.length} models`];
    if (state.colour) {
      const groups = d3.groups(shown, (pair) => choiceOf(pair.run)).map(([, pairs]) => spearman(pairs)).filter((rho) => rho !== null);
      if (groups.length > 1) parts.push(`within one colour ${signed(d3.mean(groups))} on average (${groups.length} groups)`);
    }
    const chosen = shown.filter((pair) => state.chosen.has(pair.run));
    if (chosen.length) parts.push(`${chosen.length} selected${chosen.length > 3 ? `: \u03c1 = ${signed(spearman(chosen))}` : ""}`);
    section.querySelector(".found").textContent = `${parts.join("; ")}.`;
  }

  function sayWhatIsPointedAt() {
    const box = section.querySelector(".about");
    box.replaceChildren();
    if (state.pointed === null) return;
    const run = runs[state.pointed];
    const place = placeNow(state.pointed);
    const name = document.createElement("b");
    name.textContent = run.name;
    const choices = Object.entries(data.choices).map(([key, label]) => `${label} ${short(run[key])}`);
    const values = place === undefined ? [] : [
      `step ${points.step[place]}`,
      `${data.metrics[state.metric]} ${short(points[state.metric][place])}`,
      `${data.outcomes[state.outcome]} ${short(points[state.outcome][place])}`,
    ];
    box.append(name, document.createElement("br"), [...choices, ...values].join("; "));
  }

  // ---- drawing -------------------------------------------------------------------------------

  const inner = { width: SIZE.width - SIZE.left - SIZE.right, height: SIZE.height - SIZE.top - SIZE.bottom };
  const views = new Map([...section.querySelectorAll(".view")].map((element) => {
    const svg = d3.select(element).append("svg").attr("viewBox", `0 0 ${SIZE.width} ${SIZE.height}`).attr("role", "group");
    const plot = svg.append("g").attr("transform", `translate(${SIZE.left},${SIZE.top})`);
    for (const name of ["grid", "axis x", "axis y", "brush", "marks"]) plot.append("g").attr("class", name);
    plot.select(".x").attr("transform", `translate(0,${inner.height})`);
    plot.append("text").attr("class", "label across").attr("x", inner.width / 2).attr("y", inner.height + 36).attr("text-anchor", "middle");
    plot.append("text").attr("class", "label up").attr("transform", "rotate(-90)").attr("x", -inner.height / 2).attr("y", -40).attr("text-anchor", "middle");
    return [element.dataset.view, { svg, plot }];
  }));

  function drawAxes({ svg, plot }, x, y, across, up) {
    plot.select(".x").call(x.ticksOf ? d3.axisBottom(x.scale).ticks(5, "~s") : d3.axisBottom(x.scale).ticks(5));
    plot.select(".y").call(d3.axisLeft(y).ticks(5));
    plot.select(".grid").selectAll("line").data(y.ticks(5)).join("line").attr("x2", inner.width).attr("y1", y).attr("y2", y);
    plot.select(".across").text(across);
    plot.select(".up").text(up);
    svg.attr("aria-label", `${up} against ${across}`);
  }

  function spread(values, scale, length) {
    const [low, high] = d3.extent(values);
    return scale.domain(low === high ? [low - 1, high + 1] : [low, high]).range(length).nice(5);
  }

  const isFaint = (run) => (state.chosen.size > 0 && !state.chosen.has(run)) || (state.pointed !== null && state.chosen.size === 0 && state.pointed !== run);

  function mark(selection) {
    selection.classed("faint", ({ run }) => isFaint(run) && state.pointed !== run)
      .classed("pointed", ({ run }) => state.pointed === run)
      .classed("chosen", ({ run }) => state.chosen.has(run))
      .on("pointerenter", (_, { run }) => point(run))
      .on("pointerleave", () => point(null));
  }

  function drawScatter(shown, colour) {
    const view = views.get("scatter");
    // Axes that stay show how the cloud moves as training goes on; others show its shape.
    const both = (place) => points[state.metric][place] !== null && points[state.outcome][place] !== null;
    const framed = state.still
      ? d3.range(points.run.length).filter(both).map((place) => ({ x: points[state.metric][place], y: points[state.outcome][place] }))
      : shown;
    const x = spread(framed.map((pair) => pair.x), d3.scaleLinear(), [0, inner.width]);
    const y = spread(framed.map((pair) => pair.y), d3.scaleLinear(), [inner.height, 0]);
    drawAxes(view, { scale: x }, y, data.metrics[state.metric], data.outcomes[state.outcome]);
    const inOrder = d3.sort(shown, (pair) => pair.x);
    const focus = inOrder.some(({ run }) => run === state.pointed) ? state.pointed : inOrder[0]?.run;
    const dots = view.plot.select(".marks").selectAll("circle").data(inOrder, ({ run }) => run).join("circle")
      .attr("r", 5).attr("cx", (pair) => x(pair.x)).attr("cy", (pair) => y(pair.y))
      .attr("fill", ({ run }) => colour(choiceOf(run)))
      .attr("tabindex", ({ run }) => (run === focus ? 0 : -1))
      .attr("role", "button").attr("aria-pressed", ({ run }) => state.chosen.has(run))
      .attr("aria-label", ({ run, x: a, y: b }) => `${runs[run].name}: ${short(a)}, ${short(b)}`)
      .on("click", (_, { run }) => choose([run]))
      .on("focus", (_, { run }) => point(run))
      .on("keydown", (event, pair) => moveFocus(event, pair, inOrder));
    mark(dots);
    const box = d3.brush().extent([[0, 0], [inner.width, inner.height]]).on("end", ({ selection, sourceEvent }) => {
      if (!selection || !sourceEvent) return;
      const [[left, top], [right, bottom]] = selection;
      view.plot.select(".brush").call(box.move, null);
      choose(shown.filter((pair) => x(pair.x) >= left && x(pair.x) <= right && y(pair.y) >= top && y(pair.y) <= bottom).map(({ run }) => run), true);
    });
    view.plot.select(".brush").call(box);
  }

  function moveFocus(event, pair, inOrder) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (event.key === "Escape") { state.chosen.clear(); draw(); } else if (event.key === "Enter" || event.key === " ") choose([pair.run]);
    else if (step) {
      const next = inOrder[(inOrder.indexOf(pair) + step + inOrder.length) % inOrder.length];
      views.get("scatter").plot.selectAll("circle").filter(({ run }) => run === next.run).node().focus();
    } else return;
    event.preventDefault();
  }

  function drawCurves(name, column, label, colour) {
    const view = views.get(name);
    const byTokens = points.tokens.some((tokens) => tokens !== null);
    const time = byTokens ? points.tokens : points.step;
    const known = (place) => time[place] > 0 && points[column][place] !== null;
    const places = points.run.map((_, place) => place).filter(known);
    const x = d3.scaleLog().domain(d3.extent(places, (place) => time[place])).range([0, inner.width]);
    const y = spread(places.map((place) => points[column][place]), d3.scaleLinear(), [inner.height, 0]);
    drawAxes(view, { scale: x, ticksOf: true }, y, byTokens ? "training tokens" : "step", label);
    const line = d3.line((place) => x(time[place]), (place) => y(points[column][place]));
    const curves = runs.map((_, run) => ({ run, places: ofRun[run].filter(known) })).filter((curve) => curve.places.length > 1);
    const paths = view.plot.select(".marks").selectAll("path").data(curves, ({ run }) => run).join("path")
      .attr("class", "run").attr("d", (curve) => line(curve.places)).attr("stroke", ({ run }) => colour(choiceOf(run)))
      .on("click", (_, { run }) => choose([run]));
    mark(paths);
    view.svg.node().parentElement.parentElement.hidden = curves.length === 0;
  }

  function drawLegend({ values, colour }) {
    d3.select(section).select(".legend").selectAll("button").data(state.colour ? values : [], String).join("button")
      .attr("type", "button").html("").each(function fill(value) {
        const dot = document.createElement("i");
        dot.style.background = colour(value);
        this.append(dot, short(value));
      }).on("click", (_, value) => choose(runs.map((_, run) => run).filter((run) => choiceOf(run) === value), true));
  }

  function draw() {
    const shown = shownNow();
    const scheme = colours();
    drawScatter(shown, scheme.colour);
    drawCurves("outcome", state.outcome, data.outcomes[state.outcome], scheme.colour);
    drawCurves("metric", state.metric, data.metrics[state.metric], scheme.colour);
    drawLegend(scheme);
    const share = shares[state.when];
    form.elements.share.textContent = state.when === shares.length - 1 ? "at the end" : `at ${d3.format(".2~p")(share)}`;
    sayWhatIsFound(shown);
    sayWhatIsPointedAt();
  }

  // ---- what changes the state ------------------------------------------------------------------

  function point(run) {
    if (state.pointed === run) return;
    state.pointed = run;
    for (const { plot } of views.values()) mark(plot.select(".marks").selectAll("circle, path.run"));
    sayWhatIsPointedAt();
  }

  // One run is added to the selection or taken out of it; several replace it.
  function choose(chosen, instead = false) {
    if (instead) state.chosen = new Set(chosen);
    else for (const run of chosen) if (!state.chosen.delete(run)) state.chosen.add(run);
    draw();
  }

  function fill(select, options, value) {
    select.append(...Object.entries(options).map(([key, label]) => new Option(label, key, false, key === value)));
    select.addEventListener("change", () => { state[select.name] = select.value; draw(); });
  }

  fill(form.elements.metric, data.metrics, state.metric);
  fill(form.elements.outcome, data.outcomes, state.outcome);
  fill(form.elements.colour, { ...data.choices, "": "none" }, state.colour);
  form.elements.when.max = shares.length - 1;
  form.elements.when.value = state.when;
  form.querySelector(".when").hidden = shares.length < 2;
  form.elements.when.addEventListener("input", () => { state.when = Number(form.elements.when.value); draw(); });
  form.elements.still.addEventListener("change", () => { state.still = form.elements.still.checked; draw(); });
  form.elements.clear.addEventListener("click", () => { state.chosen.clear(); draw(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  section.hidden = false;
  draw();
})();
