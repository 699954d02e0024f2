"use strict";
(() => {
  const AT_ONCE = 20, LONG = 320, BESIDE = 110;
  const KINDS = ["right", "wrong", "missed"];
  const node = (name, kind, text) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // panels of which one is shown at a time
  for (const choice of document.querySelectorAll("select[data-panels]")) {
    const panels = [...document.getElementById(choice.dataset.panels).children];
    const show = () => panels.forEach((panel, place) => { panel.hidden = place !== choice.selectedIndex; });
    choice.addEventListener("change", show);
    show();
  }

  // tables that are sorted by a column
  const valueOf = (row, column) => {
    const cell = row.cells[column], raw = cell.dataset.value ?? cell.textContent.trim();
    return raw === "" || Number.isNaN(Number(raw)) ? raw : Number(raw);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const button of table.tHead.querySelectorAll("button")) {
      let falling = false;
      button.addEventListener("click", () => {
        const column = button.closest("th").cellIndex, body = table.tBodies[0];
        falling = !falling;
        const sign = falling ? -1 : 1;
        const rows = [...body.rows].sort((a, b) => {
          const one = valueOf(a, column), other = valueOf(b, column);
          if (one === "" || other === "") return (one === "") - (other === "");
          if (typeof one === typeof other) return sign * (one < other ? -1 : one > other ? 1 : 0);
          return typeof one === "number" ? -1 : 1;
        });
        body.append(...rows);
      });
    }
  }

  const source = document.getElementById("examples-data");
  if (source) browse(JSON.parse(source.textContent));

  function browse(data) {
    const { models, texts, labels, cases } = data, several = models.length > 1;
    const list = document.getElementById("cases"), said = document.getElementById("counted");
    const words = document.getElementById("words"), kind = document.getElementById("which");
    const label = document.getElementById("label"), who = document.getElementById("who");
    const [back, on] = [document.getElementById("back"), document.getElementById("on")];
    let found = cases, start = 0;

    const used = [...new Set(cases.flatMap((each) => each.t))].sort((a, b) => (labels[a] < labels[b] ? -1 : 1));
    for (const place of used) {
      const option = node("option", "", labels[place]);
      option.value = place;
      label.append(option);
    }
    label.closest("label").hidden = used.length < 2 || used.length > 400;

    const isWrong = (each) => each.a.some((answer) => answer.r === 0);
    const wrongBy = (each, model) => each.a.some((answer) => answer.r === 0 && answer.n.includes(model));
    const tests = {
      all: () => true,
      wrong: isWrong,
      right: (each) => each.a.every((answer) => answer.r === 1),
      differ: (each) => each.a.length > 1,
      everyone: (each) => each.a.every((answer) => answer.r === 0),
    };
    const hay = (each) => {
      each.hay ??= [
        each.i, ...each.p.map((part) => texts[part[1]]), ...(each.g ?? []).map((g) => labels[g]),
        ...each.a.flatMap((answer) => answer.s.map((s) => labels[s])),
      ].join("\n").toLowerCase();
      return each.hay;
    };

    function choose() {
      const wanted = words.value.trim().toLowerCase();
      const test = tests[kind.value] ?? tests.all;
      const tag = label.value === "" ? null : Number(label.value);
      const model = who && who.value !== "" ? Number(who.value) : null;
      found = cases.filter((each) => test(each) && (tag === null || each.t.includes(tag))
        && (model === null || wrongBy(each, model)) && (!wanted || hay(each).includes(wanted)));
      start = 0;
      draw();
    }

    function draw() {
      const end = Math.min(start + AT_ONCE, found.length);
      said.textContent = found.length
        ? `${(start + 1).toLocaleString("en")} to ${end.toLocaleString("en")} of ${found.length.toLocaleString("en")}`
        : "no example fits";
      back.disabled = start === 0;
      on.disabled = end >= found.length;
      list.replaceChildren(...found.slice(start, end).map(article));
    }

    function article(each) {
      const judged = each.a.filter((answer) => answer.r !== null);
      const verdict = !judged.length ? "" : judged.some((answer) => answer.r === 0) ? "wrong" : "right";
      const made = node("article", `case ${verdict}`), head = node("header");
      head.append(node("span", "", each.i));
      if (!several && each.a[0].c[0] !== null) {
        head.append(node("span", "", `confidence ${each.a[0].c[0].toFixed(3)}`));
      }
      made.append(head);
      const marked = each.p.map((_, place) => each.a.some((answer) => answer.m[place].length > 0));
      each.p.forEach(([name, text], place) => {
        if (!marked[place]) made.append(passage(labels[name], texts[text], [], each.p.length > 1, !several));
        else if (!several) made.append(passage(labels[name], texts[text], each.a[0].m[place], each.p.length > 1, true));
      });
      const isMarked = marked.includes(true), hasSpans = isMarked && each.g === null;
      if (!several) {
        if (!isMarked || each.p.length > 1) made.append(verdictOf(each, each.a[0]));
        return made;
      }
      if (!isMarked || each.p.length > 1) {
        if (each.g !== null) made.append(line("gold", each.g, ""));
      }
      for (const answer of each.a) {
        const part = node("div", "answer"), colour = answer.r === 0 ? "bad" : answer.r === 1 ? "good" : "";
        const sign = answer.r === 0 ? "✗ " : answer.r === 1 ? "✓ " : "";
        const head = node("div", "verdict");
        head.append(node("span", `who ${colour}`, sign + answer.n.map((n) => models[n]).join(", ")));
        if (!isMarked || each.p.length > 1) head.append(node("span", colour, names(answer.s)));
        part.append(head);
        each.p.forEach(([name, text], place) => {
          if (marked[place] && (each.p.length === 1 || answer.m[place].length)) {
            part.append(passage("", texts[text], answer.m[place], false, false));
          }
        });
        made.append(part);
      }
      return made;
    }

    const names = (all) => (all.length ? all.map((one) => labels[one]).join(", ") : "(none)");
    function line(called, all, colour) {
      const made = node("div", "verdict"), part = node("span");
      part.append(node("span", "called", called), node("b", colour, names(all)));
      made.append(part);
      return made;
    }
    function verdictOf(each, answer) {
      const made = node("div", "verdict"), colour = answer.r === 0 ? "bad" : answer.r === 1 ? "good" : "";
      const add = (called, text, kind, name = "b") => {
        const part = node("span");
        part.append(node("span", "called", called), node(name, kind, text));
        made.append(part);
      };
      if (each.g !== null && answer.r !== 1) add("gold", names(each.g), "");
      add("said", names(answer.s), colour);
      if (answer.l) add("likely", answer.l.map(([l, p]) => `${labels[l]} ${p.toFixed(2)}`).join(" · "), "", "span");
      return made;
    }

    // a text cut wherever a mark begins or ends; what lies far from marks is left out where asked
    function passage(name, text, marks, isNamed, isWhole) {
      const made = node("p");
      made.dir = "auto";
      if (isNamed && name) made.append(node("span", "called", name));
      const cuts = [...new Set([0, text.length, ...marks.flatMap((m) => [m[0], m[1]])])].sort((a, b) => a - b);
      for (let place = 0; place + 1 < cuts.length; place += 1) {
        const [from, to] = [cuts[place], cuts[place + 1]];
        const over = marks.filter((m) => m[0] <= from && to <= m[1]);
        if (!over.length) {
          made.append(isWhole ? text.slice(from, to) : cut(text.slice(from, to), from > 0, to < text.length));
          continue;
        }
        const kinds = [...new Set(over.map((m) => KINDS[m[3]]))];
        const part = node("mark", kinds.join(" "), text.slice(from, to));
        const tags = new Map();
        for (const [, end, label, kind] of over) {
          const tag = KINDS[kind] === "missed" && labels[label] !== "gold" ? `gold ${labels[label]}` : labels[label];
          if (end === to) tags.set(tag, KINDS[kind]);
        }
        for (const [tag, kind] of tags) part.append(node("span", `tag ${kind}`, tag));
        made.append(part);
      }
      return made;
    }
    function cut(text, isAfter, isBefore) {
      if (text.length <= LONG) return text;
      const head = isAfter ? text.slice(0, BESIDE) : "", tail = isBefore ? text.slice(-BESIDE) : "";
      return !isAfter && !isBefore ? text.slice(0, LONG) + " …" : `${head} … ${tail}`;
    }

    let waiting = 0;
    words.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(choose, 120); });
    for (const control of [kind, label, who]) control?.addEventListener("change", choose);
    const turn = (by) => { start += by; draw(); document.getElementById("examples").scrollIntoView(); };
    back.addEventListener("click", () => turn(-AT_ONCE));
    on.addEventListener("click", () => turn(AT_ONCE));
    choose();
  }
  document.documentElement.dataset.ready = Math.round(performance.now());
})();
