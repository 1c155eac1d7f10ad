// The page of a comparison: shows how far the work is, and what it comes to, without being loaded again.
"use strict";
{
    const place = document.getElementById("comparison");
    const notice = document.getElementById("comparison-notice");

    const EVERY = 700;
    const AT_MOST_EVERY = 15000;
    const TIMEOUT = 10000;

    const shown = () => place.querySelector("[data-stage]");

    let timer = null;
    let failures = 0;

    function askSoon(delay) {
        clearTimeout(timer);
        timer = null;
        if (place && "underWay" in shown().dataset && !document.hidden) {
            timer = setTimeout(ask, delay);
        }
    }

    function showProgress(found) {
        for (const id of ["comparison-bar", "comparison-progress"]) {
            const here = document.getElementById(id);
            const there = found.querySelector(`#${id}`);
            if (here && there && here.outerHTML !== there.outerHTML) {
                here.replaceWith(there);
            }
        }
    }

    function showEnd(found) {
        const hadFocus = place.contains(document.activeElement);
        place.replaceChildren(found);
        notice.textContent = found.dataset.stage === "succeeded" ? "The rows are compared." : "The comparison has ended.";
        if (hadFocus) {
            document.getElementById("rows-title").focus({preventScroll: true});
        }
    }

    async function ask() {
        try {
            const response = await fetch(location.href, {
                credentials: "same-origin",
                signal: AbortSignal.timeout(TIMEOUT),
            });
            const page = new DOMParser().parseFromString(await response.text(), "text/html");
            const found = page.querySelector("#comparison > [data-stage]");
            if (!response.ok || !found) {
                throw new Error(String(response.status));
            }
            failures = 0;
            if ("underWay" in found.dataset) {
                showProgress(found);
            } else {
                showEnd(found);
            }
        } catch {
            failures += 1;
            const text = document.getElementById("comparison-progress");
            if (text) {
                text.textContent = "No answer from the server. Trying again…";
            }
        }
        askSoon(Math.min(AT_MOST_EVERY, EVERY * 2 ** failures));
    }

    document.addEventListener("visibilitychange", () => askSoon(0));

    askSoon(EVERY);
}
