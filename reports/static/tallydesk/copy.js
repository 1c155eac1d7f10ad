// Buttons that copy the text of the element they name. Where a browser cannot copy, they stay hidden.
"use strict";
for (const button of document.querySelectorAll("button[data-copy]")) {
    const said = button.parentElement.querySelector("[role=status]");
    const word = button.querySelector(".copy-word");
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
        const source = document.getElementById(button.dataset.copy);
        try {
            await navigator.clipboard.writeText(source.textContent);
            word.textContent = "Copied";
        } catch {
            getSelection().selectAllChildren(source);
            word.textContent = "Selected";
        }
        said.textContent = word.textContent;
        setTimeout(() => {
            word.textContent = "Copy";
            said.textContent = "";
        }, 4000);
    });
}
