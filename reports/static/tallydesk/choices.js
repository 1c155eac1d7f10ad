// Who fills in a field that belongs to one choice among several makes that choice.
"use strict";
for (const field of document.querySelectorAll("[data-chooses]")) {
    field.addEventListener("input", () => {
        if (field.value) {
            document.getElementById(field.dataset.chooses).checked = true;
        }
    });
}
