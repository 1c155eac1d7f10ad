// A page about one piece of work, such as an upload: shows its progress and its result without being reloaded.
"use strict";
{
    const {ProgressClient, SignedOut, fetchJson, showProgress} = window.tallydesk;
    const place = document.querySelector("[data-progress-url]");
    const notice = document.getElementById("progress-notice");

    const EVERY = 500;
    const LATER = 2000;
    const PATIENCE = 20;

    const shown = () => place.querySelector("[data-stage]");
    const text = () => shown().querySelector(".progress-text");

    function showStage({html, headline}) {
        const hadFocus = place.contains(document.activeElement);
        const before = shown().dataset.headline;
        const template = document.createElement("template");
        template.innerHTML = html.trim();
        place.replaceChildren(template.content.firstElementChild);
        notice.textContent = headline;
        // Only some pages have the headline in their title.
        document.title = document.title.replace(`${before}: `, () => `${headline}: `);
        if (hadFocus) {
            place.querySelector("h2[tabindex='-1']").focus({preventScroll: true});
        }
    }

    async function refresh() {
        const address = new URL(place.dataset.progressUrl, location.href);
        address.searchParams.set("stage", shown().dataset.stage);
        const answer = await fetchJson(address);
        if (answer.html) {
            showStage(answer);
        } else if (answer.progress) {
            showProgress({bar: shown().querySelector("progress"), text: text()}, answer.progress);
        }
    }

    function fail(error) {
        if (error instanceof SignedOut) {
            text().textContent = "You have been signed out, or no longer have permission to see this. Reload the page.";
            return false;
        }
        text().textContent = "No answer from the server. Trying again…";
        return true;
    }

    if (place) {
        new ProgressClient({
            isAwaited: () => "underWay" in shown().dataset,
            interval: (answers) => (answers < PATIENCE ? EVERY : LATER),
            refresh,
            fail,
        }).schedule();
    }
}
