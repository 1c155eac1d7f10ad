// The page of a comparison: shows its progress and its result without being reloaded.
"use strict";
{
    const {ProgressClient, fetchSoon} = window.tallydesk;
    const place = document.getElementById("comparison");
    const notice = document.getElementById("comparison-notice");

    const EVERY = 700;

    const shown = () => place.querySelector("[data-stage]");

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
        notice.textContent = found.dataset.stage === "succeeded" ? "The rows have been compared." : "The comparison has ended.";
        if (hadFocus) {
            document.getElementById("rows-title").focus({preventScroll: true});
        }
    }

    async function refresh() {
        const response = await fetchSoon(location.href);
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const found = page.querySelector("#comparison > [data-stage]");
        if (!response.ok || !found) {
            throw new Error(String(response.status));
        }
        if ("underWay" in found.dataset) {
            showProgress(found);
        } else {
            showEnd(found);
        }
    }

    function fail() {
        const text = document.getElementById("comparison-progress");
        if (text) {
            text.textContent = "No answer from the server. Trying again…";
        }
    }

    new ProgressClient({
        isAwaited: () => Boolean(place) && "underWay" in shown().dataset,
        interval: () => EVERY,
        refresh,
        fail,
    }).schedule();
}
