// Download Usage Report: requests reports without leaving the page, shows their progress, and downloads each file once.
"use strict";
{
    const {ProgressClient, SignedOut, fetchJson, showProgress} = window.tallydesk;
    const desk = document.getElementById("report-desk");
    const form = document.getElementById("report-form");
    const inProgress = document.getElementById("in-progress");
    const inProgressList = document.getElementById("in-progress-list");
    const recentList = document.getElementById("recent-list");
    const notice = document.getElementById("report-notice");

    const AT_FIRST = 200;
    const SLOWER = 1.5;
    const EVERY = 1000;
    const BETWEEN_DOWNLOADS = 400;

    // --- Words for eyes and ears ------------------------------------------------------------------------------------

    function say(text, {bad = false, link = null} = {}) {
        notice.textContent = text;
        notice.classList.toggle("is-bad", bad);
        notice.classList.remove("is-offer");
        if (link) {
            notice.append(" ", link);
        }
    }

    function parsed(html) {
        const template = document.createElement("template");
        template.innerHTML = html.trim();
        return template.content.firstElementChild;
    }

    function shown(id) {
        return document.getElementById(`report-${id}`);
    }

    // --- What this window requested: it alone downloads the file, once, even if it is reloaded meanwhile --------------

    const asked = {
        key: `tallydesk.asked ${desk.dataset.progressUrl}`,
        all() {
            try {
                return new Set(JSON.parse(sessionStorage.getItem(this.key)) || []);
            } catch {
                return new Set();
            }
        },
        keep(ids) {
            sessionStorage.setItem(this.key, JSON.stringify([...ids]));
        },
        add(id) {
            this.keep(this.all().add(id));
        },
        take(id) {
            const ids = this.all();
            const had = ids.delete(id);
            this.keep(ids);
            return had;
        },
    };

    let downloads = Promise.resolve();

    function download(link) {
        // One after the other: a browser drops the first of two downloads that start at the same moment.
        downloads = downloads.then(
            () =>
                new Promise((done) => {
                    const anchor = document.createElement("a");
                    anchor.href = link.href;
                    anchor.download = link.dataset.file;
                    anchor.hidden = true;
                    document.body.append(anchor);
                    anchor.click();
                    anchor.remove();
                    setTimeout(done, BETWEEN_DOWNLOADS);
                }),
        );
    }

    // --- The lists ----------------------------------------------------------------------------------------------------

    function showInProgress(job) {
        let row = shown(job.id);
        if (!row) {
            row = parsed(job.html);
            inProgressList.append(row);
        }
        showProgress({bar: row.querySelector("progress"), text: row.querySelector(".progress-text")}, job.progress);
        inProgress.hidden = false;
        return row;
    }

    function showFinished(job) {
        const before = shown(job.id);
        const hadFocus = before !== null && before.contains(document.activeElement);
        if (before) {
            before.remove();
        }
        const row = parsed(job.html);
        recentList.prepend(row);
        recentList.hidden = false;
        document.getElementById("recent-none").hidden = true;
        inProgress.hidden = inProgressList.childElementCount === 0;
        announce(job, row);
        if (hadFocus) {
            (inProgressList.querySelector("li") || document.getElementById("report-submit") || desk).focus();
        }
    }

    function announce(job, row) {
        const mine = asked.take(job.id);
        const file = row.querySelector("a[data-file]");
        if (job.state === "succeeded" && file) {
            const link = Object.assign(document.createElement("a"), {href: file.href, textContent: mine ? "Download again" : "Download"});
            say(`${job.title} is ready.${mine ? " Your download has started." : ""}`, {link});
            if (mine) {
                download(file);
            }
        } else if (job.state === "failed") {
            const link = Object.assign(document.createElement("a"), {href: "?tab=recent", textContent: "Try again"});
            link.addEventListener("click", (event) => {
                event.preventDefault();
                row.querySelector("form").requestSubmit();
            });
            say(`${job.title} failed. ${job.failure}`, {bad: true, link});
        } else if (job.state === "cancelled") {
            say(`${job.title} was cancelled.`);
        }
    }

    // --- Progress -----------------------------------------------------------------------------------------------------

    function unfinished() {
        return [...inProgressList.children].map((row) => row.dataset.job);
    }

    // Those, and what was requested here before the page was left: it may be ready by now and still has to be downloaded.
    function awaited() {
        return [...new Set([...unfinished(), ...asked.all()])];
    }

    async function refresh() {
        const ids = awaited();
        const query = new URLSearchParams(ids.map((id) => ["id", id]));
        const {jobs} = await request(`${desk.dataset.progressUrl}?${query}`);
        if (client.failures) {
            say("");
        }
        show(jobs);
        const known = new Set(jobs.map((job) => job.id));
        asked.keep([...asked.all()].filter((id) => known.has(id) || !ids.includes(id)));
    }

    function fail(error) {
        if (error instanceof SignedOut) {
            sayFailure(error);
            return false;
        }
        say("No answer from the server. Trying again…", {bad: true});
        return true;
    }

    const client = new ProgressClient({
        isAwaited: () => awaited().length > 0,
        interval: (answers) => Math.min(EVERY, AT_FIRST * SLOWER ** answers),
        refresh,
        fail,
    });

    function show(jobs) {
        for (const job of jobs) {
            if (!job.finished) {
                showInProgress(job);
            } else if (inProgressList.contains(shown(job.id)) || asked.all().has(job.id)) {
                showFinished(job);
            }
        }
    }

    // --- Requests -----------------------------------------------------------------------------------------------------

    class Refused extends Error {
        constructor(errors) {
            super("refused");
            this.errors = errors;
        }
    }

    async function request(url, options = {}) {
        const answer = await fetchJson(url, options);
        if (answer.errors) {
            throw new Refused(answer.errors);
        }
        return answer;
    }

    function sayFailure(error) {
        if (error instanceof SignedOut) {
            const link = Object.assign(document.createElement("a"), {href: location.href, textContent: "Reload the page"});
            say("You have been signed out, or no longer have permission to do this.", {bad: true, link});
        } else if (error instanceof Refused) {
            say(Object.values(error.errors).flat().join(" "), {bad: true});
        } else {
            say("No answer from the server. The report was not requested. Please try again.", {bad: true});
        }
    }

    function began(job, text) {
        asked.add(job.id);
        const row = showInProgress(job);
        say(text);
        row.focus();
        // Most reports take less than a second.
        client.restart();
    }

    // A report that exists and is up to date: to be downloaded at once, or to be run again.
    function offer({html}) {
        say("");
        notice.classList.add("is-offer");
        const template = document.createElement("template");
        template.innerHTML = html;
        notice.append(template.content);
        notice.querySelector("a[data-file]").focus();
    }

    // --- The form -----------------------------------------------------------------------------------------------------

    function showErrors(errors) {
        for (const name of ["range", "report_type", "format"]) {
            const place = document.getElementById(`${name}-errors`);
            place.replaceChildren(...(errors[name] || []).map((text) => Object.assign(document.createElement("p"), {textContent: text})));
        }
        const days = form.querySelectorAll("input[type=date]");
        for (const input of days) {
            input.toggleAttribute("aria-invalid", Boolean(errors.range));
            if (errors.range) {
                input.setAttribute("aria-invalid", "true");
            }
        }
        if (errors.range) {
            (form.elements.range.value === "custom" ? days[0] : form.querySelector("input[name=range]:checked") || days[0]).focus();
        }
    }

    if (form) {
        form.addEventListener("submit", async (event) => {
            event.preventDefault();
            const button = document.getElementById("report-submit");
            if (button.getAttribute("aria-busy") === "true") {
                return;
            }
            button.setAttribute("aria-busy", "true");
            showErrors({});
            try {
                const {job, joined, unchanged} = await request(form.action, {method: "POST", body: new FormData(form)});
                if (unchanged) {
                    offer(unchanged);
                } else {
                    const begun = joined ? `${job.title} is already in progress.` : `${job.title} was requested.`;
                    began(job, `${begun} It downloads automatically when it is ready.`);
                }
            } catch (error) {
                if (error instanceof Refused) {
                    say("");
                    showErrors(error.errors);
                } else {
                    sayFailure(error);
                }
            } finally {
                button.removeAttribute("aria-busy");
            }
        });
        const format = document.getElementById("report-format");
        const offerTotals = () => {
            document.getElementById("totals-option").hidden = !("totals" in format.selectedOptions[0].dataset);
        };
        format.addEventListener("change", offerTotals);
        offerTotals();
    }

    desk.addEventListener("submit", async (event) => {
        const again = event.target.matches("[data-again]");
        if (!again && !event.target.matches("[data-cancel]")) {
            return;
        }
        event.preventDefault();
        try {
            const answer = await request(event.target.action, {method: "POST", body: new FormData(event.target)});
            const {job} = answer;
            if (again) {
                selectTab("usage");
                began(job, answer.joined ? `${job.title} is already in progress.` : `${job.title} is running again.`);
            } else if (job.finished) {
                showFinished(job);
            } else {
                asked.take(job.id);
                say(answer.said);
            }
        } catch (error) {
            sayFailure(error);
        }
    });

    // --- Tabs: links by themselves, tabs with a script ------------------------------------------------------------------

    const tabs = [...desk.querySelectorAll("[data-tab]")];
    const panel = (tab) => document.getElementById(`panel-${tab.dataset.tab}`);

    function selectTab(name, {focus = false} = {}) {
        for (const tab of tabs) {
            const selected = tab.dataset.tab === name;
            tab.setAttribute("aria-selected", String(selected));
            tab.tabIndex = selected ? 0 : -1;
            panel(tab).hidden = !selected;
            if (selected && focus) {
                tab.focus();
            }
        }
    }

    desk.querySelector(".tabs").setAttribute("role", "tablist");
    for (const tab of tabs) {
        tab.setAttribute("role", "tab");
        tab.setAttribute("aria-controls", panel(tab).id);
        panel(tab).setAttribute("role", "tabpanel");
        panel(tab).setAttribute("aria-labelledby", tab.id);
        tab.addEventListener("click", (event) => {
            event.preventDefault();
            selectTab(tab.dataset.tab);
        });
        tab.addEventListener("keydown", (event) => {
            const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
            if (step) {
                event.preventDefault();
                selectTab(tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length].dataset.tab, {focus: true});
            } else if (event.key === " ") {
                event.preventDefault();
                selectTab(tab.dataset.tab);
            }
        });
    }
    selectTab((tabs.find((tab) => tab.hasAttribute("aria-current")) || tabs[0]).dataset.tab);
    for (const tab of tabs) {
        tab.removeAttribute("aria-current");
    }

    client.schedule(0);
}
