// The page of an upload: two quick clicks on a button decide once.
"use strict";
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
