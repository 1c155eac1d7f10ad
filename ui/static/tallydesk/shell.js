// The frame: the menu on a small screen, menus that close when one clicks elsewhere or presses Escape, and choices.
"use strict";
{
    document.documentElement.classList.add("js");

    function close(details, {focus = false} = {}) {
        details.open = false;
        if (focus) {
            details.querySelector("summary").focus();
        }
    }

    document.addEventListener("click", (event) => {
        for (const details of document.querySelectorAll("details.person[open]")) {
            if (!details.contains(event.target)) {
                close(details);
            }
        }
        const toggle = event.target.closest(".nav-toggle");
        if (toggle) {
            const open = toggle.getAttribute("aria-expanded") !== "true";
            toggle.setAttribute("aria-expanded", String(open));
            document.getElementById("side-nav").classList.toggle("is-open", open);
        }
    });

    // Filling in a field that belongs to one of several choices makes that choice, even while the page is still loading.
    document.addEventListener("input", (event) => {
        const {dataset, validity, value} = event.target;
        if (dataset.chooses && (value || validity.badInput)) {
            document.getElementById(dataset.chooses).checked = true;
        }
    });

    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") {
            for (const details of document.querySelectorAll("details.person[open]")) {
                close(details, {focus: details.contains(document.activeElement)});
            }
        }
    });
}
