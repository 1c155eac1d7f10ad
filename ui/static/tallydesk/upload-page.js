// The page of an upload: shows its progress and its result without being reloaded.
"use strict";
{
    const {ProgressClient, fetchJson, showProgress} = window.tallydesk;
    const place = document.getElementById("upload");
    const notice = document.getElementById("upload-notice");

    const EVERY = 500;
    const LATER = 2000;
    const PATIENCE = 20;

    const shown = () => place.querySelector("[data-stage]");

    function showStage(answer) {
        const hadFocus = place.contains(document.activeElement);
        const template = document.createElement("template");
        template.innerHTML = answer.html.trim();
        place.replaceChildren(template.content.firstElementChild);
        notice.textContent = answer.headline;
        document.title = document.title.replace(/^[^:]*/, answer.headline);
        if (hadFocus) {
            document.getElementById("standing-title").focus({preventScroll: true});
        }
    }

    async function refresh() {
        const stage = new URLSearchParams({stage: shown().dataset.stage});
        const answer = await fetchJson(`${place.dataset.progressUrl}?${stage}`);
        if (answer.html) {
            showStage(answer);
        } else {
            const bar = document.getElementById("upload-bar");
            if (answer.progress && bar) {
                showProgress({bar, text: document.getElementById("upload-progress")}, answer.progress);
            }
        }
    }

    function fail() {
        const text = document.getElementById("upload-progress");
        if (text) {
            text.textContent = "No answer from the server. Trying again…";
        }
    }

    // Two quick clicks on a button decide once.
    document.addEventListener("submit", (event) => {
        const isDecision = event.target.matches("[data-decisions]");
        if (isDecision && event.target.getAttribute("aria-busy") === "true") {
            event.preventDefault();
        } else if (isDecision) {
            event.target.setAttribute("aria-busy", "true");
        }
    });
    window.addEventListener("pageshow", (event) => {
        if (event.persisted) {
            location.reload();
        }
    });

    new ProgressClient({
        isAwaited: () => "underWay" in shown().dataset,
        interval: (answers) => (answers < PATIENCE ? EVERY : LATER),
        refresh,
        fail,
    }).schedule();
}
