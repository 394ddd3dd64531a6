// Comfort only: without scripts everything is on the page already. No request is ever made.
(function () {
  "use strict";
  var root = document.documentElement;
  var each = function (selector, act) { Array.prototype.forEach.call(document.querySelectorAll(selector), act); };
  each(".scripted", function (node) { node.hidden = false; });

  var theme = document.getElementById("theme");
  theme.addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // Which entities are shown: the twelve with the highest backlog, all, or one, large.
  var cards = Array.prototype.slice.call(document.querySelectorAll("#cards figure"));
  var pick = document.getElementById("pick");
  var show = function (choice) {
    cards.forEach(function (card, rank) {
      card.hidden = choice === "top" ? rank >= 12 : choice !== "all" && card.dataset.code !== choice;
      card.classList.toggle("wide", card.dataset.code === choice);
    });
  };
  if (pick) {
    pick.addEventListener("change", function () { show(pick.value); });
    show(pick.value);
  }

  // A line under the pointer, and what the firm looked like at that instant.
  var samples = document.getElementById("samples");
  var data = samples ? JSON.parse(samples.textContent) : { curves: {} };
  var number = new Intl.NumberFormat("en");
  var names = Object.keys(data.curves);
  var length = names.length ? data.curves[names[0]].length : 0;
  each("svg.timeline", function (svg) {
    var cursor = svg.querySelector(".cursor");
    var reading = svg.parentNode.querySelector(".reading");
    var left = +svg.dataset.left, right = +svg.dataset.right, from = +svg.dataset.from, until = +svg.dataset.until;
    svg.addEventListener("pointermove", function (event) {
      var box = svg.getBoundingClientRect();
      var x = Math.min(right, Math.max(left, (event.clientX - box.left) * 1280 / box.width));
      var at = from + (x - left) / (right - left) * (until - from);
      var i = Math.min(length - 1, Math.max(0, Math.round((at - data.start_ms) / data.step_ms)));
      cursor.setAttribute("x1", x); cursor.setAttribute("x2", x); cursor.setAttribute("visibility", "visible");
      if (length) {
        var shown = data.start_ms + i * data.step_ms;
        var clock = data.clock === "run" ? number.format(shown / 1000) + " s" :
          new Date(shown).toUTCString().slice(0, 22) + " UTC";
        reading.textContent = clock + ": " + names.map(function (name) {
          return name + " " + number.format(data.curves[name][i] || 0);
        }).join(", ");
      }
    });
    svg.addEventListener("pointerleave", function () { cursor.setAttribute("visibility", "hidden"); reading.textContent = ""; });
  });

  each("table.sorts", function (table) {
    var heads = table.querySelectorAll("thead th[data-sort]");
    Array.prototype.forEach.call(heads, function (head) {
      head.classList.add("sortable"); head.tabIndex = 0;
      var sort = function () {
        var up = head.getAttribute("aria-sort") === "descending";
        Array.prototype.forEach.call(heads, function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        var value = function (row) {
          var cell = row.cells[head.cellIndex];
          return cell.dataset.value === undefined ? cell.textContent : +cell.dataset.value;
        };
        var body = table.tBodies[0];
        Array.prototype.slice.call(body.rows).sort(function (a, b) {
          var x = value(a), y = value(b);
          return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1);
        }).forEach(function (row) { body.appendChild(row); });
      };
      head.addEventListener("click", sort);
      head.addEventListener("keydown", function (event) { if (event.key === "Enter") { sort(); } });
    });
  });
})();
