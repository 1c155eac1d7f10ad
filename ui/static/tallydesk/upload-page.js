// The page of an upload: shows how far the work is, and what it comes to, without being loaded again.
"use strict";
{
    const place = document.getElementById("upload");
    const notice = document.getElementById("upload-notice");

    const EVERY = 500;
    const LATER = 2000;
    const PATIENCE = 20;
    const AT_MOST_EVERY = 15000;
    const TIMEOUT = 10000;

    const shown = () => place.querySelector("[data-stage]");

    let timer = null;
    let asked = 0;
    let failures = 0;

    function askSoon(delay) {
        clearTimeout(timer);
        timer = null;
        if ("underWay" in shown().dataset && !document.hidden) {
            timer = setTimeout(ask, delay);
        }
    }

    function showProgress(progress) {
        const bar = document.getElementById("upload-bar");
        const text = document.getElementById("upload-progress");
        if (!progress || !bar) {
            return;
        }
        if (progress.expected) {
            bar.max = progress.expected;
            bar.value = Math.min(progress.done, progress.expected);
        } else {
            bar.removeAttribute("value");
        }
        if (text.textContent !== progress.text) {
            text.textContent = progress.text;
        }
        text.classList.toggle("is-waiting", progress.isWaiting);
    }

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

    async function ask() {
        const stage = new URLSearchParams({stage: shown().dataset.stage});
        try {
            const response = await fetch(`${place.dataset.progressUrl}?${stage}`, {
                headers: {Accept: "application/json"},
                credentials: "same-origin",
                signal: AbortSignal.timeout(TIMEOUT),
            });
            if (!(response.headers.get("Content-Type") || "").startsWith("application/json")) {
                throw new Error(String(response.status));
            }
            const answer = await response.json();
            failures = 0;
            asked += 1;
            if (answer.html) {
                showStage(answer);
            } else {
                showProgress(answer.progress);
            }
        } catch {
            failures += 1;
            const text = document.getElementById("upload-progress");
            if (text) {
                text.textContent = "No answer from the server. Trying again…";
            }
        }
        askSoon(failures ? Math.min(AT_MOST_EVERY, EVERY * 2 ** failures) : asked < PATIENCE ? EVERY : LATER);
    }

    // What is asked for twice by two quick clicks is asked for once.
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
    document.addEventListener("visibilitychange", () => askSoon(0));

    askSoon(EVERY);
}
