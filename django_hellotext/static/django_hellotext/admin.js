/* A button beside what may be copied. Without scripts a click chooses the text. */
"use strict";

document.addEventListener("DOMContentLoaded", function () {
    if (!navigator.clipboard) {
        return;
    }
    document.querySelectorAll(".hellotext-copy").forEach(function (code) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "hellotext-copy-button";
        button.textContent = code.dataset.label;
        button.addEventListener("click", function () {
            navigator.clipboard.writeText(code.textContent).then(function () {
                button.textContent = "✓ " + code.dataset.done;
            }).catch(function () {});
        });
        code.after(" ", button);
    });
});
