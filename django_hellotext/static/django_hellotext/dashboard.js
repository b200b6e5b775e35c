/* Draws the dashboard's tables. Without scripts they are read as they stand. */
"use strict";

document.addEventListener("DOMContentLoaded", function () {
    const page = document.querySelector(".hellotext-dashboard");
    if (!page || typeof uPlot === "undefined") {
        return;
    }
    const HEIGHT = 240;
    /* What lies between two lines of a chart: 1, 2, 5, 10, … and of times what reads well. */
    const COUNTS = Array.from({length: 36}, (none, at) => [1, 2, 5][at % 3] * Math.pow(10, Math.floor(at / 3)));
    const SECONDS = [0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200];
    const language = document.documentElement.lang || undefined;
    const drawn = [];

    function colour(name) {
        return getComputedStyle(page).getPropertyValue(name).trim();
    }

    function read(section) {
        const heads = Array.from(section.querySelectorAll("thead th[data-tone]"));
        const places = heads.map((head) => head.cellIndex);
        const rows = Array.from(section.querySelectorAll("tbody tr"));
        return {
            head: section.querySelector("thead th").textContent,
            names: heads.map((head) => head.textContent),
            tones: heads.map((head) => `--hellotext-${head.dataset.tone}`),
            labels: rows.map((row) => row.cells[0].dataset.label),
            titles: rows.map((row) => row.cells[0].textContent),
            values: places.map((place) => rows.map(function (row) {
                const value = row.cells[place].dataset.value;
                return value === "" ? null : Number(value);
            })),
        };
    }

    function told(value, unit) {
        if (value === null || value === undefined) {
            return "–";
        }
        if (unit !== "s") {
            return value.toLocaleString(language);
        }
        const steps = value < 60 ? [1, "s"] : value < 5400 ? [60, "min"] : [3600, "h"];
        return `${(value / steps[0]).toLocaleString(language, {maximumFractionDigits: 1})} ${steps[1]}`;
    }

    /* A series that lies on the ones before it is drawn first, as high as all of them, and they over it. */
    function stacked(values) {
        const sums = [];
        values.forEach(function (series, place) {
            sums.push(series.map((value, at) => (value || 0) + (place ? sums[place - 1][at] : 0)));
        });
        return sums;
    }

    function options(section, table, width) {
        const isStack = section.dataset.drawn === "stack";
        const unit = section.dataset.unit;
        const line = colour("--hairline-color") || "#ddd";
        const ink = colour("--body-fg") || "#333";
        const font = `12px ${getComputedStyle(page).fontFamily}`;
        const order = table.names.map((name, place) => place);
        if (isStack) {
            order.reverse();
        }
        const series = order.map(function (place) {
            const tone = colour(table.tones[place]);
            return {
                label: table.names[place],
                stroke: tone,
                width: isStack ? 0 : 2,
                fill: isStack ? tone : undefined,
                paths: isStack ? uPlot.paths.bars({size: [0.8, 40]}) : undefined,
                points: {show: !isStack, size: 4},
                spanGaps: false,
                value: (plot, value, index, at) => (at === null || at === undefined
                    ? "–" : told(table.values[place][at], unit)),
            };
        });
        const heights = isStack ? stacked(table.values) : table.values;
        return {
            data: [table.labels.map((label, at) => at), ...order.map((place) => heights[place])],
            options: {
                width: width,
                height: HEIGHT,
                cursor: {drag: {x: false, y: false}, points: {show: !isStack}},
                legend: {live: true},
                scales: {
                    x: {time: false, range: [-0.6, table.labels.length - 0.4]},
                    y: {range: (plot, low, high) => [0, Math.max(high * 1.1, unit === "s" ? 1 : 4)]},
                },
                series: [
                    {label: table.head, value: (plot, value, index, at) => (table.titles[at] === undefined
                        ? "–" : table.titles[at])},
                    ...series,
                ],
                axes: [
                    {
                        stroke: ink, font: font, grid: {show: false}, ticks: {stroke: line}, space: 52,
                        incrs: [1, 2, 3, 6, 12, 24],
                        values: (plot, places) => places.map((at) => table.labels[at] || ""),
                    },
                    {
                        stroke: ink, font: font, grid: {stroke: line, width: 1}, ticks: {stroke: line}, size: 64,
                        incrs: unit === "s" ? SECONDS : COUNTS,
                        values: (plot, values) => values.map((value) => told(value, unit)),
                    },
                ],
            },
        };
    }

    function draw(one) {
        if (one.plot) {
            one.plot.destroy();
        }
        const made = options(one.section, one.table, one.place.clientWidth);
        one.plot = new uPlot(made.options, made.data, one.place);
    }

    function walk(one, event) {
        const last = one.table.labels.length - 1;
        const at = one.plot.cursor.idx;
        const steps = {ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last};
        if (!(event.key in steps)) {
            return;
        }
        event.preventDefault();
        const next = Math.min(last, Math.max(0, (at === null || at === undefined ? last + 1 : at) + steps[event.key]));
        one.plot.setCursor({left: one.plot.valToPos(next, "x"), top: HEIGHT / 3});
    }

    page.querySelectorAll(".hellotext-chart[data-drawn]").forEach(function (section) {
        const place = section.querySelector(".hellotext-canvas");
        const one = {section: section, place: place, table: read(section), plot: null};
        place.hidden = false;
        place.tabIndex = 0;
        place.setAttribute("role", "img");
        place.setAttribute("aria-labelledby", `${section.id}-title`);
        section.querySelector("details").open = false;
        draw(one);
        place.addEventListener("keydown", (event) => walk(one, event));
        new ResizeObserver(function () {
            if (place.clientWidth && Math.abs(place.clientWidth - one.plot.width) > 1) {
                one.plot.setSize({width: place.clientWidth, height: HEIGHT});
            }
        }).observe(place);
        drawn.push(one);
    });

    /* The theme's colours have become others. */
    const again = () => drawn.forEach(draw);
    new MutationObserver(again).observe(document.documentElement, {attributes: true, attributeFilter: ["data-theme"]});
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
});
