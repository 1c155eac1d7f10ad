// Upload: shows only the fields of the kind, accepts a dropped file, and shows how much of it has been sent.
"use strict";
{
    const {sizeText} = window.tallydesk;
    const form = document.getElementById("upload-form");
    const kind = document.getElementById("id_kind");
    const file = document.getElementById("id_file");
    const drop = document.getElementById("drop");
    const submit = document.getElementById("upload-submit");
    const failed = document.getElementById("upload-failed");
    const sending = document.getElementById("sending");
    const bar = document.getElementById("sending-bar");
    const text = document.getElementById("sending-text");
    const notice = document.getElementById("sending-notice");
    const FIELDS = ["kind", "account", "file", "creates_users"];

    // --- What belongs to the kind -------------------------------------------------------------------------------------

    function offer(choice, field, isOffered) {
        choice.hidden = !isOffered;
        field.disabled = !isOffered;
    }

    function showKind() {
        let isOfAccount = true;
        for (const link of document.querySelectorAll("#kind-links > li")) {
            link.hidden = link.dataset.kind !== kind.value;
            if (!link.hidden) {
                isOfAccount = "ofAccount" in link.dataset;
            }
        }
        offer(document.getElementById("account-choice"), form.elements.account, isOfAccount);
        offer(document.getElementById("creates-users-choice"), form.elements.creates_users, kind.value === "sessions");
    }

    kind.addEventListener("change", showKind);
    showKind();

    // --- The file: dropped anywhere on the page, or chosen --------------------------------------------------------------

    function showFile() {
        const chosen = file.files[0];
        drop.querySelector(".drop-words").hidden = Boolean(chosen);
        document.getElementById("drop-file").hidden = !chosen;
        drop.classList.toggle("has-file", Boolean(chosen));
        if (chosen) {
            document.getElementById("drop-name").textContent = chosen.name;
            document.getElementById("drop-size").textContent = sizeText(chosen.size);
            document.getElementById("file-errors").replaceChildren();
        }
    }

    function tooLarge(chosen) {
        const most = Number(file.dataset.maxBytes || 0);
        return most && chosen && chosen.size > most ? file.dataset.tooLarge.replace("{size}", sizeText(chosen.size)) : "";
    }

    function carriesFiles(event) {
        return [...(event.dataTransfer ? event.dataTransfer.types : [])].includes("Files");
    }

    drop.classList.add("is-live");
    file.addEventListener("change", showFile);
    for (const type of ["dragenter", "dragover"]) {
        document.addEventListener(type, (event) => {
            if (carriesFiles(event)) {
                event.preventDefault();
                drop.classList.add("is-over");
            }
        });
    }
    document.addEventListener("dragleave", (event) => {
        if (!event.relatedTarget) {
            drop.classList.remove("is-over");
        }
    });
    document.addEventListener("drop", (event) => {
        if (!carriesFiles(event)) {
            return;
        }
        event.preventDefault();
        drop.classList.remove("is-over");
        if (request) {
            return;
        }
        if (event.dataTransfer.files.length > 1) {
            showErrors({file: ["Drop one file at a time."]});
            return;
        }
        file.files = event.dataTransfer.files;
        showFile();
        submit.focus();
    });

    // --- Errors ---------------------------------------------------------------------------------------------------------

    function showErrors(errors) {
        for (const name of FIELDS) {
            const lines = (errors[name] || []).map((line) => Object.assign(document.createElement("p"), {textContent: line}));
            document.getElementById(`${name}-errors`).replaceChildren(...lines);
            form.elements[name].toggleAttribute("aria-invalid", lines.length > 0);
            if (lines.length) {
                form.elements[name].setAttribute("aria-invalid", "true");
            }
        }
        const first = FIELDS.find((name) => errors[name]);
        if (first) {
            form.elements[first].focus();
        }
    }

    function fail(sentence) {
        failed.textContent = sentence;
        failed.hidden = !sentence;
    }

    // --- Sending --------------------------------------------------------------------------------------------------------

    let request = null;

    function show(isSending) {
        sending.hidden = !isSending;
        submit.hidden = isSending;
        drop.classList.toggle("is-sending", isSending);
        if (!isSending) {
            request = null;
        }
    }

    function leaving(event) {
        event.preventDefault();
    }

    function arrive(answer) {
        window.removeEventListener("beforeunload", leaving);
        location.assign(answer.address);
    }

    function answered() {
        let answer = null;
        if ((request.getResponseHeader("Content-Type") || "").startsWith("application/json")) {
            answer = JSON.parse(request.responseText);
        }
        if (answer && answer.address) {
            arrive(answer);
            return;
        }
        const isRefused = [403, 413].includes(request.status) || request.responseURL.includes("/login/");
        stop();
        if (answer && answer.errors) {
            showErrors(answer.errors);
            fail((answer.errors.__all__ || ["The file was not accepted. See the errors below."]).join(" "));
        } else if (isRefused) {
            fail("The file was not accepted: you have been signed out, or no longer have permission to do this. Reload the page.");
        } else {
            fail("The file was not accepted: the server did not answer. Nothing was stored. Please try again.");
        }
    }

    function stop() {
        window.removeEventListener("beforeunload", leaving);
        show(false);
    }

    form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (request) {
            return;
        }
        fail("");
        showErrors({});
        const excess = tooLarge(file.files[0]);
        if (excess) {
            showErrors({file: [excess]});
            return;
        }
        const data = new FormData(form);
        request = new XMLHttpRequest();
        request.open("POST", form.action || location.href);
        request.setRequestHeader("Accept", "application/json");
        request.upload.addEventListener("progress", ({lengthComputable, loaded, total}) => {
            if (lengthComputable) {
                bar.max = total;
                bar.value = loaded;
                text.textContent = loaded < total ? `${sizeText(loaded)} of ${sizeText(total)}` : "Storing the file…";
            }
        });
        request.upload.addEventListener("load", () => {
            bar.removeAttribute("value");
            text.textContent = "Storing the file…";
        });
        request.addEventListener("load", answered);
        request.addEventListener("error", () => {
            stop();
            fail("The connection was lost before the file had arrived. Nothing was stored. Please try again.");
        });
        request.addEventListener("abort", () => {
            stop();
            notice.textContent = "Cancelled. Nothing was stored.";
            submit.focus();
        });
        window.addEventListener("beforeunload", leaving);
        bar.removeAttribute("value");
        text.textContent = "";
        notice.textContent = "Uploading the file.";
        show(true);
        document.getElementById("sending-stop").focus();
        request.send(data);
    });

    document.getElementById("sending-stop").addEventListener("click", () => request && request.abort());

    // Back from the next page, a browser shows this one as it was left.
    window.addEventListener("pageshow", () => {
        stop();
        showKind();
        showFile();
    });
}
