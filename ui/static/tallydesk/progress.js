// Follows work on the server: asks for its progress, less often while no answer comes, never while the page is hidden.
"use strict";
{
    const TIMEOUT = 10000;
    const RETRY = 1000;
    const RETRY_AT_MOST = 15000;

    // The person was signed out or lost the permission: the answer is a page instead of JSON.
    class SignedOut extends Error {}

    function fetchSoon(url, options = {}) {
        return fetch(url, {credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT), ...options});
    }

    async function fetchJson(url, options = {}) {
        const response = await fetchSoon(url, {headers: {Accept: "application/json"}, ...options});
        if (!(response.headers.get("Content-Type") || "").startsWith("application/json")) {
            throw response.redirected || response.status === 403 ? new SignedOut() : new Error(String(response.status));
        }
        return response.json();
    }

    class ProgressClient {
        // isAwaited(): whether anything on the page is unfinished. refresh(): fetches the progress and shows it, or throws.
        // interval(answers): milliseconds to the next refresh, by the number of answers. fail(error): shows it; false: stop.
        constructor({isAwaited, refresh, interval, fail}) {
            Object.assign(this, {isAwaited, refresh, interval, fail});
            this.timer = null;
            this.isRefreshing = false;
            this.answers = 0;
            this.failures = 0;
            document.addEventListener("visibilitychange", () => this.schedule(0));
        }

        schedule(delay = this.delay()) {
            clearTimeout(this.timer);
            // A refresh under way schedules the next one at its end.
            if (!this.isRefreshing && !document.hidden && this.isAwaited()) {
                this.timer = setTimeout(() => this.run(), delay);
            }
        }

        // As at first: what has just begun may be ready soon.
        restart() {
            this.answers = 0;
            this.failures = 0;
            this.schedule();
        }

        delay() {
            if (this.failures) {
                return Math.min(RETRY_AT_MOST, RETRY * 2 ** (this.failures - 1));
            }
            return this.interval(this.answers);
        }

        async run() {
            this.isRefreshing = true;
            let goesOn = true;
            try {
                await this.refresh();
                this.answers += 1;
                this.failures = 0;
            } catch (error) {
                this.failures += 1;
                goesOn = this.fail(error) !== false;
            }
            this.isRefreshing = false;
            if (goesOn) {
                this.schedule();
            }
        }
    }

    // Show a ProgressBar (ui/progress.py), as the server sends it for every kind of work, on a bar and beside it.
    function showProgress({bar, text}, {text: sentence, done, expected, isWaiting}) {
        if (expected) {
            bar.max = expected;
            bar.value = Math.min(done, expected);
        } else {
            bar.removeAttribute("value");
        }
        if (text.textContent !== sentence) {
            text.textContent = sentence;
        }
        text.classList.toggle("is-waiting", isWaiting);
    }

    window.tallydesk = {...window.tallydesk, ProgressClient, SignedOut, fetchSoon, fetchJson, showProgress};
}
